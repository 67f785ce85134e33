// SPDX-License-Identifier: Apache-2.0

package captures

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
)

// Answer is what the stores say about the captures of a group.
type Answer uint8

// Answers.
const (
	Unknown Answer = iota // no whole capture was found, and not all stores answered that they have none
	Nothing               // every store answered that it has none
	Found                 // a whole capture was found
)

// Capture is one that can be restored: each of its parts was read and found to be what the manifest says.
type Capture struct {
	Answer   Answer
	Profile  string
	Pointer  capsule.Pointer
	Manifest *Manifest
	// Problems are stores that did not answer, and captures that are not whole. With Found they are to be told: what they hold
	// may be newer.
	Problems archive.Problems

	store  store.Store
	group  capsule.Group
	secret secret
}

// Asked says what is asked of the stores.
type Asked struct {
	Group    capsule.Group
	Profiles []string
	Trust    capsule.Trust
	Key      capsule.Key // of this cluster
}

// Newest looks for the newest whole capture. Nothing is taken for "none" unless all stores answered.
func (k *Keeper) Newest(ctx context.Context, of Asked) Capture {
	found, problems := k.Archive.Pointers(ctx, of.Group, of.Profiles, of.Trust)
	failed := problems.Err() != nil
	found = slices.DeleteFunc(found, func(p archive.Pointed) bool { return p.Pointer == nil })
	slices.SortStableFunc(found, func(a, b archive.Pointed) int {
		switch {
		case a.Pointer.Newer(b.Pointer):
			return -1
		case b.Pointer.Newer(a.Pointer):
			return 1
		default:
			return slices.Index(of.Profiles, a.Store.Profile()) - slices.Index(of.Profiles, b.Store.Profile())
		}
	})
	for _, p := range found {
		c, err := open(ctx, of, p)
		if err != nil {
			problems[p.Store.Profile()] = fmt.Errorf("S3 profile %s: the capture of %s is not restored from there: %w", p.Store.Profile(), p.Pointer.Start.Format("2006-01-02 15:04:05 MST"), err)
			continue
		}
		c.Problems = problems
		return *c
	}
	if len(found) == 0 && !failed {
		return Capture{Answer: Nothing}
	}
	return Capture{Answer: Unknown, Problems: problems}
}

// open reads all of a capture once, so that nothing is restored of one that is not whole.
func open(ctx context.Context, of Asked, p archive.Pointed) (*Capture, error) {
	c := &Capture{Answer: Found, Profile: p.Store.Profile(), Pointer: *p.Pointer, store: p.Store, group: of.Group}
	var err error
	if c.Manifest, err = c.manifest(ctx); err != nil {
		return nil, err
	}
	if err := c.unlock(of.Key); err != nil {
		return nil, err
	}
	for _, s := range c.Manifest.Steps {
		if err := c.Step(s.Name).Each(ctx, func([]byte) error { return nil }); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// unlock takes the key of the parts, for a cluster that has key. The error says why that cluster can't read them.
func (c *Capture) unlock(key capsule.Key) error {
	sealed, ok := c.Manifest.Keys[key.Public()]
	if !ok {
		return errors.New("it was encrypted before this cluster's key was known: only the cluster that made it can read it")
	}
	about := c.group.Prefix() + c.Manifest.ID
	plain, err := key.Unseal(about, sealed)
	if err == nil {
		c.secret, err = secretOf(about, plain)
	}
	if err != nil {
		return fmt.Errorf("object %s: %w", c.dir()+manifestName, err)
	}
	return nil
}

// manifest reads what the capture is made of.
func (c *Capture) manifest(ctx context.Context) (*Manifest, error) {
	body, err := c.get(ctx, manifestName, c.Pointer.Sum)
	if err != nil {
		return nil, err
	}
	m, err := decodeManifest(body)
	if err != nil {
		return nil, fmt.Errorf("object %s: %w", c.dir()+manifestName, err)
	}
	if m.ID != c.Pointer.ID {
		return nil, fmt.Errorf("object %s is of capture %.60q", c.dir()+manifestName, m.ID)
	}
	return m, nil
}

func (c *Capture) dir() string { return c.group.Capture(c.Pointer.Slot, c.Pointer.ID) }

// silentError is why it is not known what a store has. All other errors say that what it has is of no use.
type silentError struct{ error }

func (e *silentError) Unwrap() error { return e.error }

func silent(err error) bool {
	_, is := errors.AsType[*silentError](err)
	return is
}

func (c *Capture) get(ctx context.Context, name, want string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	body, err := c.store.Get(ctx, c.dir()+name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, fmt.Errorf("object %s is missing: bring it back, for example from earlier versions in the bucket", c.dir()+name)
	case err != nil:
		err = fmt.Errorf("read %s: %w", c.dir()+name, err)
		if store.ReasonOf(err) != store.ReasonTooLarge {
			err = &silentError{err}
		}
		return nil, err
	case sum(body) != want:
		return nil, fmt.Errorf("object %s is not the one that was stored: its checksum differs. Bring that back, for example from earlier versions in the bucket", c.dir()+name)
	}
	return body, nil
}

// part reads one part, as the engine made it.
func (c *Capture) part(ctx context.Context, p Part) ([]byte, error) {
	number, err := strconv.ParseUint(p.Name, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("a part is called %.60q: %w", p.Name, err)
	}
	body, err := c.get(ctx, p.Name, p.SHA256)
	if err != nil {
		return nil, err
	}
	plain, err := c.secret.decode(number, p.Name, body)
	if err != nil {
		return nil, fmt.Errorf("object %s: %w", c.dir()+p.Name, err)
	}
	return plain, nil
}

// Step gives the parts of a step.
func (c *Capture) Step(name string) objects.Source { return source{c, name} }

type source struct {
	of   *Capture
	step string
}

func (s source) Each(ctx context.Context, do func([]byte) error) error {
	i := slices.IndexFunc(s.of.Manifest.Steps, func(step Step) bool { return step.Name == s.step })
	if i < 0 {
		return fmt.Errorf("the capture has no step %q", s.step)
	}
	for _, p := range s.of.Manifest.Steps[i].Parts {
		plain, err := s.of.part(ctx, p)
		if err != nil {
			return err
		}
		if err := do(plain); err != nil {
			return err
		}
	}
	return nil
}
