// SPDX-License-Identifier: Apache-2.0

package storage_test

import (
	"path/filepath"
	"testing"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/storage"
)

func (s *site) snapshot(name, claim string) *snapshotv1.VolumeSnapshot {
	return &snapshotv1.VolumeSnapshot{ObjectMeta: s.named(name), Spec: snapshotv1.VolumeSnapshotSpec{
		VolumeSnapshotClassName: new(lab.VolumeSnapshotClass),
		Source:                  snapshotv1.VolumeSnapshotSource{PersistentVolumeClaimName: &claim},
	}}
}

// ready waits until a snapshot can be used.
func (s *site) ready(name string) *snapshotv1.VolumeSnapshot {
	s.t.Helper()
	vs := &snapshotv1.VolumeSnapshot{}
	s.eventually("snapshot "+name+" is ready", func() bool {
		return s.get(name, vs) == nil && vs.Status != nil && ptr.Deref(vs.Status.ReadyToUse, false)
	})
	return vs
}

// refused waits until a snapshot shows an error.
func (s *site) refused(name string) string {
	s.t.Helper()
	vs := &snapshotv1.VolumeSnapshot{}
	s.eventually("snapshot "+name+" shows why it fails", func() bool {
		return s.get(name, vs) == nil && vs.Status != nil && vs.Status.Error != nil
	})
	assert.False(s.t, ptr.Deref(vs.Status.ReadyToUse, false))
	return ptr.Deref(vs.Status.Error.Message, "")
}

func TestSnapshots(t *testing.T) {
	dr1, _ := sites(t)

	t.Run("a snapshot keeps what there was, and a claim gets it back", func(t *testing.T) {
		s := dr1.in(t, "restore")
		folder := s.claim("data")
		put(t, folder, "a", "first")
		put(t, folder, "deep/b", "second")
		s.create(s.snapshot("snap", "data"))
		vs := s.ready("snap")
		put(t, folder, "a", "changed")

		assert.Nil(t, vs.Status.Error)
		assert.NotNil(t, vs.Status.CreationTime)
		assert.Equal(t, "1Gi", vs.Status.RestoreSize.String())
		content := &snapshotv1.VolumeSnapshotContent{}
		require.NoError(t, s.Client.Get(t.Context(), client.ObjectKey{Name: *vs.Status.BoundVolumeSnapshotContentName}, content))
		assert.Equal(t, snapshotv1.VolumeSnapshotContentDelete, content.Spec.DeletionPolicy)
		assert.True(t, *content.Status.ReadyToUse)
		assert.Equal(t, int64(1<<30), *content.Status.RestoreSize)

		s.create(s.pvc("back", "snap"))
		restored := s.bound("back")
		assert.Equal(t, map[string]string{"a": "first", "deep/b": "second"}, files(restored))
		put(t, restored, "a", "mine")
		assert.Equal(t, "changed", files(folder)["a"], "the volumes have nothing in common")
		s.create(s.pvc("again", "snap"))
		assert.Equal(t, "first", files(s.bound("again"))["a"], "the snapshot stays as it was")

		s.deleted(s.pvc("back", ""))
		s.deleted(s.pvc("again", ""))
		s.deleted(s.pvc("data", ""))
		s.deleted(vs)
		s.gone(content)
		s.eventually("nothing is left in the store", func() bool { return len(s.left()) == 0 })
	})

	t.Run("a claim waits for its snapshot, and a snapshot for its claim", func(t *testing.T) {
		s := dr1.in(t, "wait")
		s.create(s.pvc("back", "snap"))
		s.create(s.snapshot("snap", "data"))
		assert.Contains(t, s.refused("snap"), `"data" not found`)
		pvc := &corev1.PersistentVolumeClaim{}
		require.NoError(t, s.get("back", pvc))
		assert.Equal(t, corev1.ClaimPending, pvc.Status.Phase)
		s.claim("data")
		s.ready("snap")
		s.bound("back")
	})

	t.Run("a claim that is not bound, or that is going, is not snapshotted", func(t *testing.T) {
		s := dr1.in(t, "refuse")
		lost := s.pvc("lost", "")
		lost.Spec.StorageClassName = new("none")
		s.create(lost)
		s.create(s.snapshot("of-lost", "lost"))
		assert.Contains(t, s.refused("of-lost"), "claim lost is not bound")

		s.claim("going")
		going := &corev1.PersistentVolumeClaim{}
		s.eventually("claim is held", func() bool {
			if s.get("going", going) != nil {
				return false
			}
			going.Finalizers = append(going.Finalizers, "example.com/hold")
			return s.Client.Update(t.Context(), going) == nil
		})
		require.NoError(t, s.Client.Delete(t.Context(), going))
		s.create(s.snapshot("of-going", "going"))
		assert.Contains(t, s.refused("of-going"), "claim going is being deleted")
		s.eventually("claim is let go", func() bool {
			if s.get("going", going) != nil {
				return false
			}
			going.Finalizers = nil
			return s.Client.Update(t.Context(), going) == nil
		})
	})

	t.Run("what a class retains stays", func(t *testing.T) {
		s := dr1.in(t, "retain")
		put(t, s.claim("data"), "a", "kept")
		s.create(&snapshotv1.VolumeSnapshotClass{
			ObjectMeta: s.named("keeper"), Driver: lab.Driver, DeletionPolicy: snapshotv1.VolumeSnapshotContentRetain,
		})
		snap := s.snapshot("snap", "data")
		snap.Spec.VolumeSnapshotClassName = new("keeper")
		s.create(snap)
		vs := s.ready("snap")
		content := &snapshotv1.VolumeSnapshotContent{}
		require.NoError(t, s.Client.Get(t.Context(), client.ObjectKey{Name: *vs.Status.BoundVolumeSnapshotContentName}, content))
		s.deleted(vs)
		require.NoError(t, s.Client.Get(t.Context(), client.ObjectKeyFromObject(content), content))
		kept := filepath.Join(storage.VolumesDir(s.data, s.Name), ".snapshots", *content.Status.SnapshotHandle, "data")
		assert.Equal(t, map[string]string{"a": "kept"}, files(kept))
	})
}
