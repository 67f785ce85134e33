// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// movingMoments are those of failovers and relocates.
var movingMoments = map[string]func(*testing.T) *hub{
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
	"failed-over-without-objects": func(t *testing.T) *hub {
		h := deployed(t)
		h.ask(askForObjects)
		h.settle()
		h.failover("dr2")
		h.settle()
		h.restate("dr2", objectsAre("False", "Error", "2 of 7 objects could not be made: Deployment shop/web: exceeded quota"))
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

	// Relocate.
	"relocate-without-destination": func(t *testing.T) *hub {
		h := deployed(t)
		h.relocate("dr2")
		for range 3 { // the last answer is to the wish that names the key
			h.pass()
			h.obey("dr1")
			h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) {
				s.ProtectedPVCs = append(s.ProtectedPVCs, volume("new"))
			})
		}
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
