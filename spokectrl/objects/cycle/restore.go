// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/captures"
	"github.com/ramendr/ramen-direct/spokectrl/objects/steps"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// restoreID is the same for all attempts at one restore, in this term and by whatever process.
func restoreID(w *Want) string {
	return fmt.Sprintf("%s/%s/%d", w.Group.Namespace, w.Group.Name, w.Term.Epoch)
}

// restore restores the newest whole capture. It may be repeated: what is in place stays as it is.
func (w *Worker) restore(ctx context.Context, want Want, is Standing) (Standing, error) {
	from := w.keeper.Newest(ctx, captures.Asked{Group: want.Group, Profiles: want.Profiles, Trust: want.Term.Trust, Key: want.Term.Key})
	switch from.Answer {
	case captures.Nothing:
		is.Restored = &Restored{}
		return is, nil
	case captures.Unknown:
		return is, fmt.Errorf("no whole capture could be read: %w", from.Problems.Err())
	case captures.Found:
	}
	if from.Manifest.Engine != w.engine.Name() || from.Manifest.Format != w.engine.Format() {
		return is, fmt.Errorf("the capture was made by engine %.60q in format %.60q, and this cluster reads %q of %q: install the version there that made it here",
			from.Manifest.Engine, from.Manifest.Format, w.engine.Format(), w.engine.Name())
	}
	names, stored, err := read(ctx, &from)
	if err != nil {
		return is, err
	}
	workflow, note, err := want.restoring(names, stored)
	if err != nil {
		return is, err
	}
	out := &Restored{From: &from.Pointer, Profile: from.Profile, Problems: from.Problems, Note: note, Captured: from.Manifest.Findings()}
	name := capsule.NewCaptureID(want.Term.Epoch, w.clock.Now().UnixMilli())
	is.attempted = is.attempts(&want, from.Pointer.ID)
	var made []restored
	did := w.follow(ctx, want, Restoring, name, workflow, &is, func(i int, g *recipe.Group) error {
		p, err := w.restoreGroup(ctx, want, &from, i, g, is.attempted)
		made = append(made, restored{i, g, p, err == nil})
		return err
	})
	if did.Err != nil {
		return is, did.Err
	}
	for n, of := range made {
		// A later group may have the owners of what an earlier one made.
		if of.done && n < len(made)-1 && of.is.Findings.Count[objects.OwnerGone] > 0 {
			linked, err := w.restoreGroup(ctx, want, &from, of.step, of.group, nil)
			switch {
			case ctx.Err() != nil:
			case err != nil: // as if the group had not been restored
				did.Lacks = append(did.Lacks, fmt.Errorf("%s: link what was made to its owners: %w", workflow.Steps[of.step].Title(), err))
				if did.Past[of.step] = steps.Failed; steps.Decide(&workflow, did.Past).Fails {
					return is, errors.Join(did.Lacks...)
				}
			default:
				of.is.Findings = of.is.Findings.Without(objects.OwnerGone)
				of.is.Findings.Join(linked.Findings)
			}
		}
		out.Objects += of.is.Objects
		out.Findings.Join(of.is.Findings)
	}
	if ctx.Err() != nil {
		return is, ctx.Err() //nolint:wrapcheck // nobody reads it
	}
	out.Partly = errors.Join(did.Lacks...)
	is.Restored, is.Last = out, &captures.Last{Pointer: from.Pointer, Profiles: []string{from.Profile}, Readers: slices.Sorted(maps.Keys(from.Manifest.Keys)), Findings: out.Captured}
	return is, nil
}

// read returns the steps of a capture that hold objects, and the Recipe by which it was made; nil: none.
func read(ctx context.Context, from *captures.Capture) (names []string, stored *v1alpha1.RecipeSpec, err error) {
	for _, s := range from.Manifest.Steps {
		if s.Name != stepRecipe {
			names = append(names, s.Name)
			continue
		}
		stored = &v1alpha1.RecipeSpec{}
		if err := from.Step(stepRecipe).Each(ctx, func(text []byte) error { return json.Unmarshal(text, stored) }); err != nil {
			return nil, nil, fmt.Errorf("read the captured Recipe: %w", err)
		}
	}
	return names, stored, nil
}

// restored is what became of a group of a workflow.
type restored struct {
	step  int
	group *recipe.Group
	is    objects.Progress
	done  bool
}

// restoreGroup restores the i-th group of a workflow, and notes what it lacks then. With nowhere to note it, what it made is linked to
// its owners.
func (w *Worker) restoreGroup(ctx context.Context, want Want, from *captures.Capture, i int, g *recipe.Group, all *attempted) (objects.Progress, error) {
	request := objects.RestoreRequest{
		Group: want.Group, ID: restoreID(&want), Step: fmt.Sprintf("%d/%s", i, stepOf(g.Name)), From: from.Step(stepOf(g.Of)),
		Select: selects(g), Overwrite: g.Overwrite,
	}
	if request.Link = all == nil; !request.Link {
		request.Lacked = all.lacked(request.Step)
	}
	if g.Status != nil {
		request.Status = &objects.Selection{Included: g.Status.IncludedResources, Excluded: g.Status.ExcludedResources}
	}
	p, err := w.await(ctx, want, request.ID, func(ended func()) (objects.Progress, error) {
		request.Ended = ended
		return w.engine.Restore(ctx, request)
	})
	if p.Lacking != nil && !request.Link {
		all.Steps[request.Step] = p.Lacking
	}
	if failed, ok := errors.AsType[*failedError](err); ok {
		err = incomplete(failed.is)
	}
	return p, err
}

// incomplete says what a restore could not make.
func incomplete(p objects.Progress) error {
	var missing []string
	for _, f := range p.Findings.List {
		if f.Reason.Fails() && f.Reason != objects.NotAllowed {
			missing = append(missing, bounded.Text(f.String(), bounded.Quote))
		}
	}
	err := p.Err
	if missing != nil {
		err = fmt.Errorf("%w: %s", err, bounded.List(slices.Compact(missing), "; "))
	}
	if rights := denied(p.Findings); rights != nil {
		err = fmt.Errorf("%w; %w", err, rights)
	}
	return err
}
