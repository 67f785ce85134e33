// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Options of a Link. All are required.
type Options struct {
	// Cluster is the name of the DRCluster.
	Cluster string
	// Hub and Spoke are the connections to the two API servers.
	Hub, Spoke *rest.Config
	// Holder tells, in the lease, who keeps the link.
	Holder string
	// Clock for times in reports and the lease, and for their intervals.
	Clock clock.Clock
	// Timing of the lease.
	Timing exchange.Timing
	// Metrics counts what the link does.
	Metrics *Metrics
	// Credential tells about the credential by which the end that is not at home is reached. It is called from several
	// goroutines. Nil: nothing is told.
	Credential func() exchange.Credential
}

// Link is the connection between the hub and one cluster. See the package comment for what it promises.
type Link struct {
	*sides
	copier    *copier
	reporter  *reporter
	delivery  *delivery
	heartbeat *heartbeat
}

// New returns a Link that does nothing yet. It fails if a connection or the timing is described wrongly; it does not connect.
func New(o Options) (*Link, error) {
	if err := o.Timing.Validate(); err != nil {
		return nil, err
	}
	s := &sides{
		cluster: o.Cluster, clock: o.Clock, metrics: o.Metrics,
		troubles:         &troubles{clock: o.Clock, patience: o.Timing.Renew, cluster: o.Cluster, credential: o.Credential, open: map[task]trouble{}},
		inventoryChanged: make(chan struct{}, 1),
	}
	l := &Link{sides: s}
	var err error
	if s.hub, err = newPeer(o.Hub, hubSide, o.Metrics.noteWrites(o.Cluster, hubSide), func() { s.distrust(s.hubStores()) }); err != nil {
		return nil, fmt.Errorf("hub: %w", err)
	}
	s.spoke, err = newPeer(o.Spoke, spokeSide, o.Metrics.noteWrites(o.Cluster, spokeSide), func() {
		s.identity.doubt()
		s.distrust(s.spokeStores())
	})
	if err != nil {
		return nil, fmt.Errorf("spoke: %w", err)
	}
	s.identity = &identity{spoke: s.spoke, onRecognized: l.lookAtAll}
	wishes, reports := newLine("down", o.Clock), newLine("up", o.Clock)
	c := newConfiguration(s)
	l.delivery = newDelivery(s, wishes, reports)
	l.copier = newCopier(s, wishes, c, l.delivery)
	l.reporter = newReporter(s, reports, c, l.delivery)
	l.heartbeat = &heartbeat{sides: s, holder: o.Holder, timing: o.Timing, credential: o.Credential, copier: l.copier, reporter: l.reporter}
	l.openStores()
	s.troubles.dropped = func() bool { return s.hubConfig.known() && !s.hubConfig.has(s.cluster) }
	return l, nil
}

// openStores makes the stores, each with whom it wakes.
//
// Our own writes to wishes, reports and copies wake nobody who looks at them in order to write there: each is made on
// condition of the version that was looked at, so that its answer holds nothing but what was known and what was sent.
func (l *Link) openStores() {
	byName := metav1.Object.GetName
	l.outbox = newStore(byName, func(c change) {
		if c.ours {
			return
		}
		if l.delivery.tells(c.name) {
			l.copier.queue.addUnnoticed(item{groups, c.name}) // most likely our own write, before its answer
			return
		}
		l.copier.queue.add(item{groups, c.name})
	})
	l.secretWishes = newStore(byName, func(c change) { l.copier.queue.add(item{secrets, c.name}) })
	l.inbox = newStore(byName, func(c change) {
		if !c.ours {
			l.reporter.queue.add(item{groups, c.name})
		}
	})
	l.hubConfig = newStore(byName, func(c change) {
		l.identity.learn(c)
		l.wakeConfig(c)
	})
	l.spokeConfig = newStore(byName, l.wakeConfig)

	byReport := func(o metav1.Object) string { return exchange.ObjectName(o.GetNamespace(), o.GetName()) }
	l.copies = newStore(byReport, func(c change) {
		if c.unanswered() {
			l.reporter.queue.addSoon(item{groups, c.name}, answerDelay)
		} else {
			l.reporter.queue.add(item{groups, c.name})
		}
		if !c.ours {
			l.copier.queue.add(item{groups, c.name})
		}
		if c.was == nil || c.is == nil || c.was.UID != c.is.UID {
			l.noteInventory()
		}
	})
	l.exchangeNamespaces = newStore(byName, func(c change) {
		if (c.was == nil) == (c.is == nil) {
			return
		}
		for _, clone := range l.copies.list() {
			if clone.Namespace == c.name {
				l.reporter.queue.add(item{groups, byReport(clone)})
			}
		}
		l.noteInventory()
	})
}

