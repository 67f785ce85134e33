// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// objectsOf is what a cluster says about the Kubernetes objects of the application; nil: nobody asks for them.
func objectsOf(at *snapshot.Side) *metav1.Condition {
	if at == nil || at.Report == nil || at.Report.Spec.KubeObjectProtection == nil {
		return nil
	}
	c := exchange.Condition(at.Report, v1alpha1.VRGKubeObjectsReady)
	return &c
}

// explainObjects says what is missing of an application whose volumes are promoted.
func explainObjects(w *snapshot.Snapshot, at *snapshot.Side) Words {
	c := exchange.Condition(at.Report, v1alpha1.VRGKubeObjectsReady)
	out := Words{Fact: awaited[plan.BeingRestored],
		message: fmt.Sprintf("the volumes of the application are promoted on cluster %s, and its Kubernetes objects are not all restored yet: %s", at.Cluster, conditionText(&c)),
		next:    continues + " when they are"}
	if failed[c.Reason] {
		out.next = fmt.Sprintf("fix the problem described in the message on cluster %s; it is tried again automatically. Look at it there: kubectl --context %s -n %s get vrg %s -o yaml",
			at.Cluster, at.Cluster, w.Group.Namespace, w.Group.Name)
	}
	return out
}

// objectsMissing is the end of a sentence about where the workload runs, while its objects are restored there; empty: they are not.
func objectsMissing(at *snapshot.Side, c *plan.Cluster) string {
	if !c.Report.Restoring {
		return ""
	}
	return "; " + v1alpha1.VRGKubeObjectsReady + " is False: " + conditionText(objectsOf(at))
}

// capturing is the end of a sentence about what is done before an application leaves; empty: nobody asks for captures.
func capturing(at *snapshot.Side) string {
	if objectsOf(at) == nil {
		return ""
	}
	return "; its Kubernetes objects are captured once more before that, if that is possible within a minute"
}

// Reasons of KubeObjectsReady about captures: there is none, the last one is too old, or it could not read all.
const (
	reasonNotCaptured = "NotCaptured"
	reasonOverdue     = "CaptureOverdue"
	reasonIncomplete  = "CaptureIncomplete"
)

// uncaptured is why a failover would not bring back the objects as they are now, or were a while ago; nil: it would, or nobody asks
// for it.
func uncaptured(at *snapshot.Side) *metav1.Condition {
	c := objectsOf(at)
	if c == nil || c.Status != metav1.ConditionFalse {
		return nil
	}
	switch c.Reason {
	case reasonProgressing, reasonFailed, reasonNotCaptured, reasonOverdue, reasonIncomplete:
		return c
	default:
		return nil
	}
}

// reasonHookFailed is the reason of HooksReady while a hook failed, or what one did is not undone.
const reasonHookFailed = "HookFailed"

// unhooked says which hook failed on the cluster of the application, and how old the capture is that would be restored; empty: none
// did.
func unhooked(w *snapshot.Snapshot, at *snapshot.Side) string {
	c := exchange.Condition(at.Report, v1alpha1.VRGHooksReady)
	if objectsOf(at) == nil || c.Status != metav1.ConditionFalse || c.Reason != reasonHookFailed {
		return ""
	}
	out := fmt.Sprintf("VolumeReplicationGroup (%s/%s) on cluster %s hook execution failed: %s", w.Group.Namespace, w.Group.Name, at.Cluster, c.Message)
	if objects := uncaptured(at); objects != nil {
		return out + "; " + conditionText(objects)
	}
	if last := at.Report.Status.KubeObjectProtection.CaptureToRecoverFrom; last != nil && last.StartTime != nil {
		return out + "; a failover would restore the Kubernetes objects of " + last.StartTime.UTC().Format(time.RFC3339)
	}
	return out
}
