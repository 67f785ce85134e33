// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

func listing(namespaces ...string) func(*v1alpha1.VolumeReplicationGroup) {
	return func(g *v1alpha1.VolumeReplicationGroup) { g.Spec.ProtectedNamespaces = namespaces }
}

// spanning is a cluster whose group lies in the namespace for such that list others.
func spanning(t *testing.T, id string, s *stores) *cluster {
	t.Helper()
	c := newCluster(t, id, s)
	c.key = types.NamespacedName{Namespace: "ramen-ops", Name: "wide"}
	require.NoError(t, c.client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ramen-ops"}}))
	return c
}

func (c *cluster) provisionIn(namespace string) {
	c.t.Helper()
	c.provision("data", func(p *corev1.PersistentVolumeClaim) {
		p.Namespace, p.Spec.VolumeName, p.UID = namespace, "pv-"+namespace, types.UID("uid-"+namespace)
	})
}

func (c *cluster) claimIn(namespace string) *corev1.PersistentVolumeClaim {
	return get(c, &corev1.PersistentVolumeClaim{}, namespace, "data")
}

func TestClaimsOfSeveralNamespacesMoveAsOneGroup(t *testing.T) {
	s := newStores()
	source, target := spanning(t, "dr1", s), spanning(t, "dr2", s)
	for _, namespace := range []string{"shop", "web", "other"} {
		source.provisionIn(namespace)
	}
	source.wish(v1alpha1.Primary, "1", listing("web", "shop"))
	source.settle()
	assert.Equal(t, "True/Ready", source.says("DataReady"))
	assert.Equal(t, "True/Uploaded", source.says("ClusterDataProtected"))
	assert.Len(t, source.group().Status.ProtectedPVCs, 2)
	assert.Empty(t, marks(source.claimIn("other")), "what is not listed is not touched")
	vr := get(source, &replicationv1.VolumeReplication{}, "shop", "data")
	require.NotNil(t, vr)
	assert.Empty(t, vr.OwnerReferences, "it does not go with a group that somebody deletes by mistake")

	target.wish(v1alpha1.Primary, "2", listing("web", "shop"), action(v1alpha1.VRGActionFailover))
	target.settle()
	assert.Equal(t, "True/Restored", target.says("ClusterDataReady"))
	for _, namespace := range []string{"shop", "web"} {
		require.NotNil(t, target.claimIn(namespace), namespace)
		assert.NotNil(t, get(target, &corev1.Namespace{}, "", namespace), "the namespace is made for it")
	}

	source.wish(v1alpha1.Secondary, "2", listing("web", "shop"), action(v1alpha1.VRGActionFailover))
	source.runIn("web")
	source.settle()
	assert.Equal(t, "claim web/data: claim data is in use by Pod writer: stop it", source.message("DataReady"))
	assert.Equal(t, "True/PodsRunning", source.says("InUse"))
	source.remove(&corev1.Pod{}, "web", "writer")
	source.settle()
	assert.Equal(t, v1alpha1.SecondaryState, source.group().Status.State)
}

func (c *cluster) runIn(namespace string) {
	c.t.Helper()
	require.NoError(c.t, c.client.Create(c.t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "writer"},
		Spec: corev1.PodSpec{Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}}}},
	}))
}

func TestANamespaceThatIsTakenOffTheListIsLetGo(t *testing.T) {
	c := spanning(t, "dr1", newStores())
	c.provisionIn("shop")
	c.provisionIn("web")
	c.wish(v1alpha1.Primary, "1", listing("web", "shop"))
	c.settle()
	require.NotEmpty(t, marks(c.claimIn("shop")))
	c.wish(v1alpha1.Primary, "1", listing("web"))
	c.settle()
	assert.Empty(t, marks(c.claimIn("shop")))
	assert.Nil(t, get(c, &replicationv1.VolumeReplication{}, "shop", "data"))
	assert.NotNil(t, get(c, &replicationv1.VolumeReplication{}, "web", "data"))
	assert.Len(t, c.group().Status.ProtectedPVCs, 1)
	require.NoError(t, c.client.Delete(t.Context(), c.group()))
	c.settle()
	assert.Nil(t, c.group())
	assert.Empty(t, marks(c.claimIn("web")))
}

// A user who may write groups in their own namespace must not reach the volumes of others by them.
func TestOnlyThePlatformsNamespaceListsOthers(t *testing.T) {
	c := newCluster(t, "dr1", newStores())
	c.provisionIn("shop")
	c.wish(v1alpha1.Primary, "1", listing("shop"))
	_, err := c.pass()
	require.ErrorIs(t, err, reconcile.TerminalError(nil), "until somebody changes something")
	assert.Equal(t, "False/Error", c.says("DataReady"))
	assert.Contains(t, c.message("DataReady"), "spec.protectedNamespaces is only for groups in namespace ramen-ops")
	assert.Empty(t, marks(c.claimIn("shop")))
	require.NoError(t, c.client.Delete(t.Context(), c.group()))
	c.settle()
	assert.Empty(t, marks(c.claimIn("shop")))

	own := spanning(t, "dr1", newStores())
	own.wish(v1alpha1.Primary, "1", listing("ramen-ops"))
	_, err = own.pass()
	require.ErrorIs(t, err, reconcile.TerminalError(nil))
	assert.Contains(t, own.message("DataReady"), "spec.protectedNamespaces lists ramen-ops")
}

// A store is outside: someone who can write to it must not place claims where the group has none.
func TestAStoreCannotPlaceClaimsInOtherNamespaces(t *testing.T) {
	s := newStores()
	source, target := spanning(t, "dr1", s), spanning(t, "dr2", s)
	source.provisionIn("shop")
	source.provisionIn("web")
	source.wish(v1alpha1.Primary, "1", listing("web", "shop"))
	source.settle()
	target.wish(v1alpha1.Primary, "2", listing("web"), action(v1alpha1.VRGActionFailover))
	_, err := target.pass()
	require.NoError(t, err)
	assert.Contains(t, target.message("ClusterDataReady"), "describes claims outside of the group's namespaces, which are left alone: shop/data")
	target.settle()
	assert.NotNil(t, target.claimIn("web"))
	assert.Nil(t, target.claimIn("shop"))
	assert.Nil(t, get(target, &corev1.Namespace{}, "", "shop"))
}
