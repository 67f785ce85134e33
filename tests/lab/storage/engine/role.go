// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
)

// Promotion says how a volume became primary.
type Promotion struct {
	// Changed is false if the volume was primary already.
	Changed bool
	// Forced says why the peer did not agree; empty if it did.
	Forced string
}

// Promote makes a secondary primary, from its newest complete copy. It is refused with ErrNoCopy if there is none, with
// ErrFinalPending while the peer's final copy is on its way, and, unless force is given, with ErrPeerPrimary or
// ErrDiverged if the peer has, or is making, content of its own. A peer that does not answer has no say; but storage like RBD
// asks for force then, unless it holds the copy that a side made when it was demoted, and an array asks for it always.
func (s *Store) Promote(ctx context.Context, handle string, peer Peer, force bool) (Promotion, error) {
	st, release, err := s.open(ctx, handle)
	if errors.Is(err, ErrNotFound) {
		return Promotion{}, fmt.Errorf("promote volume %s: %w", handle, ErrNoCopy)
	}
	if err != nil {
		return Promotion{}, err
	}
	defer release()
	if st.Role == Primary {
		return Promotion{}, nil
	}
	done := Promotion{Changed: true}
	if done.Forced, err = s.allows(st, objects(ctx, handle, st, peer), force); err != nil {
		return Promotion{}, fmt.Errorf("promote volume %s: %w", handle, err)
	}
	if st.Tip == "" {
		if st.Aside != "" {
			return Promotion{}, fmt.Errorf("promote volume %s: its own content is in %s, the peer's did not arrive: %w", handle, st.Aside, ErrNoCopy)
		}
		return Promotion{}, fmt.Errorf("promote volume %s: %w", handle, ErrNoCopy)
	}
	basis := st.Tip
	if st.Unshipped {
		// Own content goes on: it contains what it was made from, and the peer may ask for that.
		basis = st.Basis
	}
	return done, s.change(handle, State{
		Role: Primary, Generation: st.Generation, Basis: basis, Forced: s.kind.Sessions() && done.Forced != "",
	})
}

// objects is what stands against a promotion as the peer sees it.
func objects(ctx context.Context, handle string, st State, peer Peer) error {
	p, err := peer.Describe(ctx, handle)
	switch {
	case err != nil:
		return err
	case p.Role == Primary:
		return ErrPeerPrimary
	case p.Role == Secondary && p.Unshipped && !st.contains(p.Tip):
		if st.Unshipped {
			return ErrDiverged
		}
		return ErrFinalPending
	}
	return nil
}

// contains says that a copy is known to be in the content of a volume.
func (st State) contains(id string) bool { return id == st.Tip || id == st.Basis }

// Demote makes a primary secondary: data becomes its newest copy, the final one. It is refused with ErrInUse while the
// volume is mounted. The peer is not asked; Align brings it the final copy.
func (s *Store) Demote(ctx context.Context, handle string) error {
	st, release, err := s.open(ctx, handle)
	if err != nil {
		return err
	}
	defer release()
	if st.Role == Secondary {
		return nil
	}
	unused, err := s.reserve(handle)
	if err != nil {
		return fmt.Errorf("demote volume %s: %w", handle, err)
	}
	defer unused()
	return s.change(handle, s.demoted(st))
}

// Alignment is how a secondary stands to its peer.
type Alignment int

const (
	// InSync means that the peer has all that was written here.
	InSync Alignment = iota
	// Behind means that the peer lacks the final copy of this side; it could not be sent yet.
	Behind
	// Diverged means that the peer went on without the final copy of this side, and that only a resync can help.
	Diverged
	// Resyncing means that the content of this side was moved aside, and that the peer's is awaited.
	Resyncing
	// Following means that this side is brought in line with a primary, which some kinds of storage never call in sync.
	Following
)

// Align brings a secondary and its peer together: it sends the final copy, or, if the peer went on without it and
// autoResync allows that, moves it aside so that the peer's next pass can come in. The error says why the volume is
// Behind or Diverged, or what failed.
func (s *Store) Align(ctx context.Context, handle string, peer Peer, autoResync bool) (Alignment, error) {
	st, release, err := s.open(ctx, handle)
	if err != nil {
		return Behind, err
	}
	defer release()
	switch {
	case st.Role != Secondary:
		return Behind, fmt.Errorf("align volume %s: %w", handle, ErrWrongRole)
	case st.Resyncing:
		return Resyncing, nil
	case !st.Unshipped:
		return InSync, nil
	}
	p, err := peer.Describe(ctx, handle)
	if err != nil {
		return Behind, fmt.Errorf("align volume %s: %w", handle, err)
	}
	if !p.contains(st.Tip) && p.Role == Primary {
		if !autoResync {
			return Diverged, fmt.Errorf("align volume %s: peer was promoted without the final copy: %w", handle, ErrDiverged)
		}
		s.setAside(&st)
		return Resyncing, s.change(handle, st)
	}
	if !p.contains(st.Tip) {
		_, err := s.ship(ctx, handle, generationName(st.Generation), st.last(), peer)
		if errors.Is(err, ErrDiverged) {
			return Diverged, fmt.Errorf("align volume %s: %w", handle, err)
		}
		if err != nil {
			return Behind, fmt.Errorf("align volume %s: %w", handle, err)
		}
	}
	st.Unshipped = false
	return InSync, s.change(handle, st)
}
