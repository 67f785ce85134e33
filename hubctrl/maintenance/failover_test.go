// SPDX-License-Identifier: Apache-2.0

package maintenance_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/maintenance"
)

type (
	group    = v1alpha1.VolumeReplicationGroup
	mode     = maintenance.Mode
	failover = maintenance.Failover
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

func pvc(class, provisioner, replicationID string, edits ...func(*v1alpha1.ProtectedPVC)) v1alpha1.ProtectedPVC {
	p := v1alpha1.ProtectedPVC{StorageClassName: &class, CSIProvisioner: provisioner, ReplicationID: v1alpha1.Identifier{ID: replicationID}}
	for _, edit := range edits {
		edit(&p)
	}
	return p
}

func TestTheModesThatAFailoverNeeds(t *testing.T) {
	fails := []v1alpha1.MMode{"Failover"}
	for name, tc := range map[string]struct {
		failover failover
		classes  []v1alpha1.ClassFact
		want     []mode
	}{
		"none if no class asks for one": {
			failover{Wish: wish("secondary", "fast", "rep"), Source: report("Primary", pvc("fast", "d", "rep"))},
			[]v1alpha1.ClassFact{replication("d", "rep", ""), storage("fast", "d", "s2", "")}, nil,
		},
		"one for all volumes that one pairing replicates": {
			failover{Wish: wish("secondary"), Source: report("Primary", pvc("fast", "d", "rep"), pvc("faster", "d", "rep"))},
			[]v1alpha1.ClassFact{replication("d", "rep", "Failover")}, []mode{{"d", "rep"}},
		},
		"none for a pairing that no volume uses": {
			failover{Wish: wish("secondary", "fast", "rep", "other", "rep2"), Source: report("Primary", pvc("fast", "d", "rep"))},
			[]v1alpha1.ClassFact{replication("d", "rep", ""), replication("d", "rep2", "Failover")}, nil,
		},
		"none of a mode that is not for failovers": {
			failover{Wish: wish("secondary"), Source: report("Primary", pvc("fast", "d", "rep"))},
			[]v1alpha1.ClassFact{replication("d", "rep", "Upgrade")}, nil,
		},
		"one of several modes that the label lists": {
			failover{Wish: wish("secondary"), Source: report("Primary", pvc("fast", "d", "rep"))},
			[]v1alpha1.ClassFact{replication("d", "rep", "Upgrade, Failover")}, []mode{{"d", "rep"}},
		},
		"only of the driver of the volume, if two use one id": {
			failover{Wish: wish("secondary"), Source: report("Primary", pvc("fast", "d", "rep"))},
			[]v1alpha1.ClassFact{replication("e", "rep", "Failover"), replication("d", "rep", "Failover")}, []mode{{"d", "rep"}},
		},
		"by what is known of a volume before its pairing was reported": {
			failover{Wish: wish("secondary", "fast", "rep"), Source: report("Primary", pvc("fast", "d", ""))},
			[]v1alpha1.ClassFact{replication("d", "rep", "Failover")}, []mode{{"d", "rep"}},
		},
		"none of a pairing for a volume that VolSync replicates": {
			failover{Wish: wish("secondary", "fast", "rep"), Source: report("Primary", pvc("fast", "d", "", func(p *v1alpha1.ProtectedPVC) { p.ProtectedByVolSync = true }))},
			[]v1alpha1.ClassFact{replication("d", "rep", "Failover")}, nil,
		},
		"all that the target was told of, if the source never reported": {
			failover{Wish: wish("secondary", "fast", "rep", "slow", "")},
			[]v1alpha1.ClassFact{replication("d", "rep", "Failover"), storage("slow", "e", "s2", "Failover"), replication("d", "rep2", "Failover")},
			[]mode{{"d", "rep"}, {"e", "s2"}},
		},
		"all that the target was told of, if the source was demoted since, and what it lists": {
			failover{Wish: wish("secondary", "fast", "rep"), Source: report("Secondary", pvc("odd", "d", "rep2"))},
			[]v1alpha1.ClassFact{replication("d", "rep", "Failover"), replication("d", "rep2", "Failover")},
			[]mode{{"d", "rep"}, {"d", "rep2"}},
		},
		"all that the target was told of, if the source had not looked at a volume": {
			failover{Wish: wish("secondary", "fast", "rep"), Source: report("Primary", v1alpha1.ProtectedPVC{Name: "new"})},
			[]v1alpha1.ClassFact{replication("d", "rep", "Failover")}, []mode{{"d", "rep"}},
		},
		"by the target's own copy of a wish that a new hub has not made yet": {
			failover{Report: wish("secondary", "fast", "rep")},
			[]v1alpha1.ClassFact{replication("d", "rep", "Failover")}, []mode{{"d", "rep"}},
		},
		"as the source reported them, though the target's classes say nothing": {
			failover{Wish: wish("secondary"), Source: report("Primary", pvc("fast", "d", "rep", func(p *v1alpha1.ProtectedPVC) { p.ReplicationID.Modes = fails }))},
			nil, []mode{{"d", "rep"}},
		},
		"of the storage, by the id that it has on the target": {
			failover{Wish: wish("secondary"), Source: report("Primary", pvc("fast", "d", "", func(p *v1alpha1.ProtectedPVC) { p.StorageID.ID = "s1" }))},
			[]v1alpha1.ClassFact{storage("fast", "d", "s2", "Failover"), storage("slow", "d", "s3", "Failover")}, []mode{{"d", "s2"}},
		},
		"of the storage, as the source reported it, by the target's id": {
			failover{Wish: wish("secondary"), Source: report("Primary", pvc("fast", "d", "", func(p *v1alpha1.ProtectedPVC) { p.StorageID = v1alpha1.Identifier{ID: "s1", Modes: fails} }))},
			[]v1alpha1.ClassFact{storage("fast", "d", "s2", "")}, []mode{{"d", "s2"}},
		},
		"of the storage, as the source reported it, if the target has no such class": {
			failover{Wish: wish("secondary"), Source: report("Primary", pvc("fast", "d", "", func(p *v1alpha1.ProtectedPVC) { p.StorageID = v1alpha1.Identifier{ID: "s1", Modes: fails} }))},
			nil, []mode{{"d", "s1"}},
		},
		"of the storage and of the pairing": {
			failover{Wish: wish("secondary", "fast", "rep"), Source: report("Primary", pvc("fast", "d", "rep"))},
			[]v1alpha1.ClassFact{storage("fast", "d", "s2", "Failover"), replication("d", "rep", "Failover")}, []mode{{"d", "rep"}, {"d", "s2"}},
		},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, tc.failover.Needs(tc.classes)) })
	}
}

