// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/hubctrl/wish"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// reasonNotSupported is the reason of Protected while the application is protected in part only.
const reasonNotSupported = "NotSupported"

// unmet says what the application asks to be protected and what its cluster can't protect: volumes are protected, and all
// operations work, but people who rely on the rest would find it missing after a failover. Empty: nothing.
func unmet(w *snapshot.Snapshot) Words {
	at := w.Source()
	if at == nil || w.DRPC.Spec.KubeObjectProtection == nil {
		return Words{}
	}
	c := exchange.Condition(at.Report, v1alpha1.VRGKubeObjectsReady)
	if c.Status != metav1.ConditionFalse || c.Reason != reasonNotSupported {
		return Words{}
	}
	return Words{Fact: reasonNotSupported, user: true,
		message: fmt.Sprintf("only the volumes of the application are protected, its Kubernetes objects (spec.kubeObjectProtection) are not: cluster %s: %s", at.Cluster, c.Message),
		next:    "fix the problem described in the message; or remove spec.kubeObjectProtection, and deploy the objects from Git or by hand after a failover or relocation"}
}

// unhealthy is what an application that is where it should be waits for all the same: its cluster answered that it is not
// Primary and ready, as when another group took one of its claims.
func unhealthy(w *snapshot.Snapshot) plan.Wait {
	running := running(w)
	if running == nil {
		return plan.Wait{}
	}
	home := w.SideOf(running.Cluster)
	if r := w.Facts.At(home).Report; !w.Facts.At(home).Live || !r.Answered || r.State == plan.IsPrimary && r.Ready {
		return plan.Wait{}
	}
	return plan.Wait{Fact: plan.BeingPrimary, On: home}
}

// inert says what the spec or the policy asks for and what has no effect, as the end of a sentence; empty: nothing.
func inert(w *snapshot.Snapshot) string {
	spec, out := &w.DRPC.Spec, pinned(w)
	if v := spec.VolSyncSpec; v != nil && (len(v.RDSpec) > 0 || len(v.RSSpec) > 0) {
		out = append(out, "rdSpec and rsSpec of spec.volSyncSpec are not used, because the hub computes them: remove them")
	}
	if w.DRPC.Annotations[annotationDifferences] == "true" {
		out = append(out, fmt.Sprintf("annotation %s has no effect: VolSync finds out itself what differs. Remove it", annotationDifferences))
	}
	out = append(out, givenUp(w)...)
	if groups := ungrouped(w); groups != "" {
		out = append(out, groups)
	}
	if v := spec.VolSyncSpec; v != nil && v.KeySecret != "" {
		out = append(out, "keySecret of spec.volSyncSpec is not used, because the hub makes the key: remove it")
	}
	if out == nil {
		return ""
	}
	return "; " + strings.Join(out, "; ")
}

// givenUp says which clusters the user gave up that are heard of.
func givenUp(w *snapshot.Snapshot) []string {
	var out []string
	for _, s := range []plan.Side{plan.First, plan.Second} {
		if c := w.Facts.At(s); c.Abandon && c.Live {
			out = append(out, fmt.Sprintf("annotation %s names cluster %s, which answers: it has an effect only when DR is disabled, or the cluster is lost again. Remove it if it was meant for an outage that is over",
				v1alpha1.AnnotationAbandonCluster, w.At(s).Cluster))
		}
	}
	return out
}

// pinned names the StorageClasses whose volumes keep a technique that the policy has replaced.
func pinned(w *snapshot.Snapshot) []string {
	technique := func(c *v1alpha1.PeerClass) string {
		if c.ReplicationID == "" {
			return "VolSync"
		}
		return "VolumeReplication"
	}
	var out []string
	home := w.Facts.Home()
	if !home.Named() {
		home = plan.First
	}
	for _, o := range wish.PeerClasses(w, home, true) {
		for _, c := range w.Policy.Status.Async.PeerClasses {
			if is, was := technique(&c), technique(&o); o.StorageClassName == c.StorageClassName && is != was {
				out = append(out, fmt.Sprintf("volumes of StorageClass %s stay with %s, although DRPolicy %s now has %s for it: to change that, disable DR and protect the application again",
					o.StorageClassName, was, w.Policy.Name, is))
			}
		}
	}
	return out
}
