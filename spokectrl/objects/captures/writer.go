// SPDX-License-Identifier: Apache-2.0

package captures

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
)

// Keeper writes and reads captures. It is safe for concurrent use.
type Keeper struct {
	Archive *archive.Archive
	Clock   clock.PassiveClock
}

// Begun says what a capture is begun for.
type Begun struct {
	Group    capsule.Group
	Profiles []string
	Term     archive.Term
	// Recipients are the public keys of the clusters that may read it: those of the group. One that is not among them can't
	// restore it.
	Recipients     []string
	Engine, Format string
}

// Writer writes one capture. It is used by one goroutine.
type Writer struct {
	keeper   *Keeper
	of       Begun
	manifest Manifest
	secret   secret
	number   uint64 // of the next part
	stores   []*target
	problems archive.Problems
	before   *before // nil: it was not looked at
}

// target is one store of a capture.
type target struct {
	store store.Store
	was   *capsule.Pointer // what it named when the capture began
	slot  int64
	err   error
}

// Begin begins a capture in all stores that hold the volumes of the group as they are in this term. If there is none, the error
// says why.
func (k *Keeper) Begin(ctx context.Context, of Begun) (*Writer, error) {
	own := of.Term.Key.Public()
	if own == "" || !slices.Contains(of.Recipients, own) {
		return nil, errors.New("begin a capture: this cluster has no key, or is not among those that may read it")
	}
	now := k.Clock.Now()
	w := &Writer{keeper: k, of: of, manifest: Manifest{
		Version: version, Engine: of.Engine, Format: of.Format, Cluster: of.Term.Cluster, Generation: of.Term.Generation, Start: now.UTC(),
	}}
	serial := now.UnixMilli()
	found, problems := k.Archive.OwnPointers(ctx, of.Group, of.Profiles, of.Term)
	w.problems = problems
	for _, p := range found {
		t := &target{store: p.Store, was: p.Pointer, slot: 1}
		if p.Pointer != nil {
			t.slot = 1 - p.Pointer.Slot
			if _, last, _ := p.Pointer.Term(); last >= serial {
				serial = last + 1 // the clock was set back
			}
		}
		w.stores = append(w.stores, t)
	}
	if len(w.stores) == 0 {
		return nil, fmt.Errorf("begin a capture: %w", problems.Err())
	}
	w.manifest.ID = capsule.NewCaptureID(of.Term.Epoch, serial)
	var err error
	if w.secret, w.manifest.Keys, err = newSecret(w.about(), of.Recipients); err != nil {
		return nil, fmt.Errorf("begin a capture: %w", err)
	}
	return w, nil
}

func (w *Writer) about() string { return w.of.Group.Prefix() + w.manifest.ID }

// ID of the capture.
func (w *Writer) ID() string { return w.manifest.ID }

// Step begins a step, whose parts the Sink takes.
func (w *Writer) Step(name string) objects.Sink {
	w.manifest.Steps = append(w.manifest.Steps, Step{Name: name})
	return sink{w}
}

// Drop takes the last step out of the capture. Its parts are cleaned up with the next capture.
func (w *Writer) Drop() { w.manifest.Steps = w.manifest.Steps[:len(w.manifest.Steps)-1] }

// Finish notes what became of the last step.
func (w *Writer) Finish(p objects.Progress) {
	s := &w.manifest.Steps[len(w.manifest.Steps)-1]
	s.Version, s.Counts, s.Findings, s.Kept = p.Version, p.Counts, p.Findings, p.Kept
}

// Findings are what the capture has to tell, so far.
func (w *Writer) Findings() objects.Findings { return w.manifest.Findings() }

type sink struct{ of *Writer }

// Put writes a part into all stores that took those before. It fails when there is none left.
func (s sink) Put(ctx context.Context, part []byte) error {
	w := s.of
	if len(part) > objects.MaxPart {
		return fmt.Errorf("a part: %w", capsule.ErrTooLarge)
	}
	name := fmt.Sprintf("%06d", w.number)
	body, err := w.secret.encode(w.number, name, part)
	if err != nil {
		return err
	}
	w.number++
	if err := w.putAll(ctx, name, body); err != nil {
		return err
	}
	step := &w.manifest.Steps[len(w.manifest.Steps)-1]
	step.Parts = append(step.Parts, Part{Name: name, SHA256: sum(body)})
	return nil
}

// putAll writes an object into all stores that are left.
func (w *Writer) putAll(ctx context.Context, name string, body []byte) error {
	return w.each(ctx, func(ctx context.Context, t *target) error {
		key := w.of.Group.Capture(t.slot, w.manifest.ID) + name
		if err := t.store.Put(ctx, key, body); err != nil {
			return fmt.Errorf("write %s: %w", key, err)
		}
		return nil
	})
}

