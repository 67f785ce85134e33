// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

const appNamespace = "drplacementcontrol.ramendr.openshift.io/app-namespace"

// wishes are the names of all wishes, with their outboxes.
func (h *hub) wishes() []string {
	h.t.Helper()
	list := &v1alpha1.VolumeReplicationGroupList{}
	require.NoError(h.t, h.api.List(h.t.Context(), list))
	var out []string
	for _, w := range list.Items {
		if cluster, ok := exchange.ClusterOf(w.Namespace); ok && w.Namespace == "outbox-"+cluster {
			out = append(out, w.Namespace+"/"+w.Name)
		}
	}
	return out
}

// confirmGone is what the mirror says of the tombstone old.db, of which nothing is left.
func (h *hub) confirmGone(outbox string) {
	h.t.Helper()
	wish := &v1alpha1.VolumeReplicationGroup{}
	if !h.get(wish, clientKey(outbox, "old.db")) || wish.DeletionTimestamp == nil {
		return
	}
	wish.Status.Conditions = []metav1.Condition{condition("Applied", "True", "Applied", ""), condition("Available", "False", "Gone", "")}
	for i := range wish.Status.Conditions {
		wish.Status.Conditions[i].ObservedGeneration = wish.Generation
	}
	require.NoError(h.t, h.api.Status().Update(h.t.Context(), wish))
}

// otherPolicy is a policy over two clusters, with their objects, which are connected and empty unless they are known.
func (h *hub) otherPolicy(name string, clusters ...string) {
	h.t.Helper()
	p := policy()
	p.Name, p.Spec.DRClusters = name, clusters
	h.put(p)
	for _, c := range clusters {
		if h.spokes[c] == nil {
			h.spokes[c] = &spoke{}
			h.put(cluster(c, "s3-"+c))
			h.connect(c)
			h.tell(c)
		}
	}
}

func TestAnApplicationStaysInItsNamespace(t *testing.T) {
	h := deployed(t)
	h.configure("appNamespacesFrom: [shop]")
	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Annotations[appNamespace] = "web" })
	h.settle()
	assert.Equal(t, []string{"outbox-dr1/shop.db", "outbox-dr2/shop.db"}, h.wishes(), "no second group begins")
	w := h.drpc().Status.Waiting
	require.NotNil(t, w)
	assert.Equal(t, []string{"InvalidSpec", "the DRPlacementControl names namespace web, but the application's VolumeReplicationGroup is shop/db, on dr1 and dr2: it stays there. " +
		"Take annotation drplacementcontrol.ramendr.openshift.io/app-namespace off. To protect namespace web instead, disable DR first"}, []string{w.Fact, w.Message})
	assert.Equal(t, "True", string(h.condition("Stalled").Status))

	t.Run("and can be failed over", func(t *testing.T) {
		h.failover("dr2")
		h.settle()
		assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
	})
	t.Run("and leaves nothing behind", func(t *testing.T) {
		h.disable()
		h.settle()
		assert.Nil(t, h.drpc())
		assert.Empty(t, h.wishes())
		assert.False(t, h.spokes["dr1"].has)
		assert.False(t, h.spokes["dr2"].has)
	})
}

func TestAnApplicationStaysInItsNamespaceBeforeTheCacheShowsItsWishes(t *testing.T) {
	h := newHub(t, newDRPC())
	h.configure("appNamespacesFrom: [shop]")
	h.blind = true
	h.pass()
	h.obey("dr2")
	h.pass()
	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Annotations[appNamespace] = "web" })
	h.pass()
	assert.Equal(t, []string{"outbox-dr1/shop.db", "outbox-dr2/shop.db"}, h.wishes())
	h.blind = false
	h.settle()
	assert.Equal(t, []string{"outbox-dr1/shop.db", "outbox-dr2/shop.db"}, h.wishes())
	assert.Equal(t, "InvalidSpec", h.drpc().Status.Waiting.Fact)
}

func TestANewHubAdoptsNoGroupInAnotherNamespace(t *testing.T) {
	h := deployed(t)
	h.rebuild("hub-2", again(func(d *v1alpha1.DRPlacementControl) { d.Annotations[appNamespace] = "web" }))
	h.configure("appNamespacesFrom: [shop]")
	_, err := h.try(app)
	require.ErrorContains(t, err, "cluster dr1 reports VolumeReplicationGroup shop/db of this application, but the DRPlacementControl names namespace web: nothing is done")
	assert.Empty(t, h.wrote())
	h.ask(func(d *v1alpha1.DRPlacementControl) { delete(d.Annotations, appNamespace) })
	h.settle()
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
}

