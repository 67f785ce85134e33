// SPDX-License-Identifier: Apache-2.0

// Package archive keeps the capsules of groups in their object stores. All stores of a group are asked at the same time,
// each within a budget; a broken one is reported by its profile's name and never hides the others. It promises that a
// group of a lower epoch neither overwrites nor deletes what one of a higher epoch wrote, and that a store that does not
// answer is never taken for an empty one.
package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

const (
	// Budget is how long one store may take until the next call of an operation succeeds.
	Budget = 10 * time.Second
	// Longest is what one store gets for all calls of one operation, however well it gets on.
	Longest = 5 * time.Minute
	// Pause is how long a store that failed is left alone.
	Pause = 15 * time.Second
	// Recheck is how long a store is trusted to hold what was written to it.
	Recheck = 10 * time.Minute
	// parallel is how many objects are read or written at the same time in one store.
	parallel = 16
)

// Archive opens stores and remembers what they hold. It is safe for concurrent use.
type Archive struct {
	Reader    client.Reader // live: profiles and secrets
	Open      store.Opener
	Namespace string // of the operator: configuration and secrets
	Clock     clock.PassiveClock

	memory memory
}

// Term says who writes: a group in one of its terms as primary.
type Term struct {
	Epoch      int64
	Cluster    string
	Generation int64
	// Key signs what is stored; zero: it stays without a signature.
	Key capsule.Key
	// Trust says what of the stored metadata is carried over into what is stored next.
	Trust capsule.Trust
}

// Problems are errors by profile.
type Problems map[string]error

// Err is all problems, sorted by profile; nil if there is none.
func (p Problems) Err() error {
	var names []string
	for name, err := range p {
		if err != nil {
			names = append(names, name)
		}
	}
	if names == nil {
		return nil
	}
	slices.Sort(names)
	texts := make([]string, 0, len(names))
	for _, name := range names {
		text := p[name].Error()
		if !strings.Contains(text, name) {
			text = "S3 profile " + name + ": " + text
		}
		texts = append(texts, text)
	}
	return errors.New(strings.Join(texts, "; "))
}

// count is how many stores have one.
func (p Problems) count() int {
	n := 0
	for _, err := range p {
		if err != nil {
			n++
		}
	}
	return n
}

// All reports whether each of profiles has a problem.
func (p Problems) All(profiles []string) bool {
	return !slices.ContainsFunc(profiles, func(name string) bool { return p[name] == nil })
}

// Store opens the store of a profile. An error is a *store.Error.
func (a *Archive) Store(ctx context.Context, cfg *ramenconfig.Config, profile string) (store.Store, error) {
	p, err := cfg.Profile(profile)
	if err != nil {
		return nil, &store.Error{Profile: profile, Reason: store.ReasonBadProfile, Err: fmt.Errorf("%w: %w", errUnlisted, err)}
	}
	settings, err := store.FromProfile(ctx, a.Reader, a.Namespace, p)
	if err != nil {
		return nil, err
	}
	return a.Open(settings)
}

// errUnlisted means that the configuration does not list a profile.
var errUnlisted = errors.New("the profile is not configured")

// asking says which stores are asked.
type asking uint8

const (
	rested asking = iota // not those that did not answer anybody a moment ago
	anyhow
)

// each runs do for each profile at the same time. A store that does not answer is waited for once, not by each group.
func (a *Archive) each(ctx context.Context, profiles []string, which asking, do func(context.Context, store.Store) error) Problems {
	cfg, err := ramenconfig.Load(ctx, a.Reader, a.Namespace, ramenconfig.SpokeConfigMap)
	problems := Problems{}
	var mu sync.Mutex
	found := func(name string, err error) {
		mu.Lock()
		defer mu.Unlock()
		problems[name] = err
	}
	var wg sync.WaitGroup
	for _, name := range profiles {
		if err != nil {
			found(name, err)
			continue
		}
		if rest := a.memory.silence(name, a.Clock.Now()); which == rested && rest != nil {
			found(name, rest)
			continue
		}
		wg.Go(func() {
			s, err := a.Store(ctx, cfg, name)
			if err == nil {
				err = paced(ctx, s, do)
			}
			if err == nil || ctx.Err() == nil { // else the caller went away, which says nothing about the store
				a.memory.hear(name, err, a.Clock.Now())
			}
			found(name, err)
		})
	}
	wg.Wait()
	return problems
}

// Empty removes everything of the group from the stores, but what a higher epoch wrote, and what trust says is another hub's. A store that the configuration does not
// list any more is no obstacle: it was given up.
func (a *Archive) Empty(ctx context.Context, g capsule.Group, profiles []string, t Term) Problems {
	problems := a.each(ctx, profiles, rested, func(ctx context.Context, s store.Store) error {
		release, err := a.memory.alone(ctx, place{g, s.Profile()})
		if err != nil {
			return err
		}
		defer release()
		m, err := manifestOf(ctx, s, g)
		switch {
		case err != nil && !errors.Is(err, errBroken):
			return err
		case m != nil && m.Epoch > t.Epoch:
			return nil // the group lives on elsewhere
		case m != nil && t.Trust.Alien(m):
			log.FromContext(ctx).Info("Left what another hub stored under the name of a group that ends", "profile", s.Profile(), "prefix", g.Prefix(), "signer", m.Signer)
			return nil
		}
		keys, err := s.List(ctx, g.Prefix())
		if err != nil {
			return fmt.Errorf("list objects of %s: %w", g.Prefix(), err)
		}
		a.memory.forget(place{g, s.Profile()})
		// The manifest goes last: objects without one are taken for those of another writer.
		keys = slices.DeleteFunc(keys, func(key string) bool { return key == g.Manifest() })
		if err := s.Delete(ctx, keys...); err != nil {
			return fmt.Errorf("delete objects of %s: %w", g.Prefix(), err)
		}
		if err := s.Delete(ctx, g.Manifest()); err != nil {
			return fmt.Errorf("delete %s: %w", g.Manifest(), err)
		}
		return nil
	})
	for name, err := range problems {
		if errors.Is(err, errUnlisted) {
			problems[name] = nil
		}
	}
	return problems
}

// errBroken means that a manifest is there but can't be read. It says what helps where nobody writes it again.
var errBroken = errors.New("the manifest is broken: the cluster that the application runs on writes it again; if that is lost, bring back an earlier version of this object in the bucket")

// manifestOf reads the manifest of a group; nil if the store answered that there is none.
func manifestOf(ctx context.Context, s store.Store, g capsule.Group) (*capsule.Manifest, error) {
	m, _, err := versionedManifestOf(ctx, s, g)
	return m, err
}

// versionedManifestOf is manifestOf, with the version that an update replaces, also of a manifest that is broken.
func versionedManifestOf(ctx context.Context, s store.Store, g capsule.Group) (*capsule.Manifest, store.Version, error) {
	body, version, err := s.Read(ctx, g.Manifest())
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, store.AbsentVersion, nil
	case err != nil:
		return nil, store.AbsentVersion, fmt.Errorf("read %s: %w", g.Manifest(), err)
	}
	m, err := capsule.DecodeManifest(g, body)
	if err != nil {
		return nil, version, fmt.Errorf("read %s: %w: %w", g.Manifest(), errBroken, err)
	}
	return m, version, nil
}

// objects runs do for each key, some at the same time, until one fails.
func objects(ctx context.Context, keys []string, do func(context.Context, string) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, key := range keys {
		group.Go(func() error { return do(ctx, key) })
	}
	return group.Wait()
}
