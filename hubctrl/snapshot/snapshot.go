// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/maintenance/modes"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Snapshot is what one look showed: the objects, and the facts in them.
type Snapshot struct {
	DRPC     *v1alpha1.DRPlacementControl
	Policy   *v1alpha1.DRPolicy
	Profiles []string // S3 profiles of both clusters, sorted
	Complete bool     // every DRCluster was found, so that profiles are all
	Leaving  string   // a DRCluster of the policy that is being deleted; empty: none
	Group    types.NamespacedName
	Sides    [2]Side
	Facts    plan.Facts
	Storage  Storage

	Config    *ramenconfig.Config // nil: it can't be read
	ConfigErr error
	Flaw      error // why the spec can't be taken as it is, of an application that goes on
	PolicyErr error // why there is no policy
	Displaced bool  // the group is on other clusters than those of the policy: its wishes say which
	More      bool  // there are wishes of the application besides those of the two sides

	KeySecret string // the name of the Secret with the key of VolSync's movers, as far as it was looked for; empty: as wished

	words             []string // by which the user accepts a loss, as far as they hold
	SelectionAccepted bool     // that volumes which the object does not select lose their protection
}

// Side is one cluster.
type Side struct {
	Cluster  string
	Identity string // that the DRCluster has recorded (X13); empty: none
	Key      string // that the cluster signs with, as its DRClusterConfig tells; empty: not known
	Link     exchange.Link
	Wish     *v1alpha1.VolumeReplicationGroup // nil: none
	Report   *v1alpha1.VolumeReplicationGroup // nil: not in the inbox
	// Believable says that there is a report with a stamp, whose epoch a hub can have wished.
	Believable bool
	Unreported []string // objects about which the hub's API server accepts no report, if the inbox was looked at
	Ignored    []string // what else of the report exceeds its bounds, in words
	Partial    bool     // volumes were left out of the report for that
}

// Storage is what a failover lacks of its target's storage.
type Storage struct {
	Blind bool // the target has not told its classes
	Lacks []modes.Lack
}

// Wished reports whether anything was wished for the application.
func (w *Snapshot) Wished() bool { return w.Sides[0].Wish != nil || w.Sides[1].Wish != nil }

// At is a side.
func (w *Snapshot) At(s plan.Side) *Side {
	if s == plan.First {
		return &w.Sides[0]
	}
	return &w.Sides[1]
}

// SideOf is the side that a cluster is.
func (w *Snapshot) SideOf(cluster string) plan.Side {
	switch cluster {
	case "":
		return plan.Nowhere
	case w.Sides[0].Cluster:
		return plan.First
	case w.Sides[1].Cluster:
		return plan.Second
	default:
		return plan.Elsewhere
	}
}

// Begun reports whether a cluster was told of the application, by this hub or by one before it.
func (w *Snapshot) Begun() bool {
	return w.Wished() || slices.ContainsFunc(w.Sides[:], func(at Side) bool {
		return at.Report != nil && at.Report.Annotations[exchange.AnnotationDRPC] == NameOf(w.DRPC).String()
	})
}

// Source is the side whose group protects the workload: the home; while there is none, the side that was demoted last is
// not known, and nil is returned.
func (w *Snapshot) Source() *Side {
	if h := w.Facts.Home(); h.Named() {
		return w.At(h)
	}
	return nil
}

// Connecting reports whether the link to a cluster is not known yet.
func (w *Snapshot) Connecting() bool {
	return w.Sides[0].Link.State == exchange.LinkConnecting || w.Sides[1].Link.State == exchange.LinkConnecting
}

// NameOf is where an object is.
func NameOf(o metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

// RoleOf is the role that a spec asks for.
func RoleOf(spec *v1alpha1.VolumeReplicationGroupSpec) plan.Role {
	if spec.ReplicationState == v1alpha1.Primary {
		return plan.Primary
	}
	return plan.Secondary
}

// Ours reports whether the report is about an object that carries the wish's UID.
func Ours(at *Side) bool {
	return at.Report != nil && at.Wish != nil && at.Report.Status.Exchange != nil &&
		at.Report.Status.Exchange.WishUID == string(at.Wish.UID)
}

// abandoned are the clusters that the user gave up.
func abandoned(drpc *v1alpha1.DRPlacementControl) []string {
	return strings.FieldsFunc(drpc.Annotations[v1alpha1.AnnotationAbandonCluster], func(c rune) bool { return c == ',' || c == ' ' })
}
