// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/captures"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// deniedError means that rights are missing.
type deniedError struct{ rights []string }

func (e *deniedError) Error() string {
	return fmt.Sprintf("rights are missing on this cluster: %s. Apply config/spoke/objects to it, or bind its ClusterRole in the namespaces of the application",
		bounded.List(e.rights, "; "))
}

// denied says which rights were missing, by what an engine found; nil: none.
func denied(f objects.Findings) error {
	if f.Count[objects.NotAllowed] == 0 {
		return nil
	}
	var rights []string
	for _, one := range f.List {
		if one.Reason == objects.NotAllowed {
			rights = append(rights, bounded.Text(one.String(), bounded.Quote))
		}
	}
	return &deniedError{rights}
}

// capture makes a capture, unless this is the first look at the group in its term and the stores name one that is not old.
func (w *Worker) capture(ctx context.Context, want Want, is Standing) (Standing, error) {
	begun := captures.Begun{
		Group: want.Group, Profiles: want.Profiles, Term: want.Term, Recipients: want.Readers, Engine: w.engine.Name(), Format: w.engine.Format(),
	}
	if is.tried == "" {
		last, _, err := w.keeper.Last(ctx, begun)
		if err != nil {
			return is, fmt.Errorf("look for the last capture: %w", err)
		}
		if is.Last = last; last != nil {
			is.Findings = last.Findings
			epoch, _, _ := last.Pointer.Term()
			fresh := w.clock.Since(last.Pointer.Start) < want.Interval
			if fresh && epoch == want.Term.Epoch && last.Has(want.Profiles, want.Readers) && is.fresh(&want) {
				is.tried = want.content()
				return is, nil
			}
		}
	}
	is.tried = want.content()
	plan, err := want.Resolved()
	if err != nil {
		return is, err
	}
	into, err := w.keeper.Begin(ctx, begun)
	if err != nil {
		return is, err //nolint:wrapcheck // it says what failed
	}
	if err := putRecipe(ctx, into, want.Spec); err != nil {
		return is, err
	}
	made := 0
	did := w.follow(ctx, want, Capturing, into.ID(), plan.Backup, &is, func(_ int, g *recipe.Group) error {
		p, err := w.captureGroup(ctx, want, into, g)
		made += p.Objects
		return err
	})
	if did.Err != nil {
		return is, did.Err
	}
	if ctx.Err() != nil {
		return is, ctx.Err() //nolint:wrapcheck // nobody reads it
	}
	if err := is.bear(into.Findings(), w.clock.Now()); err != nil {
		return is, err
	}
	pointer, err := into.Commit(ctx)
	if err != nil {
		return is, err //nolint:wrapcheck // it says what failed
	}
	is.Partly = errors.Join(did.Lacks...)
	is.Objects, is.Findings, is.Problems = made, into.Findings(), into.Problems()
	is.Last = &captures.Last{Pointer: pointer, Readers: want.Readers, Profiles: slices.DeleteFunc(slices.Clone(want.Profiles), func(name string) bool {
		return is.Problems[name] != nil
	})}
	return is, nil
}

// captureGroup captures one group. If that fails the capture does not have it.
func (w *Worker) captureGroup(ctx context.Context, want Want, into *captures.Writer, g *recipe.Group) (objects.Progress, error) {
	name := stepOf(g.Name)
	before, err := into.Before(ctx, name)
	if err != nil {
		return objects.Progress{}, err //nolint:wrapcheck // it says what failed
	}
	request := objects.CaptureRequest{Group: want.Group, ID: into.ID(), Step: name, Into: into.Step(name), Before: before, Select: selects(g)}
	p, err := w.await(ctx, want, request.ID, func(ended func()) (objects.Progress, error) {
		request.Ended = ended
		return w.engine.Capture(ctx, request)
	})
	if err == nil {
		err = denied(p.Findings) // it would take the place of a whole one
	}
	if err != nil {
		into.Drop()
		return objects.Progress{}, err
	}
	into.Finish(p)
	return p, nil
}

// putRecipe stores the Recipe by which a capture is made with it, for a cluster that does not have it.
func putRecipe(ctx context.Context, into *captures.Writer, spec *v1alpha1.RecipeSpec) error {
	if spec == nil {
		return nil
	}
	text, err := encoded(spec)
	if err != nil {
		return err
	}
	if err := into.Step(stepRecipe).Put(ctx, text); err != nil {
		return fmt.Errorf("store the Recipe: %w", err)
	}
	return nil
}

// await has an engine do something, and waits until it has ended, even if it is ended early. The engine forgets it then.
func (w *Worker) await(ctx context.Context, want Want, id string, ask func(ended func()) (objects.Progress, error)) (objects.Progress, error) {
	over := make(chan struct{})
	p, err := ask(func() { close(over) })
	if err != nil {
		return p, err
	}
	select {
	case <-over:
	case <-ctx.Done():
		w.engine.Forget(want.Group, id)
		<-over
		return p, ctx.Err() //nolint:wrapcheck // nobody reads it
	}
	p, err = ask(nil) // the same request: it tells how it ended
	w.engine.Forget(want.Group, id)
	switch {
	case err != nil:
		return p, err
	case p.State == objects.Failed:
		return p, &failedError{p}
	case p.State == objects.Running:
		return p, errors.New("the engine says that it has ended, and that it runs")
	default:
		return p, nil
	}
}

// failedError is an engine's failure, with what it found.
type failedError struct{ is objects.Progress }

func (e *failedError) Error() string { return e.is.Err.Error() }

func (e *failedError) Unwrap() error { return e.is.Err }
