// SPDX-License-Identifier: Apache-2.0

package volsync_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/spokectrl/provider/volsync"
)

// TestTheInletCanBeWritten, whatever the application does with the volume. The claim that is restored from it is as the source's.
func TestTheInletCanBeWritten(t *testing.T) {
	type modes = []corev1.PersistentVolumeAccessMode
	for name, tc := range map[string]struct{ source, inlet modes }{
		"read by many":             {modes{corev1.ReadOnlyMany}, modes{corev1.ReadWriteOnce}},
		"written by many":          {modes{corev1.ReadWriteMany}, modes{corev1.ReadWriteMany}},
		"written by one, or read":  {modes{corev1.ReadOnlyMany, corev1.ReadWriteOnce}, modes{corev1.ReadOnlyMany, corev1.ReadWriteOnce}},
		"written by one Pod alone": {modes{corev1.ReadWriteOncePod}, modes{corev1.ReadWriteOncePod}},
	} {
		t.Run(name, func(t *testing.T) {
			s := receiving(t)
			s.g.VolSync.RDSpec[0].ProtectedPVC.Name = "other"
			s.g.VolSync.RDSpec[0].ProtectedPVC.AccessModes = tc.source
			found, err := volsync.Provider{}.Destinations(t.Context(), s.c, s.g)
			require.NoError(t, err)
			for _, d := range found {
				if d.Volume.Name != "other" {
					continue
				}
				intents, err := volsync.Provider{}.Receive(s.g, d)
				require.NoError(t, err)
				for _, i := range intents {
					require.NoError(t, apply.New(s.c, "test").Owned(t.Context(), i))
				}
			}
			inlet := &corev1.PersistentVolumeClaim{}
			require.NoError(t, s.c.Get(t.Context(), client.ObjectKey{Namespace: "app", Name: "other-received"}, inlet))
			assert.Equal(t, tc.inlet, inlet.Spec.AccessModes)
		})
	}
}

// TestAVolumeThatWasMadeAgainAsAnotherIsRefusedByName : the claim that receives it can't be changed, and holds the only copy.
func TestAVolumeThatWasMadeAgainAsAnotherIsRefusedByName(t *testing.T) {
	other := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "other", Labels: map[string]string{"ramendr.openshift.io/storageid": "s1"}}, Provisioner: driver}
	for name, tc := range map[string]struct {
		change func(*v1alpha1.ProtectedPVC)
		says   string
	}{
		"with another class": {func(p *v1alpha1.ProtectedPVC) { p.StorageClassName = new("other") }, `StorageClass "other" and volumeMode Filesystem`},
		"as a block device":  {func(p *v1alpha1.ProtectedPVC) { p.VolumeMode = new(corev1.PersistentVolumeBlock) }, `volumeMode Block`},
	} {
		t.Run(name, func(t *testing.T) {
			s := receiving(t)
			require.NoError(t, s.c.Create(t.Context(), other.DeepCopy()))
			s.arrive("image-1")
			asked := &s.g.VolSync.RDSpec[0].ProtectedPVC
			asked.VolumeMode = new(corev1.PersistentVolumeFilesystem)
			require.Nil(t, s.only().Refusal, "that is what it is if nothing is said")
			tc.change(asked)
			d := s.only()
			require.NotNil(t, d.Refusal)
			assert.Equal(t, "Error", d.Refusal.Reason)
			assert.Contains(t, d.Refusal.Message, tc.says)
			assert.Contains(t, d.Refusal.Message, "kubectl -n app delete replicationdestination/data pvc/data-received")
			_, err := volsync.Provider{}.Receive(s.g, d)
			require.ErrorContains(t, err, "made again")

			restored := *s
			restored.promote(true)
			restored.restore()
			restored.restore()
			next := restored.restore()
			require.NotNil(t, next.Create, next.Message)
			claim, ok := next.Create.(*corev1.PersistentVolumeClaim)
			require.True(t, ok)
			assert.Equal(t, described().StorageClassName, claim.Spec.StorageClassName, "what was received is still there")
		})
		t.Run(name+", after the step", func(t *testing.T) {
			s := receiving(t)
			require.NoError(t, s.c.Create(t.Context(), other.DeepCopy()))
			tc.change(&s.g.VolSync.RDSpec[0].ProtectedPVC)
			require.NoError(t, s.c.Delete(t.Context(), s.destination()))
			inlet := &corev1.PersistentVolumeClaim{}
			require.NoError(t, s.c.Get(t.Context(), client.ObjectKey{Namespace: "app", Name: "data-received"}, inlet))
			require.NoError(t, s.c.Delete(t.Context(), inlet))
			s.receive()
			assert.True(t, s.only().Exact)
		})
	}
}
