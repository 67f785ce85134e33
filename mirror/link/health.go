// SPDX-License-Identifier: Apache-2.0

package link

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// side is one of the two API servers.
type side uint8

const (
	hubSide side = iota
	spokeSide
)

// String is the side as users call it.
func (s side) String() string { return [...]string{"hub", "cluster"}[s] }

// task is something that a link does on one side again and again, and that works or fails.
type task struct {
	side side
	what string // such as "list volumereplicationgroups"
}

// trouble is a task that does not work, or that waits for its answer.
type trouble struct {
	since time.Time
	cause string    // as users read it; empty while waiting for the first time
	over  time.Time // when it counts as over, unless it is noted again before; zero: it does not
	vague bool      // its cause may be the trouble of another task: when one fails, all of its side are begun again
}

// faded reports whether it counts as over now.
func (tr trouble) faded(now time.Time) bool { return !tr.over.IsZero() && !now.Before(tr.over) }

// troubles remembers which tasks do not work.
type troubles struct {
	clock clock.PassiveClock
	// patience is when a request that has no answer counts as a trouble: the time between two renewals.
	patience time.Duration
	// dropped says that the hub does not know this cluster any more; nil: that is never known.
	dropped func() bool
	// cluster and credential are what a remedy names; credential may be nil.
	cluster    string
	credential func() exchange.Credential

	mu    sync.Mutex
	open  map[task]trouble
	heard [2]bool // sides that have answered
}

// begin notes that t waits for its answer.
func (ts *troubles) begin(t task) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	was, failing := ts.open[t]
	if !failing {
		was.since = ts.clock.Now()
	}
	ts.open[t] = was
}

// end notes how t went. If ctx ended, nothing is known about it.
func (ts *troubles) end(ctx context.Context, t task, err error) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if err == nil {
		ts.heard[t.side] = true
		delete(ts.open, t)
		return
	}
	was, known := ts.open[t]
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		delete(ts.open, t)
		return
	}
	if now := ts.clock.Now(); !known || was.cause == "" || was.faded(now) {
		was.since = now
	}
	was.over, was.vague = time.Time{}, errors.Is(err, errBrokenOff)
	was.cause = ts.withRemedy(t.side, causeOf(err))
	if unsteady, ok := errors.AsType[*unsteadyError](err); ok {
		was.cause += unsteady.next()
	}
	if t.side == hubSide && (apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) || apierrors.IsForbidden(err) && ts.dropped != nil && ts.dropped()) {
		was.cause = causeDropped
	}
	ts.open[t] = was
}

// fade notes that t works, which is believed after some time.
func (ts *troubles) fade(t task, after time.Duration) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.heard[t.side] = true
	now, was := ts.clock.Now(), ts.open[t]
	if was.cause == "" || was.faded(now) {
		delete(ts.open, t)
		return
	}
	was.over = now.Add(after)
	ts.open[t] = was
}

// withRemedy adds what is known of the credential to a cause that concerns it, and how the mirror gets another one.
func (ts *troubles) withRemedy(s side, cause string) string {
	if ts.credential == nil || cause != causeCredentials && cause != causeUntrusted {
		return cause
	}
	c := ts.credential()
	switch {
	case c.For != s.String():
		return cause // it is the mirror's own identity at home
	case cause == causeCredentials && c.ExpiredAt(ts.clock.Now()):
		cause = "it refuses the credentials: they expired at " + c.Expires.UTC().Format(time.RFC3339)
	}
	return cause + "; to give the mirror new ones: " + c.Remedy(ts.cluster)
}

func (ts *troubles) answered(s side) bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return ts.heard[s]
}

// worst is the oldest trouble that names its cause as users read it, else the oldest one; of the given sides only, if any are given.
// Empty: there is none.
func (ts *troubles) worst(now time.Time, of ...side) string {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	var tasks []task
	for t, tr := range ts.open {
		if (len(of) == 0 || slices.Contains(of, t.side)) && !tr.faded(now) && (tr.cause != "" || now.Sub(tr.since) >= ts.patience) {
			tasks = append(tasks, t)
		}
	}
	if len(tasks) == 0 {
		return ""
	}
	t := slices.MinFunc(tasks, func(a, b task) int {
		return cmp.Or(cmp.Compare(a.side, b.side), compareBools(ts.open[a].vague, ts.open[b].vague), ts.open[a].since.Compare(ts.open[b].since), cmp.Compare(a.what, b.what))
	})
	cause := cmp.Or(ts.open[t].cause, causeSilent)
	return t.side.String() + ": cannot " + t.what + ": " + cause
}

// Causes that users can do something about.
const (
	causeSilent      = "it does not answer"
	causeUnreachable = "it can't be reached"
	causeCredentials = "it refuses the credentials: they are wrong, expired or revoked"
	causeForbidden   = "the permission to do so is missing"
	causeDropped     = "the hub revoked the permission: the DRCluster is being deleted"
	causeTerminating = "the namespace is being deleted"
	causeUntrusted   = "its certificate is not trusted (x509): the certificate authority in the credentials is another one, or the certificate has expired or is for another address"
	causeNamespace   = "the namespace is missing: create the DRCluster"
	causeUnknownKind = "it does not know this kind: install the CRDs"
	causeBrokenOff   = "it breaks each watch off"
)

// causeOf is an error in words for users: without addresses and other parts that differ each time, so that a state that
// lasts is reported once.
func causeOf(err error) string {
	var invalid x509.CertificateInvalidError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var verification *tls.CertificateVerificationError
	var network net.Error
	var stranger *strangerError
	switch {
	case errors.As(err, &stranger):
		return stranger.text
	case errors.Is(err, errBrokenOff):
		return causeBrokenOff
	case apierrors.IsUnauthorized(err):
		return causeCredentials
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return causeTerminating
	case apierrors.IsForbidden(err):
		return causeForbidden
	case errors.As(err, &authority), errors.As(err, &invalid), errors.As(err, &host), errors.As(err, &verification):
		return causeUntrusted
	case missingNamespace(err):
		return causeNamespace
	case apierrors.IsNotFound(err):
		return causeUnknownKind
	case errors.Is(err, context.DeadlineExceeded), apierrors.IsTimeout(err), apierrors.IsServerTimeout(err), utilnet.IsTimeout(err):
		return causeSilent
	case errors.As(err, &network), utilnet.IsConnectionRefused(err), utilnet.IsConnectionReset(err), utilnet.IsProbableEOF(err):
		return causeUnreachable
	}
	if status := apierrors.ReasonForError(err); status != "" {
		return "it says " + string(status)
	}
	return causeUnreachable
}

// unsteadyError says that each watch ends early, though what it follows can be listed.
type unsteadyError struct {
	err   error // nil, or that ctx ended: the API server breaks it off
	since time.Time
}

func (e *unsteadyError) Error() string { return causeOf(e.Unwrap()) + e.next() }

func (e *unsteadyError) Unwrap() error {
	if e.err == nil || errors.Is(e.err, context.Canceled) {
		return errBrokenOff
	}
	return e.err
}

// next is since when that is so, and what comes next.
func (e *unsteadyError) next() string {
	return fmt.Sprintf(" since %s, though it can be listed; the mirror tries again every few seconds, and the link continues automatically when a watch lasts",
		e.since.UTC().Format(time.RFC3339))
}

// errBrokenOff says that a watch began, and ended early.
var errBrokenOff = errors.New("the watch was broken off")

// compareBools orders false before true.
func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}
