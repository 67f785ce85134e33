// SPDX-License-Identifier: Apache-2.0

// Package volsync replicates volumes by copying them to the peer, through VolSync: a ReplicationSource here for a
// ReplicationDestination there, each told of the other by the hub.
//
// It promises that a volume never has both on one cluster; that a last synchronization is one that began after it was
// asked for, known by a tag that is never used twice; that what a promotion restores is complete: the newest image that
// VolSync completed or, when the peer was drained first, an image of what it sent last; and that every object it makes
// carries the labels of its group, by which all of them are found and removed.
package volsync

import (
	"context"
	"fmt"
	"strings"
	"time"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// Provider is the technique. The zero value is ready.
type Provider struct{}

var _ provider.Receiver = Provider{}

// Name of the technique.
func (Provider) Name() string { return "VolSync" }

// Claims the volumes of a group that asks for VolSync, and those whose peer class says that their storage does not
// replicate by itself.
func (Provider) Claims(v provider.Volume) bool {
	if v.Group.ForceVolSync {
		return true
	}
	for i := range v.Group.PeerClasses {
		if p := &v.Group.PeerClasses[i]; p.StorageClassName == v.ClassName() {
			return p.ReplicationID == "" && !p.Offloaded
		}
	}
	return false
}

// Volumes are the claims that the group has a ReplicationSource, or a claim that stands in, for.
func (Provider) Volumes(ctx context.Context, r client.Reader, g provider.Group) ([]types.NamespacedName, error) {
	list := &volsyncv1.ReplicationSourceList{}
	err := r.List(ctx, list, g.Own(Labels(g))...)
	switch {
	case meta.IsNoMatchError(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("list ReplicationSources: %w", err)
	}
	names := make([]types.NamespacedName, 0, len(list.Items))
	for i := range list.Items {
		names = append(names, client.ObjectKeyFromObject(&list.Items[i]))
	}
	return names, nil
}

// Observe reads the ReplicationSource of the volume and, if there has to be one, whether there can be.
func (Provider) Observe(ctx context.Context, r client.Reader, v provider.Volume) (provider.State, error) {
	s := provider.State{Replica: plan.ReplicaUnknown, Copied: true}
	rs := &volsyncv1.ReplicationSource{}
	switch err := r.Get(ctx, client.ObjectKey{Namespace: v.Namespace, Name: v.Name}, rs); {
	case meta.IsNoMatchError(err):
		s.Replica, s.Refusal = plan.ReplicaAbsent, missingAPI()
		return s, nil
	case apierrors.IsNotFound(err):
		s.Replica, rs = plan.ReplicaAbsent, nil
	case err != nil:
		return s, fmt.Errorf("read ReplicationSource %s/%s: %w", v.Namespace, v.Name, err)
	default:
		observeSource(&s, v, rs)
	}
	if err := observeStandIn(ctx, r, &s, v); err != nil {
		return s, err
	}
	if v.Claim == nil || v.Group.Role == plan.NoRole {
		return s, nil // the group ends, or the claim is gone: nothing is to be made
	}
	if v.Class != nil {
		s.StorageID.ID = v.Class.Labels[v1alpha1.LabelStorageID]
	}
	if rs != nil && v.Group.Role == plan.Secondary && v.Group.Failover && rs.Spec.Paused {
		s.Exact, s.Settled = true, true // what the peer lacks is given up, whatever else is missing
		return s, nil
	}
	var err error
	if s.Class, s.Refusal, err = classFor(ctx, r, v.Group, v.Driver(), s.StorageID.ID); err != nil || s.Refusal != nil {
		return s, err
	}
	if s.Refusal = refused(v.Group); s.Refusal == nil {
		s.Refusal = tooLong(v.Name)
	}
	if rs == nil && s.Refusal == nil { // one that sends already is the user's own choice, and goes on
		s.Refusal = provider.Offloaded(v)
	}
	if s.Refusal != nil {
		return s, nil //nolint:nilerr // a refusal is a finding
	}
	return s, judge(&s, v, rs)
}

// refused says why the technique can't serve the group as it is configured.
func refused(g provider.Group) *provider.Refusal {
	not := func(message string) *provider.Refusal {
		return &provider.Refusal{Reason: provider.ReasonNotSupported, Message: message}
	}
	switch _, err := Schedule(g.Interval); {
	case err != nil:
		return &provider.Refusal{Reason: provider.ReasonError, Message: "spec.async.schedulingInterval: " + err.Error()}
	case g.VolSync.Disabled:
		return not("the volume has to be replicated by VolSync, which is turned off (volSyncSpec.disabled of the DRPlacementControl, or volSync.disabled of the configuration of the hub): turn it on, or use a StorageClass that replicates by itself")
	case g.Copies.Submariner:
		return not("VolSync over Submariner is not supported by this version: remove the annotation is-submariner-enabled from the DRPlacementControl")
	case g.Copies.Method != "" && g.Copies.Method != string(volsyncv1.CopyMethodSnapshot) && !direct(g):
		return not(fmt.Sprintf("volSync.destinationCopyMethod %q is not known: set it to Snapshot or Direct, or leave it out", g.Copies.Method))
	default:
		return nil
	}
}

// maxName leaves room in the 253 characters of an object's name for what the names of copies add to that of the claim: the
// longest is imageOf with the largest epoch.
const maxName = 253 - len(receiverSuffix) - len("-9223372036854775807")

// tooLong refuses a claim whose name leaves no room for the names of its copies, before anything is made for it.
func tooLong(claim string) *provider.Refusal {
	if len(claim) <= maxName {
		return nil
	}
	return &provider.Refusal{Reason: provider.ReasonNotSupported, Message: fmt.Sprintf(
		"the name of the claim has %d characters, and VolSync can copy claims of at most %d: make the claim again with a shorter name", len(claim), maxName)}
}

func missingAPI() *provider.Refusal {
	return &provider.Refusal{
		Reason:  provider.ReasonNotSupported,
		Message: "the volume has to be replicated by VolSync, which the cluster does not serve: install VolSync and the CSI snapshot controller",
	}
}

// judge says the state of the volume. A claim that is bound is ready, whatever becomes of its copies.
func judge(s *provider.State, v provider.Volume, rs *volsyncv1.ReplicationSource) error {
	g := v.Group
	s.Ready = provider.Finding{Status: metav1.ConditionTrue, Reason: provider.ReasonReady, Message: "the volume can be used"}
	s.Unprepared, s.Unsent = g.Prepare, g.Final
	if rs == nil && s.Replica != plan.ReplicaAbsent && g.Role == plan.Secondary {
		s.Exact, s.Settled = true, true // the source was removed because it was done: what stood in follows
		return nil
	}
	if rs == nil {
		s.Protected = progress("the volume's ReplicationSource is not made yet")
		if addressOf(v, nil) == "" {
			s.Early = "the peer has not told yet where it receives the volume: see the status of the group there"
			s.Protected = progress(s.Early)
		}
		return nil
	}
	var err error
	if s.Exact, err = exact(v, *s, rs); err != nil {
		return err
	}
	at := stage(rs)
	sent := at == tagFinal && done(rs)
	s.Unprepared = g.Prepare && !(at == tagPrepare && done(rs))
	s.Unsent = g.Final && !sent
	switch {
	case g.Role == plan.Secondary && g.Failover:
		s.Settled = true // what the peer lacks is given up
	case g.Role == plan.Secondary || g.Final:
		s.Settled = sent
	default:
		// One that went back to its schedule has to end a synchronization by it.
		s.Settled = s.LastSyncTime != nil && (at != tagSchedule || rs.Status.LastManualSync == "")
	}
	if g.Role == plan.Secondary && !s.Settled {
		s.Ready = progress("the last synchronization to the peer is not over" + trouble(rs))
	}
	s.Protected = protection(s, g, rs)
	return nil
}

func protection(s *provider.State, g provider.Group, rs *volsyncv1.ReplicationSource) provider.Finding {
	why := trouble(rs)
	switch {
	case s.Unprepared:
		return progress("the synchronization that precedes the last one is not over" + why)
	case s.Unsent:
		return progress("the last synchronization is not over" + why)
	case g.Role == plan.Secondary && !s.Settled:
		return s.Ready
	case s.LastSyncTime == nil:
		return progress("the first synchronization to the peer is not over" + why)
	case why != "":
		return provider.Finding{Status: metav1.ConditionFalse, Reason: provider.ReasonError, Message: "the volume is not synchronized" + why}
	default:
		return provider.Finding{Status: metav1.ConditionTrue, Reason: provider.ReasonDataProtected, Message: "the peer has a copy of the volume"}
	}
}

// trouble is what VolSync says of an error; empty if it says none.
func trouble(rs *volsyncv1.ReplicationSource) string {
	if rs.Status == nil {
		return ""
	}
	if what := complaint(rs.Status.Conditions, rs.Status.LatestMoverStatus); what != "" {
		return ": " + what
	}
	return ""
}

// complaint is what VolSync says of an error of its own, or of the mover that ended last: one that fails is started again, and
// the condition goes on to say that a synchronization is in progress.
func complaint(conditions []metav1.Condition, mover *volsyncv1.MoverStatus) string {
	c := meta.FindStatusCondition(conditions, volsyncv1.ConditionSynchronizing)
	switch {
	case c != nil && c.Reason == volsyncv1.SynchronizingReasonError && !passing(c.Message):
		return "VolSync says: " + c.Message
	case mover != nil && mover.Result == volsyncv1.MoverResultFailed:
		return "VolSync says that its mover failed: " + lastLine(mover.Logs)
	default:
		return ""
	}
}

// lastLine is the end of a log: as much as a condition may hold of it.
func lastLine(logs string) string {
	const most = 200
	lines := strings.Split(strings.TrimSpace(logs), "\n")
	line := []rune(lines[len(lines)-1])
	return string(line[:min(len(line), most)])
}

// passing reports whether an error is none of the copies': VolSync also calls it an error when its cache is behind, of an
// object that somebody else wrote or that it made or removed itself a moment ago. That happens in each synchronization, and
// it looks again within a second.
func passing(message string) bool {
	own := strings.Contains(message, `"volsync-`) && (strings.HasSuffix(message, " not found") || strings.HasSuffix(message, " already exists"))
	return own || strings.Contains(message, "the object has been modified")
}

func progress(message string) provider.Finding {
	return provider.Finding{Status: metav1.ConditionFalse, Reason: provider.ReasonProgressing, Message: message}
}

// Intents is the ReplicationSource in the role.
func (Provider) Intents(v provider.Volume, s provider.State, r plan.Role) ([]apply.Intent, error) {
	switch {
	case s.Refusal != nil:
		return nil, s.Refusal
	case r == plan.NoRole:
		return nil, fmt.Errorf("volume %s/%s: no role to take", v.Namespace, v.Name)
	case s.Early != "":
		return nil, fmt.Errorf("volume %s/%s: %s", v.Namespace, v.Name, s.Early)
	}
	v.Group.Role = r
	rs, err := desired(v, s, sourceIn(s))
	if err != nil {
		return nil, err
	}
	if !standsIn(v) {
		return []apply.Intent{apply.Untyped(rs)}, nil
	}
	out, err := standIn(v)
	return append(out, apply.Untyped(rs)), err
}

// Leftovers are the ReplicationSource and what stood in for the claim.
func (Provider) Leftovers(s provider.State) []client.Object { return s.Objects }

// began is when a synchronization that VolSync noted began: VolSync notes its end.
func began(at *metav1.Time, took *metav1.Duration) *metav1.Time {
	if at == nil {
		return nil
	}
	var d time.Duration
	if took != nil {
		d = took.Duration
	}
	t := metav1.NewTime(at.Add(-d).Truncate(time.Second))
	return &t
}
