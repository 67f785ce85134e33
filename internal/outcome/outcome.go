// SPDX-License-Identifier: Apache-2.0

// Package outcome turns what the steps of a reconcile returned into one condition reason, one result and one error. It
// is the only place that decides about retries.
package outcome

import (
	"errors"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// ReasonOK is the reason of a pass in which nothing failed or waits.
const ReasonOK = "AsExpected"

// ReasonError is the reason of a pass with an error that nobody classified.
const ReasonError = "Error"

// Waiting is an expected absence: something else has to happen first.
type Waiting struct {
	Reason, Message string
	After           time.Duration // zero: a watch will wake us
}

func (w *Waiting) Error() string { return w.Message }

// Refused means that only a change by the user can help.
type Refused struct {
	Reason string
	Err    error
}

func (r *Refused) Error() string { return r.Err.Error() }

// Unwrap returns the cause.
func (r *Refused) Unwrap() error { return r.Err }

// Of folds the errors of all steps; nil ones are skipped. Plain errors win over refusals, refusals over waits: what
// needs a retry is retried even when something else is refused.
func Of(errs ...error) (reason string, res reconcile.Result, err error) {
	var refused *Refused
	var wait *Waiting
	var plain []error
	for _, e := range errs {
		var r *Refused
		var w *Waiting
		switch {
		case e == nil:
		case errors.As(e, &r):
			refused = r
		case errors.As(e, &w):
			if wait == nil || sooner(w.After, wait.After) {
				wait = w
			}
		default:
			plain = append(plain, e)
		}
	}
	switch {
	case plain != nil:
		return ReasonError, reconcile.Result{}, errors.Join(plain...)
	case refused != nil:
		return refused.Reason, reconcile.Result{}, reconcile.TerminalError(refused)
	case wait != nil:
		return wait.Reason, reconcile.Result{RequeueAfter: wait.After}, nil //nolint:nilerr // a wait is no error
	default:
		return ReasonOK, reconcile.Result{}, nil
	}
}

// sooner treats zero as "never": a watch, not a timer.
func sooner(a, b time.Duration) bool { return a != 0 && (b == 0 || a < b) }
