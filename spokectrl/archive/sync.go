// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

// extent says what a store should hold besides a content.
type extent uint8

const (
	exactly extent = iota // nothing
	atLeast               // whatever it holds
)

// Current reports whether all stores are known to hold exactly content, written in this term.
func (a *Archive) Current(g capsule.Group, profiles []string, t Term, content capsule.Content) bool {
	return a.current(g, profiles, t, content, exactly)
}

// Covered reports whether all stores are known to hold content, and whatever else, written in this term.
func (a *Archive) Covered(g capsule.Group, profiles []string, t Term, content capsule.Content) bool {
	return a.current(g, profiles, t, content, atLeast)
}

func (a *Archive) current(g capsule.Group, profiles []string, t Term, content capsule.Content, e extent) bool {
	for _, name := range profiles {
		if k := a.memory.know(place{g, name}); !k.trusted(a.Clock.Now()) || !holds(k.manifest, t, content, e) {
			return false
		}
	}
	return len(profiles) > 0
}

// Learn reads what the stores hold, for Current to know, and writes nothing. A store that does not answer stays unknown.
func (a *Archive) Learn(ctx context.Context, g capsule.Group, profiles []string) {
	unknown := slices.DeleteFunc(slices.Clone(profiles), func(name string) bool { return a.memory.know(place{g, name}).trusted(a.Clock.Now()) })
	a.each(ctx, unknown, rested, func(ctx context.Context, s store.Store) error {
		m, err := manifestOf(ctx, s, g)
		if err == nil && m != nil {
			a.memory.learn(place{g, s.Profile()}, knowledge{manifest: m, seen: a.Clock.Now()})
		}
		return err
	})
}

func holds(m *capsule.Manifest, t Term, content capsule.Content, e extent) bool {
	if m.Epoch != t.Epoch || m.Cluster != t.Cluster || m.Signer != t.Key.Public() || m.Signer != "" && !m.SignedBy(m.Signer) {
		return false
	}
	wanted := 0
	for key, o := range content {
		s, there := m.Objects[key]
		switch {
		case o.Kept() && !there:
			continue
		case !o.Kept() && (s.SHA256 != o.Sum || s.Next != ""):
			return false
		}
		wanted++
	}
	return e == atLeast || len(m.Objects) == wanted
}

// Sync makes the stores hold exactly content. What they hold already is not written again. The result has an entry for
// each profile; nil: the store holds content.
func (a *Archive) Sync(ctx context.Context, g capsule.Group, profiles []string, t Term, content capsule.Content) Problems {
	return a.sync(ctx, g, profiles, t, content, exactly)
}

// Add makes the stores hold content, and takes nothing away: while volumes leave with their application, what is stored of
// them is what the peer finds them by.
func (a *Archive) Add(ctx context.Context, g capsule.Group, profiles []string, t Term, content capsule.Content) Problems {
	return a.sync(ctx, g, profiles, t, content, atLeast)
}

func (a *Archive) sync(ctx context.Context, g capsule.Group, profiles []string, t Term, content capsule.Content, e extent) Problems {
	var ask []string
	problems := Problems{}
	for _, name := range profiles {
		k := a.memory.know(place{g, name})
		switch {
		case k.trusted(a.Clock.Now()) && holds(k.manifest, t, content, e):
			problems[name] = nil
		case k.resting(a.Clock.Now()):
			problems[name] = k.failure
		default:
			ask = append(ask, name)
		}
	}
	// One number for all stores, which grows while no store is asked: of two stores, the one that was written later is newer,
	// whatever either missed before. Within an epoch one cluster writes, so one clock counts.
	serial := a.Clock.Now().UnixMilli()
	maps.Copy(problems, a.each(ctx, ask, rested, func(ctx context.Context, s store.Store) error {
		return a.syncOne(ctx, s, g, serial, t, content, e)
	}))
	a.memory.remember(g, ask, problems, a.Clock.Now())
	return problems
}

