// SPDX-License-Identifier: Apache-2.0

package status

import (
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/internal/cond"
	"github.com/ramendr/ramen-direct/internal/outcome"
)

// ReportBlind says that nothing could be found out; what was known is left alone. since is when the hub could read last what
// it needs, if it can't.
func ReportBlind(drpc *v1alpha1.DRPlacementControl, now time.Time, reason string, err error, since time.Time) {
	gen, message := drpc.Generation, err.Error()
	var refused *outcome.Refused
	stalled := errors.As(err, &refused)
	if Transient(err) {
		message = fmt.Sprintf("the hub has not been able to read what it needs since %s, and tries again at least every minute: %v",
			since.UTC().Format(time.RFC3339), err)
	}
	list := []metav1.Condition{
		cond.New(v1alpha1.ConditionReady, metav1.ConditionFalse, reason, message, gen),
		cond.New(v1alpha1.ConditionStalled, cond.Status(stalled), reason, message, gen),
		cond.New(v1alpha1.ConditionReconciling, cond.Status(!stalled), reason, message, gen),
	}
	for _, kind := range []string{v1alpha1.ConditionAvailable, v1alpha1.ConditionPeerReady, v1alpha1.ConditionProtected} {
		list = append(list, cond.New(kind, metav1.ConditionUnknown, reason, message, gen))
	}
	if stalled {
		drpc.Status.ObservedGeneration = gen // else the spec was not considered yet
		refusal(&drpc.Status, now, reason, err)
	}
	drpc.Status.Conditions = merged(drpc.Status.Conditions, now, list...)
}

// refusal says where users look for it what only they can fix (I7). What runs keeps its phase.
func refusal(s *v1alpha1.DRPlacementControlStatus, now time.Time, reason string, err error) {
	if s.Phase == "" {
		s.Phase, s.Progression = v1alpha1.WaitForUser, v1alpha1.ProgressionPaused
	}
	since := &metav1.Time{Time: now.Truncate(time.Second)}
	if s.Waiting != nil && s.Waiting.Fact == reason {
		since = s.Waiting.Since
	}
	s.Waiting = &v1alpha1.Waiting{Fact: reason, Since: since, Message: bounded.Text(err.Error(), bounded.Message), NextStep: "fix the problem described in the message; the operation continues automatically"}
}

// Transient reports whether err is one that goes away without anybody's doing.
func Transient(err error) bool {
	var refused *outcome.Refused
	var waiting *outcome.Waiting
	return err != nil && !errors.As(err, &refused) && !errors.As(err, &waiting)
}
