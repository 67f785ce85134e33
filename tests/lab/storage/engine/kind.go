// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"crypto/rand"
)

// Kind is how a storage answers where storages differ.
type Kind string

const (
	// Ideal storage calls each secondary in sync whose peer has all that was written here, and releases it. It is the zero
	// value's behavior, too.
	Ideal Kind = "ideal"
	// RBD storage answers as Ceph RBD with mirror snapshots does. A secondary is in sync only while neither side is primary;
	// under a primary peer it follows, without end. It is released only while the peer is primary. The end of the replication of
	// a primary deletes the peer's image. And it knows one refusal of a promotion, to which csi-addons answers with force, even
	// while the last copy is on its way.
	RBD Kind = "rbd"
	// Plain storage needs both sides for each change of roles, knows no force, tells nothing of its copies, calls each secondary in
	// sync, and refuses to enable what is replicated already: no side that was demoted is promoted again.
	Plain Kind = "plain"
	// Array storage keeps a session between both sides. A demotion makes the peer primary as soon as it has the last copy, and is
	// refused without the peer. All other promotions need force, after which the old primary is failed over until Resync is asked of
	// the promoted side. A secondary is in sync when it is level, and is released after the primary only.
	Array Kind = "array"
	// Slow storage is an array that answers before it is done: the caller has to come back.
	Slow Kind = "slow"
	// Stub storage begins and ends replication, and has no roles.
	Stub Kind = "stub"
)

// ParseKind reads a Kind.
func ParseKind(text string) (Kind, error) {
	switch k := Kind(text); k {
	case Ideal, RBD, Array, Slow, Plain, Stub:
		return k, nil
	default:
		return "", fmt.Errorf("kind of storage %q: want %s, %s, %s, %s, %s or %s", text, Ideal, RBD, Array, Slow, Plain, Stub)
	}
}

// As is the store with another kind of storage.
func (s *Store) As(k Kind) *Store {
	out := *s
	out.kind = k
	return &out
}

// Forces reports whether csi-addons answers a refused promotion with force.
func (s *Store) Forces(refusal error) bool {
	if s.kind == Plain || s.kind == Stub {
		return false
	}
	return errors.Is(refusal, ErrNotHandedOver) || errors.Is(refusal, ErrPeerPrimary) || errors.Is(refusal, ErrDiverged) ||
		s.kind == RBD && (errors.Is(refusal, ErrFinalPending) || errors.Is(refusal, ErrUnreachable))
}

// Resync is Align, answered as the storage's kind does.
func (s *Store) Resync(ctx context.Context, handle string, peer Peer, force bool) (Alignment, error) {
	if s.kind.Sessions() {
		return s.session(ctx, handle, peer)
	}
	got, err := s.Align(ctx, handle, peer, force)
	switch {
	case err != nil:
		return got, err
	case got == Resyncing:
		return got, fmt.Errorf("resync volume %s: the first copy of the peer is not complete: %w", handle, ErrNoCopy)
	case s.kind != RBD || got != InSync:
		return got, nil
	}
	p, err := peer.Describe(ctx, handle)
	if err != nil {
		return Behind, fmt.Errorf("resync volume %s: %w", handle, err)
	}
	st, err := s.Describe(ctx, handle)
	switch {
	case err != nil:
		return Behind, err
	case p.Role == Primary, p.Role == Secondary && p.Unshipped && !st.contains(p.Tip):
		return Following, nil
	case p.Role == Absent:
		return Behind, fmt.Errorf("resync volume %s: the peer has no status: %w", handle, ErrNotFound)
	default:
		return InSync, nil
	}
}

// End ends the replication of a volume, as the storage's kind does. A volume that is not there has none.
func (s *Store) End(ctx context.Context, handle string, peer Peer) error {
	st, err := s.Describe(ctx, handle)
	if err != nil || st.Role == Absent {
		return err
	}
	if s.kind.Sessions() {
		return s.endSession(ctx, handle, st, peer)
	}
	if s.kind != RBD {
		return s.Disable(ctx, handle)
	}
	if st.Role == Primary {
		if err := s.Disable(ctx, handle); err != nil {
			return err
		}
		return peer.Forget(ctx, handle)
	}
	p, err := peer.Describe(ctx, handle)
	switch {
	case err != nil:
		return fmt.Errorf("end replication of volume %s: %w", handle, err)
	case p.Role != Primary || st.Unshipped || st.Resyncing:
		return fmt.Errorf("end replication of volume %s: secondary image status is up=true and state=unknown: %w", handle, ErrReplicating)
	default:
		return nil
	}
}

// Forget implements Peer: the copy of a primary whose replication ended goes. What is primary here stays.
func (s *Store) Forget(ctx context.Context, handle string) error {
	st, release, err := s.openSoon(ctx, handle)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer release()
	if st.Role != Secondary {
		return nil
	}
	unused, err := s.reserve(handle)
	if err != nil {
		return fmt.Errorf("forget volume %s: %w", handle, err)
	}
	defer unused()
	trash := filepath.Join(s.root, ".deleted-"+rand.Text())
	if err := s.disk.rename(s.dir(handle), trash); err != nil {
		return fmt.Errorf("forget volume %s: %w", handle, err)
	}
	if err := s.disk.remove(trash); err != nil {
		return fmt.Errorf("forget volume %s: %w", handle, err)
	}
	return nil
}

// Kind is the kind of storage that the store is.
func (s *Store) Kind() Kind { return s.kind }
