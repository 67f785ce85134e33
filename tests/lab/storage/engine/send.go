// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"time"
)

// Enable makes a primary volume one that is to be replicated each interval.
func (s *Store) Enable(ctx context.Context, handle string, interval time.Duration) error {
	st, release, err := s.open(ctx, handle)
	if err != nil {
		return err
	}
	defer release()
	if st.Role != Primary {
		return fmt.Errorf("replicate volume %s: %w", handle, ErrWrongRole)
	}
	if st.Replicating && st.Interval == interval {
		return nil
	}
	st.Replicating, st.Interval = true, interval
	return s.change(handle, st)
}

// Disable ends the replication of a volume and leaves its bytes where they are. A secondary stays a destination. It is
// refused while the volume has a final copy that the peer lacks.
func (s *Store) Disable(ctx context.Context, handle string) error {
	st, release, err := s.open(ctx, handle)
	if err != nil {
		return err
	}
	defer release()
	if st.Unshipped {
		return fmt.Errorf("end replication of volume %s: the peer lacks its final copy: %w", handle, ErrReplicating)
	}
	if !st.Replicating {
		return nil
	}
	st.Replicating, st.Interval, st.LastPass = false, 0, nil
	return s.change(handle, st)
}

// Pass copies a primary volume to the peer, once. Only a pass that the peer committed is returned or remembered.
func (s *Store) Pass(ctx context.Context, handle string, peer Peer) (Pass, error) {
	st, release, err := s.open(ctx, handle)
	if err != nil {
		return Pass{}, err
	}
	defer release()
	if st.Role != Primary {
		return Pass{}, fmt.Errorf("replicate volume %s: %w", handle, ErrWrongRole)
	}
	if st.Forced {
		return Pass{}, fmt.Errorf("replicate volume %s: %w", handle, ErrFailedOver)
	}
	offer := Offer{ID: rand.Text(), Basis: st.Basis, Start: s.clock.Now(), Overwrite: st.Overwrite}
	pass, err := s.ship(ctx, handle, dataName, offer, peer)
	if err != nil {
		return Pass{}, fmt.Errorf("replicate volume %s: %w", handle, err)
	}
	st.LastPass, st.Overwrite = &pass, false
	return pass, s.change(handle, st)
}

// ship copies one folder of a volume to the peer.
func (s *Store) ship(ctx context.Context, handle, name string, offer Offer, peer Peer) (Pass, error) {
	began := s.clock.Now()
	staging, err := peer.Begin(ctx, handle, offer)
	if err != nil {
		return Pass{}, fmt.Errorf("begin copy: %w", err)
	}
	count, err := copyTree(ctx, filepath.Join(s.dir(handle), name), staging)
	if err != nil {
		return Pass{}, fmt.Errorf("copy: %w", err)
	}
	if err := peer.Commit(ctx, handle, staging.Token); err != nil {
		return Pass{}, fmt.Errorf("commit copy: %w", err)
	}
	return Pass{
		ID: offer.ID, Start: offer.Start, Duration: s.clock.Since(began),
		Bytes: count.bytes, Files: count.files, Torn: count.torn,
	}, nil
}