// Groups that an earlier release left behind.
func TestGroupsThatNobodyTendsAreNamedAndRemovedWithTheOthers(t *testing.T) {
	h := deployed(t)
	for _, c := range []string{"dr1", "dr2"} {
		stray := h.wish(c)
		stray.Name, stray.ResourceVersion, stray.UID = "old.db", "", ""
		stray.Annotations["exchange.ramendr.openshift.io/namespace"] = "old"
		h.put(stray)
	}
	h.settle()
	w := h.drpc().Status.Waiting
	require.NotNil(t, w)
	assert.Equal(t, "there are wishes of another VolumeReplicationGroup of this application, which nothing keeps up to date: outbox-dr1/old.db, outbox-dr2/old.db. They are removed when DR is disabled", w.Message)
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())

	h.disable()
	h.settle()
	require.NotNil(t, h.drpc(), "their clusters have not said that they are gone")
	for range 4 {
		for _, c := range []string{"dr1", "dr2"} {
			h.confirmGone("outbox-" + c)
		}
		h.settle()
	}
	assert.Nil(t, h.drpc())
	assert.Empty(t, h.wishes())
}

func TestAPolicyOfOtherClustersMakesNoSecondPrimary(t *testing.T) {
	failedOver := func(t *testing.T) *hub {
		h := deployed(t)
		h.failover("dr2")
		h.settle()
		return h
	}
	other := func(d *v1alpha1.DRPlacementControl) { d.Spec.DRPolicyRef.Name = "other" }
	t.Run("on a new hub", func(t *testing.T) {
		h := failedOver(t)
		h.rebuild("hub-2", again(other))
		h.otherPolicy("other", "dr1", "dr3")
		_, err := h.try(app)
		require.ErrorContains(t, err, "cluster dr2 reports VolumeReplicationGroup shop/db of this application as Primary, but DRPolicy other is for other clusters: nothing is done, and that group stays as it is")
		assert.Empty(t, h.wrote())
		w := h.drpc().Status.Waiting
		assert.Equal(t, "InvalidSpec", w.Fact)
	})
	t.Run("on a new hub that has not heard of the other cluster", func(t *testing.T) {
		h := failedOver(t)
		h.rebuild("hub-2", again(other))
		h.otherPolicy("other", "dr1", "dr3")
		require.NoError(t, h.api.Delete(t.Context(), h.inbox("dr2")))
		h.cut("dr2")
		h.settle()
		assert.Empty(t, h.wishes())
		w := h.drpc().Status.Waiting
		assert.Equal(t, []string{"PrimaryFound", "cluster dr1 has a Secondary of VolumeReplicationGroup shop/db, and cluster dr3 has nothing: it is not known which cluster has its Primary"}, []string{w.Fact, w.Message})
		assert.Equal(t, "if the workload runs on another cluster, delete this DRPlacementControl and create it again with a DRPolicy that lists that cluster; "+
			"if that Primary is lost, set action Failover and failoverCluster to dr1; "+
			"if the application was never deployed anywhere, delete that group, which gives up no volume, on cluster dr1: kubectl -n shop delete vrg db", w.NextStep)

		t.Run("unless the user says so", func(t *testing.T) {
			h.failover("dr1")
			h.settle()
			assert.Equal(t, "FailedOver/Cleaning Up [dr1 Run, dr3 Retain] dr1:primary@3", h.shows(), "dr3 is told to follow")
		})
	})
	t.Run("on the same hub", func(t *testing.T) {
		h := failedOver(t)
		h.ask(func(d *v1alpha1.DRPlacementControl) { d.Finalizers = nil })
		h.disable()
		h.otherPolicy("other", "dr1", "dr3")
		h.put(again(other))
		h.settle()
		assert.Equal(t, []string{"outbox-dr1/shop.db", "outbox-dr2/shop.db"}, h.wishes())
		w := h.drpc().Status.Waiting
		require.NotNil(t, w)
		assert.Equal(t, "DRPolicy other is for dr1 and dr3, but the application's VolumeReplicationGroup shop/db lies on dr1 and dr2: it stays there. "+
			"Delete the DRPlacementControl, which disables DR, and create it again with the other DRPolicy; or create it again with a DRPolicy for the clusters where the group lies", w.Message)
		assert.Equal(t, "Deployed/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
		assert.Equal(t, []string{"s3-a", "s3-b"}, h.wish("dr2").Spec.S3Profiles, "and its stores stay")

		h.failover("dr1")
		h.settle()
		assert.Equal(t, "FailedOver/Completed [dr1 Run] dr1:primary@3 dr2:secondary@3", h.shows(), "it is protected as it was")
		h.disable()
		h.settle()
		assert.Nil(t, h.drpc())
		assert.Empty(t, h.wishes())
		assert.False(t, h.spokes["dr2"].has)
	})
	t.Run("when the report comes later", func(t *testing.T) {
		h := failedOver(t)
		h.rebuild("hub-2", again(other))
		h.otherPolicy("other", "dr1", "dr3")
		require.NoError(t, h.api.Delete(t.Context(), h.inbox("dr2")))
		h.cut("dr2")
		h.failover("dr1")
		h.pass() // adopts
		h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.Action = "" })
		h.connect("dr2")
		h.tell("dr2")
		h.settle()
		assert.Equal(t, "PrimaryFound", h.drpc().Status.Waiting.Fact)
		assert.Equal(t, "secondary", string(h.wish("dr1").Spec.ReplicationState))
	})
}

