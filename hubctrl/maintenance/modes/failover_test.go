// SPDX-License-Identifier: Apache-2.0

package modes_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/maintenance/modes"
)

type (
	group    = v1alpha1.VolumeReplicationGroup
	mode     = modes.Mode
	failover = modes.Failover
)

// replication and storage are the class facts of the target.
func replication(provisioner, id, modes string) v1alpha1.ClassFact {
	return v1alpha1.ClassFact{Kind: "VolumeReplicationClass", Name: provisioner + id, Provisioner: provisioner, Labels: map[string]string{
		"ramendr.openshift.io/replicationid": id, "ramendr.openshift.io/maintenancemodes": modes,
	}}
}

func storage(name, provisioner, id, modes string) v1alpha1.ClassFact {
	return v1alpha1.ClassFact{Kind: "StorageClass", Name: name, Provisioner: provisioner, Labels: map[string]string{
		"ramendr.openshift.io/storageid": id, "ramendr.openshift.io/maintenancemodes": modes,
	}}
}

// wish is the target's, with its peer classes: a class and its replication id each.
func wish(state v1alpha1.ReplicationState, peers ...string) *group {
	w := &group{}
	w.UID, w.Generation = "wish", 3
	w.Annotations = map[string]string{"exchange.ramendr.openshift.io/epoch": "2"}
	w.Spec.ReplicationState = state
	w.Spec.Async = &v1alpha1.VRGAsyncSpec{}
	for i := 0; i < len(peers); i += 2 {
		w.Spec.Async.PeerClasses = append(w.Spec.Async.PeerClasses, v1alpha1.PeerClass{StorageClassName: peers[i], ReplicationID: peers[i+1]})
	}
	return w
}

func report(state v1alpha1.State, volumes ...v1alpha1.ProtectedPVC) *group {
	r := &group{}
	r.Status.State = state
	r.Status.Exchange = &v1alpha1.ExchangeStamp{WishUID: "wish", WishGeneration: 3, Epoch: 2, SpokeGeneration: 7}
	r.Status.ProtectedPVCs = volumes
	for _, kind := range []string{"DataReady", "ClusterDataReady"} {
		r.Status.Conditions = append(r.Status.Conditions, metav1.Condition{Type: kind, Status: "True", ObservedGeneration: 7})
	}
	return r
}

func TestTheModesThatAFailoverNeeds(t *testing.T) {
	for name, tc := range map[string]struct {
		failover failover
		classes  []v1alpha1.ClassFact
		want     []mode
	}{
		"none if no class asks for one": {
			failover{Wish: wish("secondary", "fast", "rep")},
			[]v1alpha1.ClassFact{replication("d", "rep", ""), storage("fast", "d", "s2", "")}, nil,
		},
		"one for all classes that one pairing replicates": {
			failover{Wish: wish("secondary", "fast", "rep", "faster", "rep")},
			[]v1alpha1.ClassFact{replication("d", "rep", "Failover")}, []mode{{"d", "rep"}},
		},
		"none for a pairing that the target was not told of": {
			failover{Wish: wish("secondary", "fast", "rep")},
			[]v1alpha1.ClassFact{replication("d", "rep", ""), replication("d", "rep2", "Failover")}, nil,
		},
		"none for a class without a pairing, though a class of the target has none either": {
			failover{Wish: wish("secondary", "fast", "")},
			[]v1alpha1.ClassFact{replication("d", "", "Failover")}, nil,
		},
		"none of a mode that is not for failovers": {
			failover{Wish: wish("secondary", "fast", "rep")},
			[]v1alpha1.ClassFact{replication("d", "rep", "Upgrade")}, nil,
		},
		"one of several modes that the label lists": {
			failover{Wish: wish("secondary", "fast", "rep")},
			[]v1alpha1.ClassFact{replication("d", "rep", "Upgrade, Failover")}, []mode{{"d", "rep"}},
		},
		"of all that the target was told of": {
			failover{Wish: wish("secondary", "fast", "rep", "slow", "")},
			[]v1alpha1.ClassFact{replication("d", "rep", "Failover"), storage("slow", "e", "s2", "Failover"), replication("d", "rep2", "Failover")},
			[]mode{{"d", "rep"}, {"e", "s2"}},
		},
		"by the target's own copy of a wish that a new hub has not made yet": {
			failover{Report: wish("secondary", "fast", "rep")},
			[]v1alpha1.ClassFact{replication("d", "rep", "Failover")}, []mode{{"d", "rep"}},
		},
		"of the storage, by the id that it has on the target": {
			failover{Wish: wish("secondary", "fast", "")},
			[]v1alpha1.ClassFact{storage("fast", "d", "s2", "Failover"), storage("slow", "d", "s3", "Failover")}, []mode{{"d", "s2"}},
		},
		"of the storage and of the pairing": {
			failover{Wish: wish("secondary", "fast", "rep")},
			[]v1alpha1.ClassFact{storage("fast", "d", "s2", "Failover"), replication("d", "rep", "Failover")}, []mode{{"d", "rep"}, {"d", "s2"}},
		},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, tc.failover.Needs(tc.classes)) })
	}
}

