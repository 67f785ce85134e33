// SPDX-License-Identifier: Apache-2.0

package drcluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Bounds of what a cluster may have in its inbox. The agent may create reports and leases of any name there, and the hub keeps
// all reports in memory: a cluster that is broken, or somebody with its credentials, must not fill up the hub.
const (
	maxReports = "12k" // as an API server writes it
	maxLeases  = "8"
)

// quotaAgain is how long an inbox stays without a quota that was not counted. kube-controller-manager looks for new kinds that
// often; a quota that does not change it counts again only after its --resource-quota-sync-period, five minutes. Each further
// time is twice as long, up to quotaAtMost: one that nobody ever counts must not come and go for ever.
const (
	quotaAgain  = 30 * time.Second
	quotaAtMost = time.Hour
)

func quota(inbox string) apply.Intent {
	return corev1ac.ResourceQuota(exchange.ServiceAccount, inbox).WithLabels(created()).WithSpec(corev1ac.ResourceQuotaSpec().WithHard(corev1.ResourceList{
		corev1.ResourceName("count/volumereplicationgroups." + v1alpha1.GroupVersion.Group): resource.MustParse(maxReports),
		"count/leases.coordination.k8s.io":                                                  resource.MustParse(maxLeases),
	}))
}

// quotas says which inboxes are to have no quota for a while.
type quotas struct {
	clock clock.PassiveClock

	mu     sync.Mutex
	pauses map[string]pause // by cluster
}

// pause is how long an inbox stays without a quota.
type pause struct {
	until time.Time
	long  time.Duration
}

func newQuotas(c clock.PassiveClock) *quotas {
	return &quotas{clock: c, pauses: map[string]pause{}}
}

// pause begins a pause, and tells how long it is.
func (q *quotas) pause(cluster string) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	long := min(max(quotaAgain, 2*q.pauses[cluster].long), quotaAtMost)
	q.pauses[cluster] = pause{q.clock.Now().Add(long), long}
	return long
}

// counted notes that the quota of cluster is counted.
func (q *quotas) counted(cluster string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.pauses, cluster)
}

// due tells how long the quota of cluster still waits to be made; false: it does not.
func (q *quotas) due(cluster string) (time.Duration, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	left := q.pauses[cluster].until.Sub(q.clock.Now())
	return left, left > 0
}

// keepQuota keeps the quota of the inbox. One that is counted in part is worse than none: an API server refuses whatever the
// quota names and was not counted, and a kind that was defined a moment ago can stay so for minutes. Such a quota is taken away,
// and made again when its kinds may be known.
func (r *Reconciler) keepQuota(ctx context.Context, cluster string) error {
	inbox := exchange.Inbox(cluster)
	have := &corev1.ResourceQuota{}
	switch err := r.client.Get(ctx, client.ObjectKey{Namespace: inbox, Name: exchange.ServiceAccount}, have); {
	case apierrors.IsNotFound(err):
	case err != nil:
		return fmt.Errorf("read the quota of %s: %w", inbox, err)
	case refusesAll(have):
		if _, waits := r.quotas.due(cluster); !waits { // else the cache has not learned that it is gone
			again := r.quotas.pause(cluster)
			log.FromContext(ctx).Info("Removing the quota of an inbox for a while: its kinds are not counted yet", "cluster", cluster, "again", again.String())
		}
		return apply.Delete(ctx, r.client, have)
	case len(have.Status.Used) > 0:
		r.quotas.counted(cluster)
	}
	if _, waits := r.quotas.due(cluster); waits {
		return nil
	}
	_, err := r.apply.Kept(ctx, r.live, quota(inbox))
	return err
}

// refusesAll reports whether an API server refuses everything of a kind in the quota, since nobody has counted it. Where nothing
// was counted there is no quota controller, or it has not come to the quota, and nothing is refused.
func refusesAll(q *corev1.ResourceQuota) bool {
	for name := range q.Status.Hard {
		if _, counted := q.Status.Used[name]; !counted {
			return true
		}
	}
	return false
}

// counted lets through that a quota is counted in part, or is gone.
func counted() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return uncounted(e.Object) },
		UpdateFunc: func(e event.UpdateEvent) bool { return uncounted(e.ObjectNew) },
	}
}

func uncounted(o client.Object) bool {
	q, ok := o.(*corev1.ResourceQuota)
	return ok && refusesAll(q)
}
