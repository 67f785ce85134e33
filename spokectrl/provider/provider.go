// SPDX-License-Identifier: Apache-2.0

// Package provider is the contract between the group controller and the techniques that replicate volumes. A provider
// reads its own objects into a State and says what to write; it holds no client, writes nothing and decides nothing
// about roles: when a role may change is the plan's matter.
package provider

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// Provider replicates the volumes of one group by one technique. Implementations hold no client and no state.
type Provider interface {
	// Name of the technique, for messages.
	Name() string
	// Claims reports whether the technique is the one for the volume. Of a set of providers at most one claims it.
	Claims(Volume) bool
	// Volumes are the claims that the technique has objects of the group for, whether the claims exist or not.
	Volumes(context.Context, client.Reader, Group) ([]types.NamespacedName, error)
	// Observe reads the technique's own objects. That an API is missing is no error, but a Refusal.
	Observe(context.Context, client.Reader, Volume) (State, error)
	// Intents is what to write, in order, so that the volume takes the role. It is pure, and the same for the same
	// arguments. It fails with a message for the user if the volume can't be replicated.
	Intents(Volume, State, plan.Role) ([]apply.Intent, error)
	// Leftovers are the objects to delete, in order, to end the replication of the volume.
	Leftovers(State) []client.Object
}

// Volume is one volume of a group, as far as providers look at it.
type Volume struct {
	Group Group
	// Namespace and Name are those of the claim.
	Namespace, Name string
	Claim           *corev1.PersistentVolumeClaim // nil: gone
	PV              *corev1.PersistentVolume      // nil: not bound, or gone
	Class           *storagev1.StorageClass       // nil: there is none of the claim's class name
	// Free says that nothing uses the volume.
	Free bool
}

// Driver is the provisioner of the volume; empty if it is not known.
func (v Volume) Driver() string {
	switch {
	case v.PV != nil && v.PV.Spec.CSI != nil:
		return v.PV.Spec.CSI.Driver
	case v.Class != nil:
		return v.Class.Provisioner
	default:
		return ""
	}
}

// ClassName is the name of the volume's StorageClass; empty if it has none.
func (v Volume) ClassName() string {
	if v.Claim != nil && v.Claim.Spec.StorageClassName != nil {
		return *v.Claim.Spec.StorageClassName
	}
	return ""
}

// Group is what providers need to know of the group.
type Group struct {
	Namespace, Name string
	// Namespaces are those of the volumes; none: the group's own.
	Namespaces []string
	UID        string
	Role       plan.Role
	// Failover says that the role is taken on behalf of a failover: what this side has that the peer lacks is given up.
	Failover bool
	// ForceVolSync says that every volume is to be replicated by VolSync.
	ForceVolSync bool
	Interval     string // as in the spec
	Selector     *metav1.LabelSelector
	PeerClasses  []v1alpha1.PeerClass

	// What follows is for techniques that copy from cluster to cluster.

	// Prepare and Final say that a last synchronization is prepared, or asked for.
	Prepare, Final   bool
	Epoch            int64 // of the wish
	Generation       int64 // of the group
	SnapshotSelector *metav1.LabelSelector
	VolSync          v1alpha1.VolSyncSpec
	Copies           Copies
}

// Covers reports whether the group has its volumes in a namespace.
func (g Group) Covers(namespace string) bool {
	if len(g.Namespaces) == 0 {
		return namespace == g.Namespace
	}
	return slices.Contains(g.Namespaces, namespace)
}

// Own are the options to list objects that carry labels of the group: in its namespace or, if its volumes are in others,
// in all, since a namespace may have been taken off the list.
func (g Group) Own(labels map[string]string) []client.ListOption {
	out := []client.ListOption{client.MatchingLabels(labels)}
	if len(g.Namespaces) == 0 {
		out = append(out, client.InNamespace(g.Namespace))
	}
	return out
}

// Copies is how the operator is configured to copy.
type Copies struct {
	Method             string
	ServiceType        string
	ServiceAnnotations map[string]string
	Submariner         bool // the group asks for it
}

// State is what a provider found.
type State struct {
	Replica plan.Replica
	Told    plan.Role
	Exact   bool // the objects say all that the group's role asks for
	Settled bool // the role that was told is reached; as a secondary: in sync
	// Following says that the storage demoted the volume and brings it in line with the peer, which may be as far as it comes
	// while the peer is primary.
	Following bool
	Reached   plan.Role // the role that the storage reported last, whatever it is told now
	// Session says that the storage keeps a session between both volumes; see v1alpha1.LabelReplicationSession.
	Session bool
	// Apart says that the volume is primary, that the storage replicates nothing from here until it is asked to, and that it was not
	// asked in this term: what Intents writes for a primary asks for that.
	Apart bool
	// Asked is the term as primary in which it was asked for that; empty: it was not. Rejoined says that it does so now.
	Asked    string
	Rejoined bool
	Class    string
	// Held says what a replica that is being deleted waits for, and what to do about it; empty: for nothing that is known.
	Held string
	// Unclassed says what to do about the class of a replica that is gone; empty: it is there. The replica stays as it is until then.
	Unclassed string
	// PeerHandle is the handle that the volume has on the peer; empty: the same, or it is not known. PeerHandleSaid is what the
	// PersistentVolume is to remember of where it was learned; empty: it need not. Unaddressed says why it does not remember the
	// handle yet; empty: it does, or need not.
	PeerHandle, PeerHandleSaid, Unaddressed string
	// Copied says that the volume is copied to a volume of the peer's own: its metadata is of this cluster only, and
	// the role of the storage never changes.
	Copied bool
	// Early says what the peer has to do before there can be a replica; empty if there can be one.
	Early string
	// Unprepared and Unsent say that a last synchronization is not prepared, or not over, though the group asks for it.
	Unprepared, Unsent bool
	// Refusal says why the volume can't be replicated; nil: it can.
	Refusal *Refusal
	// Ready and Protected are the state of the volume in the group's role, if there is a replica.
	Ready, Protected Finding

	StorageID, ReplicationID v1alpha1.Identifier
	LastSyncTime             *metav1.Time
	LastSyncDuration         *time.Duration
	LastSyncBytes            *int64

	// Objects are the technique's own objects of the volume that exist.
	Objects []client.Object
}

