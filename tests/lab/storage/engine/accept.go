// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

const (
	// incomingName is the folder of what is being received for volumes that take their bytes as a whole.
	incomingName   = ".incoming"
	acceptedPrefix = "accepted-"
)

// Received is content that replaced all that a primary volume had.
type Received struct {
	Token string    `json:"token"` // identifies it
	For   string    `json:"for"`   // who asked for it
	At    time.Time `json:"at"`
}

// Stage makes an empty folder for content that somebody sends.
func (s *Store) Stage() (Staging, error) {
	token := strings.ToLower(rand.Text())
	to := Staging{Token: token, Dir: filepath.Join(s.root, incomingName, token)}
	if err := s.disk.mkdir(to.Dir); err != nil {
		return Staging{}, fmt.Errorf("receive: %w", err)
	}
	return to, nil
}

// Discard removes what came under a token; an empty one stands for all that is not a volume's yet.
func (s *Store) Discard(token string) error {
	if err := s.disk.remove(filepath.Join(s.root, incomingName, token)); err != nil {
		return fmt.Errorf("discard: %w", err)
	}
	return nil
}

// Accept makes what came under a token the content of a primary volume, all of it. The state remembers it until it is
// acknowledged. What a Pod that has the volume mounted wrote since the content was sent is gone.
func (s *Store) Accept(ctx context.Context, handle, token, whom string) error {
	if err := checkHandle(token); err != nil {
		return err
	}
	st, release, err := s.openSoon(ctx, handle)
	if err != nil {
		return err
	}
	defer release()
	if st.Role != Primary || st.Replicating {
		return fmt.Errorf("receive volume %s: %w", handle, ErrWrongRole)
	}
	// Until the state names it, it is litter.
	if err := s.disk.rename(filepath.Join(s.root, incomingName, token), filepath.Join(s.dir(handle), acceptedPrefix+token)); err != nil {
		return fmt.Errorf("receive volume %s: %w", handle, err)
	}
	st.Received = &Received{Token: token, For: whom, At: s.clock.Now()}
	return s.change(handle, st)
}

// Acknowledge forgets that content was received; the content stays.
func (s *Store) Acknowledge(ctx context.Context, handle, token string) error {
	st, release, err := s.open(ctx, handle)
	if err != nil {
		return err
	}
	defer release()
	if st.Received == nil || st.Received.Token != token {
		return nil
	}
	st.Received = nil
	return s.change(handle, st)
}

// settleReceived puts content that was accepted in the place of data.
func (s *Store) settleReceived(dir string, st State) error {
	if st.Received != nil {
		from := filepath.Join(dir, acceptedPrefix+st.Received.Token)
		there, err := exists(from)
		if err != nil {
			return err
		}
		if there {
			if err := s.disk.remove(filepath.Join(dir, dataName)); err != nil {
				return err
			}
			if err := s.disk.rename(from, filepath.Join(dir, dataName)); err != nil {
				return err
			}
		}
	}
	return s.sweep(dir, func(name string) bool { return strings.HasPrefix(name, acceptedPrefix) })
}