func TestAMissingPolicyStopsNoFailover(t *testing.T) {
	h := deployed(t)
	require.NoError(t, h.api.Delete(t.Context(), policy()))
	h.failover("dr2")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
	assert.Equal(t, "5m", h.wish("dr2").Spec.Async.SchedulingInterval)
	assert.Equal(t, []string{"s3-a", "s3-b"}, h.wish("dr2").Spec.S3Profiles)
	assert.Equal(t, "NoSuchPolicy", h.drpc().Status.Waiting.Fact)
}

func TestReportsOutsideOfThePolicyAreNamedUntilTheyAreGivenUp(t *testing.T) {
	h := deployed(t)
	h.spokes["dr9"] = &spoke{}
	*h.spokes["dr9"] = *h.spokes["dr2"]
	h.connect("dr9")
	h.tell("dr9")
	h.settle()
	w := h.drpc().Status.Waiting
	require.NotNil(t, w)
	assert.Equal(t, "cluster dr9 reports VolumeReplicationGroup shop/db of this application too, where nothing is wished: nothing keeps it up to date. Look there for data that is needed; "+
		"then, to give up what cluster dr9 has: kubectl -n shop annotate --overwrite drpc db ramendr.openshift.io/abandon-cluster=dr9", w.Message)
	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Annotations["ramendr.openshift.io/abandon-cluster"] = "dr9" })
	h.settle()
	assert.Nil(t, h.drpc().Status.Waiting)
	assert.Equal(t, "True", string(h.condition("Ready").Status))
}

func TestANewHubTakesNoGroupOfAnotherApplication(t *testing.T) {
	h := deployed(t)
	thief := newDRPC(func(d *v1alpha1.DRPlacementControl) {
		d.Namespace, d.UID, d.Annotations[appNamespace] = "ops", "thief", "shop"
	})
	h.rebuild("hub-2", thief)
	key := clientKey("ops", "db")
	_, err := h.try(key)
	require.NoError(t, err)
	assert.Empty(t, h.wrote())
	w := h.shown(thief).Status.Waiting
	require.NotNil(t, w)
	assert.Equal(t, []string{"ForeignObject", "VolumeReplicationGroup shop/db on cluster dr1 was made for DRPlacementControl shop/db, not for this one: it is left alone",
		"if this is the same application, take it over: kubectl -n ops annotate drpc db ramendr.openshift.io/adopt-from=shop/db; else rename this DRPlacementControl"},
		[]string{w.Fact, w.Message, w.NextStep})

	now := h.shown(thief)
	now.Annotations["ramendr.openshift.io/adopt-from"] = "shop/db"
	require.NoError(t, h.api.Update(t.Context(), now))
	_, err = h.try(key)
	require.NoError(t, err)
	assert.Equal(t, []string{"hold drpc db", "wish dr1 primary epoch 1 adopting dr1-1", "wish dr2 secondary epoch 1 adopting dr2-1"}, h.wrote(), "by the user's word")
}

func TestTwoGroupsOfOneNameDoNotShareABucket(t *testing.T) {
	twin := func(d *v1alpha1.DRPlacementControl) {
		d.Namespace, d.UID, d.Annotations[appNamespace] = "ops", "twin", "shop"
		d.Spec.DRPolicyRef.Name, d.Spec.PreferredCluster = "far", "dr3"
	}
	for name, tc := range map[string]struct {
		profile string
		refused bool
	}{
		"one profile":                   {"s3-a", true},
		"two profiles of one bucket":    {"s3-same", true},
		"another bucket":                {"s3-other", false},
		"a profile that nobody defines": {"s3-unknown", false},
	} {
		t.Run(name, func(t *testing.T) {
			h := deployed(t)
			h.configure("{appNamespacesFrom: [ops], s3StoreProfiles: [{s3ProfileName: s3-a, s3Bucket: a, s3CompatibleEndpoint: https://s3}, " +
				"{s3ProfileName: s3-same, s3Bucket: a, s3CompatibleEndpoint: https://s3}, {s3ProfileName: s3-other, s3Bucket: b, s3CompatibleEndpoint: https://s3}]}")
			far := policy()
			far.Name, far.Spec.DRClusters = "far", []string{"dr3", "dr4"}
			h.put(far, cluster("dr3", tc.profile), cluster("dr4", "s3-dr4"), younger(newDRPC(twin)))
			_, err := h.try(clientKey("ops", "db"))
			assert.Empty(t, h.wrote())
			if !tc.refused {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "DRPlacementControl shop/db stores the metadata of shop/db in object store s3-a already, from other clusters, and this one would overwrite it")
		})
	}
}
