// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"errors"
	"testing"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

// TestWhatAnotherManagerHasTooIsTakenOff : a restore from a backup leaves our marks to the tool that restored.
func TestWhatAnotherManagerHasTooIsTakenOff(t *testing.T) {
	s := newStores()
	c := newCluster(t, "dr1", s)
	c.provision("data", func(pvc *corev1.PersistentVolumeClaim) { // as the backup has it
		pvc.Finalizers = []string{v1alpha1.PVCVolRepFinalizer}
		pvc.Labels[v1alpha1.LabelOwnerName], pvc.Labels[v1alpha1.LabelOwnerNamespace] = name, ns
		pvc.Annotations = map[string]string{v1alpha1.AnnotationVRProtected: "protected", "mine": "stays"}
	})
	c.wish(v1alpha1.Primary, "1", func(g *v1alpha1.VolumeReplicationGroup) {
		metav1.SetMetaDataAnnotation(&g.ObjectMeta, otherManager, "backup")
	})
	g := c.group()
	g.Finalizers = []string{v1alpha1.VRGFinalizer}
	require.NoError(t, c.client.Update(t.Context(), g))
	c.settle()
	require.Equal(t, v1alpha1.PrimaryState, c.group().Status.State)
	c.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
	c.settle()
	assert.Nil(t, c.group(), "it does not hang")
	assert.Empty(t, marks(c.claim("data")))
	assert.Equal(t, "stays", c.claim("data").Annotations["mine"])
}

func TestAClaimThatMayNotBeUnprotectedSaysWhy(t *testing.T) {
	c := deployed(t, newStores())
	config := get(c, &corev1.ConfigMap{}, "ramen-system", "ramen-dr-cluster-operator-config")
	config.Data["ramen_manager_config.yaml"] += "volumeUnprotectionEnabled: false\n"
	require.NoError(t, c.client.Update(t.Context(), config))
	c.remove(&corev1.PersistentVolumeClaim{}, ns, "data")
	c.settle()
	require.NotNil(t, c.claim("data"))
	assert.Equal(t, "True/Ready", c.says("DataReady"))
	assert.Contains(t, c.message("DataReady"), "volumeUnprotectionEnabled is false")
	assert.Contains(t, c.message("DataReady"), "data")
}

// TestAClaimThatStaysProtectedStaysStored : where single volumes are never released, one that is not selected any more is replicated on.
func TestAClaimThatStaysProtectedStaysStored(t *testing.T) {
	s := newStores()
	c, peer := deployed(t, s), newCluster(t, "dr2", s)
	config := get(c, &corev1.ConfigMap{}, "ramen-system", "ramen-dr-cluster-operator-config")
	config.Data["ramen_manager_config.yaml"] += "volumeUnprotectionEnabled: false\n"
	require.NoError(t, c.client.Update(t.Context(), config))
	claim := c.claim("data")
	claim.Labels["app"] = "another"
	require.NoError(t, c.client.Update(t.Context(), claim))
	c.provision("log")
	c.settle()
	require.NotNil(t, c.replica("data"))
	assert.Contains(t, c.message("DataReady"), "volumeUnprotectionEnabled is false")
	assert.Equal(t, "True/Uploaded", c.says("ClusterDataProtected"))
	peer.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
	peer.settle()
	require.NotNil(t, peer.claim("log"))
	assert.NotNil(t, peer.claim("data"), "it is protected: a failover has to bring it")
}

// TestAMemoryOfADemotionThatAnotherManagerBringsBack, with a manifest that was exported then: a primary forgets it, and it says nothing of
// a volume that was never demoted.
func TestAMemoryOfADemotionThatAnotherManagerBringsBack(t *testing.T) {
	c := newCluster(t, "dr1", newStores())
	c.provision("data", func(pvc *corev1.PersistentVolumeClaim) {
		pvc.Annotations = map[string]string{v1alpha1.AnnotationVRReleased: "demoted"}
	})
	c.wish(v1alpha1.Primary, "1")
	c.settle()
	require.Equal(t, v1alpha1.PrimaryState, c.group().Status.State)
	assert.NotContains(t, c.claim("data").Annotations, v1alpha1.AnnotationVRReleased)
	c.wish(v1alpha1.Primary, "1", finalSync)
	c.settle()

	claim := c.claim("data")
	claim.Annotations[v1alpha1.AnnotationVRReleased] = "demoted"
	require.NoError(t, c.client.Update(t.Context(), claim))
	c.remove(&replicationv1.VolumeReplication{}, ns, "data")
	c.wish(v1alpha1.Secondary, "1", relocating)
	_, err := c.pass()
	require.NoError(t, err)
	assert.Equal(t, v1alpha1.UnknownState, c.group().Status.State, "it is primary, and its replica is being deleted")
	assert.NotContains(t, c.claim("data").Annotations, v1alpha1.AnnotationVRReleased)
	c.settle()
	require.NotNil(t, c.replica("data"), "the storage is asked again")
	assert.Equal(t, replicationv1.Secondary, c.replica("data").Spec.ReplicationState)
}

// TestNoMarkOutlivesTheProtection, also if another manager has it, too.
func TestNoMarkOutlivesTheProtection(t *testing.T) {
	c := newCluster(t, "dr1", newStores())
	c.provision("data", func(pvc *corev1.PersistentVolumeClaim) {
		pvc.Annotations = map[string]string{}
		for _, key := range []string{v1alpha1.AnnotationVRProtected, v1alpha1.AnnotationVRReleased, v1alpha1.AnnotationRestored, capsule.AnnotationRestoredFrom} {
			pvc.Annotations[key] = "a backup had it"
		}
	})
	c.wish(v1alpha1.Primary, "1")
	c.settle()
	c.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
	c.settle()
	require.Nil(t, c.group())
	assert.Empty(t, c.claim("data").Annotations)
}

// TestNoMarkOutlivesAnErrorOnTheWay : others write the claim, too, and each write of the end may fail once.
func TestNoMarkOutlivesAnErrorOnTheWay(t *testing.T) {
	for failing, all := 0, false; !all; failing++ {
		require.Less(t, failing, 50)
		c := newCluster(t, "dr1", newStores())
		c.provision("data", func(pvc *corev1.PersistentVolumeClaim) {
			pvc.Annotations = map[string]string{v1alpha1.AnnotationRestored: "True", capsule.AnnotationRestoredFrom: "pv-data"}
		})
		c.wish(v1alpha1.Primary, "1")
		c.settle()
		c.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
		writes := 0
		c.before = func(string, any) error {
			if writes++; writes == failing {
				return apierrors.NewConflict(schema.GroupResource{Resource: "anything"}, "data", errors.New("somebody else wrote it"))
			}
			return nil
		}
		for range 30 {
			_, _ = c.pass() // one fails
			c.neighbors()
		}
		require.Nil(t, c.group())
		assert.Empty(t, c.claim("data").Annotations, "write %d failed", failing)
		assert.Empty(t, c.claim("data").Finalizers, "write %d failed", failing)
		assert.NotContains(t, c.claim("data").Labels, v1alpha1.LabelOwnerName, "write %d failed", failing)
		all = failing > writes
	}
}
