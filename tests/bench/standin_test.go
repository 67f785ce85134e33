// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// standIn is a cluster with its mirror: it answers each wish at once, as one whose storage is instant.
type standIn struct {
	b       *testing.B
	c       client.WithWatch
	cluster string
	id      string
	silent  atomic.Bool // it does not renew its lease

	mu        sync.Mutex
	inventory exchange.Inventory
	changed   bool           // since the lease was renewed last
	made      map[string]int // objects by the name of the wish, to tell one from the next
}

// startStandIn runs a cluster until the benchmark ends.
func startStandIn(b *testing.B, c client.WithWatch, cluster string) *standIn {
	b.Helper()
	s := &standIn{b: b, c: c, cluster: cluster, id: "identity-of-" + cluster, made: map[string]int{}}
	config := &v1alpha1.DRClusterConfig{}
	require.NoError(b, c.Get(b.Context(), client.ObjectKey{Name: cluster}, config))
	config.Status.ClusterID = s.id
	require.NoError(b, c.Status().Update(b.Context(), config))
	require.NoError(b, c.Create(b.Context(), s.lease()))
	ctx, stop := context.WithCancel(b.Context())
	var gone sync.WaitGroup
	gone.Go(func() { s.renew(ctx) })
	// Wishes are obeyed by many at once, but each by one worker, in order.
	queues := make([]chan *v1alpha1.VolumeReplicationGroup, workers)
	for i := range queues {
		queues[i] = make(chan *v1alpha1.VolumeReplicationGroup, 1<<16)
		gone.Go(func() {
			for wish := range queues[i] {
				if err := persist(ctx, func() error { return s.obey(ctx, wish) }); err != nil && ctx.Err() == nil {
					b.Errorf("%s obeys %s: %v", cluster, wish.Name, err)
				}
			}
		})
	}
	gone.Go(func() {
		for ctx.Err() == nil {
			s.follow(ctx, func(wish *v1alpha1.VolumeReplicationGroup) { queues[queueOf(wish.Name)] <- wish })
		}
		for _, q := range queues {
			close(q)
		}
	})
	b.Cleanup(func() { stop(); gone.Wait() })
	return s
}

// follow hands over all wishes, and each that changes, until its watch ends.
func (s *standIn) follow(ctx context.Context, hand func(*v1alpha1.VolumeReplicationGroup)) {
	list := &v1alpha1.VolumeReplicationGroupList{}
	in := client.InNamespace(exchange.Outbox(s.cluster))
	if persist(ctx, func() error { return s.c.List(ctx, list, in) }) != nil {
		return
	}
	for i := range list.Items {
		hand(&list.Items[i])
	}
	events, err := s.c.Watch(ctx, &v1alpha1.VolumeReplicationGroupList{}, in, &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.ResourceVersion}})
	if err != nil {
		return
	}
	defer events.Stop()
	for e := range events.ResultChan() {
		if wish, ok := e.Object.(*v1alpha1.VolumeReplicationGroup); ok && e.Type != apiwatch.Deleted {
			hand(wish)
		}
	}
}

func queueOf(name string) int {
	sum := 0
	for _, r := range name {
		sum = (sum*31 + int(r)) % workers
	}
	return sum
}

// obey does what a wish says: the object on the cluster is the report.
func (s *standIn) obey(ctx context.Context, wish *v1alpha1.VolumeReplicationGroup) error {
	key := client.ObjectKey{Namespace: exchange.Inbox(s.cluster), Name: wish.Name}
	report := &v1alpha1.VolumeReplicationGroup{}
	err := s.c.Get(ctx, key, report)
	switch {
	case wish.DeletionTimestamp != nil:
		if err := client.IgnoreNotFound(s.c.Delete(ctx, &v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}})); err != nil {
			return err
		}
		s.note(wish.Name, nil)
		return s.delivered(ctx, wish, false)
	case err == nil && report.Status.Exchange != nil && report.Status.Exchange.WishUID == string(wish.UID) && report.Status.Exchange.WishGeneration == wish.Generation:
		return nil // it was only its status, or an annotation
	case apierrors.IsNotFound(err):
		report = &v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Annotations: map[string]string{
			exchange.AnnotationNamespace: wish.Annotations[exchange.AnnotationNamespace], exchange.AnnotationName: wish.Annotations[exchange.AnnotationName],
			exchange.AnnotationDRPC: wish.Annotations[exchange.AnnotationDRPC],
		}}, Spec: wish.Spec}
		s.count(wish.Name, 1)
		err = s.c.Create(ctx, report)
	case err == nil:
		report.Spec = wish.Spec
		err = s.c.Update(ctx, report)
	}
	if err != nil {
		return err
	}
	epoch, err := exchange.EpochOf(wish)
	if err != nil {
		return err
	}
	report.Status = s.status(wish)
	report.Status.Exchange = &v1alpha1.ExchangeStamp{
		WishUID: string(wish.UID), WishGeneration: wish.Generation, Epoch: epoch, Origin: wish.Annotations[exchange.AnnotationOrigin], ClusterID: s.id,
		SpokeUID: wish.Name + "-" + strconv.Itoa(s.count(wish.Name, 0)), SpokeGeneration: wish.Generation, ObservedTime: &metav1.Time{Time: time.Now()},
	}
	if err := s.c.Status().Update(ctx, report); err != nil {
		return err
	}
	s.note(wish.Name, report)
	return s.delivered(ctx, wish, true)
}

