// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

func lostLink(at *snapshot.Side) string {
	switch at.Link.State {
	case exchange.LinkNever:
		return fmt.Sprintf("the mirror of cluster %s has never reported", at.Cluster)
	case exchange.LinkConnecting:
		return fmt.Sprintf("the mirror of cluster %s is connecting", at.Cluster) + lastHeard(at)
	case exchange.LinkLost:
		return fmt.Sprintf("cluster %s can't be reached", at.Cluster) + lastHeard(at)
	case exchange.LinkReplaced:
		return fmt.Sprintf("another cluster, %s, uses the name %s, and its reports are ignored", at.Link.Stranger, at.Cluster) + lastHeard(at)
	case exchange.LinkLive:
	}
	return fmt.Sprintf("cluster %s is connected", at.Cluster)
}

// lastHeard is a moment, never an age: that would make each pass a write.
func lastHeard(at *snapshot.Side) string {
	switch {
	case !at.Link.LastRenewal.IsZero():
		return "; last heard of at " + at.Link.LastRenewal.UTC().Format(time.RFC3339)
	case at.Link.State == exchange.LinkLost:
		return "; it is not known when it was last heard of" // its lease lacks the time
	default:
		return ""
	}
}

func unanswered(at *snapshot.Side) string {
	if at.Wish == nil {
		return fmt.Sprintf("nothing has been asked of cluster %s yet", at.Cluster)
	}
	c := meta.FindStatusCondition(at.Wish.Status.Conditions, v1alpha1.WishApplied)
	if c != nil && c.Status == metav1.ConditionFalse && c.ObservedGeneration == at.Wish.Generation {
		return fmt.Sprintf("the mirror of cluster %s can't apply the wish: %s", at.Cluster, conditionText(c))
	}
	if claim := unbelievable(at); claim != "" {
		return claim
	}
	if interrupted(at) {
		return fmt.Sprintf("VolumeReplicationGroup %s/%s is being deleted on cluster %s, perhaps with its namespace, and this hub did not ask for it: its volumes stay retained, and their replicas "+
			"and stored metadata stay as they are", at.Report.Annotations[exchange.AnnotationNamespace], at.Report.Annotations[exchange.AnnotationName], at.Cluster)
	}
	if snapshot.Ours(at) && !exchange.CaughtUp(at.Report) {
		return fmt.Sprintf("the controller on cluster %s has not looked at the latest wish yet", at.Cluster)
	}
	return fmt.Sprintf("cluster %s has not answered the latest wish yet", at.Cluster)
}

// interrupted reports whether somebody else than a hub deletes what a side was told to have (X14).
func interrupted(at *snapshot.Side) bool {
	return at.Report != nil && at.Report.Status.Exchange != nil && at.Report.Status.Exchange.SpokeDeleting && at.Wish != nil && at.Wish.DeletionTimestamp == nil
}

// why is the first of the conditions that is not True, in words.
func why(at *snapshot.Side, kinds ...string) string {
	for _, kind := range kinds {
		if c := exchange.Condition(at.Report, kind); c.Status != metav1.ConditionTrue {
			return fmt.Sprintf("%s is %s, %s", kind, c.Status, conditionText(&c))
		}
	}
	return fmt.Sprintf("its state is %s", at.Report.Status.State)
}

func conditionText(c *metav1.Condition) string {
	if c == nil {
		return "not looked at yet"
	}
	if c.Message == "" {
		return c.Reason
	}
	return bounded.Text(c.Reason, bounded.Quote) + ": " + bounded.Text(c.Message, bounded.Quote)
}

// overruns says what of a report is ignored; empty: nothing.
func overruns(at *snapshot.Side) string {
	if len(at.Ignored) == 0 {
		return ""
	}
	return fmt.Sprintf("; ignored in the report of cluster %s: %s", at.Cluster, bounded.List(at.Ignored, "; "))
}

// unbelievable says that a cluster claims an epoch that no hub can have wished; empty: it does not.
func unbelievable(at *snapshot.Side) string {
	if at.Report == nil || at.Report.Status.Exchange == nil || at.Believable {
		return ""
	}
	return fmt.Sprintf("cluster %s reports epoch %d, which no hub can have wished: the report is not believed. Look at annotation %s of VolumeReplicationGroup %s/%s on the cluster, and for a forged report in %s",
		at.Cluster, at.Report.Status.Exchange.Epoch, exchange.AnnotationEpoch,
		at.Report.Annotations[exchange.AnnotationNamespace], at.Report.Annotations[exchange.AnnotationName], exchange.Inbox(at.Cluster))
}

// running is the side where the workload is to run now; nil: nowhere.
func running(w *snapshot.Snapshot) *snapshot.Side {
	for _, s := range []plan.Side{plan.First, plan.Second} {
		if w.Facts.At(s).Decision == plan.RunHere {
			return w.At(s)
		}
	}
	return nil
}

// leaving is what a group that is being deleted says about what it waits for, after the words on the group; empty if it says
// nothing.
func leaving(at *snapshot.Side) string {
	if at.Report == nil || at.Report.Status.Exchange == nil || !at.Report.Status.Exchange.SpokeDeleting {
		return ""
	}
	c := exchange.Condition(at.Report, v1alpha1.VRGDataReady)
	if c.Status != metav1.ConditionFalse || c.Message == "" {
		return ""
	}
	return ": " + conditionText(&c)
}
