// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/app"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
	"github.com/ramendr/ramen-direct/tests/lab/story"
)

// TestAHubThatIsLostIsReplaced: three applications, deployed, failed over and in the middle of a relocate; the hub is lost
// with all its objects. A new one is fed with the same manifests. Nothing is written on a cluster before the adoption is
// decided, no role changes but those of the relocate, which goes on, and what runs is not touched.
func TestAHubThatIsLostIsReplaced(t *testing.T) {
	l := shared.Lab(t)
	actors := protectedOn(t, l, lab.DR1, "lost-deployed", "lost-failed-over", "lost-relocating")
	deployed, moved, moving := actors[0], actors[1], actors[2]
	moved.Ask(failoverTo(lab.DR2))
	moved.Settled(v1alpha1.FailedOver, lab.DR2)
	moving.Leave()
	moving.Ask(relocateTo(lab.DR2))
	moving.Waits("WorkloadGone", lab.DR1)
	pods := []any{deployed.Pod(lab.DR1), moved.Pod(lab.DR2), moving.Pod(lab.DR1)}
	before := groupsOf(actors)

	began := time.Now()
	require.NoError(t, l.ReplaceHub(t.Context(), manifests(t, l, actors)...))
	deployed.Settled(v1alpha1.Deployed, lab.DR1)
	moved.Settled(v1alpha1.FailedOver, lab.DR2)
	moving.Waits("WorkloadGone", lab.DR1)
	t.Logf("the new hub knows all %s after the loss of the old one", time.Since(began).Round(time.Millisecond))

	assert.Equal(t, pods, []any{deployed.Pod(lab.DR1), moved.Pod(lab.DR2), moving.Pod(lab.DR1)}, "no workload was touched")
	for key, group := range groupsOf(actors) {
		assert.Equal(t, before[key].Spec, group.Spec, "%s is told what it was told", key)
		assert.Equal(t, before[key].Generation, group.Generation, "%s was told nothing else in between", key)
	}
	requireAdoptedFirst(t, l, began)

	moving.Follow()
	moving.Settled(v1alpha1.Relocated, lab.DR2)
	require.NoError(t, moving.GoesOn(t.Context(), lab.DR2))
	moving.NothingLost()
	for _, a := range actors[:2] {
		_, err := a.Disable(t.Context())
		require.NoError(t, err)
	}
}

// TestANewHubMovesWhatItAdopted: as kind tells it, with a hub that is deleted as a whole.
func TestANewHubMovesWhatItAdopted(t *testing.T) {
	a := protected(t, shared.Lab(t), "lost-and-moved", lab.DR1)
	took, err := a.ReplaceHub(t.Context())
	require.NoError(t, err)
	t.Logf("adopted and protected %s after the loss of the old hub", took.Round(time.Millisecond))
	_, err = a.Relocate(t.Context(), lab.DR2)
	require.NoError(t, err)
	_, err = a.Disable(t.Context())
	require.NoError(t, err)
}

// TestANewHubMovesWhatItCopies: the movers that run have a key that the new hub does not know. They get another one, so that the last
// synchronization comes through.
func TestANewHubMovesWhatItCopies(t *testing.T) {
	testlayer.Slow(t, "hubctrl/drpc TestANameStandsForOneKey")
	l := shared.Lab(t)
	a := enter(t, l, "lost-and-copied")
	a.App.Class = lab.SnapshotStorageClass
	require.NoError(t, a.Protect(t.Context(), lab.DR1))
	require.NoError(t, l.ReplaceHub(t.Context(), manifests(t, l, []*actor{a})...))
	a.Settled(v1alpha1.Deployed, lab.DR1)
	_, err := a.Relocate(t.Context(), lab.DR2)
	require.NoError(t, err)
	for _, cluster := range lab.Spokes() { // what the lost hub left, as docs/volsync.md says
		c := l.Cluster(cluster).Client
		group, secrets := &v1alpha1.VolumeReplicationGroup{}, &corev1.SecretList{}
		require.NoError(t, c.Get(t.Context(), client.ObjectKey{Namespace: "lost-and-copied", Name: "lost-and-copied"}, group))
		require.NoError(t, c.List(t.Context(), secrets, client.InNamespace(group.Namespace)))
		require.Len(t, secrets.Items, 2, "the key of the old hub and that of the new one")
		for i := range secrets.Items {
			if secrets.Items[i].Name != group.Spec.VolSync.KeySecret {
				require.NoError(t, c.Delete(t.Context(), &secrets.Items[i]))
			}
		}
	}
	_, err = a.Disable(t.Context())
	require.NoError(t, err)
}

