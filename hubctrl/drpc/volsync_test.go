// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// withVolSync is deployed, with VolSync volumes.
func withVolSync(t *testing.T, volumes ...string) *hub {
	t.Helper()
	h := newHub(t, newDRPC())
	h.volumes = volumes
	h.settle()
	return h
}

// told says in a line what the wishes say of VolSync volumes.
func (h *hub) toldOfVolSync() string {
	h.t.Helper()
	var out []string
	for _, cluster := range []string{"dr1", "dr2"} {
		w := h.wish(cluster)
		if w == nil {
			continue
		}
		for _, d := range w.Spec.VolSync.RDSpec {
			out = append(out, cluster+" holds "+d.ProtectedPVC.Name)
		}
		for _, s := range w.Spec.VolSync.RSSpec {
			out = append(out, fmt.Sprintf("%s sends %s to %s", cluster, s.ProtectedPVC.Name, s.RsyncTLS.Address))
		}
	}
	return strings.Join(out, ", ")
}

func TestVolSyncVolumesGetDestinationsAndTheirAddresses(t *testing.T) {
	h := withVolSync(t, "logs", "data")
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	assert.Equal(t, "dr1 sends data to data.dr2, dr1 sends logs to logs.dr2, dr2 holds data, dr2 holds logs", h.toldOfVolSync())
	class := "slow"
	assert.Equal(t, v1alpha1.ProtectedPVC{Namespace: "shop", Name: "data", ProtectedByVolSync: true, StorageClassName: &class, Labels: map[string]string{"app": "db"}},
		h.wish("dr2").Spec.VolSync.RDSpec[0].ProtectedPVC, "what it is, not its state")
	assert.Equal(t, v1alpha1.VolSyncReplicationSourceSpec{
		ProtectedPVC: v1alpha1.ProtectedPVC{Namespace: "shop", Name: "data", ProtectedByVolSync: true},
		RsyncTLS:     &v1alpha1.RsyncTLSConfig{Address: "data.dr2", TLSSecretRef: corev1.LocalObjectReference{Name: h.keyTold("dr1")}},
	}, h.wish("dr1").Spec.VolSync.RSSpec[0])
	h.pass()
	assert.Empty(t, h.wrote())
}

func TestADestinationIsToldOnlyOnceItListens(t *testing.T) {
	h := withVolSync(t, "data")
	h.restate("dr2", func(s *v1alpha1.VolumeReplicationGroupStatus) { s.RDInfo[0].RsyncTLS.Address = "" })
	h.pass()
	assert.Equal(t, "dr2 holds data", h.toldOfVolSync())
	h.restate("dr2", func(s *v1alpha1.VolumeReplicationGroupStatus) { s.RDInfo = nil })
	h.pass()
	assert.Equal(t, "dr2 holds data", h.toldOfVolSync())
	h.settle()
	assert.Equal(t, "dr1 sends data to data.dr2, dr2 holds data", h.toldOfVolSync())
}

func TestTheMoverOfAVolumeIsToldWithItsAddress(t *testing.T) {
	h := withVolSync(t, "data", "logs")
	account := "mover"
	mover := v1alpha1.MoverConfig{PVCName: "logs", PVCNamespace: "shop", MoverServiceAccount: &account}
	h.ask(func(d *v1alpha1.DRPlacementControl) {
		d.Spec.VolSyncSpec = &v1alpha1.VolSyncSpec{MoverConfig: []v1alpha1.MoverConfig{mover}}
	})
	h.settle()
	sources := h.wish("dr1").Spec.VolSync.RSSpec
	require.Len(t, sources, 2)
	assert.Nil(t, sources[0].MoverConfig)
	assert.Equal(t, &mover, sources[1].MoverConfig)
	assert.Equal(t, []v1alpha1.MoverConfig{mover}, h.wish("dr2").Spec.VolSync.MoverConfig)
}