// lookAtAll looks at everything on both sides, and has the lease tell.
func (l *Link) lookAtAll() {
	for _, wish := range l.outbox.list() {
		l.copier.queue.add(item{groups, wish.Name})
	}
	for _, wish := range l.secretWishes.list() {
		l.copier.queue.add(item{secrets, wish.Name})
	}
	for _, clone := range l.copies.list() {
		l.reporter.queue.add(item{groups, exchange.ObjectName(clone.Namespace, clone.Name)})
	}
	for _, report := range l.inbox.list() {
		l.reporter.queue.add(item{groups, report.Name})
	}
	l.wakeConfig(change{})
	l.noteInventory()
}

func (l *Link) wakeConfig(change) {
	l.copier.queue.add(item{kind: config})
	l.reporter.queue.add(item{kind: config})
}

// Run keeps the link until ctx ends. It never gives up by itself: an API server that can't be reached is tried again.
func (l *Link) Run(ctx context.Context) error {
	labeled, err := labels.NewRequirement(exchange.LabelExchange, selection.Exists, nil)
	if err != nil {
		return fmt.Errorf("select namespaces of the exchange: %w", err)
	}
	outbox, inbox := exchange.Outbox(l.cluster), exchange.Inbox(l.cluster)
	defer l.metrics.show(l.gauges())()
	var all sync.WaitGroup
	for _, w := range []watch{
		{peer: l.hub, resource: groupResource, namespace: outbox, into: l.outbox},
		{peer: l.hub, resource: secretResource, namespace: outbox, into: l.secretWishes},
		{peer: l.hub, resource: groupResource, namespace: inbox, into: l.inbox},
		{peer: l.hub, resource: configResource, name: l.cluster, into: l.hubConfig},
		{peer: l.spoke, resource: groupResource, into: l.copies},
		{peer: l.spoke, resource: namespaceResource, label: labeled.String(), into: l.exchangeNamespaces},
		{peer: l.spoke, resource: configResource, name: l.cluster, into: l.spokeConfig},
	} {
		w.troubles = l.troubles
		all.Go(func() { w.run(ctx, l.clock) })
	}
	all.Go(func() { l.heartbeat.run(ctx) })
	// Before all is known, what is missing could mean anything.
	for _, s := range slices.Concat(l.hubStores(), l.spokeStores()) {
		select {
		case <-s.filled:
		case <-ctx.Done():
		}
	}
	for _, part := range []func(context.Context){l.copier.run, l.reporter.run, l.delivery.run} {
		all.Go(func() { part(ctx) })
	}
	all.Wait()
	return nil
}

// gauges are what the metrics show of the link.
func (l *Link) gauges() *gauges {
	return &gauges{
		cluster: l.cluster,
		state:   l.State,
		age:     l.heartbeat.age,
		depths: func() map[string]int {
			return map[string]int{"down": l.copier.queue.depth(), "up": l.reporter.queue.depth(), "delivery": l.delivery.depth()}
		},
	}
}

// State is the state of the link now.
func (l *Link) State() State { return l.heartbeat.state() }

// Live fails if the hub does not take this link for live.
func (l *Link) Live() error {
	if s := l.State(); s.Phase != Live {
		return fmt.Errorf("%w: %s", ErrNotLive, s)
	}
	return nil
}

// ErrNotLive says that the lease was not renewed for so long that the hub takes the cluster for lost.
var ErrNotLive = errors.New("the link is not live")