// What the failed side reports of volumes, drivers and modes is its own business: nobody asks the target for a mode because
// of it, and no failover waits for one.
func TestX16_WhatTheFailedSideReportsNeedsNoMode(t *testing.T) {
	class, drpc := "fast", &v1alpha1.DRPlacementControl{}
	drpc.Spec.Action, drpc.Spec.FailoverCluster = "Failover", "dr2"
	lie := report("Primary", v1alpha1.ProtectedPVC{
		StorageClassName: &class, CSIProvisioner: "made.up",
		ReplicationID: v1alpha1.Identifier{ID: "any", Modes: []v1alpha1.MMode{"Failover"}},
		StorageID:     v1alpha1.Identifier{ID: "any", Modes: []v1alpha1.MMode{"Failover"}},
	})
	f, target, ok := modes.Of(drpc, [2]modes.Side{
		{Cluster: "dr1", Wish: wish("primary"), Report: lie},
		{Cluster: "dr2", Wish: wish("secondary", "fast", "rep"), Report: report("Secondary")},
	})
	require.True(t, ok)
	assert.Equal(t, "dr2", target)
	assert.Empty(t, modes.Needed([]failover{f}, []v1alpha1.ClassFact{replication("d", "rep", ""), storage("fast", "d", "s2", "")}))
}

func TestSeveralFailoversShareAMode(t *testing.T) {
	classes := []v1alpha1.ClassFact{replication("d", "rep", "Failover"), replication("e", "rep2", "Failover")}
	one := failover{Wish: wish("secondary", "fast", "rep")}
	two := failover{Wish: wish("secondary", "slow", "rep2", "fast", "rep")}
	over := failover{Wish: wish("primary", "slow", "rep2"), Decided: true}
	assert.Equal(t, []mode{{"d", "rep"}, {"e", "rep2"}}, modes.Needed([]failover{two, one}, classes))
	assert.Equal(t, []mode{{"d", "rep"}}, modes.Needed([]failover{over, one}, classes), "it stays for the one that is not over")
	assert.Empty(t, modes.Needed([]failover{over}, classes))
}

func TestAFailoverIsUnderWayUntilTheWorkloadWasSentToTheTarget(t *testing.T) {
	broken := report("Primary")
	broken.Status.Conditions[0].Status = "False"
	late := report("Secondary")
	late.Status.Exchange.Epoch = 5
	later := report("Secondary")
	later.Status.Exchange.WishGeneration = 9
	for name, tc := range map[string]struct {
		failover failover
		want     bool
	}{
		"before it begins":                                  {failover{Wish: wish("secondary"), Report: report("Secondary")}, true},
		"while the target is promoted":                      {failover{Wish: wish("primary"), Report: report("Secondary")}, true},
		"while the target is Primary and not ready":         {failover{Wish: wish("primary"), Report: broken}, true},
		"while the target ran the workload before the last": {failover{Wish: wish("secondary"), Report: report("Primary"), Decided: true}, true},
		"not when the target is Primary and ready":          {failover{Wish: wish("primary"), Report: report("Primary")}, false},
		"not when the target falls ill later":               {failover{Wish: wish("primary"), Report: broken, Decided: true}, false},
		"not where nothing can be promoted":                 {failover{}, false},
		"before a new hub has adopted anything":             {failover{Report: report("Secondary")}, true},
		"not when a new hub finds that it happened":         {failover{Report: report("Primary")}, false},
		"not while the hub has forgotten a later epoch":     {failover{Wish: wish("secondary"), Report: late}, false},
		"not while the hub has forgotten a later wish":      {failover{Wish: wish("secondary"), Report: later}, false},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, tc.failover.UnderWay()) })
	}
}