func TestWithSubmarinerNoAddressIsTold(t *testing.T) {
	h := withVolSync(t, "data")
	h.ask(func(d *v1alpha1.DRPlacementControl) {
		d.Annotations["drplacementcontrol.ramendr.openshift.io/is-submariner-enabled"] = "true"
	})
	h.settle()
	assert.Equal(t, "dr2 holds data", h.toldOfVolSync())
	h.ask(func(d *v1alpha1.DRPlacementControl) {
		d.Annotations["drplacementcontrol.ramendr.openshift.io/is-submariner-enabled"] = "false"
	})
	h.settle()
	assert.Equal(t, "dr1 sends data to data.dr2, dr2 holds data", h.toldOfVolSync())
}

func TestOtherVolumesGetNoDestination(t *testing.T) {
	h := deployed(t)
	assert.Empty(t, h.toldOfVolSync())
	assert.Empty(t, h.keys())
}

func TestDestinationsComeFromAnAnswerOnly(t *testing.T) {
	for name, edit := range map[string]func(*v1alpha1.VolumeReplicationGroupStatus){
		"a report about an earlier wish":        func(s *v1alpha1.VolumeReplicationGroupStatus) { s.Exchange.WishGeneration-- },
		"a cluster that is behind":              func(s *v1alpha1.VolumeReplicationGroupStatus) { s.ObservedGeneration-- },
		"a cluster whose data is not ready":     func(s *v1alpha1.VolumeReplicationGroupStatus) { set(s, "ClusterDataReady", "False") },
		"a cluster that is not yet the Primary": func(s *v1alpha1.VolumeReplicationGroupStatus) { s.State = v1alpha1.UnknownState },
	} {
		t.Run(name, func(t *testing.T) {
			h := withVolSync(t, "data")
			h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) {
				s.ProtectedPVCs = nil
				edit(s)
			})
			h.pass()
			assert.Equal(t, "dr1 sends data to data.dr2, dr2 holds data", h.toldOfVolSync())
			assert.Len(t, h.keys(), 2)
		})
	}
}

func set(s *v1alpha1.VolumeReplicationGroupStatus, kind string, status metav1.ConditionStatus) {
	for i := range s.Conditions {
		if s.Conditions[i].Type == kind {
			s.Conditions[i].Status = status
		}
	}
}

func TestAVolumeThatGoesTakesItsDestinationAlong(t *testing.T) {
	h := withVolSync(t, "data", "logs")
	h.volumes = []string{"data"}
	h.settle()
	assert.Equal(t, "dr1 sends data to data.dr2, dr2 holds data", h.toldOfVolSync())
	assert.Len(t, h.keys(), 2)

	h.volumes = []string{}
	h.settle()
	assert.Empty(t, h.toldOfVolSync())
	assert.Empty(t, h.keys(), "nobody needs it any more")
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())

	h.volumes = []string{"new"}
	h.settle()
	assert.Equal(t, "dr1 sends new to new.dr2, dr2 holds new", h.toldOfVolSync())
	assert.Len(t, h.keys(), 2)
}

