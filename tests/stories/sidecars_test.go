// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"context"
	"path/filepath"
	"testing"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/storage"
)

// volumesOfSidecars : external-provisioner, external-resizer, snapshot-controller and csi-snapshotter make, grow, snapshot and delete
// the volumes, with finalizers and annotations of their own. A volume moves with its credentials and its size, and goes when
// its claim does, on the cluster that it was restored on as where it was made.
func volumesOfSidecars(t *testing.T, l *lab.Lab) {
	t.Helper()
	ctx := t.Context()
	moves, stays := enter(t, l, "moves"), enter(t, l, "stays")
	copied := enter(t, l, "copied")
	copied.App.Class = lab.SnapshotStorageClass
	cast := []*actor{moves, stays, copied}
	all(t, cast, "protect on dr1", func(ctx context.Context, a *actor) error { return a.Protect(ctx, lab.DR1) })
	all(t, cast, "relocate to dr2", func(ctx context.Context, a *actor) error {
		_, err := a.Relocate(ctx, lab.DR2)
		return err
	})
	pv := volumeOf(t, l, moves, lab.DR2)
	assert.Equal(t, "lab-csi-plugin", pv.Annotations["volume.kubernetes.io/provisioner-deletion-secret-name"])

	for _, a := range []*actor{moves, stays} {
		grow(t, l, a, lab.DR2, "2Gi")
	}
	all(t, []*actor{moves, copied}, "relocate to dr1", func(ctx context.Context, a *actor) error {
		_, err := a.Relocate(ctx, lab.DR1)
		return err
	})
	grown(t, l, moves, lab.DR1, "2Gi")
	requireNever(t, l, lab.DR1, "VolumeResizeFailed", "the volume has its size already, and is secondary when its claim is bound")
	snapshot(t, l, moves, lab.DR1)

	for a, home := range map[*actor]string{moves: lab.DR1, stays: lab.DR2, copied: lab.DR1} {
		pv := volumeOf(t, l, a, home)
		_, err := a.Disable(ctx)
		require.NoError(t, err)
		require.NoError(t, a.App.Remove(ctx, t.Logf))
		handle := pv.Spec.CSI.VolumeHandle
		require.Eventually(t, func() bool {
			err := l.Cluster(home).Client.Get(ctx, client.ObjectKeyFromObject(pv), &corev1.PersistentVolume{})
			return apierrors.IsNotFound(err)
		}, patience, tick, "PersistentVolume %s goes with its claim on %s", pv.Name, home)
		require.NoDirExists(t, filepath.Join(storage.VolumesDir(l.DataDir(), home), handle))
	}
}

// volumeOf is the PersistentVolume of an application.
func volumeOf(t *testing.T, l *lab.Lab, a *actor, cluster string) *corev1.PersistentVolume {
	t.Helper()
	claim, err := a.App.Claim(t.Context(), cluster)
	require.NoError(t, err)
	pv := &corev1.PersistentVolume{}
	require.NoError(t, l.Cluster(cluster).Client.Get(t.Context(), client.ObjectKey{Name: claim.Spec.VolumeName}, pv))
	return pv
}

// grow asks for a larger volume, as users do.
func grow(t *testing.T, l *lab.Lab, a *actor, cluster, size string) {
	t.Helper()
	claim, err := a.App.Claim(t.Context(), cluster)
	require.NoError(t, err)
	was := claim.DeepCopy()
	claim.Spec.Resources.Requests[corev1.ResourceStorage] = resource.MustParse(size)
	require.NoError(t, l.Cluster(cluster).Client.Patch(t.Context(), claim, client.MergeFrom(was)))
	grown(t, l, a, cluster, size)
}

// grown waits until claim and volume of an application have a size.
func grown(t *testing.T, l *lab.Lab, a *actor, cluster, size string) {
	t.Helper()
	want := resource.MustParse(size)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		claim, err := a.App.Claim(t.Context(), cluster)
		if !assert.NoError(c, err) {
			return
		}
		pv := &corev1.PersistentVolume{}
		if !assert.NoError(c, l.Cluster(cluster).Client.Get(t.Context(), client.ObjectKey{Name: claim.Spec.VolumeName}, pv)) {
			return
		}
		for what, has := range map[string]resource.Quantity{
			"request": claim.Spec.Resources.Requests[corev1.ResourceStorage], "claim": claim.Status.Capacity[corev1.ResourceStorage], "volume": pv.Spec.Capacity[corev1.ResourceStorage],
		} {
			assert.Zero(c, has.Cmp(want), "%s: %s", what, has.String())
		}
		for _, is := range claim.Status.Conditions {
			assert.Equal(c, corev1.PersistentVolumeClaimConditionType("Unused"), is.Type, "nothing of the growth is left: %s", is.Message)
		}
	}, patience, tick, "%s has %s on %s", a.App.Key(), size, cluster)
}

// requireNever requires that nothing on a cluster has an event of a reason.
func requireNever(t *testing.T, l *lab.Lab, cluster, reason, why string) {
	t.Helper()
	list := &corev1.EventList{}
	require.NoError(t, l.Cluster(cluster).Client.List(t.Context(), list, client.MatchingFields{"reason": reason}))
	for _, e := range list.Items {
		assert.Fail(t, why, "%s: %s", e.InvolvedObject.Name, e.Message)
	}
}

// snapshot takes and deletes a snapshot of a volume that moved.
func snapshot(t *testing.T, l *lab.Lab, a *actor, cluster string) {
	t.Helper()
	ctx, c := t.Context(), l.Cluster(cluster).Client
	vs := &snapshotv1.VolumeSnapshot{
		ObjectMeta: metav1.ObjectMeta{Namespace: a.App.Namespace, Name: "snap"},
		Spec: snapshotv1.VolumeSnapshotSpec{
			VolumeSnapshotClassName: new(lab.VolumeSnapshotClass), Source: snapshotv1.VolumeSnapshotSource{PersistentVolumeClaimName: new(a.App.Name)},
		},
	}
	require.NoError(t, c.Create(ctx, vs))
	require.Eventually(t, func() bool {
		err := c.Get(ctx, client.ObjectKeyFromObject(vs), vs)
		return err == nil && vs.Status != nil && ptr.Deref(vs.Status.ReadyToUse, false)
	}, patience, tick, "the snapshot is ready")
	require.NoError(t, c.Delete(ctx, vs))
	require.Eventually(t, func() bool {
		return apierrors.IsNotFound(c.Get(ctx, client.ObjectKeyFromObject(vs), vs))
	}, patience, tick, "the snapshot goes")
}
