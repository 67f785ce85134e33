// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/drpc"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// steadyMoments are those in which no role moves from one cluster to the other.
var steadyMoments = map[string]func(*testing.T) *hub{
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
	"relocate-not-replicated": func(t *testing.T) *hub {
		h := deployed(t)
		h.restate("dr1", protects("NotReplicated"))
		h.relocate("dr2")
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
		h.at(drpc.Patience)
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
