// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"encoding/json"
	"hash/fnv"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

// Own tells our own writes from those of others: only what somebody else did to a status needs another pass. A status may have
// parts that are written on their own, which are numbered from 0. What is expected is noted before it is sent, so that no event
// of it comes too early. The zero Own is ready; its methods may be called from any goroutine.
type Own struct {
	mu      sync.Mutex
	objects map[client.ObjectKey][]expected
}

// expected are fingerprints of a part: as we wrote it last, and as we wrote it before, of which the event may come still.
type expected struct{ is, was uint64 }

// Expect notes what a part of an object's status is from now on.
func (o *Own) Expect(key client.ObjectKey, part int, content any) {
	hash := hashOf(content)
	o.mu.Lock()
	defer o.mu.Unlock()
	parts := o.objects[key]
	for len(parts) <= part {
		parts = append(parts, expected{})
	}
	switch e := &parts[part]; {
	case *e == expected{}:
		*e = expected{is: hash, was: hash}
	case e.is != hash:
		e.is, e.was = hash, e.is
	}
	if o.objects == nil {
		o.objects = map[client.ObjectKey][]expected{}
	}
	o.objects[key] = parts
}

// Wrote reports whether all parts of an object's status are as we wrote them.
func (o *Own) Wrote(key client.ObjectKey, contents ...any) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	parts := o.objects[key]
	if len(parts) < len(contents) {
		return false
	}
	for part, content := range contents {
		switch e, hash := &parts[part], hashOf(content); {
		case hash == e.is:
			e.was = e.is // what was before can come no more, but by somebody's hand
		case hash != e.was:
			return false
		}
	}
	return true
}

// Forget drops what is known of an object that is gone.
func (o *Own) Forget(key client.ObjectKey) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.objects, key)
}

// Updates lets only those updates through for which it holds.
func Updates(holds func(event.UpdateEvent) bool) predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc:  holds,
	}
}

// hashOf is a fingerprint of what an API server would store.
func hashOf(v any) uint64 {
	h := fnv.New64a()
	_ = json.NewEncoder(h).Encode(v) // statuses have nothing that JSON lacks
	return h.Sum64()
}
