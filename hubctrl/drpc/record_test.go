// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/tests/gitops/record"
)

// moments are what a DRPlacementControl goes through, each with the way there. The last pass is not made by them.
var moments = map[string]func(*testing.T) *hub{
	// Before and while it is deployed.
	"deploying": func(t *testing.T) *hub {
		h := newHub(t, newDRPC())
		h.pass()
		return h
	},
	"deploying-cluster-never-seen": func(t *testing.T) *hub {
		h := newHub(t, newDRPC())
		h.links.state["dr2"] = exchange.Link{}
		return h
	},
	"deploying-cluster-lost": func(t *testing.T) *hub {
		h := newHub(t, newDRPC())
		h.cut("dr1")
		return h
	},
	"deploying-policy-invalid": func(t *testing.T) *hub {
		h := newHub(t, newDRPC())
		h.policy(func(p *v1alpha1.DRPolicy) { p.Status.Conditions[0].Status = "False" })
		return h
	},
	"deploying-home-not-ready": func(t *testing.T) *hub {
		h := newHub(t, newDRPC())
		h.pass()
		h.obey("dr2")
		h.pass()
		h.obey("dr1")
		h.restate("dr1", notYet("ClusterDataReady", "Progressing", "restoring"))
		return h
	},
	"no-target-named": func(t *testing.T) *hub {
		return newHub(t, newDRPC(func(d *v1alpha1.DRPlacementControl) { d.Spec.PreferredCluster = "" }))
	},
	"foreign-object": func(t *testing.T) *hub {
		h := newHub(t, newDRPC())
		*h.spokes["dr2"] = spoke{has: true, stamp: v1alpha1.ExchangeStamp{SpokeUID: "theirs", SpokeGeneration: 1}}
		h.tell("dr2")
		return h
	},
	"refused-no-policy": func(t *testing.T) *hub {
		return newHub(t, newDRPC(func(d *v1alpha1.DRPlacementControl) { d.Spec.DRPolicyRef.Name = "none" }))
	},
	"refused-conflict": func(t *testing.T) *hub {
		return newHub(t, newDRPC(), newDRPC(func(d *v1alpha1.DRPlacementControl) {
			d.Namespace, d.UID = "ops", "older"
			d.CreationTimestamp = metav1.NewTime(start.Add(-time.Second))
			d.Annotations["drplacementcontrol.ramendr.openshift.io/app-namespace"] = "shop"
		}))
	},

	"home-replaced": func(t *testing.T) *hub {
		h := identified(t, "data")
		h.replace("dr1")
		return h
	},
	"home-replaced-and-accepted": func(t *testing.T) *hub {
		h := identified(t, "data")
		h.replace("dr1")
		h.acceptCluster("dr1")
		return h
	},

	// Deployed.
	"deployed": deployed,
	"deployed-without-objects": func(t *testing.T) *hub {
		h := deployed(t)
		h.ask(askForObjects)
		h.settle()
		h.restate("dr1", withoutObjects)
		return h
	},
	"deployed-peer-not-ready": func(t *testing.T) *hub {
		h := deployed(t)
		h.restate("dr2", func(s *v1alpha1.VolumeReplicationGroupStatus) { s.ObservedGeneration = 0 })
		return h
	},
	"deployed-home-lost": func(t *testing.T) *hub {
		h := deployed(t)
		h.cut("dr1")
		return h
	},
	"deployed-home-connecting": func(t *testing.T) *hub {
		h := deployed(t)
		h.links.state["dr1"] = exchange.Link{State: exchange.LinkConnecting, LastRenewal: start.Add(-time.Hour)}
		return h
	},
	"deployed-peer-lost": func(t *testing.T) *hub {
		h := deployed(t)
		h.cut("dr2")
		return h
	},
	"deployed-both-lost": func(t *testing.T) *hub {
		h := deployed(t)
		h.cut("dr1")
		h.cut("dr2")
		return h
	},
	"deployed-volumes-broken": func(t *testing.T) *hub {
		h := deployed(t)
		h.spokes["dr1"].broken = "VolumeReplication data is gone"
		h.obey("dr1")
		return h
	},
	"deployed-without-volumes": func(t *testing.T) *hub {
		h := deployed(t)
		h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) { s.ProtectedPVCs = nil })
		return h
	},
	"deployed-never-synced": func(t *testing.T) *hub {
		h := newHub(t, newDRPC())
		for range 4 {
			h.pass()
			h.obey("dr1")
			h.obey("dr2")
		}
		h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) { s.LastGroupSyncTime = nil })
		return h
	},
	"deployed-store-refuses": func(t *testing.T) *hub {
		h := deployed(t)
		h.restate("dr1", notYet("ClusterDataProtected", "UploadError", "the bucket is full"))
		return h
	},
	"deployed-policy-gone": func(t *testing.T) *hub {
		h := deployed(t)
		require.NoError(t, h.api.Delete(t.Context(), policy()))
		return h
	},
	"deployed-unreadable": func(t *testing.T) *hub {
		h := deployed(t)
		h.fail = unreadable
		_, err := h.try(app)
		require.Error(t, err)
		h.at(patience)
		return h
	},

	// Adopted by a new hub.
	"adopting-home-unseen": func(t *testing.T) *hub {
		h := deployed(t)
		h.rebuild("hub-2", again())
		h.links.state["dr1"] = exchange.Link{}
		require.NoError(t, h.api.Delete(t.Context(), h.inbox("dr1")))
		return h
	},
	"adopting": func(t *testing.T) *hub {
		h := deployed(t)
		h.rebuild("hub-2", again())
		return h
	},
	"two-primaries": func(t *testing.T) *hub {
		h := deployed(t)
		*h.spokes["dr2"] = *h.spokes["dr1"]
		h.spokes["dr2"].stamp.SpokeUID = "dr2-1"
		h.rebuild("hub-2", again())
		h.settle()
		return h
	},

	"wish-deleted-by-hand": func(t *testing.T) *hub {
		h := deployed(t)
		h.deleteByHand("dr1")
		return h
	},
	"wish-deleted-in-a-relocate": func(t *testing.T) *hub {
		h := deployed(t)
		h.relocate("dr2")
		for range 3 {
			h.pass()
			h.obey("dr1")
		}
		h.deleteByHand("dr1")
		return h
	},

	"adopting-one-that-follows": func(t *testing.T) *hub {
		h := deployed(t)
		h.rebuild("hub-2", again(func(d *v1alpha1.DRPlacementControl) { d.Spec.DRPolicyRef.Name = "other" }))
		h.otherPolicy("other", "dr2", "dr3")
		require.NoError(t, h.api.Delete(t.Context(), h.inbox("dr1")))
		h.cut("dr1")
		return h
	},
	"restored-from-backup": func(t *testing.T) *hub {
		h := deployed(t)
		h.failover("dr1") // where it is: the backup is of then; since, it was moved to dr2
		h.settle()
		for name, role := range map[string]v1alpha1.ReplicationState{"dr1": "secondary", "dr2": "primary"} {
			s := h.spokes[name]
			s.spec.ReplicationState, s.inUse = role, role == "primary"
			s.stamp.Epoch, s.stamp.WishGeneration, s.stamp.SpokeGeneration = 2, s.stamp.WishGeneration+5, s.stamp.SpokeGeneration+5
			h.work(name)
			h.tell(name)
		}
		h.settle()
		return h
	},

	// Failover.
	"failover-asked": func(t *testing.T) *hub {
		h := deployed(t)
		h.failover("dr2")
		h.fail = unreadable
		return h
	},
	"failover-nowhere": func(t *testing.T) *hub {
		h := deployed(t)
		h.failover("dr7")
		return h
	},
	"failover-survivor-lost": func(t *testing.T) *hub {
		h := deployed(t)
		h.cut("dr2")
		h.failover("dr2")
		return h
	},
	"failing-over": func(t *testing.T) *hub {
		h := deployed(t)
		h.cut("dr1")
		h.failover("dr2")
		return h
	},
	"failing-over-storage-not-ready": func(t *testing.T) *hub {
		h := needy(t)
		h.failover("dr2")
		return h
	},
	"failing-over-not-ready": func(t *testing.T) *hub {
		h := deployed(t)
		h.cut("dr1")
		h.failover("dr2")
		h.pass()
		h.obey("dr2")
		h.restate("dr2", notYet("ClusterDataReady", "Progressing", "restoring"))
		return h
	},
	"failing-over-survivor-lost": func(t *testing.T) *hub {
		h := deployed(t)
		h.failover("dr2")
		h.pass()
		h.cut("dr2")
		return h
	},
	"failing-over-unwritable": func(t *testing.T) *hub {
		h := deployed(t)
		h.failover("dr2")
		h.fail = func(_, what string) error {
			if strings.HasPrefix(what, "wish") {
				return errors.New("the API server is down")
			}
			return nil
		}
		return h
	},
	"failing-over-mirror-refuses": func(t *testing.T) *hub {
		h := deployed(t)
		h.failover("dr2")
		h.pass()
		h.delivery("dr2", condition("Applied", "False", "OwnedElsewhere", "the object belongs to the hub other"))
		return h
	},
	"failed-over-cleaning-up": func(t *testing.T) *hub {
		h := deployed(t)
		h.failover("dr2")
		h.pass()
		h.obey("dr2")
		return h
	},
	"failed-over-source-lost": func(t *testing.T) *hub {
		h := deployed(t)
		h.cut("dr1")
		h.failover("dr2")
		h.settle()
		return h
	},
	"failed-over-workload-remains": func(t *testing.T) *hub {
		h := deployed(t)
		h.failover("dr2")
		for range 4 { // nobody follows the decisions
			h.pass()
			h.obey("dr2")
			h.obey("dr1")
		}
		return h
	},
	"failed-over": func(t *testing.T) *hub {
		h := deployed(t)
		h.failover("dr2")
		h.settle()
		return h
	},
	"failed-over-home-lost": func(t *testing.T) *hub {
		h := deployed(t)
		h.failover("dr2")
		h.settle()
		h.cut("dr2")
		return h
	},

	"failover-found-nothing": func(t *testing.T) *hub {
		h := deployed(t)
		h.spokes["dr2"].empty = true
		h.failover("dr2")
		h.settle()
		return h
	},

	// What may be the only copy.
	"deploying-workload-elsewhere": func(t *testing.T) *hub {
		h := newHub(t, newDRPC(func(d *v1alpha1.DRPlacementControl) { d.Spec.PreferredCluster = "dr2" }))
		h.runs("dr1")
		h.settle()
		return h
	},
	"restored-after-dr-was-disabled": func(t *testing.T) *hub {
		h := deployed(t)
		backup := h.backup()
		h.disable()
		h.settle()
		h.restore(backup)
		h.obey("dr1")
		h.obey("dr2")
		return h
	},
	"deployed-claims-on-peer": func(t *testing.T) *hub {
		h := deployed(t)
		h.spokes["dr2"].own = true
		h.obey("dr2")
		return h
	},

	// Relocate.
	"relocate-without-destination": func(t *testing.T) *hub {
		h := deployed(t)
		h.relocate("dr2")
		h.pass()
		h.obey("dr1")
		h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) {
			s.ProtectedPVCs = append(s.ProtectedPVCs, volume("new"))
		})
		h.pass()
		h.obey("dr1")
		h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) {
			s.ProtectedPVCs = append(s.ProtectedPVCs, volume("new"))
		})
		h.pass()
		h.obey("dr2")
		return h
	},
	"relocate-peer-lost": func(t *testing.T) *hub {
		h := deployed(t)
		h.cut("dr2")
		h.relocate("dr2")
		return h
	},
	"relocate-unprotected": func(t *testing.T) *hub {
		h := deployed(t)
		h.restate("dr1", notYet("ClusterDataProtected", "UploadError", "the bucket is full"))
		h.relocate("dr2")
		return h
	},
	"relocate-preparing": func(t *testing.T) *hub {
		h := deployed(t)
		h.relocate("dr2")
		h.pass()
		h.obey("dr1")
		h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) { s.PrepareForFinalSyncComplete = false })
		return h
	},
	"relocating-workload-remains": func(t *testing.T) *hub {
		h := deployed(t)
		h.relocate("dr2")
		for range 6 { // nobody follows the decisions
			h.pass()
			h.obey("dr1")
		}
		return h
	},
	"relocating-final-sync": func(t *testing.T) *hub {
		h := relocating(t, func(w *v1alpha1.VolumeReplicationGroup) bool { return w.Spec.RunFinalSync })
		h.follow()
		h.obey("dr1")
		h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) { s.FinalSyncComplete = false })
		return h
	},
	"relocating-demoting": func(t *testing.T) *hub {
		return relocating(t, func(w *v1alpha1.VolumeReplicationGroup) bool { return w.Spec.ReplicationState == "secondary" })
	},
	"relocating-out-of-sync": func(t *testing.T) *hub {
		h := relocating(t, func(w *v1alpha1.VolumeReplicationGroup) bool { return w.Spec.ReplicationState == "secondary" })
		h.obey("dr1")
		h.restate("dr1", notYet("DataProtected", "Replicating", "2 of 5 volumes"))
		return h
	},
	"relocating-source-lost": func(t *testing.T) *hub {
		h := relocating(t, func(w *v1alpha1.VolumeReplicationGroup) bool { return w.Spec.ReplicationState == "secondary" })
		h.cut("dr1")
		return h
	},
	"relocating-promoting": func(t *testing.T) *hub {
		h := relocating(t, func(w *v1alpha1.VolumeReplicationGroup) bool { return w.Spec.ReplicationState == "secondary" })
		h.obey("dr1")
		return h
	},
	"relocated": func(t *testing.T) *hub {
		h := deployed(t)
		h.relocate("dr2")
		h.settle()
		return h
	},
	"relocated-home-lost": func(t *testing.T) *hub {
		h := deployed(t)
		h.relocate("dr2")
		h.settle()
		h.cut("dr2")
		return h
	},

	// The end.
	"deleting": func(t *testing.T) *hub {
		h := deployed(t)
		h.disable()
		return h
	},
	"deleting-peer-lost": func(t *testing.T) *hub {
		h := deployed(t)
		h.cut("dr2")
		h.disable()
		return h
	},
	"deleting-failed-over": func(t *testing.T) *hub {
		h := deployed(t)
		h.cut("dr1")
		h.failover("dr2")
		h.settle()
		h.disable()
		return h
	},
}

