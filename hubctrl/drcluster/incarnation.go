// SPDX-License-Identifier: Apache-2.0

package drcluster

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Reasons of the condition Connected that tell of another cluster than the recorded one (X13).
const (
	// reasonReplaced : the mirror of another cluster uses the name, and the recorded one is silent.
	reasonReplaced = "ClusterReplaced"
	// reasonStranger : the recorded cluster is connected, and the mirror of another cluster uses its name too.
	reasonStranger = "StrangerConnected"
	// reasonTwin : the mirror that uses the name runs on the cluster of another DRCluster. DRPolicies say it in the same word.
	reasonTwin = v1alpha1.ReasonDRClustersAreOne
)

// claims is what mirrors say about which cluster is behind a name.
type claims struct {
	own      string // the identity in the mirror's lease; empty: none
	stranger string // that of another cluster whose mirror is here now; empty: none
	twin     string // the DRCluster that has recorded the identity that is not this one's; empty: none has
}

// other is the identity of the cluster that uses the name without being recorded for it; empty: there is none.
func (c claims) other(recorded string) string {
	switch {
	case c.stranger != "":
		return c.stranger
	case c.own != recorded:
		return c.own
	default:
		return ""
	}
}

func claimsOf(now seen) claims {
	c := claims{stranger: now.link.Stranger}
	if now.lease != nil {
		c.own = now.lease.Annotations[exchange.AnnotationSpokeID]
	}
	return c
}

// record keeps the identity of the cluster in its status, and finds out who else has the one that is claimed. An identity
// is recorded for one DRCluster only: the second name of a cluster could otherwise be told the opposite of the first. The
// lock keeps two of them from recording the same one at the same time.
func (r *Reconciler) record(ctx context.Context, dc *v1alpha1.DRCluster, c *claims) error {
	next := exchange.Record(dc.Status.ClusterID, dc.Annotations[v1alpha1.AnnotationAcceptCluster], c.own, c.stranger)
	other := c.other(dc.Status.ClusterID)
	if next == dc.Status.ClusterID && other == "" {
		return nil
	}
	r.recording.Lock()
	defer r.recording.Unlock()
	list := &v1alpha1.DRClusterList{}
	if err := r.live.List(ctx, list); err != nil {
		return fmt.Errorf("list DRClusters: %w", err)
	}
	for i := range list.Items {
		if o := &list.Items[i]; o.Name != dc.Name && o.Status.ClusterID != "" && o.Status.ClusterID == other {
			c.twin = o.Name
			return nil
		}
	}
	if next == dc.Status.ClusterID {
		return nil
	}
	log.FromContext(ctx).Info("Recording the identity of a cluster", "cluster", dc.Name, "was", dc.Status.ClusterID, "is", next)
	before, after := dc.DeepCopy(), dc.DeepCopy()
	before.Status.MaintenanceModes, after.Status.MaintenanceModes = nil, nil // they have a controller of their own
	after.Status.ClusterID = next
	if _, err := r.apply.ChangedStatus(ctx, before, after); err != nil {
		return fmt.Errorf("record the identity of cluster %s: %w", dc.Name, err)
	}
	if dc.Status.ClusterID != "" {
		r.recorder.Eventf(dc, nil, "Normal", "ClusterAccepted", v1alpha1.ConditionConnected,
			"cluster %s, which replaced %s, is accepted", next, dc.Status.ClusterID)
	}
	dc.Status.ClusterID = next
	return nil
}

// strange says that another cluster than the recorded one uses the name; false: none does.
func strange(dc *v1alpha1.DRCluster, now seen) (status metav1.ConditionStatus, reason, message string, ok bool) {
	recorded, other := dc.Status.ClusterID, now.claims.other(dc.Status.ClusterID)
	where := "cluster " + other
	if now.claims.twin != "" {
		where = fmt.Sprintf("the cluster of DRCluster %s (%s)", now.claims.twin, other)
	}
	misplaced := fmt.Sprintf("delete the Secret with the credentials of %s there, and apply it to the cluster %s", dc.Name, dc.Name)
	accept := fmt.Sprintf("kubectl annotate drcluster %s %s=%s --overwrite", dc.Name, v1alpha1.AnnotationAcceptCluster, other)
	switch {
	case other == "":
		return "", "", "", false
	case now.link.State == exchange.LinkLive:
		return metav1.ConditionTrue, reasonStranger, fmt.Sprintf(
			"the agent of the cluster renews its lease, but a mirror on %s uses the credentials of %s too. Nothing is applied there: %s",
			where, dc.Name, "delete the Secret with the credentials of "+dc.Name+" there"), true
	case now.claims.twin != "":
		return metav1.ConditionFalse, reasonTwin, fmt.Sprintf(
			"the mirror that uses the credentials of %s runs on %s, and nothing is applied there: %s", dc.Name, where, misplaced), true
	case recorded == "" && dc.Annotations[v1alpha1.AnnotationAcceptCluster] == "":
		return "", "", "", false // it is about to be recorded
	case recorded == "":
		return metav1.ConditionFalse, reasonReplaced, fmt.Sprintf(
			"a mirror on cluster %s uses the credentials of %s, but annotation %s names cluster %s. Nothing is applied there, and its reports are ignored. If it is the right one: %s. If not: %s",
			other, dc.Name, v1alpha1.AnnotationAcceptCluster, dc.Annotations[v1alpha1.AnnotationAcceptCluster], accept, misplaced), true
	default:
		return metav1.ConditionFalse, reasonReplaced, fmt.Sprintf(
			"a mirror on cluster %s uses the credentials of %s, which was cluster %s until now%s. Nothing is applied there, and its reports are ignored. "+
				"Fail over the applications whose data was on the old cluster. To let the new one in: %s. If it is the wrong cluster: %s",
			other, dc.Name, recorded, heard(now.link), accept, misplaced), true
	}
}
