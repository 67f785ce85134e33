// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
)

// assertPromotesAll: all copies on a cluster are promoted past a hub that is not there, none of them twice, and one that can't be
// holds up no other.
func assertPromotesAll(t *testing.T, w *world) {
	var groups []*v1alpha1.VolumeReplicationGroup
	w.create(namespace("island"))
	for _, name := range []string{"a", "b", "c", "alien"} {
		g := &v1alpha1.VolumeReplicationGroup{
			ObjectMeta: metav1.ObjectMeta{Namespace: "island", Name: name, Annotations: map[string]string{
				"exchange.ramendr.openshift.io/epoch": "2", "exchange.ramendr.openshift.io/origin": "hub", "exchange.ramendr.openshift.io/wish-uid": "w",
				"drplacementcontrol.ramendr.openshift.io/destination-cluster": "dr2", "exchange.ramendr.openshift.io/drpc": "island/" + name,
			}},
			Spec: v1alpha1.VolumeReplicationGroupSpec{ReplicationState: v1alpha1.Secondary, S3Profiles: []string{"s3-a"}},
		}
		groups = append(groups, g)
	}
	delete(groups[3].Annotations, "exchange.ramendr.openshift.io/origin")
	for _, g := range groups {
		w.create(g)
	}
	at := []string{"promote", "--all", "-n", "island", "--on-cluster", "hub"}
	with := func(args ...string) []string { return append(append([]string{}, at...), args...) }
	of := func(got said) (p view.SitePromotion) {
		t.Helper()
		require.NoError(t, json.Unmarshal([]byte(got.out), &p), got.err)
		return p
	}
	primary := func() (n int) {
		t.Helper()
		for _, g := range groups {
			require.NoError(t, w.Client.Get(t.Context(), client.ObjectKeyFromObject(g), g))
			if g.Spec.ReplicationState == v1alpha1.Primary {
				n++
			}
		}
		return n
	}

	for _, wrong := range [][]string{{"promote", "--all", "a", "--on-cluster", "hub"}, {"promote", "a", "--peer", "x", "--on-cluster", "hub"}, {"promote", "--all"}, {"promote", "--on-cluster", "hub"}} {
		assert.Equal(t, 1, w.run(wrong...).code, wrong)
	}
	got := w.run(with("--yes", "-o", "json")...)
	assert.Equal(t, 4, got.code)
	assert.Equal(t, view.GuardHubAnswers, of(got).Refusals[0].Guard)
	got = w.run(with("--yes", "--hub-is-down", "--peer", "none", "-o", "json")...)
	assert.Equal(t, 4, got.code)
	assert.Equal(t, view.GuardPeer, of(got).Refusals[0].Guard)
	for _, answer := range []string{"", "y\n", "hub\n"} {
		got := w.at(answer, with("--hub-is-down")...)
		assert.Equal(t, 4, got.code)
		assert.Contains(t, got.err, "Type the name of the cluster, dr2, to promote it for 3 applications: ")
	}
	for _, mode := range []string{"client", "server"} {
		assert.Equal(t, 2, w.run(with("--hub-is-down", "--dry-run="+mode)...).code, "one is left out")
	}
	assert.Zero(t, primary())

	// One is changed at the same moment: it is left out, and the others go.
	w.before(http.MethodPatch, func() {
		mine := groups[0].DeepCopy()
		mine.Labels = map[string]string{"touched": "meanwhile"}
		if err := w.Client.Update(t.Context(), mine); !apierrors.IsConflict(err) { // the command was faster
			assert.NoError(t, err)
		}
	})
	got = w.run(with("--hub-is-down", "--yes", "-o", "json")...)
	assert.Equal(t, 2, got.code, got.err)
	p := of(got)
	assert.Equal(t, 3, p.Count()[view.SiteLeftOut]+p.Count()[view.SiteBegun]-1, "of four, one of which no hub made")
	begun := primary()
	assert.GreaterOrEqual(t, begun, 2)

	// Again: what is left is promoted, and nothing twice.
	generations := map[string]int64{}
	for _, g := range groups {
		if g.Spec.ReplicationState == v1alpha1.Primary {
			generations[g.Name] = g.Generation
		}
	}
	w.run(with("--hub-is-down", "--yes")...)
	assert.Equal(t, 3, primary())
	for _, g := range groups {
		if was, ok := generations[g.Name]; ok {
			assert.Equal(t, was, g.Generation)
		}
		if g.Name != "alien" {
			assert.Equal(t, "1002", g.Annotations["exchange.ramendr.openshift.io/epoch"])
		}
	}

	// The cluster takes over, and somebody waits for it.
	reset := groups[0]
	reset.Spec.ReplicationState, reset.Spec.Action = v1alpha1.Secondary, ""
	require.NoError(t, w.Client.Update(t.Context(), reset))
	ctx, interrupt := context.WithCancel(t.Context())
	w.instead(http.MethodPatch, interrupt)
	got = w.runIn(ctx, "", false, with("--hub-is-down", "--yes")...)
	assert.Equal(t, 130, got.code, got.err)
	assert.Contains(t, oneLine(got.out), "Interrupted: ", "what became of each is told")
	require.NoError(t, w.Client.Get(t.Context(), client.ObjectKeyFromObject(reset), reset))
	reset.Spec.ReplicationState, reset.Spec.Action = v1alpha1.Secondary, ""
	require.NoError(t, w.Client.Update(t.Context(), reset))
	got = w.run(with("--hub-is-down", "--yes", "--wait", "--timeout", "10ms")...)
	assert.Equal(t, 3, got.code, got.err)
	assert.Contains(t, got.out, "It takes longer than the time-out, and continues.")
	require.NoError(t, w.Client.Get(t.Context(), client.ObjectKeyFromObject(reset), reset))
	reset.Spec.ReplicationState, reset.Spec.Action = v1alpha1.Secondary, ""
	require.NoError(t, w.Client.Update(t.Context(), reset))
	w.before(http.MethodPatch, func() {
		go func() {
			assert.NoError(t, w.until(func() bool {
				return w.Client.Get(t.Context(), client.ObjectKeyFromObject(reset), reset) == nil && reset.Spec.ReplicationState == v1alpha1.Primary
			}))
			reset.Status.State, reset.Status.ObservedGeneration = v1alpha1.PrimaryState, reset.Generation
			for _, kind := range []string{"ClusterDataReady", "DataReady"} {
				reset.Status.Conditions = append(reset.Status.Conditions, metav1.Condition{Type: kind, Status: "True", Reason: "Fine", ObservedGeneration: reset.Generation, LastTransitionTime: metav1.Now()})
			}
			assert.NoError(t, w.Client.Status().Update(t.Context(), reset))
		}()
	})
	got = w.run(with("--hub-is-down", "--yes", "--wait")...)
	assert.Equal(t, 2, got.code, "one is left out")
	assert.Contains(t, oneLine(got.out), "Done: 1 done, 1 left out. Deploy the workloads on dr2. Before a hub is connected again")
	require.NoError(t, w.Client.Delete(t.Context(), groups[3]))
	got = w.run(with("--hub-is-down", "--yes")...)
	assert.Equal(t, 0, got.code)
	assert.Contains(t, oneLine(got.err), "Nothing to do on the cluster: no application has its copy there that could be promoted; 3 are told to be Primary already.")
	for _, g := range groups[:3] {
		require.NoError(t, w.Client.Delete(t.Context(), g))
	}
}
