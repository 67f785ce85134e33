// SPDX-License-Identifier: Apache-2.0

package hub_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/hub"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func lease(name, identity string, heard time.Duration, inventory string) *coordinationv1.Lease {
	at := metav1.NewMicroTime(now.Add(-heard))
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-dr1", Name: name, Annotations: map[string]string{
			"exchange.ramendr.openshift.io/spoke-id": identity, "exchange.ramendr.openshift.io/inventory": inventory,
		}},
		Spec: coordinationv1.LeaseSpec{RenewTime: &at},
	}
}

// TestLinksAreWhatTheHubTakesThemFor: by the same rules, from one look.
func TestLinksAreWhatTheHubTakesThemFor(t *testing.T) {
	empty := exchange.Digest(nil)
	recorded := &v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: "dr1"}, Status: v1alpha1.DRClusterStatus{ClusterID: "first"}}
	group := client.ObjectKey{Namespace: "shop", Name: "db"}
	for name, row := range map[string]struct {
		objects []client.Object
		state   exchange.LinkState
		view    exchange.View
	}{
		"never connected":                          {[]client.Object{recorded}, exchange.LinkNever, exchange.Unknown},
		"live, and nothing is there":               {[]client.Object{recorded, lease("mirror", "first", time.Second, empty)}, exchange.LinkLive, exchange.Absent},
		"live, but the inbox is not complete":      {[]client.Object{recorded, lease("mirror", "first", time.Second, "other")}, exchange.LinkLive, exchange.Unknown},
		"lost: what is not there may exist":        {[]client.Object{recorded, lease("mirror", "first", time.Minute, empty)}, exchange.LinkLost, exchange.Unknown},
		"no identity is recorded yet":              {[]client.Object{lease("mirror", "first", time.Second, empty)}, exchange.LinkConnecting, exchange.Unknown},
		"another cluster uses its name":            {[]client.Object{recorded, lease("mirror", "first", time.Minute, empty), lease("stranger", "second", time.Second, "")}, exchange.LinkReplaced, exchange.Unknown},
		"the Lease is that of another cluster":     {[]client.Object{recorded, lease("mirror", "second", time.Second, empty)}, exchange.LinkReplaced, exchange.Unknown},
		"live, and a stranger is there as well":    {[]client.Object{recorded, lease("mirror", "first", time.Second, empty), lease("stranger", "second", time.Second, "")}, exchange.LinkLive, exchange.Absent},
		"a report is there, of whatever age it is": {[]client.Object{recorded, lease("mirror", "first", time.Hour, empty), &v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-dr1", Name: "shop.db"}}}, exchange.LinkLost, exchange.Present},
	} {
		s := runtime.NewScheme()
		require.NoError(t, coordinationv1.AddToScheme(s))
		require.NoError(t, v1alpha1.AddToScheme(s))
		links, err := hub.Links(t.Context(), fake.NewClientBuilder().WithScheme(s).WithObjects(row.objects...).Build(), now, []string{"dr1"})
		require.NoError(t, err)
		assert.Equal(t, row.state.String(), links.Link("dr1").State.String(), name)
		assert.Equal(t, row.view, links.View("dr1", group), name)
	}
}
