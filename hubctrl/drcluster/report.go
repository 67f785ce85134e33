// SPDX-License-Identifier: Apache-2.0

package drcluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	hublinks "github.com/ramendr/ramen-direct/hubctrl/links"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/internal/cond"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// report writes the status of a cluster that is kept.
func (r *Reconciler) report(ctx context.Context, dc *v1alpha1.DRCluster, now seen, did acted, blocked *outcome.Waiting) (reconcile.Result, error) {
	after := dc.DeepCopy()
	after.Status.Phase = phase(did.failed)
	judged := judge(dc.Name, now, r.options.Clock.Now())
	after.Status.Credential = judged.status()
	conditions := []metav1.Condition{validated(dc, now, did.failed), connected(dc, now, judged), judged.condition(dc), skewed(dc, now.lease)}
	if blocked != nil {
		conditions = append(conditions, deletionBlocked(dc, blocked))
	}
	if err := r.save(ctx, dc, after, conditions); err != nil {
		return reconcile.Result{}, err
	}
	return r.result(dc.Name, did, blocked, judged.next)
}

// reportRemoval writes what the removal of a cluster waits for. Nil: nothing is left to write to.
func (r *Reconciler) reportRemoval(ctx context.Context, dc *v1alpha1.DRCluster, waits error) (reconcile.Result, error) {
	if waits == nil {
		return reconcile.Result{}, nil
	}
	if err := r.save(ctx, dc, dc.DeepCopy(), []metav1.Condition{deletionBlocked(dc, waits)}); err != nil {
		return reconcile.Result{}, err
	}
	_, res, err := outcome.Of(waits)
	return res, err
}

// save writes the status, once and only if it changed, and then events for what changed in it.
func (r *Reconciler) save(ctx context.Context, dc, after *v1alpha1.DRCluster, conditions []metav1.Condition) error {
	before := dc.DeepCopy()
	// Maintenance modes have a controller of their own: what both lack is not sent.
	before.Status.MaintenanceModes, after.Status.MaintenanceModes = nil, nil
	after.Status.Conditions = cond.OnlyTrue(cond.Merge(dc.Status.Conditions, r.options.Clock.Now(), conditions...), v1alpha1.ConditionSchemaSkew)
	after.Status.Conditions = slices.DeleteFunc(after.Status.Conditions, untold)
	saved, err := r.apply.ChangedStatus(ctx, before, after)
	if err != nil {
		return fmt.Errorf("report on DRCluster %s: %w", dc.Name, err)
	}
	if saved {
		r.announce(before, after)
	}
	return nil
}

// phase is Available once the hub has set up all that the cluster needs on the hub. The object store does not count.
func phase(failed []failure) v1alpha1.DRClusterPhase {
	for _, f := range failed {
		switch f.reason {
		case reasonFinalizer, reasonExchange, reasonConfig, reasonDistribution:
			return v1alpha1.ClusterStarting
		}
	}
	return v1alpha1.ClusterAvailable
}

func validated(dc *v1alpha1.DRCluster, now seen, failed []failure) metav1.Condition {
	if len(failed) == 0 {
		return cond.New(v1alpha1.ConditionValidated, metav1.ConditionTrue, reasonSucceeded, "Validated the cluster"+withoutStore(dc, now)+unknownFields(now), dc.Generation)
	}
	return cond.New(v1alpha1.ConditionValidated, metav1.ConditionFalse, failed[0].reason, failed[0].err.Error(), dc.Generation)
}

func withoutStore(dc *v1alpha1.DRCluster, now seen) string {
	switch {
	case slices.Contains(now.abandoned, dc.Spec.S3ProfileName):
		return fmt.Sprintf("; its object store, S3 profile %s, was given up: nothing is stored there. Point the profile to a new bucket, or name another one in s3ProfileName, and then remove annotation %s",
			dc.Spec.S3ProfileName, v1alpha1.AnnotationAbandonStore)
	case dc.Spec.S3ProfileName != noStore:
		return ""
	}
	return "; it has no object store: unless its peer has one, volumes that VolumeReplication protects can't be restored"
}

// unknownFields names what the configuration holds and nobody reads: most likely a slip of the pen.
func unknownFields(now seen) string {
	if now.config == nil || len(now.config.Unknown) == 0 {
		return ""
	}
	return fmt.Sprintf("; the configuration has unknown fields, which are ignored: %s", bounded.List(now.config.Unknown, ", "))
}