// TestANewHubDecidesWhatItCanSee: what becomes of each application when the hub is replaced while dr1 is lost, and when
// dr1 returns.
func TestANewHubDecidesWhatItCanSee(t *testing.T) {
	l := shared.Lab(t)
	onSeen := protected(t, l, "peer-lost", lab.DR2)
	onDR1 := protectedOn(t, l, lab.DR1, "home-lost", "failed-over", "action-dropped", "both-secondary")
	onLost, failedOver, forgetful, moving := onDR1[0], onDR1[1], onDR1[2], onDR1[3]
	failedOver.Ask(failoverTo(lab.DR2))
	forgetful.Ask(failoverTo(lab.DR2))
	failedOver.Settled(v1alpha1.FailedOver, lab.DR2)
	forgetful.Settled(v1alpha1.FailedOver, lab.DR2)
	halfway(moving)

	actors := []*actor{onLost, onSeen, failedOver, forgetful, moving}
	again := manifests(t, l, actors)
	for _, o := range again {
		if drpc, ok := o.(*v1alpha1.DRPlacementControl); ok && drpc.Name == forgetful.App.Name {
			drpc.Spec.Action, drpc.Spec.FailoverCluster = "", ""
		}
	}
	pod := onLost.Pod(lab.DR1)
	require.NoError(t, l.Fault(lab.DR1, faultproxy.Cut))
	require.NoError(t, l.ReplaceHub(t.Context(), again...))
	fresh := enter(t, l, "made-meanwhile")
	require.NoError(t, fresh.App.Protect(t.Context(), lab.DR2))

	// Nobody knows what exists on dr1, so nothing is begun; only the failover is the user's word that dr1 is lost.
	for a, phase := range map[*actor]v1alpha1.DRState{
		onLost: v1alpha1.WaitForUser, onSeen: v1alpha1.WaitForUser, forgetful: v1alpha1.WaitForUser, moving: v1alpha1.WaitForUser,
		fresh: v1alpha1.Initiating, failedOver: v1alpha1.FailedOver,
	} {
		a.Control("it does what it can see: "+string(phase), func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
			assert.Equal(c, phase, drpc.Status.Phase)
			w := drpc.Status.Waiting
			require.NotNil(c, w)
			assert.Equal(c, "dr1 InboxComplete", w.Cluster+" "+w.Fact)
			assert.Contains(c, w.Message, "it is not known what exists on cluster dr1: ")
			advice := "the operation continues automatically when the mirror on dr1 reports"
			if a != failedOver {
				advice += "; if that cluster is lost for good, set action Failover and failoverCluster to the other one"
			}
			assert.Equal(c, advice, w.NextStep)
		})
	}

	onLost.Ask(failoverTo(lab.DR2))
	onLost.Control("it is failed over", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		assert.Equal(c, v1alpha1.FailedOver, drpc.Status.Phase)
		assert.Equal(c, lab.DR2, drpc.Status.PreferredDecision.ClusterName)
	})
	assert.Equal(t, pod, onLost.Pod(lab.DR1), "nobody could tell dr1")

	require.NoError(t, l.Heal(lab.DR1))
	onLost.Settled(v1alpha1.FailedOver, lab.DR2)
	onSeen.Settled(v1alpha1.Deployed, lab.DR2)
	failedOver.Settled(v1alpha1.FailedOver, lab.DR2)
	forgetful.Settled(v1alpha1.Deployed, lab.DR2)
	moving.Settled(v1alpha1.Relocated, lab.DR2)
	require.NoError(t, fresh.Begin(t.Context(), lab.DR2))
	moving.NothingLost()
	for _, a := range actors {
		require.NoError(t, a.GoesOn(t.Context(), lab.DR2), a.App.Name)
	}
}

