// SPDX-License-Identifier: Apache-2.0

package link

import (
	"slices"

	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/translate"
)

// sides is what all parts of a link share: the two API servers, what is known of each, and what does not work there.
type sides struct {
	cluster    string
	clock      clock.Clock
	hub, spoke peer

	// What is on the hub, by name.
	outbox, secretWishes, inbox, hubConfig *store
	// What is on the spoke: VolumeReplicationGroups by the name of their reports, labeled namespaces by name.
	copies, exchangeNamespaces, spokeConfig *store

	identity         *identity
	troubles         *troubles
	metrics          *Metrics
	inventoryChanged chan struct{} // the lease has something to tell
}

func (s *sides) hubStores() []*store {
	return []*store{s.outbox, s.secretWishes, s.inbox, s.hubConfig}
}

func (s *sides) spokeStores() []*store {
	return []*store{s.copies, s.exchangeNamespaces, s.spokeConfig}
}

// trusted reports whether everything was listed, and no API server was away since.
func (s *sides) trusted() bool {
	return !slices.ContainsFunc(slices.Concat(s.hubStores(), s.spokeStores()), func(one *store) bool { return !one.trust() })
}

func (*sides) distrust(stores []*store) {
	for _, one := range stores {
		one.distrust()
	}
}

// noteInventory has the lease tell.
func (s *sides) noteInventory() {
	select {
	case s.inventoryChanged <- struct{}{}:
	default:
	}
}

// visibleCopy is the object on the spoke that belongs to a report; nil: there is none.
func (s *sides) visibleCopy(name string) *translate.Object {
	clone := s.copies.get(name)
	if clone == nil || s.exchangeNamespaces.has(clone.GetNamespace()) {
		return nil
	}
	return clone
}

// inventory is what the spoke has.
func (s *sides) inventory() []exchange.Item {
	all := s.copies.list()
	items := make([]exchange.Item, 0, len(all))
	for _, clone := range all {
		if !s.exchangeNamespaces.has(clone.Namespace) {
			items = append(items, exchange.Item{Namespace: clone.Namespace, Name: clone.Name, UID: string(clone.UID)})
		}
	}
	return items
}

// noteHop notes that what was seen at began was written now.
func (s *sides) noteHop(way string, line *line, it item) {
	if began, ok := line.began(it); ok {
		s.metrics.hops.WithLabelValues(s.cluster, way).Observe(s.clock.Now().Sub(began).Seconds())
	}
}