func (a *Archive) syncOne(ctx context.Context, s store.Store, g capsule.Group, serial int64, t Term, content capsule.Content, e extent) error {
	at := place{g, s.Profile()}
	release, err := a.memory.alone(ctx, at)
	if err != nil {
		return err
	}
	defer release()
	was, version, err := versionedManifestOf(ctx, s, g)
	broken := repairable(err)
	if broken {
		was, err = a.unbroken(at, err, e)
	}
	if err != nil {
		return err
	}
	if was == nil {
		was = &capsule.Manifest{Epoch: t.Epoch}
	}
	if was.Epoch > t.Epoch {
		return overtaken(s, was, t)
	}
	if !t.Trust.Stored && t.Trust.Alien(was) {
		// Nothing of this group was ever stored: the place is another one's.
		return distrust(s, g, "written over", t.Trust.Refuses(was), apart)
	}
	if t.Trust.Refuses(was) != "" {
		// Nothing of it is signed by this cluster, and so vouched for. What it lists is written over, or not listed any more.
		was = &capsule.Manifest{Epoch: was.Epoch, Serial: was.Serial}
	}
	if was.KubeObjects != nil && !t.Trust.Vouched(was) {
		// What it names would run with rights that it brings along: this cluster's signature must not make it believed.
		unnamed := *was
		unnamed.KubeObjects = nil
		was = &unnamed
	}
	if was, err = a.present(ctx, s, g, was); err != nil {
		return err
	}
	if broken || !holds(was, t, content, e) {
		begun := partial{of: fmt.Sprintf("%d/%s/%d", was.Epoch, was.Cluster, was.Serial), put: map[string]string{}}
		if last := a.memory.know(at).partial; last.of == begun.of {
			begun = last
		}
		w := writer{store: s, group: g, term: t, extent: e, serial: max(serial, was.Serial+1), put: begun.put, version: version}
		if was, err = w.write(ctx, was, content); err != nil {
			a.memory.learnPartial(at, begun)
			return err
		}
	}
	a.memory.learn(at, knowledge{manifest: was, seen: a.Clock.Now()})
	return nil
}

// overtaken is told of a manifest that is not believed, too: whether its signer is a cluster that was promoted meanwhile is not
// known here.
func overtaken(s store.Store, by *capsule.Manifest, t Term) error {
	err := fmt.Errorf("it holds epoch %d of this group, written by cluster %.60s; this cluster is at epoch %d and must not overwrite it", by.Epoch, by.Cluster, t.Epoch)
	if why := t.Trust.Refuses(by); why != "" {
		err = fmt.Errorf("%w. That is not believed: %s. If no cluster was promoted since, somebody else wrote it: delete the manifest from the bucket, and look at who can write there", err, why)
	}
	return &store.Error{Profile: s.Profile(), Reason: store.ReasonError, Err: err}
}

// sample is how many objects of a group are read at each look; the next look reads others.
const sample = 8

// present is m without the objects that the store does not have, and without those of a sample that turn out to be others.
func (a *Archive) present(ctx context.Context, s store.Store, g capsule.Group, m *capsule.Manifest) (*capsule.Manifest, error) {
	if len(m.Objects) == 0 {
		return m, nil
	}
	there, err := s.List(ctx, g.Prefix())
	if err != nil {
		return nil, fmt.Errorf("list objects of %s: %w", g.Prefix(), err)
	}
	out := *m
	out.Objects = maps.Clone(m.Objects)
	maps.DeleteFunc(out.Objects, func(key string, _ capsule.Sum) bool {
		_, found := slices.BinarySearch(there, key)
		return !found
	})
	keys := out.Keys()
	if n := len(keys); n > sample {
		looks := int(a.Clock.Now().Unix() / int64(Recheck/time.Second))
		first := looks * sample % n
		keys = append(keys, keys...)[first : first+sample]
	}
	var mu sync.Mutex
	err = objects(ctx, keys, func(ctx context.Context, key string) error {
		body, err := s.Get(ctx, key)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("read %s: %w", key, err)
		}
		if err == nil {
			var sum string
			if sum, err = capsule.Decode(body, new(any)); err == nil && m.Vouches(key, sum) {
				return nil
			}
		}
		mu.Lock()
		defer mu.Unlock()
		delete(out.Objects, key)
		return nil
	})
	return &out, err
}

