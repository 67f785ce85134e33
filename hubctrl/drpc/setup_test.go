// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/drpc"
)

func TestEventsFindTheirApplications(t *testing.T) {
	other := newDRPC(func(d *v1alpha1.DRPlacementControl) {
		d.Name, d.Spec.DRPolicyRef.Name = "other", "another"
		d.Spec.PVCSelector.MatchLabels = map[string]string{"app": "other"}
	})
	h := newHub(t, newDRPC(), other)
	group := func(namespace string, annotations map[string]string) *v1alpha1.VolumeReplicationGroup {
		v := &v1alpha1.VolumeReplicationGroup{}
		v.Namespace, v.Name, v.Annotations = namespace, "shop.db", annotations
		return v
	}
	about := map[string]string{"exchange.ramendr.openshift.io/namespace": "shop", "exchange.ramendr.openshift.io/name": "db"}
	wished := map[string]string{"exchange.ramendr.openshift.io/drpc": "ops/db", "exchange.ramendr.openshift.io/namespace": "shop", "exchange.ramendr.openshift.io/name": "db"}
	at := func(namespace, name string) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: clientKey(namespace, name)}}
	}
	for name, tc := range map[string]struct{ got, want []reconcile.Request }{
		"a wish, its DRPlacementControl and whom it disturbs":   {h.r.OfGroup(t.Context(), group("outbox-dr1", wished)), append(at("ops", "db"), at("shop", "db")...)},
		"a report, its DRPlacementControl and whom it disturbs": {h.r.OfGroup(t.Context(), group("inbox-dr1", wished)), append(at("ops", "db"), at("shop", "db")...)},
		"a copy on a hub that is a spoke too, nobody":           {h.r.OfGroup(t.Context(), group("shop", about)), nil},
		"a report about a foreign object, whom it may disturb":  {h.r.OfGroup(t.Context(), group("inbox-dr1", about)), at("shop", "db")},
		"an object without annotations, nobody":                 {h.r.OfGroup(t.Context(), group("inbox-dr1", nil)), nil},
		"a policy, those that name it":                          {h.r.OfPolicy(t.Context(), policy()), at("shop", "db")},
		"a cluster, those of its policies":                      {h.r.OfCluster(t.Context(), cluster("dr2", "")), at("shop", "db")},
		"a cluster of no policy, nobody":                        {h.r.OfCluster(t.Context(), cluster("dr7", "")), nil},
		"an object that is gone, none that protects another":    {h.r.OfRival(t.Context(), other), nil},
	} {
		assert.Equal(t, tc.want, tc.got, name)
	}
}

func TestOnlyObjectsOfTheExchangeAreIndexed(t *testing.T) {
	v := &v1alpha1.VolumeReplicationGroup{}
	v.Annotations = map[string]string{"exchange.ramendr.openshift.io/drpc": "shop/db"}
	v.Namespace = "shop"
	assert.Empty(t, drpc.DRPCKey(v), "a copy on a hub that is a spoke too")
	v.Namespace = "inbox-dr1"
	assert.Equal(t, []string{"shop/db"}, drpc.DRPCKey(v))
}

func TestDeletionWakesUsOnce(t *testing.T) {
	was, is := newDRPC(), newDRPC()
	assert.False(t, drpc.Deletion().Update(event.UpdateEvent{ObjectOld: was, ObjectNew: is}), "a status write is no news")
	now := is.CreationTimestamp
	is.DeletionTimestamp = &now
	assert.True(t, drpc.Deletion().Update(event.UpdateEvent{ObjectOld: was, ObjectNew: is}))
	assert.True(t, drpc.Yields().Delete(event.DeleteEvent{Object: is}))
	assert.False(t, drpc.Yields().Update(event.UpdateEvent{ObjectOld: was, ObjectNew: is}))
	is.Spec.ProtectedNamespaces = []string{"shop"}
	assert.True(t, drpc.Yields().Update(event.UpdateEvent{ObjectOld: was, ObjectNew: is}), "it may have been in somebody's way")
}
