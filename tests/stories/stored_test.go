// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/s3"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/actors"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
)

// TestOnlyWhatTheClustersStoredIsRestored : somebody who has the keys of both buckets empties them, and stores a volume of
// somebody else as one of the application. Neither makes a failover begin with anything but the application's data.
func TestOnlyWhatTheClustersStoredIsRestored(t *testing.T) {
	l := shared.Lab(t)
	a := protected(t, l, "stored", lab.DR1)
	g := capsule.Group{Namespace: a.App.DRPC().Namespace, Name: a.App.DRPC().Name}
	a.Control("both clusters know who signs", func(c *assert.CollectT, _ *v1alpha1.DRPlacementControl) {
		for _, cluster := range lab.Spokes() {
			assert.Contains(c, a.Group(cluster).Annotations[v1alpha1.AnnotationSigners], a.Group(cluster).Status.SigningKey)
		}
	})

	t.Run("the buckets are emptied", func(t *testing.T) {
		for _, b := range buckets(t, l) {
			keys, err := b.List(t.Context(), g.Prefix())
			require.NoError(t, err)
			require.NotEmpty(t, keys)
			require.NoError(t, b.Delete(t.Context(), keys...))
		}
		stays(a, lab.DR1, func() {
			a.Ask(failoverTo(lab.DR2))
			w := a.Waits("Primary", lab.DR2)
			assert.Contains(t, w.Message, "nothing is stored of this group")
			assert.Contains(t, w.NextStep, v1alpha1.AnnotationAcceptLoss+"=failover/dr2/")
		})
	})
	t.Run("a volume is forged", func(t *testing.T) {
		forge(t, l, g, a.App.Class)
		stays(a, lab.DR1, func() {
			a.Control("the forgery is told", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
				if assert.NotNil(c, drpc.Status.Waiting) {
					assert.Contains(c, drpc.Status.Waiting.Message, "it is not signed, and what the clusters store of this group is")
				}
			})
		})
		err := l.Cluster(lab.DR2).Client.Get(t.Context(), client.ObjectKey{Name: "pv-stolen"}, &corev1.PersistentVolume{})
		assert.True(t, apierrors.IsNotFound(err), "%v", err)
	})
	a.Ask(failoverTo(lab.DR1))
	a.Settled(v1alpha1.FailedOver, lab.DR1)
	a.Control("everything is stored again", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		assert.Equal(c, "True", actors.Says(drpc, v1alpha1.ConditionProtected))
	})
	_, err := a.FailoverWithout(t.Context(), lab.DR2, faultproxy.Cut)
	require.NoError(t, err)
	_, err = a.Return(t.Context(), lab.DR1)
	require.NoError(t, err)
}

// buckets are those of both clusters, opened with their keys.
func buckets(t *testing.T, l *lab.Lab) []store.Store {
	t.Helper()
	ca, err := l.StoreCA()
	require.NoError(t, err)
	var out []store.Store
	for _, s := range l.Stores() {
		b, err := s3.Open(store.Config{Profile: s.Profile, Endpoint: l.StoreURL(lab.Hub, s.Profile), Bucket: s.Bucket, Region: lab.Region,
			AccessKey: s.AccessKey, SecretKey: s.SecretKey, CA: ca})
		require.NoError(t, err)
		out = append(out, b)
	}
	return out
}

// forge stores a volume that is not the application's, in the right form and with a manifest that lists it.
func forge(t *testing.T, l *lab.Lab, g capsule.Group, class string) {
	t.Helper()
	pv := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv-stolen"}, Spec: corev1.PersistentVolumeSpec{
		StorageClassName:       class,
		ClaimRef:               &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: g.Namespace, Name: "stolen"},
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: "lab.csi.ramendr.io", VolumeHandle: "of-another-tenant"}},
	}}
	pvc := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: g.Namespace, Name: "stolen"},
		Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: &class, VolumeName: "pv-stolen"}}
	content, err := capsule.Build(&v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{Namespace: g.Namespace, Name: g.Name}}, []capsule.Pair{{PV: pv, PVC: pvc}})
	require.NoError(t, err)
	m := &capsule.Manifest{Epoch: 1, Serial: 1 << 50, Objects: map[string]capsule.Sum{}}
	for _, b := range buckets(t, l) {
		for key, o := range content {
			require.NoError(t, b.Put(t.Context(), key, o.Body))
			m.Objects[key] = capsule.Sum{SHA256: o.Sum}
		}
		body, err := m.Encode()
		require.NoError(t, err)
		require.NoError(t, b.Put(t.Context(), g.Manifest(), body))
	}
}