func TestWhetherTheClassesOfTheTargetAreKnown(t *testing.T) {
	f := failover{Wish: wish("secondary", "fast", "rep")}
	told := &v1alpha1.DRClusterConfig{}
	assert.True(t, f.Blind(nil))
	assert.True(t, f.Blind(told), "an object without a status says nothing")
	told.Status.Conditions = []metav1.Condition{{Type: "Processed", Status: "False"}}
	assert.True(t, f.Blind(told), "they could not be read")
	told.Status.Classes = []v1alpha1.ClassFact{replication("d", "rep", "")}
	assert.False(t, f.Blind(told), "what was read before stands")
	told.Status.Classes, told.Status.Conditions[0].Status = nil, "True"
	assert.False(t, f.Blind(told), "there are none")
	assert.False(t, failover{Wish: wish("secondary")}.Blind(nil), "nothing is replicated that could need a mode")
}

func TestTheNameOfAMode(t *testing.T) {
	long := mode{"very.long.driver.example.com", "an id with blanks/and more, " + string(make([]byte, 300))}
	assert.Empty(t, validation.IsDNS1123Label(long.Name()), "it is a name of at most 63 characters")
	names := map[string]bool{}
	for _, m := range []mode{{"d", "rep"}, {"e", "rep"}, {"d", "rep2"}, {"dr", "ep"}, long} {
		names[m.Name()] = true
	}
	assert.Len(t, names, 5, "each has a name of its own")
	assert.Equal(t, "failover-3f8e38c9df937f47fef50a52354bde33", mode{"d", "rep"}.Name(), "and keeps it: a later version must find what an earlier one asked for")
}

var noon = time.Date(2026, 1, 1, 12, 0, 0, 123456789, time.UTC)

func TestARequestKeepsItsTime(t *testing.T) {
	first := modes.Requests([]mode{{"d", "rep"}}, nil, noon)
	require.Len(t, first, 1)
	assert.Equal(t, v1alpha1.MaintenanceModeRequest{
		Name: mode{"d", "rep"}.Name(), StorageProvisioner: "d", TargetID: "rep", Modes: []v1alpha1.MMode{"Failover"},
		RequestedTime: metav1.NewMicroTime(noon.Truncate(time.Microsecond)),
	}, first[0])

	both := modes.Requests([]mode{{"d", "rep"}, {"e", "rep"}}, first, noon.Add(time.Minute))
	require.Len(t, both, 2)
	assert.Equal(t, first[0], both[0])
	assert.NotEqual(t, first[0].RequestedTime, both[1].RequestedTime)

	assert.Empty(t, modes.Requests(nil, both, noon))
	again := modes.Requests([]mode{{"d", "rep"}}, nil, noon.Add(time.Hour))
	assert.NotEqual(t, first[0].RequestedTime, again[0].RequestedTime, "a mode that was ended is asked for again")
}

func TestWhatChangesWithEachSynchronizationIsNotLookedAt(t *testing.T) {
	first := report("Primary", v1alpha1.ProtectedPVC{Name: "data"})
	first.Generation = 1
	for name, tc := range map[string]struct {
		edit func(*group)
		want bool
	}{
		"a synchronization": {func(g *group) {
			g.ResourceVersion, g.Status.LastGroupSyncTime, g.Status.ProtectedPVCs[0].LastSyncTime = "9", &metav1.Time{Time: noon}, &metav1.Time{Time: noon}
		}, true},
		"another role":   {func(g *group) { g.Generation++ }, false},
		"another epoch":  {func(g *group) { g.Status.Exchange.Epoch++ }, false},
		"another state":  {func(g *group) { g.Status.State = "Secondary" }, false},
		"not ready":      {func(g *group) { g.Status.Conditions[0].Status = "False" }, false},
		"another volume": {func(g *group) { g.Status.ProtectedPVCs = append(g.Status.ProtectedPVCs, v1alpha1.ProtectedPVC{}) }, true},
		"no stamp":       {func(g *group) { g.Status.Exchange = nil }, false},
		"recalled": {func(g *group) {
			g.Annotations = map[string]string{"exchange.ramendr.openshift.io/recalled-at-generation": "1"}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			second := first.DeepCopy()
			tc.edit(second)
			assert.Equal(t, tc.want, modes.Alike(first, second))
		})
	}
}