func TestSeveralFailoversShareAMode(t *testing.T) {
	classes := []v1alpha1.ClassFact{replication("d", "rep", "Failover"), replication("e", "rep", "Failover")}
	one := failover{Wish: wish("secondary"), Source: report("Primary", pvc("fast", "d", "rep"))}
	two := failover{Wish: wish("secondary"), Source: report("Primary", pvc("slow", "e", "rep"), pvc("fast", "d", "rep"))}
	over := failover{Wish: wish("primary"), Source: report("Primary", pvc("slow", "e", "rep")), Decided: true}
	assert.Equal(t, []mode{{"d", "rep"}, {"e", "rep"}}, maintenance.Needed([]failover{two, one}, classes))
	assert.Equal(t, []mode{{"d", "rep"}}, maintenance.Needed([]failover{over, one}, classes), "it stays for the one that is not over")
	assert.Empty(t, maintenance.Needed([]failover{over}, classes))
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
	first := maintenance.Requests([]mode{{"d", "rep"}}, nil, noon)
	require.Len(t, first, 1)
	assert.Equal(t, v1alpha1.MaintenanceModeRequest{
		Name: mode{"d", "rep"}.Name(), StorageProvisioner: "d", TargetID: "rep", Modes: []v1alpha1.MMode{"Failover"},
		RequestedTime: metav1.NewMicroTime(noon.Truncate(time.Microsecond)),
	}, first[0])

	both := maintenance.Requests([]mode{{"d", "rep"}, {"e", "rep"}}, first, noon.Add(time.Minute))
	require.Len(t, both, 2)
	assert.Equal(t, first[0], both[0])
	assert.NotEqual(t, first[0].RequestedTime, both[1].RequestedTime)

	assert.Empty(t, maintenance.Requests(nil, both, noon))
	again := maintenance.Requests([]mode{{"d", "rep"}}, nil, noon.Add(time.Hour))
	assert.NotEqual(t, first[0].RequestedTime, again[0].RequestedTime, "a mode that was ended is asked for anew")
}

func TestWhatChangesWithEachSynchronisationIsNotLookedAt(t *testing.T) {
	first := report("Primary", pvc("fast", "d", "rep"))
	first.Generation = 1
	for name, tc := range map[string]struct {
		edit func(*group)
		want bool
	}{
		"a synchronisation": {func(g *group) {
			g.ResourceVersion, g.Status.LastGroupSyncTime, g.Status.ProtectedPVCs[0].LastSyncTime = "9", &metav1.Time{Time: noon}, &metav1.Time{Time: noon}
		}, true},
		"another role":   {func(g *group) { g.Generation++ }, false},
		"another epoch":  {func(g *group) { g.Status.Exchange.Epoch++ }, false},
		"another state":  {func(g *group) { g.Status.State = "Secondary" }, false},
		"not ready":      {func(g *group) { g.Status.Conditions[0].Status = "False" }, false},
		"another volume": {func(g *group) { g.Status.ProtectedPVCs = append(g.Status.ProtectedPVCs, pvc("slow", "e", "")) }, false},
		"another mode":   {func(g *group) { g.Status.ProtectedPVCs[0].StorageID.Modes = []v1alpha1.MMode{"Failover"} }, false},
		"no stamp":       {func(g *group) { g.Status.Exchange = nil }, false},
		"recalled": {func(g *group) {
			g.Annotations = map[string]string{"exchange.ramendr.openshift.io/recalled-at-generation": "1"}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			second := first.DeepCopy()
			tc.edit(second)
			assert.Equal(t, tc.want, maintenance.Alike(first, second))
		})
	}
}