func TestFailoverTurnsVolSyncAround(t *testing.T) {
	h := withVolSync(t, "data")
	before := h.keys()
	h.cut("dr1")
	h.failover("dr2")
	h.pass()
	assert.Empty(t, h.wish("dr2").Spec.VolSync.RDSpec, "the wish that promotes clears the destinations")
	h.settle()
	assert.Equal(t, "FailedOver/Cleaning Up [dr1 Retain, dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
	assert.Equal(t, "dr1 holds data", h.toldOfVolSync())
	h.connect("dr1")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
	assert.Equal(t, "dr1 holds data, dr2 sends data to data.dr1", h.toldOfVolSync())
	assert.Equal(t, before, h.keys(), "the key stays")
}

func TestTheFailedSideGetsDestinationsOnlyWhenTheNewPrimaryServes(t *testing.T) {
	h := withVolSync(t, "data")
	h.failover("dr2")
	for range 20 {
		h.pass()
		if len(h.wish("dr1").Spec.VolSync.RDSpec) > 0 {
			break
		}
		h.follow()
		h.obey("dr1")
		h.obey("dr2")
	}
	require.Len(t, h.wish("dr1").Spec.VolSync.RDSpec, 1)
	assert.Equal(t, v1alpha1.PrimaryState, h.spokes["dr2"].state)
	assert.Empty(t, h.spokes["dr2"].spec.VolSync.RDSpec, "it was seen to have no destinations")
	assert.Equal(t, v1alpha1.Secondary, h.wish("dr1").Spec.ReplicationState)
}

func TestRelocateKeepsTheCopiesWhileTheWorkloadLeaves(t *testing.T) {
	h := withVolSync(t, "data")
	h.relocate("dr2")
	for range 40 {
		h.pass()
		if h.wish("dr2").Spec.ReplicationState == v1alpha1.Primary {
			break
		}
		require.Len(t, h.wish("dr2").Spec.VolSync.RDSpec, 1, "the copy is all that there will be: %s", h.shows())
		require.Len(t, h.keys(), 2)
		h.follow()
		h.obey("dr1")
		h.obey("dr2")
	}
	require.Empty(t, h.spokes["dr1"].volumes, "they left with the workload")
	h.settle()
	assert.Equal(t, "Relocated/Completed [dr2 Run] dr1:secondary@1 dr2:primary@2", h.shows())
	assert.Equal(t, "dr1 holds data, dr2 sends data to data.dr1", h.toldOfVolSync())
}

func TestCopiesOutliveARelocateThatIsGivenUp(t *testing.T) {
	h := withVolSync(t, "data", "logs")
	h.relocate("dr2")
	for len(h.spokes["dr1"].volumes) > 0 {
		h.pass()
		h.follow()
		h.obey("dr1")
		h.obey("dr2")
	}
	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.Action, d.Spec.PreferredCluster = "", "dr1" })
	for range 10 { // the deployer takes their time
		h.pass()
		h.obey("dr1")
		h.obey("dr2")
	}
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	assert.Equal(t, []string{"data", "logs"}, h.spokes["dr2"].copies, "what the source lacks may come back with the workload")
	assert.Len(t, h.keys(), 2)

	h.volumes = []string{"data"}
	h.settle()
	assert.Equal(t, []string{"data"}, h.spokes["dr2"].copies, "now that the workload is back, it is gone")
	assert.NotContains(t, h.wish("dr1").Annotations, "exchange.ramendr.openshift.io/workload-sent-away")
}

func TestAVolumeThatIsNewWhenARelocateIsAskedForGetsItsDestinationFirst(t *testing.T) {
	h := withVolSync(t, "data")
	h.relocate("dr2")
	h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) {
		s.ProtectedPVCs = append(s.ProtectedPVCs, volume("new"))
		set(s, "ClusterDataProtected", "False")
	})
	h.pass()
	assert.Contains(t, h.toldOfVolSync(), "dr2 holds new", "else it would be waited for in vain")
	assert.Equal(t, "Initiating/PreparingFinalSync [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
}

func TestANewHubKeepsTheDestinations(t *testing.T) {
	h := withVolSync(t, "data")
	h.spokes["dr1"].volumes, h.spokes["dr1"].inUse = nil, false // the workload is away for a while
	h.rebuild("hub-2", again())
	for range 10 {
		h.pass()
		h.obey("dr1")
		h.obey("dr2")
	}
	assert.Equal(t, []string{"data"}, h.spokes["dr2"].copies, "what a new hub does not know is no reason to drop a copy")
	h.settle()
	assert.Equal(t, "dr1 sends data to data.dr2, dr2 holds data", h.toldOfVolSync())
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
}

// TestAClaimThatAsksForLessThanItsVolumeHasIsNamed before it is restored: its manifest may be refused afterwards.
func TestAClaimThatAsksForLessThanItsVolumeHasIsNamed(t *testing.T) {
	h := withVolSync(t, "data")
	assert.NotContains(t, h.condition("Protected").Message, "asks for")
	h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) {
		s.ProtectedPVCs[0].Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("500Mi")}
		s.ProtectedPVCs[0].Capacity = new(resource.MustParse("1Gi"))
	})
	h.pass()
	assert.Contains(t, h.condition("Protected").Message, "; claim shop/data asks for 500Mi and its volume has 1Gi: once it is restored from a snapshot, "+
		"Kubernetes may refuse manifests that ask for less than 1Gi: ask for that in the manifest now")
	assert.Equal(t, new(resource.MustParse("1Gi")), h.wish("dr2").Spec.VolSync.RDSpec[0].ProtectedPVC.Capacity)
}
