// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/store"
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
		if m := a.know(place{g, name}).manifest; m == nil || !holds(m, t, content, e) {
			return false
		}
	}
	return len(profiles) > 0
}

// Learn reads what the stores hold, for Current to know, and writes nothing. A store that does not answer stays unknown.
func (a *Archive) Learn(ctx context.Context, g capsule.Group, profiles []string) {
	unknown := slices.DeleteFunc(slices.Clone(profiles), func(name string) bool { return a.know(place{g, name}).manifest != nil })
	a.each(ctx, unknown, func(ctx context.Context, s store.Store) error {
		m, err := manifestOf(ctx, s, g)
		if err == nil && m != nil {
			a.learn(place{g, s.Profile()}, knowledge{manifest: m})
		}
		return err
	})
}

func holds(m *capsule.Manifest, t Term, content capsule.Content, e extent) bool {
	if m.Epoch != t.Epoch || m.Cluster != t.Cluster {
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
		k := a.know(place{g, name})
		switch {
		case k.manifest != nil && holds(k.manifest, t, content, e):
			problems[name] = nil
		case a.resting(k):
			problems[name] = k.failure
		default:
			ask = append(ask, name)
		}
	}
	maps.Copy(problems, a.each(ctx, ask, func(ctx context.Context, s store.Store) error {
		return a.syncOne(ctx, s, g, t, content, e)
	}))
	a.remember(g, ask, problems)
	return problems
}

func (a *Archive) syncOne(ctx context.Context, s store.Store, g capsule.Group, t Term, content capsule.Content, e extent) error {
	was, err := manifestOf(ctx, s, g)
	if err != nil {
		return err
	}
	if was == nil {
		was = &capsule.Manifest{Epoch: t.Epoch}
	}
	if was.Epoch > t.Epoch {
		return &store.Error{Profile: s.Profile(), Reason: store.ReasonError, Err: fmt.Errorf(
			"it holds epoch %d of this group, written by cluster %s; this cluster is at epoch %d and must not overwrite it", was.Epoch, was.Cluster, t.Epoch)}
	}
	if !holds(was, t, content, e) {
		if was, err = write(ctx, s, g, was, t, content, e); err != nil {
			return err
		}
	}
	a.learn(place{g, s.Profile()}, knowledge{manifest: was})
	return nil
}

// write brings one store from what was vouches for to content. It may die after any call: announced checksums, then
// objects, then the manifest, then what is no longer needed.
func write(ctx context.Context, s store.Store, g capsule.Group, was *capsule.Manifest, t Term, content capsule.Content, e extent) (*capsule.Manifest, error) {
	next := &capsule.Manifest{Epoch: t.Epoch, Cluster: t.Cluster, Generation: t.Generation, Serial: was.Serial + 1, Objects: map[string]capsule.Sum{}}
	if e == atLeast {
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
		if err := putManifest(ctx, s, g, &announced); err != nil {
			return nil, err
		}
	}
	if err := objects(ctx, changed, func(ctx context.Context, key string) error {
		if err := s.Put(ctx, key, content[key].Body); err != nil {
			return fmt.Errorf("write %s: %w", key, err)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if err := putManifest(ctx, s, g, next); err != nil {
		return nil, err
	}
	var obsolete []string
	for _, key := range was.Keys() {
		if _, wanted := next.Objects[key]; !wanted {
			obsolete = append(obsolete, key)
		}
	}
	if len(obsolete) > 0 {
		if err := s.Delete(ctx, obsolete...); err != nil {
			return nil, fmt.Errorf("delete obsolete objects: %w", err)
		}
	}
	return next, nil
}

func putManifest(ctx context.Context, s store.Store, g capsule.Group, m *capsule.Manifest) error {
	body, err := m.Encode()
	if err != nil {
		return err
	}
	if err := s.Put(ctx, g.Manifest(), body); err != nil {
		return fmt.Errorf("write %s: %w", g.Manifest(), err)
	}
	return nil
}
