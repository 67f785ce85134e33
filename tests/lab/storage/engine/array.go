// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
)

// Sessions reports whether the storage has sessions, as arrays do: a side steps down by handing its role over.
func (k Kind) Sessions() bool { return k == Array || k == Slow }

// StepDown demotes a volume, as the storage's kind does. An array hands the role over: the peer is primary as soon as it has the
// last copy, and copies back; the call is repeated until then. What cannot be handed over stays primary.
func (s *Store) StepDown(ctx context.Context, handle string, peer Peer) error {
	if !s.kind.Sessions() {
		return s.Demote(ctx, handle)
	}
	st, err := s.there(ctx, handle)
	if err != nil {
		return err
	}
	p, err := peer.Describe(ctx, handle)
	if err != nil {
		return fmt.Errorf("demote volume %s: %w", handle, err)
	}
	if st.Role == Primary {
		switch {
		case p.Role == Absent:
			return fmt.Errorf("demote volume %s: the peer has no replica: %w", handle, ErrNoCopy)
		case st.Forced && p.Role == Secondary:
			return nil // it steps down when the session is whole again, which Resync begins
		}
		if err := s.Demote(ctx, handle); err != nil {
			return err
		}
		if s.kind == Slow && p.Role != Primary {
			return fmt.Errorf("demote volume %s: the last copy is on its way: %w", handle, ErrFinalPending)
		}
	}
	if p.Role == Primary {
		return nil // it took over, or was promoted by force
	}
	return s.handOver(ctx, handle, peer)
}

// handOver sends what a side has that stepped down, and the role with it.
func (s *Store) handOver(ctx context.Context, handle string, peer Peer) error {
	st, release, err := s.open(ctx, handle)
	if err != nil {
		return err
	}
	defer release()
	if st.Role != Secondary || !st.Unshipped {
		return nil
	}
	offer := st.last()
	if s.kind.Sessions() {
		offer.HandOver, offer.Interval, offer.Overwrite = true, st.Interval, st.Overwrite
	}
	if _, err := s.ship(ctx, handle, generationName(st.Generation), offer, peer); err != nil {
		return fmt.Errorf("hand volume %s over: %w", handle, err)
	}
	st.Unshipped, st.Overwrite = false, false
	return s.change(handle, st)
}

// last is the offer of what a side wrote last before it was demoted.
func (st State) last() Offer {
	return Offer{ID: st.Tip, Basis: st.Basis, Start: st.TipTime, Final: true}
}

// session is Resync of an array. A secondary is in sync when it is level, no matter which side is primary. One that was failed over, or a
// primary whose role somebody took by force, says so until the promoted side is asked, which has the content of the other one replaced.
func (s *Store) session(ctx context.Context, handle string, peer Peer) (Alignment, error) {
	st, err := s.there(ctx, handle)
	switch {
	case err != nil:
		return Behind, err
	case st.Role == Primary && st.Forced:
		return s.reprotect(ctx, handle, peer)
	case st.Role == Primary:
		return s.whole(ctx, handle, st, peer)
	case st.Resyncing, st.Tip == "":
		return Following, nil
	case !st.Unshipped:
		return InSync, nil
	}
	p, err := peer.Describe(ctx, handle)
	switch {
	case err != nil:
		return Behind, fmt.Errorf("resync volume %s: %w", handle, err)
	case p.Role == Primary && !p.contains(st.Tip):
		return Diverged, fmt.Errorf("resync volume %s: the promoted side was not told to protect it again: %w", handle, ErrFailedOver)
	case p.Role != Primary:
		if err := s.handOver(ctx, handle, peer); err != nil {
			return Behind, err
		}
	}
	return InSync, nil
}

// whole is Resync of a primary that was not promoted by force: there is nothing to join.
func (s *Store) whole(ctx context.Context, handle string, st State, peer Peer) (Alignment, error) {
	p, err := peer.Describe(ctx, handle)
	switch {
	case err != nil:
		return Behind, fmt.Errorf("resync volume %s: %w", handle, err)
	case p.Role == Primary:
		return Diverged, fmt.Errorf("resync volume %s: the peer was promoted by force: %w", handle, ErrFailedOver)
	case p.Resyncing, p.Role == Absent, !st.Established():
		return Following, nil
	}
	return InSync, nil
}

