// SPDX-License-Identifier: Apache-2.0

package captures

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
)

// Last is the newest capture that stores name.
type Last struct {
	Pointer capsule.Pointer
	// Profiles are the stores that name it, in the order of the group's.
	Profiles []string
	// Readers are the public keys of the clusters that can restore it.
	Readers []string
	// Findings are what it has to tell, as far as the stores say it.
	Findings objects.Findings
}

// Has reports whether l is in all of profiles, for all of readers.
func (l *Last) Has(profiles, readers []string) bool {
	missing := func(all []string) func(string) bool {
		return func(one string) bool { return !slices.Contains(all, one) }
	}
	return !slices.ContainsFunc(profiles, missing(l.Profiles)) && !slices.ContainsFunc(readers, missing(l.Readers))
}

// Last finds the newest capture that the stores name which hold the volumes of the group as they are in this term; nil: they name
// none. Its parts are not read.
func (k *Keeper) Last(ctx context.Context, of Begun) (*Last, archive.Problems, error) {
	found, problems := k.Archive.OwnPointers(ctx, of.Group, of.Profiles, of.Term)
	if len(found) == 0 {
		return nil, problems, problems.Err()
	}
	var out *Last
	var in archive.Pointed
	for _, profile := range of.Profiles {
		for _, p := range found {
			switch {
			case p.Store.Profile() != profile || p.Pointer == nil:
			case out == nil || p.Pointer.Newer(&out.Pointer):
				out, in = &Last{Pointer: *p.Pointer, Profiles: []string{profile}}, p
			case p.Pointer.ID == out.Pointer.ID:
				out.Profiles = append(out.Profiles, profile)
			}
		}
	}
	if out == nil {
		return nil, problems, nil
	}
	c := &Capture{Pointer: out.Pointer, store: in.Store, group: of.Group}
	if m, err := c.manifest(ctx); err == nil {
		out.Readers, out.Findings = slices.Sorted(maps.Keys(m.Keys)), m.Findings()
	} else if ctx.Err() != nil {
		return nil, problems, errors.Join(err, ctx.Err())
	}
	return out, problems, nil
}
