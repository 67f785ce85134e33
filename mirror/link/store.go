// SPDX-License-Identifier: Apache-2.0

package link

import (
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/client-go/tools/cache"

	"github.com/ramendr/ramen-direct/mirror/translate"
)

// store holds what one watch shows, under names of the caller's choice. It is filled by a reflector, and by the answers
// to our own writes, so that we see what we wrote at once.
//
// It tells of each change while it holds its lock: code that sees a change in the store can rely on having been told.
type store struct {
	name    func(metav1.Object) string
	changed func(c change)

	distrusted chan struct{} // asks the watch to list again

	mu      sync.RWMutex
	items   map[string]entry
	seen    string        // resource version up to which the watch has shown everything
	trusted bool          // a list is complete, and nothing was heard since it began that makes it doubtful
	doubts  uint64        // how often something was heard
	asked   uint64        // the doubts when the last list began
	filled  chan struct{} // closed when the first list is complete
	full    sync.Once
}

// change is what became of the object under name: nil, there was none, or there is none.
type change struct {
	name    string
	was, is *packed
	ours    bool // it is our own write, and its answer
}

// unanswered reports whether the object has a new generation, or is new, and no controller has answered to that yet.
func (c change) unanswered() bool {
	return c.is != nil && !c.is.answered && (c.was == nil || c.was.UID != c.is.UID || c.was.Generation != c.is.Generation)
}

// entry is an object, and whether we know it from our own write only.
type entry struct {
	object *packed
	ours   bool
}

func newStore(name func(metav1.Object) string, changed func(change)) *store {
	return &store{name: name, changed: changed, items: map[string]entry{},
		distrusted: make(chan struct{}, 1), filled: make(chan struct{})}
}

// get is the object under name; nil: there is none.
func (s *store) get(name string) *translate.Object {
	s.mu.RLock()
	is := s.items[name].object
	s.mu.RUnlock()
	if is == nil {
		return nil
	}
	return is.unpack()
}

// known reports whether a list was complete once: what is missing was seen to be so.
func (s *store) known() bool {
	select {
	case <-s.filled:
		return true
	default:
		return false
	}
}

// has reports whether there is an object under name.
func (s *store) has(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.items[name]
	return ok
}

// list is all objects: what identifies them.
func (s *store) list() []*packed {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]*packed, 0, len(s.items))
	for _, e := range s.items {
		out = append(out, e.object)
	}
	return out
}

// distrust has everything listed again: what the store shows may be of a time that the API server has forgotten.
func (s *store) distrust() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doubts++
	if !s.trusted {
		return // that it lists again was asked for already
	}
	s.trusted = false
	s.askAgain()
}

// askAgain asks the watch to list again.
func (s *store) askAgain() {
	select {
	case s.distrusted <- struct{}{}:
	default:
	}
}

// begin notes that a list is asked for: doubts of before do not concern it.
func (s *store) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = s.doubts
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
func (s *store) wrote(written *translate.Object) {
	obj, err := pack(written)
	if err != nil {
		return // the watch will show it, or fail
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := s.name(obj)
	was, known := s.items[name]
	if !newer(obj.ResourceVersion, s.seen) || known && !newer(obj.ResourceVersion, was.object.ResourceVersion) {
		return
	}
	s.set(name, entry{object: obj, ours: true})
}

// deleted records that our own deletion of obj is complete.
func (s *store) deleted(obj *translate.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := s.name(obj)
	if was, known := s.items[name]; known && was.object.UID == obj.GetUID() {
		s.remove(name)
	}
}

// Transformer has the reflector pack what it keeps until a list is complete.
func (s *store) Transformer() cache.TransformFunc {
	return func(obj any) (any, error) { return packedOf(obj) }
}

// packedOf is what the reflector shows, packed if it is not yet.
func packedOf(obj any) (*packed, error) {
	if p, ok := obj.(*packed); ok {
		return p, nil
	}
	return pack(obj.(*translate.Object))
}

// Add is called by the reflector.
func (s *store) Add(obj any) error { return s.Update(obj) }

// Update is called by the reflector.
func (s *store) Update(obj any) error {
	if s.confirm(obj.(metav1.Object)) {
		return nil
	}
	o, err := packedOf(obj)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := s.name(o)
	s.seen = o.ResourceVersion
	if was := s.items[name]; was.ours && newer(was.object.ResourceVersion, s.seen) {
		return nil // from before our own write
	}
	s.set(name, entry{object: o})
	return nil
}

// confirm notes that the watch shows o as we know it already. It reports whether that is so.
func (s *store) confirm(o metav1.Object) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := s.name(o)
	is := s.items[name].object
	if is == nil || is.UID != o.GetUID() || is.ResourceVersion != o.GetResourceVersion() {
		return false
	}
	s.items[name] = entry{object: is}
	s.seen = is.ResourceVersion
	return true
}

// Delete is called by the reflector.
func (s *store) Delete(obj any) error {
	o := obj.(metav1.Object)
	s.mu.Lock()
	defer s.mu.Unlock()
	name := s.name(o)
	s.seen = o.GetResourceVersion() // that of the deletion
	if was := s.items[name]; was.ours && newer(was.object.ResourceVersion, s.seen) {
		return nil // an earlier object of this name
	}
	s.remove(name)
	return nil
}

// Replace is called by the reflector with each list. The list is right even where we believe that we wrote something
// newer: a server that was restored from a backup has forgotten it.
func (s *store) Replace(list []any, version string) error {
	all := make([]*packed, len(list))
	for i, obj := range list {
		o, err := packedOf(obj)
		if err != nil {
			return err
		}
		all[i] = o
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.trusted = version, s.asked == s.doubts
	if !s.trusted {
		s.askAgain()
	}
	seen := make(map[string]struct{}, len(list))
	for _, o := range all {
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
	if was == nil || was.ResourceVersion != e.object.ResourceVersion || was.UID != e.object.UID {
		s.changed(change{name, was, e.object, e.ours})
	}
}

func (s *store) remove(name string) {
	if was, known := s.items[name]; known {
		delete(s.items, name)
		s.changed(change{name: name, was: was.object})
	}
}

// newer reports whether a is a later resource version than b, both from one API server.
func newer(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order > 0
}
