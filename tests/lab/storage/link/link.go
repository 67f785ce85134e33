// SPDX-License-Identifier: Apache-2.0

// Package link carries the words of two stores, and of the movers of their volumes, over HTTP, so that a fault proxy can stand between them. Bytes do not
// cross it, but no copy counts without a begin and a commit that do. A request that gets no answer, for whatever
// reason, is engine.ErrUnreachable; an answer of the peer keeps its meaning across the link.
package link

import (
	"errors"
	"time"

	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
	"github.com/ramendr/ramen-direct/tests/lab/storage/mover"
)

// timeout of one request. It bounds what a black hole can hold up; a peer that is busy answers within a second.
const timeout = 3 * time.Second

// refusal is the body of an answer that is not a success.
type refusal struct {
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
}

// codes are the errors that have a meaning on the other side.
func codes() map[string]error {
	return map[string]error{
		"peer-primary":  engine.ErrPeerPrimary,
		"diverged":      engine.ErrDiverged,
		"in-use":        engine.ErrInUse,
		"busy":          engine.ErrBusy,
		"not-found":     engine.ErrNotFound,
		"superseded":    engine.ErrSuperseded,
		"wrong-role":    engine.ErrWrongRole,
		"final-pending": engine.ErrFinalPending,

		"no-destination": mover.ErrNoDestination,
		"not-listening":  mover.ErrNotListening,
		"wrong-key":      mover.ErrWrongKey,
	}
}

func codeOf(err error) string {
	for code, known := range codes() {
		if errors.Is(err, known) {
			return code
		}
	}
	return ""
}
