// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

// TestI9_AMarkThatIsCopiedGivesNoVolumeUp : the deployer has the claim as somebody exported it after a restore, with all annotations,
// and is faster than the restore. What it makes is empty, and what is retained may be the only copy.
func TestI9_AMarkThatIsCopiedGivesNoVolumeUp(t *testing.T) {
	for whose, marks := range map[string]map[string]string{
		"of this version":       {v1alpha1.AnnotationRestored: "True", capsule.AnnotationRestoredFrom: "pv-of-another-term"},
		"of an earlier version": {v1alpha1.AnnotationRestored: "True"},
	} {
		t.Run(whose, func(t *testing.T) {
			w := newCopying(t)
			w.wish("dr1", v1alpha1.Primary, mirrored)
			w.wish("dr2", v1alpha1.Secondary, mirrored)
			w.deploy("dr1")
			w.settle()
			home := w.sides["dr1"]
			w.write("dr1", "precious")
			volume := home.claim("data").Spec.VolumeName
			end := home.terminate(ns)
			w.undeploy("dr1")
			home.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
			w.look("dr1", 6)
			require.Nil(t, home.claim("data"))
			end()
			require.NoError(t, home.client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}))
			w.deploy("dr1")
			w.user("dr1", func(cl client.Client) {
				claim := home.claim("data")
				for key, value := range marks {
					metav1.SetMetaDataAnnotation(&claim.ObjectMeta, key, value)
				}
				require.NoError(t, cl.Update(t.Context(), claim))
			})
			w.provision("dr1", home.claim("data"))
			w.user("dr1", func(client.Client) { home.binder() })
			w.settle()
			assert.Equal(t, "False/ClusterDataConflictPrimary", home.says("NoClusterDataConflict"))
			require.NotNil(t, home.pv(volume))
			assert.Equal(t, corev1.PersistentVolumeReclaimRetain, home.pv(volume).Spec.PersistentVolumeReclaimPolicy)
			assert.Equal(t, "precious", w.data["dr1/"+home.pv(volume).Spec.CSI.VolumeHandle])
		})
	}
}