// reprotect lets a primary that was promoted by force replace what its peer has. The peer loses its role, unless it is mounted.
func (s *Store) reprotect(ctx context.Context, handle string, peer Peer) (Alignment, error) {
	if err := peer.Yield(ctx, handle); err != nil {
		return Behind, fmt.Errorf("resync volume %s: %w", handle, err)
	}
	p, err := peer.Describe(ctx, handle)
	if err != nil {
		return Behind, fmt.Errorf("resync volume %s: %w", handle, err)
	}
	st, release, err := s.open(ctx, handle)
	if err != nil {
		return Behind, err
	}
	defer release()
	switch {
	case st.Role != Primary:
		return Behind, fmt.Errorf("resync volume %s: %w", handle, ErrWrongRole)
	case p.Role == Primary:
		return Diverged, fmt.Errorf("resync volume %s: %w", handle, ErrPeerPrimary)
	}
	st.Overwrite, st.Replicating, st.Forced = p.Unshipped && !st.contains(p.Tip), true, false
	return Following, s.change(handle, st)
}

// Yield implements Peer. Without a mount nobody notices; with one it is refused until it ends.
func (s *Store) Yield(ctx context.Context, handle string) error {
	st, release, err := s.openSoon(ctx, handle)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer release()
	switch {
	case st.Role != Primary:
		return nil
	case st.Forced:
		return fmt.Errorf("take the role of volume %s: %w", handle, ErrPeerPrimary)
	}
	unused, err := s.reserve(handle)
	if err != nil {
		return fmt.Errorf("take the role of volume %s: %w", handle, err)
	}
	defer unused()
	return s.change(handle, s.demoted(st))
}

// Established reports whether the replication of a volume has begun: a primary's when the peer has had a copy.
func (st State) Established() bool { return st.Role != Primary || st.LastPass != nil || st.Basis != "" }

// there is the state of a volume that must be there.
func (s *Store) there(ctx context.Context, handle string) (State, error) {
	st, err := s.Describe(ctx, handle)
	if err == nil && st.Role == Absent {
		err = fmt.Errorf("volume %s: %w", handle, ErrNotFound)
	}
	return st, err
}

// setAside gives up what a secondary has of its own, which stays in a folder beside.
func (s *Store) setAside(st *State) {
	st.Tip, st.Final, st.Unshipped, st.Incoming, st.Resyncing = "", false, false, nil, true
	st.Aside = divergedPrefix + strconv.FormatInt(s.clock.Now().UnixNano(), 10)
}

// endSession is End of an array.
func (s *Store) endSession(ctx context.Context, handle string, st State, peer Peer) error {
	if st.Role == Primary {
		return s.Disable(ctx, handle)
	}
	p, err := peer.Describe(ctx, handle)
	switch {
	case err != nil:
		return fmt.Errorf("end replication of volume %s: %w", handle, err)
	case p.Role == Primary && st.Unshipped && !p.contains(st.Tip):
		return fmt.Errorf("end replication of volume %s: %w", handle, ErrFailedOver)
	case p.Role == Primary && p.Replicating:
		return fmt.Errorf("end replication of volume %s: %w", handle, ErrSession)
	}
	return s.Disable(ctx, handle)
}

// allows says how a promotion that the peer objects to is done; the error refuses it.
func (s *Store) allows(st State, objection error, force bool) (forced string, err error) {
	switch {
	case s.kind.Sessions() && !force:
		// Only the side that steps down makes a primary in peace.
		return "", errors.Join(ErrNotHandedOver, objection)
	case s.kind.Sessions():
		return errors.Join(ErrNotHandedOver, objection).Error(), nil
	case objection == nil:
		return "", nil
	case s.kind == Plain && errors.Is(objection, ErrUnreachable):
		return "", fmt.Errorf("both sides are needed: %w", objection)
	case s.kind == RBD && !force && !st.Final && errors.Is(objection, ErrUnreachable):
		return "", fmt.Errorf("the peer was not demoted as far as is known here: %w", objection)
	case errors.Is(objection, ErrUnreachable), force && s.Forces(objection):
		return objection.Error(), nil
	}
	return "", objection
}

// demoted is the state of a primary that was demoted.
func (s *Store) demoted(st State) State {
	out := State{
		Role: Secondary, Generation: st.Generation + 1, Tip: rand.Text(), TipTime: s.clock.Now(), Final: true,
		Basis: st.Basis, Unshipped: true,
	}
	if s.kind.Sessions() {
		out.Interval, out.Overwrite = st.Interval, st.Overwrite
	}
	return out
}

// Finish sends the last copy of a side that was demoted, as the storage's kind does. It replaces nothing.
func (s *Store) Finish(ctx context.Context, handle string, peer Peer) (Alignment, error) {
	if s.kind.Sessions() {
		return s.session(ctx, handle, peer)
	}
	return s.Align(ctx, handle, peer, false)
}
