// SPDX-License-Identifier: Apache-2.0

package captures

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/ramendr/ramen-direct/spokectrl/objects"
)

// before is the capture whose place another one is to take, in each of the stores that name it.
type before struct {
	in     []*Capture
	secret secret
}

// damagedError is why something in a store is not what was stored, as opposed to a store that does not answer.
type damagedError struct{ error }

func (e *damagedError) Unwrap() error { return e.error }

// Before is the step of a name in the newest capture that the stores name; nil: there is none that this cluster could restore.
func (w *Writer) Before(ctx context.Context, step string) (*objects.Before, error) {
	if w.before == nil {
		b, err := w.lookBefore(ctx)
		if err != nil {
			return nil, fmt.Errorf("look at the capture before: %w", err)
		}
		w.before = b
	}
	if len(w.before.in) == 0 {
		return nil, nil //nolint:nilnil // there is none
	}
	m := w.before.in[0].Manifest
	i := slices.IndexFunc(m.Steps, func(s Step) bool { return s.Name == step })
	if i < 0 {
		return nil, nil //nolint:nilnil // there is none
	}
	return &objects.Before{Source: kept{w.before, i}, Start: m.Start, Counts: m.Steps[i].Counts, Kept: m.Steps[i].Kept}, nil
}

func (w *Writer) lookBefore(ctx context.Context) (*before, error) {
	out := &before{}
	for _, t := range w.stores {
		if t.was == nil {
			continue
		}
		c := &Capture{Pointer: *t.was, Profile: t.store.Profile(), store: t.store, group: w.of.Group}
		switch {
		case len(out.in) == 0 || t.was.Newer(&out.in[0].Pointer):
			out.in = []*Capture{c}
		case t.was.ID == out.in[0].Pointer.ID:
			out.in = append(out.in, c)
		}
	}
	var failed error
	for _, c := range out.in {
		m, err := c.manifest(ctx)
		if _, damaged := errors.AsType[*damagedError](err); damaged {
			continue
		}
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		sealed, ok := m.Keys[w.of.Term.Key.Public()]
		if !ok {
			return &before{}, nil // it was made for others
		}
		about := w.of.Group.Prefix() + m.ID
		plain, err := w.of.Term.Key.Unseal(about, sealed)
		if err != nil {
			return nil, fmt.Errorf("object %s: %w", c.dir()+manifestName, err)
		}
		for _, same := range out.in {
			same.Manifest = m
		}
		out.secret, err = secretOf(about, plain)
		return out, err
	}
	return &before{}, failed
}

// kept is a step of the capture before.
type kept struct {
	of   *before
	step int
}

// Each implements objects.Source. A part is read from any store that has it.
func (k kept) Each(ctx context.Context, do func([]byte) error) error {
	for _, p := range k.of.in[0].Manifest.Steps[k.step].Parts {
		number, err := strconv.ParseUint(p.Name, 10, 64)
		if err != nil {
			return fmt.Errorf("a part is called %.60q: %w", p.Name, err)
		}
		var body []byte
		var failed []error
		for _, c := range k.of.in {
			if body, err = c.get(ctx, p.Name, p.SHA256); err == nil {
				break
			}
			failed = append(failed, fmt.Errorf("S3 profile %s: %w", c.Profile, err))
		}
		if err != nil {
			return errors.Join(failed...)
		}
		plain, err := k.of.secret.decode(number, p.Name, body)
		if err != nil {
			return fmt.Errorf("object %s: %w", k.of.in[0].dir()+p.Name, err)
		}
		if err := do(plain); err != nil {
			return err
		}
	}
	return nil
}
