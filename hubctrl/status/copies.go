// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/drpolicy/peerclass"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
)

// notSynchronized is said of a group whose storage has told no synchronization of some volume.
const notSynchronized = "not every volume has been synchronized once"

// explainCopies says which volumes have no copy on the peer of home, and what may keep the storage from making one.
func explainCopies(w *snapshot.Snapshot, home plan.Side) Words {
	at, peer := w.At(home), w.At(home.Peer())
	message := fmt.Sprintf("cluster %s can't hand the workload over to %s, because %s has no copy of a volume: ", at.Cluster, peer.Cluster, peer.Cluster)
	if volume := snapshot.NeverReceived(w, at); volume != "" && !snapshot.Unreplicated(at) {
		message += fmt.Sprintf("it has not received volume %s yet", volume)
	} else {
		message += why(at, v1alpha1.VRGDataProtected)
	}
	return Words{Fact: factCopied, message: message, next: continues + " when the storage has made the copies" + hindered(w, home)}
}

// hindered is the end of a sentence about copies that the peer of home does not get.
func hindered(w *snapshot.Snapshot, home plan.Side) string {
	return fmt.Sprintf("; if it does not, look for volumes that are in the way of the copies on %[1]s, such as those of PersistentVolumes that are Released there: "+
		"kubectl --context %[1]s get pv; and see what the storage says: kubectl --context %[2]s -n %[3]s get vrg %[4]s -o yaml", w.At(home.Peer()).Cluster, w.At(home).Cluster, w.Group.Namespace, w.Group.Name)
}

// expected is how many scheduling intervals it may take until the volumes of an application are protected again; less than shortest is
// never too long.
const (
	expected = 3
	shortest = 5 * time.Minute
)

// Overdue is when it has taken too long until the volumes of an application that is where it should be are protected; zero: they are, or
// something else is waited for.
func Overdue(w *snapshot.Snapshot, next plan.Plan, s *v1alpha1.DRPlacementControlStatus) time.Time {
	home := w.Source()
	if home == nil || !next.Done() || !w.Facts.At(w.SideOf(home.Cluster)).Live {
		return time.Time{}
	}
	c := protected(w)
	copies := w.Facts.At(w.SideOf(home.Cluster)).Report.Uncopied || c.Message == notSynchronized
	if c.Status != metav1.ConditionFalse || c.Reason != reasonProgressing || !copies {
		return time.Time{}
	}
	was := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionProtected)
	if was == nil || was.Status != metav1.ConditionFalse {
		return time.Time{} // it is from now on
	}
	patience := shortest
	if every, ok := peerclass.Interval(w.Policy.Spec.SchedulingInterval); ok {
		patience = max(patience, expected*every)
	}
	return was.LastTransitionTime.Add(patience)
}

// overdue says that an application is where it should be, and has not been protected again for longer than it should take.
func overdue(w *snapshot.Snapshot, next plan.Plan, was *v1alpha1.DRPlacementControlStatus, now time.Time) Words {
	due := Overdue(w, next, was)
	if due.IsZero() || now.Before(due) {
		return Words{}
	}
	home := w.Facts.Home()
	since := meta.FindStatusCondition(was.Conditions, v1alpha1.ConditionProtected).LastTransitionTime.Time
	words := Words{Fact: factCopied, since: since, next: "the storage makes the copies" + hindered(w, home),
		message: fmt.Sprintf("the workload on cluster %s is not protected: %s", w.At(home).Cluster, protected(w).Message)}
	if w.Facts.At(home).Report.Uncopied {
		words.message = fmt.Sprintf("the workload on cluster %s is not protected: %s", w.At(home).Cluster, explainCopies(w, home).message)
	}
	return words
}

// stranded is the end of a sentence about a cluster that is not Secondary in the middle of a relocate: how to take the workload back.
func stranded(w *snapshot.Snapshot, behind plan.Side) string {
	at := w.Facts.At(behind)
	switch {
	case w.Facts.Home() != plan.Nowhere:
		return ""
	case w.Facts.Deleting && at.Report.Severed:
		return "; " + w.GivingUp(w.At(behind).Cluster)
	case at.Report.HandsOver || at.Report.Answered && at.Report.State == plan.IsSecondary && !at.Report.Level:
		return fmt.Sprintf("; if it does not, because the other cluster can't take over what was written, set action Failover and failoverCluster to %[1]s: the workload returns to %[1]s, "+
			"which has all that was written", w.At(behind).Cluster)
	default:
		return ""
	}
}
