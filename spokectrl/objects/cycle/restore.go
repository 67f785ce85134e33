// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/captures"
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
	out := &Restored{From: &from.Pointer, Profile: from.Profile, Problems: from.Problems}
	for _, step := range from.Manifest.Steps {
		request := objects.RestoreRequest{
			Group: want.Group, ID: restoreID(&want), Step: step.Name, From: from.Step(step.Name),
			Select: objects.Selection{Namespaces: want.Namespaces, Selector: want.Selector},
		}
		p, err := w.await(ctx, want, request.ID, func(ended func()) (objects.Progress, error) {
			request.Ended = ended
			return w.engine.Restore(ctx, request)
		})
		if failed, ok := errors.AsType[*failedError](err); ok {
			return is, incomplete(failed.is)
		}
		if err != nil {
			return is, err
		}
		out.Objects += p.Objects
		out.Findings.Join(p.Findings)
	}
	is.Restored, is.Last = out, &captures.Last{Pointer: from.Pointer, Profiles: []string{from.Profile}, Readers: slices.Sorted(maps.Keys(from.Manifest.Keys))}
	return is, nil
}

// incomplete says what a restore could not make.
func incomplete(p objects.Progress) error {
	if err := denied(p.Findings); err != nil {
		return fmt.Errorf("%w: %w", p.Err, err)
	}
	var missing []string
	for _, f := range p.Findings.List {
		if f.Reason.Fails() {
			missing = append(missing, bounded.Text(f.String(), bounded.Quote))
		}
	}
	if missing == nil {
		return p.Err
	}
	return fmt.Errorf("%w: %s", p.Err, bounded.List(slices.Compact(missing), "; "))
}
