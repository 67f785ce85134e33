// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

// Answer is what the stores say about a group.
type Answer uint8

// Answers.
const (
	Unknown Answer = iota // no complete capsule was found, and a store that may have one could not be read
	Nothing               // every store answered that it has none
	Found                 // a complete capsule was found
	Refused               // every store answered, and what they have is not believed
)

// Newest is the newest capsule of a group.
type Newest struct {
	Answer   Answer
	Profile  string // where it was found
	Manifest *capsule.Manifest
	Pairs    []capsule.Pair
	Problems Problems
}

// others describes what is stored of the group without a manifest, as Ramen does; nil: nothing is. What can't be read is not
// nothing.
func others(ctx context.Context, s store.Store, g capsule.Group) (*capsule.Manifest, error) {
	keys, err := s.List(ctx, g.Prefix())
	if err != nil {
		return nil, fmt.Errorf("list objects of %s: %w", g.Prefix(), err)
	}
	if len(keys) == 0 {
		return nil, nil //nolint:nilnil // nothing is an answer
	}
	m := &capsule.Manifest{Foreign: true, Objects: map[string]capsule.Sum{}}
	for _, key := range keys {
		m.Objects[key] = capsule.Sum{}
	}
	return m, nil
}

type candidate struct {
	store    store.Store
	manifest *capsule.Manifest
}

// Newest looks for the newest complete capsule of a group. One that can be read suffices, whatever became of the other
// stores; but nothing is taken for "none" unless all answered. A broken capsule is replaced only by one of its epoch. A
// store that did not answer is left alone for Pause if another has a capsule: a restore takes several looks, and a
// failover must not wait for the store of the failed side at each. What trust refuses counts as if it were not there, but is
// told.
func (a *Archive) Newest(ctx context.Context, g capsule.Group, profiles []string, trust capsule.Trust) Newest {
	var mu sync.Mutex
	disbelieved := 0
	var found []candidate
	out := Newest{Answer: Unknown, Problems: Problems{}}
	look := func(profiles []string) {
		problems := a.each(ctx, profiles, rested, func(ctx context.Context, s store.Store) error {
			m, err := manifestOf(ctx, s, g)
			if err == nil && m == nil {
				m, err = others(ctx, s, g)
			}
			if err != nil || m == nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if why := trust.Refuses(m); why != "" {
				disbelieved++
				return distrust(s, g, "restored", why, remedy(trust, m))
			}
			if p, ok := s.(pace); ok {
				s = p.Store // its pace ends with this look
			}
			found = append(found, candidate{s, m})
			return nil
		})
		a.memory.remember(g, profiles, problems, a.Clock.Now())
		maps.Copy(out.Problems, problems)
	}
	var awake, silent []string
	for _, name := range profiles {
		if k := a.memory.know(place{g, name}); k.resting(a.Clock.Now()) && store.ReasonOf(k.failure) == store.ReasonUnreachable {
			silent = append(silent, name)
			out.Problems[name] = k.failure
		} else {
			awake = append(awake, name)
		}
	}
	look(awake)
	if len(found) == 0 {
		look(silent)
	}
	slices.SortFunc(found, func(a, b candidate) int {
		switch {
		case a.manifest.Newer(b.manifest):
			return -1
		case b.manifest.Newer(a.manifest):
			return 1
		default:
			return 0
		}
	})
	for _, c := range found {
		if c.manifest.Epoch != found[0].manifest.Epoch {
			break
		}
		var pairs []capsule.Pair
		err := paced(ctx, c.store, func(ctx context.Context, s store.Store) (err error) {
			pairs, err = fetch(ctx, candidate{s, c.manifest}, g)
			return err
		})
		if err != nil {
			out.Problems[c.store.Profile()] = err
			continue
		}
		out.Answer, out.Profile, out.Manifest, out.Pairs = Found, c.store.Profile(), c.manifest, pairs
		return out
	}
	switch problems := out.Problems.count(); {
	case len(found) > 0:
	case problems == 0:
		out.Answer = Nothing
	case problems == disbelieved:
		out.Answer = Refused
	}
	return out
}

// What helps with what is stored of a group and not believed.
const (
	// tampered is for what was not written by the clusters of the group, as far as is known.
	tampered = "Look at who can write to the bucket, and bring back what the clusters stored, for example from its earlier versions"
	// apart is for what somebody else than the clusters of a group has signed in its place, and nothing of the group was stored.
	apart = "If another hub protects an application of this name, give one of the two another bucket. If it is this application's own, from before a cluster or its key was replaced, " +
		"set action Failover to the cluster that is to run it, and accept what is found there as the DRPlacementControl says"
)

// remedy is what helps with a manifest that trust refuses.
func remedy(trust capsule.Trust, m *capsule.Manifest) string {
	if !trust.Stored && trust.Alien(m) {
		return apart
	}
	return tampered
}

// distrust says what is not done with what a store holds of a group, why, and what helps.
func distrust(s store.Store, g capsule.Group, not, why, helps string) error {
	return &store.Error{Profile: s.Profile(), Reason: store.ReasonRefused, Err: fmt.Errorf("what it holds below %s is not %s: %s. %s", g.Prefix(), not, why, helps)}
}

func fetch(ctx context.Context, c candidate, g capsule.Group) ([]capsule.Pair, error) {
	var mu sync.Mutex
	bodies := map[string][]byte{}
	if err := objects(ctx, c.manifest.Keys(), func(ctx context.Context, key string) error {
		body, err := c.store.Get(ctx, key)
		if err != nil {
			return fmt.Errorf("read %s: %w", key, err)
		}
		mu.Lock()
		defer mu.Unlock()
		bodies[key] = body
		return nil
	}); err != nil {
		return nil, err
	}
	pairs, err := capsule.Open(g, c.manifest, bodies)
	if err != nil && c.manifest.Foreign {
		return nil, fmt.Errorf("there are objects below %s without a manifest, of another writer or of one that died: %w; if nobody needs them, delete them", g.Prefix(), err)
	}
	return pairs, err
}
