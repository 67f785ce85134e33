// SPDX-License-Identifier: Apache-2.0

package links

import (
	"context"
	"fmt"
	"sync"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// inboxes are the inventories of all inboxes, and who waits for an absence to be known. A report that comes or goes changes
// one line of one inventory; nobody lists an inbox. A waiter is woken when what it waits for is so, and not before: of a
// thousand applications that are removed at once each is woken once.
type inboxes struct {
	mu      sync.Mutex
	of      map[string]*inbox // by cluster
	synced  func() bool       // every report of the first list was noted
	waiters chan event.GenericEvent
	budget  *Budget
	// budgeted is called for a cluster of which some reports are not kept, and when all are again.
	budgeted func(ctx context.Context, cluster string)
}

// inbox is what is known about one cluster.
type inbox struct {
	inventory exchange.Inventory
	link      exchange.Link
	lease     *coordinationv1.Lease
	waiting   map[types.NamespacedName]types.NamespacedName // application -> the group whose absence it waits for
}

func newInboxes() *inboxes {
	return &inboxes{of: map[string]*inbox{}, synced: func() bool { return true }, waiters: make(chan event.GenericEvent, buffered), budget: NewBudget(MaxKept)}
}

// follow has every report of all inboxes noted.
func (b *inboxes) follow(ctx context.Context, c cache.Informers) error {
	informer, err := c.GetInformer(ctx, &v1alpha1.VolumeReplicationGroup{})
	if err != nil {
		return fmt.Errorf("watch reports: %w", err)
	}
	handle, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { b.note(ctx, o, false) },
		UpdateFunc: func(_, o any) { b.note(ctx, o, false) },
		DeleteFunc: func(o any) { b.note(ctx, o, true) },
	})
	if err != nil {
		return fmt.Errorf("watch reports: %w", err)
	}
	b.synced = handle.HasSynced
	return nil
}

// note is told of each object of the kind; those that are no reports are left out.
func (b *inboxes) note(ctx context.Context, o any, gone bool) {
	if last, ok := o.(toolscache.DeletedFinalStateUnknown); ok {
		o = last.Obj
	}
	report, ok := o.(*v1alpha1.VolumeReplicationGroup)
	if !ok {
		return
	}
	cluster, ok := exchange.ClusterOf(report.Namespace)
	if !ok || report.Namespace != exchange.Inbox(cluster) {
		return
	}
	if gone {
		b.budget.gone(cluster, report)
	}
	if b.budget.news(cluster) && b.budgeted != nil {
		b.budgeted(ctx, cluster)
	}
	b.mu.Lock()
	in := b.at(cluster)
	news := false
	if gone {
		news = in.inventory.Remove(report.Name)
	} else {
		news = in.inventory.Put(report.Name, exchange.ItemOf(report))
	}
	var known []types.NamespacedName
	if news {
		known = in.known()
	}
	b.mu.Unlock()
	b.wake(ctx, known)
}

// see is told of each look at a lease.
func (b *inboxes) see(ctx context.Context, cluster string, lease *coordinationv1.Lease, link exchange.Link) {
	b.mu.Lock()
	in := b.at(cluster)
	in.lease, in.link = lease, link
	known := in.known()
	b.mu.Unlock()
	b.wake(ctx, known)
}

// view is what may be believed about a group.
func (b *inboxes) view(cluster string, group types.NamespacedName) exchange.View {
	b.mu.Lock()
	defer b.mu.Unlock()
	in := b.at(cluster)
	v := exchange.ViewOf(in.link, in.lease, &in.inventory, group)
	if v == exchange.Absent && !b.synced() {
		return exchange.Unknown
	}
	return v
}

// await has application woken when it is known that group is absent. It reports whether that is known already.
func (b *inboxes) await(cluster string, group, application types.NamespacedName) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	in := b.at(cluster)
	if exchange.ViewOf(in.link, in.lease, &in.inventory, group) == exchange.Absent {
		return true
	}
	if in.waiting == nil {
		in.waiting = map[types.NamespacedName]types.NamespacedName{}
	}
	in.waiting[application] = group
	return false
}

func (b *inboxes) at(cluster string) *inbox {
	in := b.of[cluster]
	if in == nil {
		in = &inbox{}
		b.of[cluster] = in
	}
	return in
}

// known are those whose wait is over. They do not wait any more.
func (in *inbox) known() []types.NamespacedName {
	if len(in.waiting) == 0 || in.link.State != exchange.LinkLive || !exchange.Complete(in.lease, &in.inventory) {
		return nil
	}
	var out []types.NamespacedName
	for application, group := range in.waiting {
		if !in.inventory.Has(group) {
			out = append(out, application)
			delete(in.waiting, application)
		}
	}
	return out
}

func (b *inboxes) wake(ctx context.Context, applications []types.NamespacedName) {
	for _, who := range applications {
		about := &v1alpha1.DRPlacementControl{}
		about.Namespace, about.Name = who.Namespace, who.Name
		send(ctx, b.waiters, about)
	}
}