// each runs do for each store that is left, at the same time, each with its own limit. It fails if none is left then.
func (w *Writer) each(ctx context.Context, do func(context.Context, *target) error) error {
	var wg sync.WaitGroup
	for _, t := range w.stores {
		if t.err == nil {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(ctx, callTimeout)
				defer cancel()
				t.err = do(ctx, t)
			})
		}
	}
	wg.Wait()
	if slices.ContainsFunc(w.stores, func(t *target) bool { return t.err == nil }) {
		return nil
	}
	return w.Problems().Err()
}

// callTimeout is how long one store may take for one object.
const callTimeout = time.Minute

// Problems are the stores that do not have the capture, and why.
func (w *Writer) Problems() archive.Problems {
	out := archive.Problems{}
	maps.Copy(out, w.problems)
	for _, t := range w.stores {
		if t.err != nil {
			out[t.store.Profile()] = t.err
		}
	}
	return out
}

// Commit has the stores name the capture, each that has all of it. It fails if none does; Problems tells of the others. What is
// returned is the pointer of the first profile that has it.
func (w *Writer) Commit(ctx context.Context) (capsule.Pointer, error) {
	w.manifest.End = w.keeper.Clock.Now().UTC()
	body, err := json.MarshalIndent(w.manifest, "", " ")
	if err != nil {
		return capsule.Pointer{}, fmt.Errorf("encode the manifest of a capture: %w", err)
	}
	if len(body) > store.MaxObject {
		return capsule.Pointer{}, fmt.Errorf("the manifest of a capture: %w", capsule.ErrTooLarge)
	}
	if err := w.putAll(ctx, manifestName, body); err != nil {
		return capsule.Pointer{}, err
	}
	if err := w.each(ctx, w.whole); err != nil {
		return capsule.Pointer{}, err
	}
	pointer := capsule.Pointer{
		ID: w.manifest.ID, Sum: sum(body), Generation: w.manifest.Generation, Start: w.manifest.Start, End: w.manifest.End,
	}
	if err := w.each(ctx, func(ctx context.Context, t *target) error {
		p := pointer
		p.Slot = t.slot
		return w.keeper.Archive.Point(ctx, t.store, w.of.Group, w.of.Term, t.was, p)
	}); err != nil {
		return capsule.Pointer{}, err
	}
	// What could not be cleaned up is, after the next capture.
	_ = w.each(ctx, func(ctx context.Context, t *target) error {
		_ = w.clean(ctx, t)
		return nil
	})
	for _, name := range w.of.Profiles {
		for _, t := range w.stores {
			if t.err == nil && t.store.Profile() == name {
				pointer.Slot = t.slot
				return pointer, nil
			}
		}
	}
	return pointer, nil
}

// whole finds out whether a store still has all that was written: rules expire objects, and people delete them.
func (w *Writer) whole(ctx context.Context, t *target) error {
	dir := w.of.Group.Capture(t.slot, w.manifest.ID)
	keys, err := t.store.List(ctx, dir)
	if err != nil {
		return fmt.Errorf("list objects of %s: %w", dir, err)
	}
	missing := func(name string) error {
		if _, ok := slices.BinarySearch(keys, dir+name); ok {
			return nil
		}
		return fmt.Errorf("S3 profile %s: object %s is gone again: look at the rules of the bucket", t.store.Profile(), dir+name)
	}
	errs := []error{missing(manifestName)}
	for _, s := range w.manifest.Steps {
		for _, p := range s.Parts {
			errs = append(errs, missing(p.Name))
		}
	}
	return errors.Join(errs...)
}

// clean deletes captures that nobody needs: those that are older than the new one, but the one before it, from which somebody
// may restore now. It comes last: until a store names the new one, what another process writes is as good as ours. A newer one
// may be named by now.
func (w *Writer) clean(ctx context.Context, t *target) error {
	g := w.of.Group
	keys, err := t.store.List(ctx, g.Captures())
	if err != nil {
		return fmt.Errorf("list objects of %s: %w", g.Captures(), err)
	}
	is := capsule.Pointer{ID: w.manifest.ID}
	keys = slices.DeleteFunc(keys, func(key string) bool {
		of := g.CaptureOf(key)
		return of == nil || !is.Newer(of) || t.was != nil && strings.HasPrefix(key, g.Capture(t.was.Slot, t.was.ID))
	})
	if len(keys) == 0 {
		return nil
	}
	if err := t.store.Delete(ctx, keys...); err != nil {
		return fmt.Errorf("delete old captures: %w", err)
	}
	return nil
}