// TestANewHubWithoutClustersWaits for both, and says so.
func TestANewHubWithoutClustersWaits(t *testing.T) {
	l := shared.Lab(t)
	a := protected(t, l, "none-seen", lab.DR1)
	pod := a.Pod(lab.DR1)
	for _, spoke := range lab.Spokes() {
		require.NoError(t, l.Fault(spoke, faultproxy.Cut))
	}
	require.NoError(t, l.ReplaceHub(t.Context(), manifests(t, l, []*actor{a})...))
	a.Waits("InboxComplete", lab.DR1)
	require.NoError(t, l.Heal(lab.DR1))
	a.Waits("InboxComplete", lab.DR2)
	require.NoError(t, l.Heal(lab.DR2))
	a.Settled(v1alpha1.Deployed, lab.DR1)
	assert.Equal(t, pod, a.Pod(lab.DR1))
}

// halfway brings a relocate from dr1 to dr2 to where both are Secondary, and ends hubctrl there: while the storage of dr1
// holds still the demotion can't end.
func halfway(a *actor) {
	a.T.Helper()
	const storage = "storage-" + lab.DR1
	a.Leave()
	a.Ask(relocateTo(lab.DR2))
	a.Waits("WorkloadGone", lab.DR1)
	require.NoError(a.T, a.Lab.Freeze(storage))
	a.Follow()
	a.Waits("Secondary", lab.DR1)
	require.NoError(a.T, a.Lab.Stop("hubctrl"))
	require.NoError(a.T, a.Lab.Thaw(storage))
	require.EventuallyWithT(a.T, func(c *assert.CollectT) {
		group := a.Group(lab.DR1)
		assert.Equal(c, v1alpha1.SecondaryState, group.Status.State)
		assert.Equal(c, group.Generation, group.Status.ObservedGeneration)
	}, patience, tick, "dr1 is Secondary")
	require.Equal(a.T, v1alpha1.Secondary, a.Group(lab.DR2).Spec.ReplicationState)
}

// manifests are what a user has in Git: the clusters, the policy and the applications, as they were last asked for.
func manifests(t *testing.T, l *lab.Lab, actors []*actor) []client.Object {
	t.Helper()
	var apps []*app.App
	for _, a := range actors {
		apps = append(apps, a.App)
	}
	out, err := story.Manifests(t.Context(), l, apps...)
	require.NoError(t, err)
	return out
}

// groupsOf are the groups of the actors on all clusters.
func groupsOf(actors []*actor) map[string]*v1alpha1.VolumeReplicationGroup {
	out := map[string]*v1alpha1.VolumeReplicationGroup{}
	for _, a := range actors {
		for _, cluster := range lab.Spokes() {
			out[cluster+"/"+a.App.Name] = a.Group(cluster)
		}
	}
	return out
}

// requireAdoptedFirst requires that no mirror wrote to a group before hubctrl wrote the wish for it.
func requireAdoptedFirst(t *testing.T, l *lab.Lab, since time.Time) {
	t.Helper()
	onHub, err := l.Writes(lab.Hub, since)
	require.NoError(t, err)
	wished := map[string]time.Time{}
	for _, w := range onHub {
		key := w.Namespace + "/" + w.Name
		if w.Resource == "volumereplicationgroups" && w.By(lab.HubController()) && wished[key].IsZero() {
			wished[key] = w.At
		}
	}
	require.NotEmpty(t, wished)
	adopted := 0
	for _, spoke := range lab.Spokes() {
		writes, err := l.Writes(spoke, since)
		require.NoError(t, err)
		for _, w := range writes {
			if w.Resource != "volumereplicationgroups" || w.Subresource != "" || !w.By(lab.MirrorOnSpoke(spoke)) {
				continue
			}
			at := wished[exchange.Outbox(spoke)+"/"+exchange.ObjectName(w.Namespace, w.Name)]
			assert.False(t, at.IsZero() || w.At.Before(at), "%s at %s, the wish was made at %s", w, w.At, at)
			adopted++
		}
	}
	assert.GreaterOrEqual(t, adopted, len(wished), "each wish has reached its cluster")
}
