// SPDX-License-Identifier: Apache-2.0

package captures

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ramendr/ramen-direct/spokectrl/objects"
)

// before is the capture whose place another one is to take, in each of the stores that name it; none: there is none that is of use.
type before struct{ in []*Capture }

// Before is the step of a name in the newest capture that the stores name; nil: there is none, or none that is of use, which the new
// capture notes. An error means that no store answered which may have it.
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
	var unknown, useless error
	for _, c := range out.in {
		switch err := w.usable(ctx, c); {
		case err == nil:
			for _, same := range out.in {
				same.Manifest, same.secret = c.Manifest, c.secret
			}
			return out, nil
		case silent(err):
			unknown = errors.Join(unknown, err)
		case useless == nil:
			useless = fmt.Errorf("S3 profile %s: %w", c.Profile, err)
		}
	}
	if unknown == nil && useless != nil {
		w.manifest.Notes.Add(objects.NoBefore, "that of "+out.in[0].Pointer.Start.UTC().Format(time.RFC3339), useless.Error())
	}
	return &before{}, unknown
}

// usable finds out whether a capture can be read by this cluster and by the engine of the new one.
func (w *Writer) usable(ctx context.Context, c *Capture) (err error) {
	if c.Manifest, err = c.manifest(ctx); err != nil {
		return err
	}
	if m := c.Manifest; m.Engine != w.of.Engine || m.Format != w.of.Format {
		return fmt.Errorf("it was made by engine %.60q in format %.60q, and this cluster reads %q of %q", m.Engine, m.Format, w.of.Format, w.of.Engine)
	}
	return c.unlock(w.of.Term.Key)
}

// kept is a step of the capture before.
type kept struct {
	of   *before
	step int
}

// Each implements objects.Source, as objects.Before asks for. A part is read from any store that has it.
func (k kept) Each(ctx context.Context, do func([]byte) error) error {
	var lost error
	for _, p := range k.of.in[0].Manifest.Steps[k.step].Parts {
		plain, err := k.part(ctx, p)
		switch {
		case silent(err):
			return err
		case err != nil:
			lost = errors.Join(lost, err)
			continue
		}
		if err := do(plain); err != nil {
			return err
		}
	}
	if lost != nil {
		return &objects.LostError{Err: lost}
	}
	return nil
}

// part is one, from the first store that has it. The error is silent if one did not answer that may have it.
func (k kept) part(ctx context.Context, p Part) ([]byte, error) {
	var failed error
	for _, c := range k.of.in {
		plain, err := c.part(ctx, p)
		if err == nil {
			return plain, nil
		}
		failed = errors.Join(failed, fmt.Errorf("S3 profile %s: %w", c.Profile, err))
	}
	return nil, failed
}
