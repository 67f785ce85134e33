// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
)

// Begin implements Peer. A volume that is not there is made, as a secondary.
func (s *Store) Begin(ctx context.Context, handle string, offer Offer) (Staging, error) {
	if err := s.create(handle, State{Role: Secondary}); err != nil {
		return Staging{}, err
	}
	st, release, err := s.openSoon(ctx, handle)
	if err != nil {
		return Staging{}, err
	}
	defer release()
	if st.Role == Primary {
		return Staging{}, fmt.Errorf("receive volume %s: %w", handle, ErrPeerPrimary)
	}
	switch {
	case !st.Unshipped || offer.Basis == st.Tip:
	case offer.Overwrite:
		s.setAside(&st)
	default:
		return Staging{}, fmt.Errorf("receive volume %s: %w", handle, ErrDiverged)
	}
	// A sender whose content was made from our tip has it.
	st.Unshipped = false
	st.Incoming = &Incoming{Token: rand.Text(), Offer: offer}
	if err := s.change(handle, st); err != nil {
		return Staging{}, err
	}
	to := Staging{Token: st.Incoming.Token, Dir: filepath.Join(s.dir(handle), incomingPrefix+st.Incoming.Token)}
	if err := s.disk.mkdir(to.Dir); err != nil {
		return Staging{}, fmt.Errorf("receive volume %s: %w", handle, err)
	}
	if st.Tip != "" {
		to.Previous, to.Since = filepath.Join(s.dir(handle), generationName(st.Generation)), st.TipTime
	}
	return to, nil
}

// Commit implements Peer.
func (s *Store) Commit(ctx context.Context, handle, token string) error {
	st, release, err := s.openSoon(ctx, handle)
	if err != nil {
		return err
	}
	defer release()
	// A promotion forgets what is coming in, too.
	if st.Incoming == nil || st.Incoming.Token != token {
		return fmt.Errorf("receive volume %s: %w", handle, ErrSuperseded)
	}
	// Until the state names it, the new generation is litter.
	from, to := incomingPrefix+token, generationName(st.Generation+1)
	if err := s.disk.rename(filepath.Join(s.dir(handle), from), filepath.Join(s.dir(handle), to)); err != nil {
		return fmt.Errorf("receive volume %s: %w", handle, err)
	}
	offer := st.Incoming.Offer
	if offer.HandOver {
		return s.change(handle, State{
			Role: Primary, Generation: st.Generation + 1, Basis: offer.ID,
			Replicating: offer.Interval > 0, Interval: offer.Interval,
		})
	}
	return s.change(handle, State{
		Role: Secondary, Generation: st.Generation + 1, Tip: offer.ID, TipTime: offer.Start, Final: offer.Final,
	})
}
