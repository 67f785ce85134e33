// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"net/http"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// serverClock tells the time of the API server, from the Date of its answers: the times in objects are its own, and the clock of
// a laptop may be off.
type serverClock struct {
	local clock.PassiveClock

	mu     sync.Mutex
	offset time.Duration
	known  bool
}

// Now is the time of the API server; before its first answer, the local time.
func (c *serverClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.local.Now().Add(c.offset)
}

// listen notes the Date of each answer.
func (c *serverClock) listen(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		if err == nil {
			c.hear(resp.Header.Get("Date"))
		}
		return resp, err
	})
}

// hear notes what a Date says. It is cut to whole seconds, so the truth is up to one second later.
func (c *serverClock) hear(date string) {
	at, err := http.ParseTime(date)
	if err != nil {
		return // some proxies send none
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	offset := at.Sub(c.local.Now())
	if !c.known || offset > c.offset {
		c.offset, c.known = offset, true // the latest that was heard is the nearest
	}
}

// Skew is by how much the clock of the API server is ahead of the local one, within a second; false: it is not known.
func (h *Hub) Skew() (time.Duration, bool) {
	h.clock.mu.Lock()
	defer h.clock.mu.Unlock()
	return h.clock.offset, h.clock.known
}

// Now is the time of the API server.
func (h *Hub) Now() time.Time { return h.clock.Now() }

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip is of http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Since is of clock.PassiveClock.
func (c *serverClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }
