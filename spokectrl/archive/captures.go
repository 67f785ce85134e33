// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

// ErrNoCapsule means that a store does not hold the volumes of the group as they are in this term: captures of Kubernetes
// objects come after.
var ErrNoCapsule = errors.New("the volumes of the group are not stored there yet in this term")

// Pointed is what one store says about captures.
type Pointed struct {
	Store   store.Store
	Pointer *capsule.Pointer // nil: the store has no capture
}

// Pointers asks the stores of a group for the capture that they name. One that no cluster of the group is known to have signed is
// a problem, though volumes may be restored from such a store: what is in a capture runs, with rights that it brings along.
func (a *Archive) Pointers(ctx context.Context, g capsule.Group, profiles []string, trust capsule.Trust) ([]Pointed, Problems) {
	return a.pointers(ctx, g, profiles, func(s store.Store, m *capsule.Manifest) error {
		switch {
		case m == nil:
			return nil
		case trust.Refuses(m) != "":
			return distrust(s, g, "restored", trust.Refuses(m), remedy(trust, m))
		case m.KubeObjects != nil && !trust.Vouched(m):
			return distrust(s, g, "restored", "no cluster of the application is known to have signed the capture of its Kubernetes objects", tampered)
		default:
			return nil
		}
	})
}

// OwnPointers is Pointers, of the stores that hold what was written in this term. Others are problems.
func (a *Archive) OwnPointers(ctx context.Context, g capsule.Group, profiles []string, t Term) ([]Pointed, Problems) {
	return a.pointers(ctx, g, profiles, func(s store.Store, m *capsule.Manifest) error { return ownedBy(s, m, t) })
}

func (a *Archive) pointers(ctx context.Context, g capsule.Group, profiles []string, accept func(store.Store, *capsule.Manifest) error) ([]Pointed, Problems) {
	var mu sync.Mutex
	var out []Pointed
	problems := a.each(ctx, profiles, rested, func(ctx context.Context, s store.Store) error {
		m, err := manifestOf(ctx, s, g)
		if err == nil {
			err = accept(s, m)
		}
		if err != nil {
			return err
		}
		if p, ok := s.(pace); ok {
			s = p.Store // its pace ends with this look
		}
		found := Pointed{Store: s}
		if m != nil {
			found.Pointer = m.KubeObjects
		}
		mu.Lock()
		defer mu.Unlock()
		out = append(out, found)
		return nil
	})
	return out, problems
}

// ownedBy refuses a store whose manifest was not written in this term. Only the writer of a group's volumes captures its
// objects, so one epoch rules both.
func ownedBy(s store.Store, m *capsule.Manifest, t Term) error {
	switch {
	case m != nil && m.Epoch > t.Epoch:
		return overtaken(s, m, t)
	case m == nil || m.Epoch != t.Epoch || m.Cluster != t.Cluster || !m.SignedBy(t.Key.Public()) && t.Key.Public() != "":
		return fmt.Errorf("S3 profile %s: %w", s.Profile(), ErrNoCapsule)
	default:
		return nil
	}
}

// Point has a store name p, of which everything is there, in place of was, which it named when the capture began. What the
// manifest says of volumes stays. A cluster of a higher epoch, or another process of this one, that has written the manifest
// since is not overwritten.
func (a *Archive) Point(ctx context.Context, s store.Store, g capsule.Group, t Term, was *capsule.Pointer, p capsule.Pointer) error {
	release, err := a.memory.alone(ctx, place{g, s.Profile()})
	if err != nil {
		return err
	}
	defer release()
	return paced(ctx, s, func(ctx context.Context, s store.Store) error {
		m, version, err := versionedManifestOf(ctx, s, g)
		if err != nil {
			return err
		}
		if err := ownedBy(s, m, t); err != nil {
			return err
		}
		if !samePointer(m.KubeObjects, was) {
			return fmt.Errorf("S3 profile %s: another capture was made meanwhile: %w", s.Profile(), store.ErrChanged)
		}
		next := *m
		next.KubeObjects, next.Serial = &p, max(a.Clock.Now().UnixMilli(), m.Serial+1)
		w := writer{store: s, group: g, term: t, version: version}
		if err := w.manifest(ctx, &next); err != nil {
			return err
		}
		if err := w.stillOurs(ctx); err != nil {
			return err
		}
		a.memory.learnManifest(place{g, s.Profile()}, m, &next)
		return nil
	})
}

func samePointer(a, b *capsule.Pointer) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.ID == b.ID && a.Slot == b.Slot && a.Sum == b.Sum
}
