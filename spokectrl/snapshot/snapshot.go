// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"errors"
	"slices"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
	"github.com/ramendr/ramen-direct/spokectrl/volumes"
	"k8s.io/apimachinery/pkg/types"
)

// AnnotationRestored on a group notes the epoch for which the stored metadata was restored, followed by SentAway once the
// application was told to leave; or Released, or Severed. It distinguishes a primary that keeps running from one that
// was just promoted, and both from one that was re-created after someone deleted it.
const AnnotationRestored = "volumereplicationgroups.ramendr.openshift.io/restored-epoch"

// AnnotationObjects on a group notes the epoch for which Kubernetes objects are still to be restored. Without it none are: what
// keeps running was never gone, whenever somebody asks for captures of it.
const AnnotationObjects = "volumereplicationgroups.ramendr.openshift.io/objects-to-restore-epoch"

// AnnotationAttempted on a group notes what attempts at that restore came to, so that none makes again what one made: see
// cycle.Standing.Attempted. It goes with AnnotationObjects.
const AnnotationAttempted = "volumereplicationgroups.ramendr.openshift.io/objects-attempted"

// What AnnotationRestored says besides the epoch.
const (
	SentAway = ".sent-away" // after the epoch: the application was told to leave
	Released = "released"   // the group is no primary
	Severed  = "severed"    // volumes of a secondary left with their namespace before they were demoted
)

// annotationUseVolSync asks for VolSync for every volume of the group.
const annotationUseVolSync = v1alpha1.DRPCAnnotationPrefix + "use-volsync-for-pvc-protection"

// AnnotationSubmariner asks for addresses of Submariner.
const AnnotationSubmariner = v1alpha1.DRPCAnnotationPrefix + "is-submariner-enabled"

// Snapshot is what one pass found.
type Snapshot struct {
	VRG        *v1alpha1.VolumeReplicationGroup
	ID         capsule.Group
	Term       archive.Term
	Facts      plan.Facts
	Volumes    []Volume
	Ephemeral  []types.NamespacedName // claims that the selector matches, and that end with their Pods: no volumes of the group
	Restore    Restore
	Content    capsule.Content
	Copies     []Copy
	Remains    []Remain
	Severed    error // why a secondary that was re-created can't say that it is one
	Namespaces []v1alpha1.NamespaceTraits
	Provided   provider.Group // the group as techniques see it
	Mute       error          // why this cluster can't sign what it stores

	Abandoned []string // S3 profiles whose stores the user gave up
	Recipe    Followed
	NoObjects bool // the configuration turns the capture of Kubernetes objects off
}

// Volume is one volume of the group.
type Volume struct {
	Item     volumes.Item
	View     provider.Volume
	Provider provider.Provider // nil: no technique claims it
	State    provider.State
	Use      string // what uses the volume, for users
	Err      error  // why its objects could not be read
	Claim    string // of a volume that is copied: its claim, to be remembered on the PV
}

// Steady says that a Primary keeps running, and nothing else is under way.
func (s *Snapshot) Steady() bool {
	return s.Facts.Role == plan.Primary && s.Facts.Restore == plan.RestoreDone && !s.Facts.FinalSync && !s.Facts.Ending
}

// Severable says that a group is told to be Secondary by a relocate, and does not know that it sent the application away: it may
// replace one that was Primary a moment ago. Or it noted that it is severed.
func (s *Snapshot) Severable() bool {
	unknowing := !s.Facts.Released && !s.Facts.SentAway && s.VRG.Spec.Action == v1alpha1.VRGActionRelocate
	return s.Facts.Role == plan.Secondary && !s.Facts.Ending && (s.Facts.Severed || unknowing)
}

// Stranded says that volumes of a secondary were never demoted here, and have neither claim nor replica any more.
func (s *Snapshot) Stranded() bool {
	return slices.ContainsFunc(s.Remains, func(m Remain) bool { return m.Stranded })
}

// RoleOf is the role that the hub asks for.
func RoleOf(vrg *v1alpha1.VolumeReplicationGroup) plan.Role {
	switch vrg.Spec.ReplicationState {
	case v1alpha1.Primary:
		return plan.Primary
	case v1alpha1.Secondary:
		return plan.Secondary
	}
	return plan.NoRole
}

// Valid finds what the user has to correct before anything can be done.
func Valid(vrg *v1alpha1.VolumeReplicationGroup) error {
	if vrg.Spec.Async == nil {
		return &outcome.Refused{Reason: provider.ReasonError, Err: errors.New("spec.async is missing: set spec.async.schedulingInterval")}
	}
	if _, err := volumes.Selector(vrg); err != nil {
		return &outcome.Refused{Reason: provider.ReasonError, Err: err}
	}
	return nil
}

// GroupOf is the group as techniques see it.
func GroupOf(vrg *v1alpha1.VolumeReplicationGroup, g plan.Facts, term archive.Term, settings provider.Copies) provider.Group {
	out := provider.Group{
		Namespace: vrg.Namespace, Name: vrg.Name, UID: string(vrg.UID), Role: g.Role,
		Failover:     vrg.Spec.Action == v1alpha1.VRGActionFailover,
		ForceVolSync: vrg.Annotations[annotationUseVolSync] == "true",
		Prepare:      vrg.Spec.PrepareForFinalSync && g.FinalSync, Final: vrg.Spec.RunFinalSync,
		Epoch: term.Epoch, Generation: vrg.Generation,
		VolSync: vrg.Spec.VolSync, Copies: settings,
	}
	if g.Ending {
		out.Role = plan.NoRole
	}
	if len(vrg.Spec.ProtectedNamespaces) > 0 {
		out.Namespaces = volumes.Namespaces(vrg)
	}
	if a := vrg.Spec.Async; a != nil {
		out.Interval, out.Selector, out.PeerClasses = a.SchedulingInterval, a.ReplicationClassSelector, a.PeerClasses
		out.SnapshotSelector = a.VolumeSnapshotClassSelector
	}
	return out
}

// Ended reports whether the deletion of a group ends its protection: the mirror marked it for a wish that is being deleted, or
// no mirror made it (X14).
func Ended(vrg *v1alpha1.VolumeReplicationGroup) bool {
	wish := vrg.Annotations[exchange.AnnotationWishUID]
	return wish == "" || vrg.Annotations[exchange.AnnotationEndedBy] == wish
}