// connected says since when, never for how long: an age would make each pass a write.
func connected(dc *v1alpha1.DRCluster, now seen, judged verdict) metav1.Condition {
	link := now.link
	if link.State == exchange.LinkNever && now.lease != nil {
		link.State = exchange.LinkConnecting // a hub that has just started has not looked at the lease yet
	}
	is := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return cond.New(v1alpha1.ConditionConnected, status, reason, message, dc.Generation)
	}
	if status, reason, message, ok := strange(dc, now); ok {
		return is(status, reason, message)
	}
	since := heard(link)
	inbox, says := exchange.Inbox(dc.Name), agentSays(now.lease)+tooMuch(dc.Name, now.apart)
	switch link.State {
	case exchange.LinkNever:
		return is(metav1.ConditionFalse, "NeverConnected", fmt.Sprintf(
			"the agent of the cluster has never connected: there is no Lease %s/%s. Run the mirror on the cluster, with a token of ServiceAccount %s/%s",
			inbox, exchange.LeaseName, inbox, exchange.ServiceAccount))
	case exchange.LinkConnecting:
		return is(metav1.ConditionUnknown, "Connecting", fmt.Sprintf("waiting to see Lease %s/%s renewed%s", inbox, exchange.LeaseName, says))
	case exchange.LinkLive:
		return is(metav1.ConditionTrue, "Live", "the agent of the cluster renews its lease"+says)
	case exchange.LinkLost, exchange.LinkReplaced: // replaced by a claim that is not told any more
		if judged.ended() {
			return is(metav1.ConditionFalse, judged.reason, fmt.Sprintf("the agent of the cluster is silent%s: %s%s", since, judged.message, says))
		}
		return is(metav1.ConditionFalse, "Lost", fmt.Sprintf(
			"the agent of the cluster is silent%s. Check that the cluster and its mirror run and reach the hub, and whether the mirror's log complains about credentials or a certificate (x509)%s", since, says))
	}
	return is(metav1.ConditionUnknown, "Unknown", "the state of the link is not known")
}

// heard says when the cluster was last heard, if that is known.
func heard(link exchange.Link) string {
	if link.LastRenewal.IsZero() {
		return ""
	}
	return ": last heard at " + link.LastRenewal.UTC().Format(time.RFC3339)
}

// agentSays is what the agent told in its lease about what does not work, most recently: one that can't reach the hub can't
// tell.
func agentSays(lease *coordinationv1.Lease) string {
	if lease == nil {
		return ""
	}
	told := ""
	if word := lease.Annotations[exchange.AnnotationLink]; word != "" && word != exchange.LinkLive.String() {
		told += "; the agent's last message: " + bounded.Text(word, bounded.Quote)
	}
	if objects := lease.Annotations[exchange.AnnotationUnreported]; objects != "" {
		told += "; the hub's API server does not accept the reports about " + bounded.List(strings.Split(objects, ", "), ", ")
	}
	if secrets := lease.Annotations[exchange.AnnotationUndelivered]; secrets != "" {
		told += "; these Secrets are not copied to the cluster: " + bounded.Text(secrets, bounded.Quote)
	}
	return told
}

// tooMuch says that a cluster reports more than the hub keeps. It does not count the reports, which would make each change a write.
func tooMuch(cluster string, apart int) string {
	if apart == 0 {
		return ""
	}
	return fmt.Sprintf("; its reports take more than the %d MiB that the hub keeps in memory of one cluster. Those that are too much are read from the API server each time, which is slow. "+
		"See which VolumeReplicationGroups of namespace %s are large or not wanted, and divide or delete them on the cluster; if none is, somebody else writes there: take the access of the mirror back",
		hublinks.MaxKept>>20, exchange.Inbox(cluster))
}

// skewed is left out of the status unless it is True.
func skewed(dc *v1alpha1.DRCluster, lease *coordinationv1.Lease) metav1.Condition {
	is := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return cond.New(v1alpha1.ConditionSchemaSkew, status, reason, message, dc.Generation)
	}
	if lease == nil {
		return is(metav1.ConditionUnknown, "NeverConnected", "the agent of the cluster has not reported")
	}
	if fields := lease.Annotations[exchange.AnnotationSkew]; fields != "" {
		return is(metav1.ConditionTrue, "FieldsDropped",
			"the hub's API server does not know, and dropped, fields that the cluster reported: "+bounded.List(strings.Split(fields, ", "), ", ")+". Apply the newest CRDs to the hub")
	}
	return is(metav1.ConditionFalse, "NoFieldsDropped", "the hub keeps all that the cluster reports")
}

func deletionBlocked(dc *v1alpha1.DRCluster, blocked error) metav1.Condition {
	reason := outcome.ReasonError
	if w := (*outcome.Waiting)(nil); errors.As(blocked, &w) {
		reason = w.Reason
	}
	return cond.New(v1alpha1.ConditionDeletionBlocked, metav1.ConditionTrue, reason, blocked.Error(), dc.Generation)
}

// announce records an event for each condition that changed its status, its reason if that tells of another cluster, or its
// words if a deletion waits.
func (r *Reconciler) announce(before, after *v1alpha1.DRCluster) {
	for _, c := range after.Status.Conditions {
		was := meta.FindStatusCondition(before.Status.Conditions, c.Type)
		strange := c.Reason == reasonReplaced || c.Reason == reasonStranger || c.Reason == reasonTwin
		if was != nil && was.Status == c.Status && (!strange || was.Reason == c.Reason) && (c.Type != v1alpha1.ConditionDeletionBlocked || was.Message == c.Message) {
			continue
		}
		bad := c.Status == metav1.ConditionFalse || strange
		if c.Type == v1alpha1.ConditionSchemaSkew || c.Type == v1alpha1.ConditionDeletionBlocked {
			bad = c.Status == metav1.ConditionTrue
		}
		kind := corev1.EventTypeNormal
		if bad {
			kind = corev1.EventTypeWarning
		}
		r.recorder.Eventf(after, nil, kind, c.Reason, c.Type, "%s", bounded.Text(c.Message, bounded.Note))
	}
}
