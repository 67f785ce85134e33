// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/metrics"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/internal/cond"
	"github.com/ramendr/ramen-direct/internal/outcome"
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

// announce tells users by events, and monitoring by counts, what changed since they were last told. It is called after
// the status was saved.
func (r *Reconciler) announce(before, after *v1alpha1.DRPlacementControl, w *snapshot.Snapshot, seeErr error, now time.Time) {
	was := r.ledger.of(before)
	var refused *outcome.Refused
	switch {
	case seeErr != nil && !errors.As(seeErr, &refused):
		return // nothing was found out
	case seeErr == nil && w.Connecting():
		return // a hub that starts does not know its links for seconds: what that changes is no news
	}
	r.count(&was, &after.Status, now)
	t := teller{r: r, about: after}
	t.phase(&was.status)
	t.user(&was.status)
	t.cleanup(&was.status)
	t.interruption(&was.status)
	t.end(&was.status)
	t.link(&was.status)
	t.protection(was.protected)
	r.ledger.told(after, was, now)
}

// teller makes events about one application by how its status differs from an earlier one.
type teller struct {
	r     *Reconciler
	about *v1alpha1.DRPlacementControl
}

func (t teller) say(kind, reason, note string) {
	t.r.recorder.Eventf(t.about, nil, kind, reason, "Protect", "%s", bounded.Text(note, bounded.Note))
}

func (t teller) phase(was *v1alpha1.DRPlacementControlStatus) {
	is := &t.about.Status
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
func (t teller) user(was *v1alpha1.DRPlacementControlStatus) {
	is := &t.about.Status
	stalled := cond.IsTrue(is.Conditions, v1alpha1.ConditionStalled) && is.Waiting != nil
	phaseSaysSo := was.Phase != is.Phase && is.Phase == v1alpha1.WaitForUser
	if !stalled || phaseSaysSo || cond.IsTrue(was.Conditions, v1alpha1.ConditionStalled) && sameWait(was.Waiting, is.Waiting) {
		return
	}
	t.say(corev1.EventTypeWarning, starts[v1alpha1.WaitForUser], is.Waiting.Message+"; "+is.Waiting.NextStep)
}

// cleanup tells that the workload has to leave a cluster. That is no trouble: where a deployment tool follows the
// decisions it takes seconds.
func (t teller) cleanup(was *v1alpha1.DRPlacementControlStatus) {
	is := t.about.Status.Waiting
	if is != nil && is.Fact == factWorkloadGone && !sameWait(was.Waiting, is) {
		t.say(corev1.EventTypeNormal, "DRPCWaitOnUserToCleanUp", is.Message+"; "+is.NextStep)
	}
}

// interruption tells that somebody deletes the application's group on a cluster.
func (t teller) interruption(was *v1alpha1.DRPlacementControlStatus) {
	is := t.about.Status.Waiting
	if is != nil && is.Fact == factInterrupted && !sameWait(was.Waiting, is) {
		t.say(corev1.EventTypeWarning, "DRPCInterrupted", is.Message+"; "+is.NextStep)
	}
}

func sameWait(a, b *v1alpha1.Waiting) bool {
	return a != nil && b != nil && a.Fact == b.Fact && a.Cluster == b.Cluster
}

func (t teller) end(was *v1alpha1.DRPlacementControlStatus) {
	is := &t.about.Status
	if op := operation(was); op != metrics.Idle && is.ActionDuration != nil && was.ActionDuration == nil {
		t.say(corev1.EventTypeNormal, "DRPCActionCompleted", fmt.Sprintf("%s completed in %s", op, is.ActionDuration.Duration))
	}
}

// link tells that the cluster where the workload runs can't be reached any more, or again.
func (t teller) link(was *v1alpha1.DRPlacementControlStatus) {
	is := &t.about.Status
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

// verdict is whether an application is protected.
type verdict uint8

const (
	uncertain verdict = iota
	unprotected
	isProtected
)

// judge is the verdict of a status. It is uncertain while the cluster can't be heard, and during an operation, which
// takes the protection away and brings it back, as long as nothing fails.
func judge(s *v1alpha1.DRPlacementControlStatus) verdict {
	c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionProtected)
	if c != nil && c.Status == metav1.ConditionFalse && c.Reason != reasonFailed && operation(s) != metrics.Idle {
		return uncertain
	}
	return found(s)
}

// found is the verdict of a status, whatever is under way.
func found(s *v1alpha1.DRPlacementControlStatus) verdict {
	switch c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionProtected); {
	case c == nil, c.Status == metav1.ConditionFalse, c.Reason == reasonNoVolumes:
		return unprotected
	case c.Status == metav1.ConditionTrue:
		return isProtected
	default:
		return uncertain
	}
}

func (t teller) protection(was verdict) {
	c := meta.FindStatusCondition(t.about.Status.Conditions, v1alpha1.ConditionProtected)
	if c == nil {
		return
	}
	switch now := judge(&t.about.Status); {
	case now == isProtected && was == unprotected:
		t.say(corev1.EventTypeNormal, "DRPCProtected", c.Message)
	case now == unprotected && was == isProtected && c.Reason == reasonProgressing:
		t.say(corev1.EventTypeNormal, "DRPCUnprotected", c.Message) // a new volume, or the first synchronization after an operation
	case now == unprotected && was == isProtected:
		t.say(corev1.EventTypeWarning, "DRPCUnprotected", c.Message)
	}
}

// finish tells what a protection that ended left behind on clusters that were given up.
func (r *Reconciler) finish(before *v1alpha1.DRPlacementControl, w *snapshot.Snapshot) {
	if s := &before.Status; operation(s) == metrics.Delete && s.ActionStartTime != nil {
		r.operations.Ended(metrics.Delete, metrics.Completed, r.clock.Now().Sub(s.ActionStartTime.Time))
	}
	for _, s := range []plan.Side{plan.First, plan.Second} {
		at, c := w.At(s), w.Facts.At(s)
		if !c.Abandon || c.Report.Removed || at.Cluster == "" {
			continue
		}
		what := "it is not known what was left there"
		if at.Wish != nil {
			what = fmt.Sprintf("VolumeReplicationGroup %s may be left there; %s/%s has it removed when the cluster returns", w.Group, at.Wish.Namespace, at.Wish.Name)
		}
		r.recorder.Eventf(w.DRPC, nil, corev1.EventTypeWarning, "DRPCClusterAbandoned", "Abandon", "cluster %s was given up: %s", at.Cluster, what)
	}
}
