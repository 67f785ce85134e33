// SPDX-License-Identifier: Apache-2.0

package link

import (
	"sync"

	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/ramendr/ramen-direct/mirror/translate"
)

// store holds what one watch shows, under names of the caller's choice. It is filled by a reflector, and by the answers
// to our own writes, so that we see what we wrote at once.
//
// It tells of each change while it holds its lock: whoever sees a change in the store can rely on having been told.
type store struct {
	name    func(*translate.Object) string
	changed func(name string, was, is *translate.Object)

	distrusted chan struct{} // asks the watch to list anew

	mu      sync.RWMutex
	items   map[string]entry
	seen    string        // resource version up to which the watch has shown everything
	trusted bool          // a list is complete, and nothing was heard since that makes it doubtful
	filled  chan struct{} // closed when the first list is complete
	full    sync.Once
}

// entry is an object, and whether we know it from our own write only.
type entry struct {
	object *translate.Object
	ours   bool
}

func newStore(name func(*translate.Object) string, changed func(name string, was, is *translate.Object)) *store {
	return &store{name: name, changed: changed, items: map[string]entry{},
		distrusted: make(chan struct{}, 1), filled: make(chan struct{})}
}

// get is the object under name; nil: there is none. It must not be changed.
func (s *store) get(name string) *translate.Object {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.items[name].object
}

// list is all objects. They must not be changed.
func (s *store) list() []*translate.Object {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]*translate.Object, 0, len(s.items))
	for _, e := range s.items {
		out = append(out, e.object)
	}
	return out
}

// distrust has everything listed anew: what the store shows may be of a time that the API server has forgotten.
func (s *store) distrust() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.trusted {
		return // that it lists anew was asked for already
	}
	s.trusted = false
	select {
	case s.distrusted <- struct{}{}:
	default:
	}
}

// trust reports whether the store shows what is, as far as its watch can tell.
func (s *store) trust() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.trusted
}

// version is the resource version up to which the watch has shown everything.
func (s *store) version() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.seen
}

// wrote records the answer to our own write, unless the watch has shown it, and perhaps its end, already.
func (s *store) wrote(obj *translate.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := s.name(obj)
	was, known := s.items[name]
	if !newer(obj.GetResourceVersion(), s.seen) || known && !newer(obj.GetResourceVersion(), was.object.GetResourceVersion()) {
		return
	}
	s.set(name, entry{object: obj, ours: true})
}

// deleted records that our own deletion of obj is complete.
func (s *store) deleted(obj *translate.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := s.name(obj)
	if was, known := s.items[name]; known && was.object.GetUID() == obj.GetUID() {
		s.remove(name)
	}
}

// Add is called by the reflector.
func (s *store) Add(obj any) error { return s.Update(obj) }

// Update is called by the reflector.
func (s *store) Update(obj any) error {
	o := obj.(*translate.Object)
	s.mu.Lock()
	defer s.mu.Unlock()
	name := s.name(o)
	s.seen = o.GetResourceVersion()
	if was := s.items[name]; was.ours && newer(was.object.GetResourceVersion(), s.seen) {
		return nil // from before our own write
	}
	s.set(name, entry{object: o})
	return nil
}

// Delete is called by the reflector.
func (s *store) Delete(obj any) error {
	o := obj.(*translate.Object)
	s.mu.Lock()
	defer s.mu.Unlock()
	name := s.name(o)
	s.seen = o.GetResourceVersion() // that of the deletion
	if was := s.items[name]; was.ours && newer(was.object.GetResourceVersion(), s.seen) {
		return nil // an earlier object of this name
	}
	s.remove(name)
	return nil
}

// Replace is called by the reflector with each list. The list is right even where we believe that we wrote something
// newer: a server that was restored from a backup has forgotten it.
func (s *store) Replace(list []any, version string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.trusted = version, true
	seen := make(map[string]struct{}, len(list))
	for _, obj := range list {
		o := obj.(*translate.Object)
		name := s.name(o)
		seen[name] = struct{}{}
		s.set(name, entry{object: o})
	}
	for name := range s.items {
		if _, ok := seen[name]; !ok {
			s.remove(name)
		}
	}
	s.full.Do(func() { close(s.filled) })
	return nil
}

// Resync is called by the reflector; there is nothing to do.
func (s *store) Resync() error { return nil }

func (s *store) set(name string, e entry) {
	was := s.items[name].object
	s.items[name] = e
	if was == nil || was.GetResourceVersion() != e.object.GetResourceVersion() || was.GetUID() != e.object.GetUID() {
		s.changed(name, was, e.object)
	}
}

func (s *store) remove(name string) {
	if was, known := s.items[name]; known {
		delete(s.items, name)
		s.changed(name, was.object, nil)
	}
}

// newer reports whether a is a later resource version than b, both from one API server.
func newer(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order > 0
}