// writer writes one update of one group into one store.
type writer struct {
	store  store.Store
	group  capsule.Group
	term   Term
	extent extent
	serial int64
	mu     sync.Mutex
	put    map[string]string // checksums of what is written already, by key
	// version of the manifest that is replaced: another cluster that is promoted meanwhile writes another one.
	version store.Version
}

// write brings the store from what was vouches for to content. It may die after any call: announced checksums, then objects,
// then the manifest, then what is no longer needed.
func (w *writer) write(ctx context.Context, was *capsule.Manifest, content capsule.Content) (*capsule.Manifest, error) {
	next := &capsule.Manifest{Epoch: w.term.Epoch, Cluster: w.term.Cluster, Generation: w.term.Generation, Serial: w.serial, Objects: map[string]capsule.Sum{},
		KubeObjects: was.KubeObjects}
	if w.extent == atLeast {
		maps.Copy(next.Objects, was.Objects)
	}
	announced := *was
	announced.Objects = maps.Clone(was.Objects)
	var changed []string
	overwrites := false
	for key, o := range content {
		old, exists := was.Objects[key]
		if o.Kept() {
			if exists {
				next.Objects[key] = old
			}
			continue
		}
		next.Objects[key] = capsule.Sum{SHA256: o.Sum}
		if exists && old.SHA256 == o.Sum && old.Next == "" {
			continue
		}
		changed = append(changed, key)
		if exists && old.Next != o.Sum {
			overwrites = true
			announced.Objects[key] = capsule.Sum{SHA256: old.SHA256, Next: o.Sum}
		}
	}
	slices.Sort(changed)
	if overwrites {
		if err := w.manifest(ctx, &announced); err != nil {
			return nil, err
		}
	}
	if err := objects(ctx, changed, func(ctx context.Context, key string) error { return w.object(ctx, key, content[key]) }); err != nil {
		return nil, err
	}
	if err := w.manifest(ctx, next); err != nil {
		return nil, err
	}
	if err := w.stillOurs(ctx); err != nil {
		return nil, err
	}
	var obsolete []string
	for _, key := range was.Keys() {
		if _, wanted := next.Objects[key]; !wanted {
			obsolete = append(obsolete, key)
		}
	}
	if len(obsolete) > 0 {
		if err := w.store.Delete(ctx, obsolete...); err != nil {
			return nil, fmt.Errorf("delete obsolete objects: %w", err)
		}
	}
	return next, nil
}

// object writes one object, unless an update that did not come to its end has written it.
func (w *writer) object(ctx context.Context, key string, o capsule.Object) error {
	w.mu.Lock()
	done := w.put[key] == o.Sum
	w.mu.Unlock()
	if done {
		return nil
	}
	if err := w.store.Put(ctx, key, o.Body); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	w.mu.Lock()
	w.put[key] = o.Sum
	w.mu.Unlock()
	return nil
}

// stillOurs reads the manifest again after it is written, and before it where the server can't write conditionally: a cluster
// that was promoted meanwhile may have written its own, and then this one stands back. There are servers that ignore conditions.
func (w *writer) stillOurs(ctx context.Context) error {
	is, err := manifestOf(ctx, w.store, w.group)
	if repairable(err) {
		return nil // it is what is being written over
	}
	if err != nil || is == nil || is.Epoch <= w.term.Epoch {
		return err
	}
	return overtaken(w.store, is, w.term)
}

// manifest signs a manifest and writes it over the one that was read.
func (w *writer) manifest(ctx context.Context, m *capsule.Manifest) error {
	if err := m.Sign(w.group, w.term.Key); err != nil {
		return err
	}
	body, err := m.Encode()
	if err != nil {
		return err
	}
	version, err := w.store.Replace(ctx, w.group.Manifest(), body, w.version)
	switch {
	case errors.Is(err, store.ErrUnconditional):
		if err := w.stillOurs(ctx); err != nil {
			return err
		}
		err = w.store.Put(ctx, w.group.Manifest(), body)
	case errors.Is(err, store.ErrChanged):
		if overtaken := w.stillOurs(ctx); overtaken != nil {
			return overtaken
		}
	case err == nil:
		w.version = version
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", w.group.Manifest(), err)
	}
	return nil
}
