// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
)

// Exit codes.
const (
	// ExitDone : asked, and the answer is good; or done.
	ExitDone = 0
	// ExitFailed : the command itself failed: no connection, no right, a wrong flag.
	ExitFailed = 1
	// ExitProblem : asked, and the answer is that something is not well.
	ExitProblem = 2
	// ExitTimeout : waited too long; the operation continues.
	ExitTimeout = 3
	// ExitRefused : refused by a guard, or not confirmed; nothing was changed.
	ExitRefused = 4
	// ExitInterrupted : interrupted; an operation that was begun continues.
	ExitInterrupted = 130
)

// exit ends a command with another code than ExitFailed.
type exit struct {
	code int
	err  error // nil: everything was said
}

// Error is of error.
func (e *exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

// Unwrap is of errors.
func (e *exit) Unwrap() error { return e.err }

// codeOf is the exit code of what a command returned.
func codeOf(ctx context.Context, err error) int {
	var e *exit
	switch {
	case err == nil:
		return ExitDone
	case errors.As(err, &e):
		return e.code
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return ExitInterrupted
	default:
		return ExitFailed
	}
}
