// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/translate"
)

// workers is how many objects of a line are looked at at a time. More only makes API servers queue.
const workers = 16

// deliveryWorkers is the same for the status of wishes, which has time.
const deliveryWorkers = 4

// answerDelay is how long the report of a copy whose spec has changed waits for the answer of the controller on the cluster,
// which takes less, so that both are told at once (X11). The answer itself does not wait.
const answerDelay = 250 * time.Millisecond

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
	cluster, holder string
	clock           clock.Clock
	timing          exchange.Timing
	credential      func() exchange.Credential // nil: nothing is told
	hub, spoke      peer

	// What is on the hub, by name.
	outbox, secretWishes, inbox, hubConfig *store
	// What is on the spoke: VolumeReplicationGroups by the name of their reports, labeled namespaces by name.
	copies, exchangeNamespaces, spokeConfig *store

	copyWriter, secretWriter, configWriter writer // to the spoke
	reportWriter, configReportWriter       writer // to the hub

	down, up              *line
	deliveries, unhurried *line      // unhurried: those that have time
	sparingly             sync.Mutex // held by the one delivery that is made while the link is busy
	remembering           sync.Mutex // held while the cluster is told to remember wishes that ended
	telling               sync.Map   // names of the wishes whose status is being written
	outcomes              outcomes
	unreported            remarks // objects that the hub accepts no report about
	undelivered           remarks // Secrets that can't be copied
	inventoryChanged      chan struct{}
	troubles              *troubles
	metrics               *Metrics
	identity              identity

	beating beating      // used by beat only
	renewed atomic.Int64 // time of the last renewal, in nanoseconds of Unix time; 0: none
}

// New returns a Link that does nothing yet. It fails if a connection or the timing is described wrongly; it does not connect.
func New(o Options) (*Link, error) {
	if err := o.Timing.Validate(); err != nil {
		return nil, err
	}
	l := &Link{
		cluster: o.Cluster, holder: o.Holder, clock: o.Clock, timing: o.Timing, credential: o.Credential, metrics: o.Metrics,
		down: newLine("down", o.Clock), up: newLine("up", o.Clock),
		deliveries: newLine("delivery", o.Clock), unhurried: newLine("unhurried-delivery", o.Clock),
		troubles:         &troubles{clock: o.Clock, patience: o.Timing.Renew, cluster: o.Cluster, credential: o.Credential, open: map[task]trouble{}},
		outcomes:         outcomes{last: map[string]lookedAt{}},
		unreported:       remarks{text: map[string]string{}},
		undelivered:      remarks{text: map[string]string{}},
		inventoryChanged: make(chan struct{}, 1),
	}
	hub, err := newPeer(o.Hub, hubSide, o.Metrics.noteWrites(o.Cluster, hubSide), func() { l.distrust(l.hubStores()) })
	if err != nil {
		return nil, fmt.Errorf("hub: %w", err)
	}
	spoke, err := newPeer(o.Spoke, spokeSide, o.Metrics.noteWrites(o.Cluster, spokeSide), func() {
		l.identity.doubt()
		l.distrust(l.spokeStores())
	})
	if err != nil {
		return nil, fmt.Errorf("spoke: %w", err)
	}
	l.hub, l.spoke = hub, spoke
	l.copyWriter = writer{spoke, groupResource, translate.ManagerCopy, &skew{clock: o.Clock}}
	l.secretWriter = writer{spoke, secretResource, translate.ManagerCopy, &skew{clock: o.Clock}}
	l.configWriter = writer{spoke, configResource, translate.ManagerConfig, &skew{clock: o.Clock}}
	l.reportWriter = writer{hub, groupResource, translate.ManagerReport, &skew{clock: o.Clock}}
	l.configReportWriter = writer{hub, configResource, translate.ManagerConfigReport, &skew{clock: o.Clock}}
	l.openStores()
	l.troubles.dropped = func() bool { return l.hubConfig.known() && !l.hubConfig.has(l.cluster) }
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
		if _, telling := l.telling.Load(c.name); telling {
			l.down.addUnnoticed(item{groups, c.name}) // most likely our own write, before its answer
			return
		}
		l.down.add(item{groups, c.name})
	})
	l.secretWishes = newStore(byName, func(c change) { l.down.add(item{secrets, c.name}) })
	l.inbox = newStore(byName, func(c change) {
		if !c.ours {
			l.up.add(item{groups, c.name})
		}
	})
	l.hubConfig = newStore(byName, func(c change) {
		l.learn(c)
		l.wakeConfig(c)
	})
	l.spokeConfig = newStore(byName, l.wakeConfig)

	byReport := func(o metav1.Object) string { return exchange.ObjectName(o.GetNamespace(), o.GetName()) }
	l.copies = newStore(byReport, func(c change) {
		if c.unanswered() {
			l.up.addSoon(item{groups, c.name}, answerDelay)
		} else {
			l.up.add(item{groups, c.name})
		}
		if !c.ours {
			l.down.add(item{groups, c.name})
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
				l.up.add(item{groups, byReport(clone)})
			}
		}
		l.noteInventory()
	})
}

func (l *Link) noteInventory() {
	select {
	case l.inventoryChanged <- struct{}{}:
	default:
	}
}

// Run keeps the link until ctx ends. It never gives up by itself: an API server that can't be reached is tried again.
func (l *Link) Run(ctx context.Context) error {
	labeled, err := labels.NewRequirement(exchange.LabelExchange, selection.Exists, nil)
	if err != nil {
		return fmt.Errorf("select namespaces of the exchange: %w", err)
	}
	outbox, inbox := exchange.Outbox(l.cluster), exchange.Inbox(l.cluster)
	l.metrics.add(l)
	defer l.metrics.remove(l)
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
	all.Go(func() { l.beat(ctx) })
	// Before all is known, what is missing could mean anything.
	for _, s := range slices.Concat(l.hubStores(), l.spokeStores()) {
		select {
		case <-s.filled:
		case <-ctx.Done():
		}
	}
	all.Go(func() { l.down.run(ctx, workers, logged(l.obey)) })
	all.Go(func() { l.up.run(ctx, workers, logged(l.report)) })
	all.Go(func() { l.deliveries.run(ctx, deliveryWorkers, logged(l.deliver)) })
	all.Go(func() { l.unhurried.run(ctx, deliveryWorkers, logged(l.deliverSparingly)) })
	all.Wait()
	return nil
}

func (l *Link) hubStores() []*store {
	return []*store{l.outbox, l.secretWishes, l.inbox, l.hubConfig}
}

func (l *Link) spokeStores() []*store {
	return []*store{l.copies, l.exchangeNamespaces, l.spokeConfig}
}

// ErrNotLive says that the lease was not renewed for so long that the hub takes the cluster for lost.
var ErrNotLive = errors.New("the link is not live")
