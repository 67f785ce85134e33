// SPDX-License-Identifier: Apache-2.0

package link_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// configure is the hub that tells the cluster how often it replicates.
func (w *world) configure() *v1alpha1.DRClusterConfig {
	w.t.Helper()
	config := &v1alpha1.DRClusterConfig{ObjectMeta: metav1.ObjectMeta{Name: w.cluster}}
	edit(w, w.hub, config, func(c *v1alpha1.DRClusterConfig) { c.Spec.ReplicationSchedules = []string{"1m"} })
	return config
}

func TestDRClusterConfigGoesDownAndItsStatusComesUp(t *testing.T) {
	w := newWorld(t)
	w.start()
	onHub := w.configure()
	onSpoke := &v1alpha1.DRClusterConfig{ObjectMeta: metav1.ObjectMeta{Name: w.cluster}}
	key := client.ObjectKeyFromObject(onHub)
	w.eventually(func() bool {
		return w.spoke.Get(t.Context(), key, onSpoke) == nil && len(onSpoke.Spec.ReplicationSchedules) == 1
	}, "the configuration does not arrive")

	onSpoke.Status = v1alpha1.DRClusterConfigStatus{ClusterID: "id", ObservedGeneration: onSpoke.Generation,
		Classes: []v1alpha1.ClassFact{{Kind: v1alpha1.KindStorageClass, Name: "a"}, {Kind: v1alpha1.KindStorageClass, Name: "b", Provisioner: "p"}}}
	require.NoError(t, w.spoke.Status().Update(t.Context(), onSpoke))
	w.eventually(func() bool {
		return w.hub.Get(t.Context(), key, onHub) == nil && assert.ObjectsAreEqual(onSpoke.Status, onHub.Status)
	}, "the status does not come up")

	onSpoke.Status.Classes = onSpoke.Status.Classes[1:]
	onSpoke.Status.Classes[0].Provisioner = ""
	require.NoError(t, w.spoke.Status().Update(t.Context(), onSpoke))
	w.eventually(func() bool {
		return w.hub.Get(t.Context(), key, onHub) == nil && assert.ObjectsAreEqual(onSpoke.Status, onHub.Status)
	}, "what is gone from the status stays on the hub")

	edit(w, w.hub, onHub, func(c *v1alpha1.DRClusterConfig) { c.Spec.ReplicationSchedules = []string{"1m", "5m"} })
	w.eventually(func() bool {
		return w.spoke.Get(t.Context(), key, onSpoke) == nil && len(onSpoke.Spec.ReplicationSchedules) == 2
	}, "the change does not arrive")

	item := client.RawPatch(types.ApplyPatchType, []byte(`{"apiVersion":"ramendr.openshift.io/v1alpha1","kind":"DRClusterConfig","spec":{"abandonedStores":["in-use"],"replicationSchedules":["7m"]}}`))
	require.NoError(t, w.spoke.Patch(t.Context(), onSpoke, item, client.FieldOwner("kubectl"))) // as kubectl apply --server-side does
	w.eventually(func() bool {
		return w.spoke.Get(t.Context(), key, onSpoke) == nil && len(onSpoke.Spec.ReplicationSchedules) == 2 && len(onSpoke.Spec.AbandonedStores) == 0
	}, "what somebody else applied stays")
}

func TestNamespacesOfTheExchangeOnASpokeAreIgnored(t *testing.T) {
	w := newWorld(t)
	w.start()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.app + "-hub", Labels: map[string]string{exchange.LabelExchange: exchange.RoleInbox}}}
	w.create(w.spoke, ns)
	vrg := w.newWish(w.app, "db")
	vrg.Namespace, vrg.Name, vrg.Finalizers = ns.Name, "db", nil
	w.create(w.spoke, vrg)
	visible := w.newWish(w.app, "db")
	visible.Namespace, visible.Name, visible.Finalizers = w.app, "db", nil
	w.create(w.spoke, visible)
	w.eventually(func() bool { return w.report("db") != nil && w.inboxComplete() }, "the inventory is not complete")
	name := exchange.ObjectName(ns.Name, "db")
	assert.Nil(t, w.get(w.hub, exchange.Inbox(w.cluster), name))

	wish := w.newWish(ns.Name, "other")
	w.create(w.hub, wish)
	w.applied(wish, metav1.ConditionFalse, "InvalidWish")

	edit(w, w.spoke, ns, func(ns *corev1.Namespace) { delete(ns.Labels, exchange.LabelExchange) })
	w.eventually(func() bool { return w.get(w.hub, exchange.Inbox(w.cluster), name) != nil && w.inboxComplete() }, "the object is not reported")
}
