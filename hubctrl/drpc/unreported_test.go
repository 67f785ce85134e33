// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// refuses lets the hub's API server accept no report about some objects of cluster, besides which there is nothing.
func (h *hub) refuses(cluster string, objects ...exchange.Item) {
	h.t.Helper()
	lease := &coordinationv1.Lease{}
	require.True(h.t, h.get(lease, clientKey("inbox-"+cluster, "mirror")))
	lease.Annotations = map[string]string{"exchange.ramendr.openshift.io/inventory": exchange.Digest(objects)}
	var names []string
	for _, o := range objects {
		names = append(names, o.Namespace+"/"+o.Name)
	}
	exchange.Refused(lease.Annotations, objects, names)
	require.NoError(h.t, h.api.Update(h.t.Context(), lease))
}

func TestX4_AReportThatIsNotAcceptedHoldsNobodyElseUp(t *testing.T) {
	h := newHub(t, newDRPC())
	h.refuses("dr2", exchange.Item{Namespace: "other", Name: "big", UID: "b"})
	h.pass()
	assert.Equal(t, []string{"hold drpc db", "wish dr2 secondary epoch 1"}, h.wrote())
}

func TestX4_AReportThatIsNotAcceptedIsNamed(t *testing.T) {
	h := newHub(t, newDRPC())
	h.refuses("dr2", exchange.Item{Namespace: "shop", Name: "db", UID: "d"})
	h.pass()
	assert.Empty(t, h.wrote(), "it exists")
	w := h.drpc().Status.Waiting
	assert.Equal(t, []string{"dr2", "InboxComplete"}, []string{w.Cluster, w.Fact})
	assert.Equal(t, "VolumeReplicationGroup shop/db exists on cluster dr2, but the hub's API server does not accept the report about it: "+
		"it is too large, or the CRDs of the hub are older than those of the cluster", w.Message)
	assert.Contains(t, w.NextStep, "kubectl --context dr2 -n shop get vrg db -o yaml")

	h.refuses("dr2", exchange.Item{Namespace: "other", Name: "big", UID: "b"})
	lease := &coordinationv1.Lease{}
	require.True(t, h.get(lease, clientKey("inbox-dr2", "mirror")))
	lease.Annotations["exchange.ramendr.openshift.io/reported-inventory"] = "of one more, whose report is under way"
	require.NoError(t, h.api.Update(t.Context(), lease))
	h.pass()
	assert.Equal(t, "the inbox of cluster dr2 is not complete: the hub's API server does not accept the reports about other/big", h.drpc().Status.Waiting.Message)
}