// relocating is on the way from dr1 to dr2, the workload following, until the wish for dr1 is as far as is asked.
func relocating(t *testing.T, far func(wish *v1alpha1.VolumeReplicationGroup) bool) *hub {
	t.Helper()
	h := deployed(t)
	h.relocate("dr2")
	for range 10 {
		h.pass()
		if far(h.wish("dr1")) {
			return h
		}
		h.follow()
		h.obey("dr1")
	}
	require.Fail(t, "it never gets there", h.shows())
	return nil
}

func unreadable(verb, what string) error {
	if verb == "get" && strings.HasPrefix(what, "DRPolicy") {
		return errors.New("the API server is down")
	}
	return nil
}

// notYet makes a condition of a report False.
func notYet(kind, reason, message string) func(*v1alpha1.VolumeReplicationGroupStatus) {
	return func(s *v1alpha1.VolumeReplicationGroupStatus) {
		for i := range s.Conditions {
			if s.Conditions[i].Type == kind {
				s.Conditions[i].Status, s.Conditions[i].Reason, s.Conditions[i].Message = "False", reason, message
			}
		}
	}
}

func TestWhatADRPlacementControlGoesThroughIsRecorded(t *testing.T) {
	recorded := map[string]*unstructured.Unstructured{}
	var shown []v1alpha1.DRState
	var awaited []string
	for name, way := range moments {
		h := way(t)
		_, _ = h.try(app) // an error is told in the status
		d := h.drpc()
		require.NotNil(t, d, name)
		shown = append(shown, d.Status.Phase)
		if d.Status.Waiting != nil {
			awaited = append(awaited, d.Status.Waiting.Fact)
		}
		recorded[name] = h.raw()
	}
	for _, phase := range phases {
		assert.Contains(t, shown, phase, "no record shows this phase")
	}
	for _, fact := range facts(t) {
		assert.Contains(t, awaited, fact, "no record waits for this fact")
	}
	record.Check(t, "testdata/recorded", recorded)
}

// raw is the application's object as a tool reads it.
func (h *hub) raw() *unstructured.Unstructured {
	h.t.Helper()
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("DRPlacementControl"))
	require.NoError(h.t, h.api.Get(h.t.Context(), client.ObjectKey(app), u))
	return record.Plain(u, h.clock.Now())
}

// facts are the words for all facts that a plan can wait for and that the hub can see.
func facts(t *testing.T) []string {
	t.Helper()
	h := deployed(t)
	w, err := h.r.observe(t.Context(), h.drpc())
	require.NoError(t, err)
	var out []string
	for fact := plan.LinkIsLive; ; fact++ {
		word, known := "", false
		func() {
			defer func() { _ = recover() }() // explain panics past the last one
			word, known = w.explain(plan.Wait{Fact: fact, On: plan.First}).fact, true
		}()
		if !known {
			require.Greater(t, len(out), 10)
			return out
		}
		out = append(out, word)
	}
}
