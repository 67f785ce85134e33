// SPDX-License-Identifier: Apache-2.0

package link_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// wire is the network between a link and an API server. It counts writes, and can be told to fail.
type wire struct {
	mu      sync.Mutex
	log     []string // method and path of each write that was sent
	sent    int      // writes but those to the lease
	read    []string // path of each read that was sent
	fail    func(*http.Request) error
	hook    func(*http.Request)
	conns   map[*conn]struct{}
	dials   int
	silent  bool // a black hole: connections stay, nothing passes
	cut     bool // connections are reset and refused
	frozen  bool // watches of outboxes show nothing more
	lost    func(*http.Request) bool
	answer  func(*http.Request) (body string) // instead of the API server's; empty: none
	changed chan struct{}
}

func newWire() *wire {
	return &wire{conns: map[*conn]struct{}{}, changed: make(chan struct{})}
}

var errCut = errors.New("the wire is cut")

// connect is a connection over the wire.
func (w *wire) connect(to *rest.Config) *rest.Config {
	cfg := rest.CopyConfig(to)
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return roundTripper{w, next} })
	cfg.Dial = w.dial
	return cfg
}

type roundTripper struct {
	wire *wire
	next http.RoundTripper
}

func (r roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	w := r.wire
	w.mu.Lock()
	fail, hook := w.fail, w.hook
	w.mu.Unlock()
	if hook != nil {
		hook(req)
	}
	if fail != nil {
		if err := fail(req); err != nil {
			return nil, err
		}
	}
	if !isWrite(req) {
		w.mu.Lock()
		w.read = append(w.read, req.URL.Path)
		w.mu.Unlock()
	} else {
		w.mu.Lock()
		w.log = append(w.log, req.Method+" "+req.URL.Path)
		if !isLease(req) {
			w.sent++
		}
		w.mu.Unlock()
	}
	resp, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	answer := w.answer
	w.mu.Unlock()
	if answer != nil {
		if body := answer(req); body != "" {
			_ = resp.Body.Close()
			resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
			resp.Header = http.Header{"Content-Type": {"application/json"}}
			resp.StatusCode = http.StatusOK
		}
	}
	w.mu.Lock()
	lost := w.lost
	w.mu.Unlock()
	if lost != nil && lost(req) {
		_ = resp.Body.Close()
		return nil, errCut
	}
	if strings.Contains(req.URL.Path, "/outbox-") && req.URL.Query().Get("watch") != "" {
		resp.Body = &gated{ReadCloser: resp.Body, wire: w, closed: make(chan struct{})}
	}
	return resp, nil
}

// gated is the body of a watch that shows nothing while its wire is frozen.
type gated struct {
	io.ReadCloser
	wire   *wire
	once   sync.Once
	closed chan struct{}
}

func (g *gated) Close() error {
	g.once.Do(func() { close(g.closed) })
	return g.ReadCloser.Close()
}

func (g *gated) Read(b []byte) (int, error) {
	n, err := g.ReadCloser.Read(b)
	for {
		g.wire.mu.Lock()
		frozen, changed := g.wire.frozen, g.wire.changed
		g.wire.mu.Unlock()
		if !frozen || err != nil {
			return n, err
		}
		select {
		case <-changed:
		case <-g.closed:
			return 0, net.ErrClosed
		}
	}
}

// freeze makes the watches of outboxes show nothing more, until it is called with false.
func (w *wire) freeze(frozen bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frozen = frozen
	close(w.changed)
	w.changed = make(chan struct{})
}

// loseAnswers lets each request for which lost returns true be carried out, but hides the answer.
func (w *wire) loseAnswers(lost func(*http.Request) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost = lost
}

func isWrite(req *http.Request) bool { return req.Method != http.MethodGet }

func isLease(req *http.Request) bool { return strings.Contains(req.URL.Path, "/leases/") }

// writes is how many writes were sent, not counting the lease.
func (w *wire) writes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent
}

// writesTo is how many writes were sent whose path contains part.
func (w *wire) writesTo(part string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, line := range w.log {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}

// reads is how many reads were sent whose path contains part.
func (w *wire) reads(part string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, path := range w.read {
		if strings.Contains(path, part) && !strings.Contains(path, "/leases") {
			n++
		}
	}
	return n
}

// setFail lets each request for which fail returns an error fail with it, before it is sent; nil: none.
func (w *wire) setFail(fail func(*http.Request) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = fail
}

// answers has requests answered in place of the API server, but those for which it returns nothing.
func (w *wire) answers(answer func(*http.Request) string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = answer
}

// before calls hook before each request is sent.
func (w *wire) before(hook func(*http.Request)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hook = hook
}

func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	w.dials++
	cut := w.cut
	w.mu.Unlock()
	if cut {
		return nil, errCut
	}
	raw, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, wire: w, closed: make(chan struct{})}
	w.mu.Lock()
	w.conns[c] = struct{}{}
	w.mu.Unlock()
	return c, nil
}

// set makes the wire silent, cut, or (both false) whole.
func (w *wire) set(silent, cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silent, w.cut = silent, cut
	close(w.changed)
	w.changed = make(chan struct{})
	if cut {
		for c := range w.conns {
			_ = c.Conn.Close()
		}
	}
}

// dialled is how often a connection was asked for.
func (w *wire) dialled() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dials
}

// conn passes nothing while its wire is silent. What was lost stays lost, as on a network whose peer is gone.
type conn struct {
	net.Conn
	wire   *wire
	once   sync.Once
	closed chan struct{}
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.wire.mu.Lock()
	silent, changed := c.wire.silent, c.wire.changed
	c.wire.mu.Unlock()
	if !silent {
		return n, err
	}
	select {
	case <-changed:
	case <-c.closed:
		return 0, net.ErrClosed
	}
	_ = c.Conn.Close() // bytes are lost: this connection can't go on
	return 0, errCut
}

func (c *conn) Write(b []byte) (int, error) {
	c.wire.mu.Lock()
	silent := c.wire.silent
	c.wire.mu.Unlock()
	if silent {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *conn) Close() error {
	c.once.Do(func() { close(c.closed) })
	c.wire.mu.Lock()
	delete(c.wire.conns, c)
	c.wire.mu.Unlock()
	return c.Conn.Close()
}

// SetDeadline and its like are left out: they would wake a silent connection.
func (c *conn) SetDeadline(time.Time) error      { return nil }
func (c *conn) SetReadDeadline(time.Time) error  { return nil }
func (c *conn) SetWriteDeadline(time.Time) error { return nil }
