// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"context"
	"hash/fnv"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationv1ac "k8s.io/client-go/applyconfigurations/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/mirror/exchange"
)

const (
	// labelReplica marks the Leases by which the replicas of a mirror see each other.
	labelReplica = "exchange.ramendr.openshift.io/replica"
	// forgetAfter is when the Lease of a replica that ended without a word is removed.
	forgetAfter = 10 * time.Minute
)

// keepMembership shows the other replicas that this one is alive, and looks which of them are, until ctx ends.
func (f *Fleet) keepMembership(ctx context.Context) {
	beats := exchange.NewHeartbeats()
	for {
		f.look(ctx, beats)
		select {
		case <-ctx.Done():
			f.leave(context.WithoutCancel(ctx))
			return
		case <-f.options.Clock.After(f.options.Timing.Renew):
		}
	}
}

func (f *Fleet) look(ctx context.Context, beats *exchange.Heartbeats) {
	ctx, cancel := context.WithTimeout(ctx, f.options.Timing.Renew)
	defer cancel()
	leases := f.home.CoordinationV1().Leases(f.options.Namespace)
	now := f.options.Clock.Now()
	mine := coordinationv1ac.Lease(leaseName("replica", f.options.Replica), f.options.Namespace).
		WithLabels(map[string]string{labelReplica: "true"}).
		WithSpec(coordinationv1ac.LeaseSpec().WithHolderIdentity(f.options.Replica).WithRenewTime(metav1.NewMicroTime(now)).
			WithLeaseDurationSeconds(f.options.Timing.Seconds()))
	if _, err := leases.Apply(ctx, mine, metav1.ApplyOptions{FieldManager: "mirror-fleet", Force: true}); err != nil {
		log.FromContext(ctx).Info("Cannot show the other replicas that this one is alive", "reason", err.Error())
	}
	list, err := leases.List(ctx, metav1.ListOptions{LabelSelector: labelReplica})
	if err != nil {
		log.FromContext(ctx).Info("Cannot look for other replicas", "reason", err.Error())
		list = &coordinationv1.LeaseList{}
	}
	if err == nil {
		beats.Retain(func(name string) bool {
			return slices.ContainsFunc(list.Items, func(l coordinationv1.Lease) bool { return l.Name == name })
		})
	}
	members := []string{f.options.Replica}
	for i := range list.Items {
		lease := &list.Items[i]
		if lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == f.options.Replica {
			continue
		}
		seen := beats.See(lease.Name, lease, now)
		switch {
		case seen.State == exchange.LinkLive || seen.State == exchange.LinkConnecting:
			members = append(members, *lease.Spec.HolderIdentity)
		case seen.Age(now) > forgetAfter:
			_ = leases.Delete(ctx, lease.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{ResourceVersion: &lease.ResourceVersion}})
		}
	}
	slices.Sort(members)
	f.mu.Lock()
	changed := !slices.Equal(members, f.members)
	if err == nil || f.members == nil {
		f.members = members
	}
	f.mu.Unlock()
	if changed {
		f.wake()
	}
}

// leave tells the other replicas that this one ends.
func (f *Fleet) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, f.options.Timing.Renew)
	defer cancel()
	err := f.home.CoordinationV1().Leases(f.options.Namespace).Delete(ctx, leaseName("replica", f.options.Replica), metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		log.FromContext(ctx).Info("Cannot tell the other replicas that this one ends", "reason", err.Error())
	}
}

// preferred is the replica that is to keep the link to cluster. When a replica comes or goes, only links that it gets or
// had move.
func preferred(cluster string, members []string) string {
	if len(members) == 0 {
		return ""
	}
	return slices.MaxFunc(members, func(a, b string) int {
		return cmp.Or(cmp.Compare(weight(cluster, a), weight(cluster, b)), cmp.Compare(a, b))
	})
}

func weight(cluster, member string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(member + "\x00" + cluster))
	// The last bytes of a name hardly reach the high bits of this hash by themselves.
	w := h.Sum64()
	w ^= w >> 33
	w *= 0xff51afd7ed558ccd
	w ^= w >> 33
	return w
}