// Refusal is why a volume can't be replicated, and what would help.
type Refusal struct{ Reason, Message string }

func (r *Refusal) Error() string { return r.Message }

// Finding is the body of a condition.
type Finding struct {
	Status  metav1.ConditionStatus
	Reason  string
	Message string
}

// Reasons of the conditions of a volume.
const (
	ReasonReady             = "Ready"
	ReasonReplicating       = "Replicating"
	ReasonReplicated        = "Replicated"
	ReasonDataProtected     = "DataProtected"
	ReasonProgressing       = "Progressing"
	ReasonError             = "Error"
	ReasonUnknownError      = "UnknownError"
	ReasonPeerClassNotFound = "PeerClassNotFound"
	ReasonStorageIDNotFound = "StorageIDNotFound"
	ReasonClassNotFound     = "ReplicationClassNotFound"
	ReasonNotSupported      = "NotSupported"
	ReasonSnapshotClass     = "VolumeSnapshotClassNotFound"
)

// Receiver is a technique that has objects of its own on the secondary, as many as the hub asks for. What they received
// becomes a claim again when the side is promoted.
type Receiver interface {
	Provider
	// Destinations are those that the group asks for, and those of which anything exists, sorted by name.
	Destinations(context.Context, client.Reader, Group) ([]Destination, error)
	// Receive is what to write, in order, so that the volume is received. It is pure.
	Receive(Group, Destination) ([]apply.Intent, error)
	// Made reports whether the claim of a destination was made from what was received, though nothing on it may say so. It is pure.
	Made(Destination) bool
	// Restore says what comes next on the way from a destination to a claim. It is pure.
	Restore(Group, Destination) Restoring
}

// Destination is where a side receives one volume.
type Destination struct {
	// Volume is the volume as the hub describes it, or as its objects remember it.
	Volume  v1alpha1.ProtectedPVC
	Wanted  bool // the group asks for it
	Exact   bool // the objects say all that the group asks for
	Refusal *Refusal
	Trouble string // what the technique complains of; empty: of nothing
	Address string // where it listens; empty: not known yet
	// Stale says that it was stopped by a Restore.
	Stale bool
	// Received says that a complete copy came in, and Image when an image of the newest one had been taken; nil: no image has been.
	Received bool
	Image    *metav1.Time
	// Objects exist, in the order in which they are to be deleted to end the destination with all that it received.
	Objects []client.Object
	// Holds are those of Objects that hold data, and Marks the labels by which they are known as ours.
	Holds []client.Object
	Marks []string
	// Inlet is the name of the claim that the copies come into; empty: there is none.
	Inlet string
	Class string // of the snapshots

	// What follows the caller finds out, for Restore.

	// Claim is the one of the volume's name; nil: there is none. PV is the volume that it is bound to.
	Claim *corev1.PersistentVolumeClaim
	PV    *corev1.PersistentVolume
	// Ours says that PV was protected by this group in an earlier term, and is retained.
	Ours bool
	// InletPV is the volume that the inlet is bound to. Handed says that it remembers Claim as its claim.
	InletPV *corev1.PersistentVolume
	Handed  bool

	Used string // what uses the claim, or why that is not known; empty: nothing does
	Busy string // the same of the inlet
	// Late says that claims of the volume's class are bound when they are first used.
	Late bool
}

// Restoring is the next step from a destination to a claim. Without a step and not Done, it is waited for.
type Restoring struct {
	Done    bool   // there is a claim with what was received
	Blocked bool   // it takes a person
	Message string // what is done or waited for
	Intents []apply.Intent
	Create  client.Object // the claim
	// Hand is the claim that InletPV is to remember as its own: from then on it is a volume of the group that remains, as
	// one of an earlier term does, and is restored like those.
	Hand   *corev1.PersistentVolumeClaim
	Delete client.Object // a claim that is in the way, and whose data is outdated and retained
}

// Set holds the techniques that are built in.
type Set []Provider

// For is the provider of a volume; nil: no technique claims it.
func (s Set) For(v Volume) Provider {
	for _, p := range s {
		if p.Claims(v) {
			return p
		}
	}
	return nil
}

// Receivers are the techniques that have destinations.
func (s Set) Receivers() []Receiver {
	var out []Receiver
	for _, p := range s {
		if r, ok := p.(Receiver); ok {
			out = append(out, r)
		}
	}
	return out
}