// status is that of a group with two volumes, restored and in sync.
func (s *standIn) status(wish *v1alpha1.VolumeReplicationGroup) v1alpha1.VolumeReplicationGroupStatus {
	primary := wish.Spec.ReplicationState == v1alpha1.Primary
	out := v1alpha1.VolumeReplicationGroupStatus{State: v1alpha1.SecondaryState, ObservedGeneration: wish.Generation}
	is := map[string]metav1.ConditionStatus{
		v1alpha1.VRGDataReady: metav1.ConditionTrue, v1alpha1.VRGDataProtected: metav1.ConditionTrue, v1alpha1.VRGClusterDataReady: metav1.ConditionTrue,
		v1alpha1.VRGClusterDataProtected: metav1.ConditionTrue, v1alpha1.VRGNoClusterDataConflict: metav1.ConditionTrue, v1alpha1.VRGInUse: metav1.ConditionFalse,
	}
	if primary {
		out.State = v1alpha1.PrimaryState
		is[v1alpha1.VRGInUse] = metav1.ConditionTrue
		synced := metav1.NewTime(time.Now().Truncate(time.Second))
		out.LastGroupSyncTime = &synced
		for _, volume := range []string{"data", "logs"} {
			class := "fast-replicated-storage"
			out.ProtectedPVCs = append(out.ProtectedPVCs, v1alpha1.ProtectedPVC{
				Namespace: wish.Annotations[exchange.AnnotationNamespace], Name: volume + "-" + wish.Annotations[exchange.AnnotationName], StorageClassName: &class,
				Labels: map[string]string{"app": wish.Annotations[exchange.AnnotationName]}, LastSyncTime: &synced,
				Conditions: []metav1.Condition{{Type: v1alpha1.VRGDataReady, Status: metav1.ConditionTrue, Reason: "Ready", Message: "the volume is replicated", LastTransitionTime: synced}},
			})
		}
	}
	for kind, status := range is {
		out.Conditions = append(out.Conditions, metav1.Condition{Type: kind, Status: status, Reason: "AsExpected", Message: "as it should be", ObservedGeneration: wish.Generation, LastTransitionTime: metav1.Now()})
	}
	return out
}

// delivered writes the delivery status of a wish.
func (s *standIn) delivered(ctx context.Context, wish *v1alpha1.VolumeReplicationGroup, exists bool) error {
	wish = wish.DeepCopy()
	available := metav1.ConditionFalse
	if exists {
		available = metav1.ConditionTrue
	}
	wish.Status.Conditions = nil
	for kind, status := range map[string]metav1.ConditionStatus{v1alpha1.WishApplied: metav1.ConditionTrue, v1alpha1.WishAvailable: available} {
		wish.Status.Conditions = append(wish.Status.Conditions, metav1.Condition{Type: kind, Status: status, Reason: "AsExpected", ObservedGeneration: wish.Generation, LastTransitionTime: metav1.Now()})
	}
	wish.ResourceVersion = "" // the latest one: the hub may have annotated it meanwhile
	status, err := json.Marshal(map[string]any{"status": wish.Status})
	if err != nil {
		return err
	}
	err = s.c.Status().Patch(ctx, wish, client.RawPatch(types.MergePatchType, status))
	return client.IgnoreNotFound(err)
}

// note takes a report into the inventory of the lease; nil: it is gone.
func (s *standIn) note(name string, report *v1alpha1.VolumeReplicationGroup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = true
	if report == nil {
		s.inventory.Remove(name)
		return
	}
	s.inventory.Put(name, exchange.ItemOf(report))
}

// count is how many objects there were of a name, with n more.
func (s *standIn) count(name string, n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made[name] += n
	return s.made[name]
}

// due reports whether the lease is to be renewed: each second, and four times as often while reports come and go, as the
// mirror does.
func (s *standIn) due(round int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	due := !s.silent.Load() && (s.changed || round%4 == 0)
	s.changed = s.changed && !due
	return due
}

func (s *standIn) lease() *coordinationv1.Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, seconds, holder := metav1.NowMicro(), int32(3), "bench"
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: exchange.Inbox(s.cluster), Name: exchange.LeaseName, Annotations: map[string]string{
			exchange.AnnotationInventory: s.inventory.Digest(), exchange.AnnotationSpokeID: s.id,
		}},
		Spec: coordinationv1.LeaseSpec{HolderIdentity: &holder, LeaseDurationSeconds: &seconds, RenewTime: &now},
	}
}

// renew renews the lease until ctx ends.
func (s *standIn) renew(ctx context.Context) {
	for round := 0; ; round++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(250 * time.Millisecond):
		}
		if !s.due(round) {
			continue
		}
		lease := s.lease()
		was := &coordinationv1.Lease{}
		if s.c.Get(ctx, client.ObjectKeyFromObject(lease), was) == nil {
			was.Annotations, was.Spec = lease.Annotations, lease.Spec
			_ = s.c.Update(ctx, was)
		}
	}
}
