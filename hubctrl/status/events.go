// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/internal/cond"
)

// starts are the reasons of events about a new phase.
var starts = map[v1alpha1.DRState]string{
	v1alpha1.Initiating:  "DRPCInitiating",
	v1alpha1.Deploying:   "DRPCDeploying",
	v1alpha1.Deployed:    "DRPCDeploySuccess",
	v1alpha1.FailingOver: "DRPCFailingOver",
	v1alpha1.FailedOver:  "DRPCFailoverSuccess",
	v1alpha1.Relocating:  "DRPCRelocating",
	v1alpha1.Relocated:   "DRPCRelocationSuccess",
	v1alpha1.WaitForUser: "DRPCWaitForUser",
	v1alpha1.Deleting:    "DRPCDeleting",
}

// Event is what users are told by an event.
type Event struct{ Kind, Reason, Note string }

// EventsOf is what is new in a status since was, the one that users were last told of; protected is the last verdict that was
// certain.
func EventsOf(was, is *v1alpha1.DRPlacementControlStatus, protected Verdict) []Event {
	t := teller{is: is}
	t.phase(was)
	t.user(was)
	t.cleanup(was)
	t.interruption(was)
	t.end(was)
	t.link(was)
	t.protection(protected)
	return t.news
}

// teller makes events about one application by how its status differs from an earlier one.
type teller struct {
	is   *v1alpha1.DRPlacementControlStatus
	news []Event
}

func (t *teller) say(kind, reason, note string) {
	t.news = append(t.news, Event{kind, reason, bounded.Text(note, bounded.Note)})
}

func (t *teller) phase(was *v1alpha1.DRPlacementControlStatus) {
	is := t.is
	if was.Phase == is.Phase {
		return
	}
	kind, note := corev1.EventTypeNormal, "phase "+string(is.Phase)
	if is.Waiting != nil {
		note += ": " + is.Waiting.Message
	}
	if is.Phase == v1alpha1.WaitForUser {
		kind = corev1.EventTypeWarning
	}
	t.say(kind, starts[is.Phase], note)
}

// user tells that only the user can help, unless the phase just said so.
func (t *teller) user(was *v1alpha1.DRPlacementControlStatus) {
	is := t.is
	stalled := cond.IsTrue(is.Conditions, v1alpha1.ConditionStalled) && is.Waiting != nil
	phaseSaysSo := was.Phase != is.Phase && is.Phase == v1alpha1.WaitForUser
	if !stalled || phaseSaysSo || cond.IsTrue(was.Conditions, v1alpha1.ConditionStalled) && sameWait(was.Waiting, is.Waiting) {
		return
	}
	t.say(corev1.EventTypeWarning, starts[v1alpha1.WaitForUser], is.Waiting.Message+"; "+is.Waiting.NextStep)
}

// cleanup tells that the workload has to leave a cluster. That is no trouble: where a deployment tool follows the
// decisions it takes seconds.
func (t *teller) cleanup(was *v1alpha1.DRPlacementControlStatus) {
	is := t.is.Waiting
	if is != nil && is.Fact == factWorkloadGone && !sameWait(was.Waiting, is) {
		t.say(corev1.EventTypeNormal, "DRPCWaitOnUserToCleanUp", is.Message+"; "+is.NextStep)
	}
}

// interruption tells that somebody deletes the application's group on a cluster.
func (t *teller) interruption(was *v1alpha1.DRPlacementControlStatus) {
	is := t.is.Waiting
	if is != nil && is.Fact == factInterrupted && !sameWait(was.Waiting, is) {
		t.say(corev1.EventTypeWarning, "DRPCInterrupted", is.Message+"; "+is.NextStep)
	}
}

func sameWait(a, b *v1alpha1.Waiting) bool {
	return a != nil && b != nil && a.Fact == b.Fact && a.Cluster == b.Cluster
}

func (t *teller) end(was *v1alpha1.DRPlacementControlStatus) {
	is := t.is
	if op := OperationOf(was); op != Idle && is.ActionDuration != nil && was.ActionDuration == nil {
		t.say(corev1.EventTypeNormal, "DRPCActionCompleted", fmt.Sprintf("%s completed in %s", op, is.ActionDuration.Duration))
	}
}

// link tells that the cluster where the workload runs can't be reached any more, or again.
func (t *teller) link(was *v1alpha1.DRPlacementControlStatus) {
	is := t.is
	if is.PreferredDecision.ClusterName == "" || was.PreferredDecision != is.PreferredDecision {
		return
	}
	lost := func(s *v1alpha1.DRPlacementControlStatus) (bool, string) {
		c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionAvailable)
		if c == nil {
			return false, ""
		}
		return c.Reason == reasonLinkLost || c.Reason == reasonLinkNever || c.Reason == reasonReplaced, c.Message
	}
	before, _ := lost(was)
	switch now, note := lost(is); {
	case now && !before:
		t.say(corev1.EventTypeWarning, "DRPCLinkLost", note)
	case before && !now:
		t.say(corev1.EventTypeNormal, "DRPCLinkRestored", "cluster "+is.PreferredDecision.ClusterName+" can be reached again")
	}
}

func (t *teller) protection(was Verdict) {
	c := meta.FindStatusCondition(t.is.Conditions, v1alpha1.ConditionProtected)
	if c == nil {
		return
	}
	switch now := Judge(t.is); {
	case now == IsProtected && was == Unprotected:
		t.say(corev1.EventTypeNormal, "DRPCProtected", c.Message)
	case now == Unprotected && was == IsProtected && c.Reason == reasonProgressing:
		t.say(corev1.EventTypeNormal, "DRPCUnprotected", c.Message) // a new volume, or the first synchronization after an operation
	case now == Unprotected && was == IsProtected:
		t.say(corev1.EventTypeWarning, "DRPCUnprotected", c.Message)
	}
}

// Verdict is whether an application is protected.
type Verdict uint8

const (
	// Uncertain : the status does not tell.
	Uncertain Verdict = iota
	// Unprotected : what the workload writes now would be lost with its cluster.
	Unprotected
	// IsProtected : the peer could take over.
	IsProtected
)

// Judge is the verdict of a status. It is uncertain while the cluster can't be heard, and during an operation, which
// takes the protection away and brings it back, as long as nothing fails.
func Judge(s *v1alpha1.DRPlacementControlStatus) Verdict {
	c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionProtected)
	if c != nil && c.Status == metav1.ConditionFalse && c.Reason != reasonFailed && OperationOf(s) != Idle {
		return Uncertain
	}
	return Found(s)
}

// Found is the verdict of a status, whatever is under way.
func Found(s *v1alpha1.DRPlacementControlStatus) Verdict {
	switch c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionProtected); {
	case c == nil, c.Status == metav1.ConditionFalse, c.Reason == reasonNoVolumes:
		return Unprotected
	case c.Status == metav1.ConditionTrue:
		return IsProtected
	default:
		return Uncertain
	}
}
