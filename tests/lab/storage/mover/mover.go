// SPDX-License-Identifier: Apache-2.0

// Package mover carries synchronizations of single volumes from a sender to a destination that is known by an address and
// guarded by a key: what the data movers of VolSync do over TLS. It promises that a sender without the key of the
// destination gets nothing but a refusal, that the key never crosses the link, and that what was not committed never
// becomes content of the destination.
package mover

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// Receiver answers at addresses. A Destinations is one; over a network it is reached through a link.
type Receiver interface {
	// Challenge asks for something to prove the knowledge of the key with.
	Challenge(ctx context.Context, address string) (nonce string, err error)
	// Begin announces a synchronization and returns where to put it. One that was not committed is forgotten.
	Begin(ctx context.Context, address, nonce, proof string) (engine.Staging, error)
	// Commit makes the content that came under a token that of the destination.
	Commit(ctx context.Context, address, token string) error
}

var (
	// ErrNoDestination means that nobody listens at an address.
	ErrNoDestination = errors.New("no destination listens at this address")
	// ErrNotListening means that a destination is paused, or is still busy with what it received before.
	ErrNotListening = errors.New("destination takes nothing at the moment")
	// ErrWrongKey means that the sender has another key than the destination.
	ErrWrongKey = errors.New("key was refused")
)

// prove shows that somebody knows the key, for one begin at one address.
func prove(key, address, nonce string) string {
	h := hmac.New(sha256.New, []byte(strings.TrimSpace(key)))
	h.Write([]byte(address + "\n" + nonce))
	return hex.EncodeToString(h.Sum(nil))
}

// Send brings content to an address. fill copies it into the staging folder; ready is asked before it counts.
func Send(ctx context.Context, to Receiver, address, key string,
	fill func(context.Context, engine.Staging) (engine.Pass, error), ready func(context.Context) error,
) (engine.Pass, error) {
	nonce, err := to.Challenge(ctx, address)
	if err != nil {
		return engine.Pass{}, fmt.Errorf("connect to %s: %w", address, err)
	}
	staging, err := to.Begin(ctx, address, nonce, prove(key, address, nonce))
	if err != nil {
		return engine.Pass{}, fmt.Errorf("connect to %s: %w", address, err)
	}
	pass, err := fill(ctx, staging)
	if err != nil {
		return engine.Pass{}, err
	}
	if err := ready(ctx); err != nil {
		return engine.Pass{}, err
	}
	if err := to.Commit(ctx, address, staging.Token); err != nil {
		return engine.Pass{}, fmt.Errorf("commit at %s: %w", address, err)
	}
	return pass, nil
}
