// SPDX-License-Identifier: Apache-2.0

package faultproxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
)

const (
	soon = time.Minute
	tick = 10 * time.Millisecond
	// silence is how long nothing must arrive to call a connection silent.
	silence = 200 * time.Millisecond
)

// envServe makes this test program the server, with its arguments, instead of tests.
const envServe = "RAMENLAB_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(envServe) == "" {
		os.Exit(m.Run())
	}
	fmt.Println(faultproxy.Main(os.Args[1:], os.Stderr))
}

// world is one link to a server that counts the lines that it gets and sends each back.
type world struct {
	client *faultproxy.Client
	link   faultproxy.Link
	got    chan string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	w := &world{link: faultproxy.Link{Name: "a-b", Listen: freeAddress(t), Upstream: server.Addr().String()}, got: make(chan string, 100)}
	go func() {
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			go w.echo(c)
		}
	}()
	control := freeAddress(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], faultproxy.Args(control, []faultproxy.Link{w.link})...)
	cmd.Env = append(os.Environ(), envServe+"=yes")
	require.NoError(t, cmd.Start())
	w.client = faultproxy.NewClient(control)
	require.Eventually(t, func() bool { return w.client.Ready(t.Context()) == nil }, soon, tick, "the server serves")
	return w
}

func (w *world) echo(c net.Conn) {
	defer func() { _ = c.Close() }()
	for in := bufio.NewReader(c); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		w.got <- line
		if _, err := io.WriteString(c, line); err != nil {
			return
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

func (w *world) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", w.link.Listen)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// ask sends a line and returns the answer, if one comes within d.
func ask(c net.Conn, d time.Duration) (string, error) {
	if err := c.SetDeadline(time.Now().Add(d)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(c, "hello\n"); err != nil {
		return "", err
	}
	return bufio.NewReader(c).ReadString('\n')
}

func requireWorks(t *testing.T, c net.Conn) {
	t.Helper()
	answer, err := ask(c, soon)
	require.NoError(t, err)
	require.Equal(t, "hello\n", answer)
}

// drain returns how many lines the server has got until now.
func (w *world) drain() int {
	n := 0
	for {
		select {
		case <-w.got:
			n++
		default:
			return n
		}
	}
}

func TestACutClosesConnectionsAndRefusesNewOnes(t *testing.T) {
	w := newWorld(t)
	open := w.dial(t)
	requireWorks(t, open)
	require.NoError(t, w.client.Fault("a-b", faultproxy.Cut, 0))
	_, err := ask(open, soon)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Error(t, err)
	_, err = net.Dial("tcp", w.link.Listen)
	require.ErrorContains(t, err, "refused")
	require.NoError(t, w.client.Heal("a-b"))
	requireWorks(t, w.dial(t))
}

func TestABlackHoleSwallowsBothWaysAndClosesNothing(t *testing.T) {
	w := newWorld(t)
	open := w.dial(t)
	requireWorks(t, open)
	w.drain()
	require.NoError(t, w.client.Fault("a-b", faultproxy.BlackHole, 0))
	for name, c := range map[string]net.Conn{"open before": open, "opened after": w.dial(t)} {
		_, err := ask(c, silence)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded, name)
	}
	require.Zero(t, w.drain(), "nothing arrives")
	require.NoError(t, w.client.Heal("a-b"))
	requireWorks(t, w.dial(t))
	_, err := ask(open, soon)
	require.Error(t, err, "a connection with a hole in it is closed")
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestAHalfOpenLinkLosesTheAnswers(t *testing.T) {
	w := newWorld(t)
	open := w.dial(t)
	requireWorks(t, open)
	w.drain()
	require.NoError(t, w.client.Fault("a-b", faultproxy.Half, 0))
	_, err := ask(open, silence)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Equal(t, 1, w.drain(), "the request arrives")
	require.NoError(t, w.client.Heal("a-b"))
	requireWorks(t, w.dial(t))
}

func TestADelayKeepsConnections(t *testing.T) {
	w := newWorld(t)
	open := w.dial(t)
	requireWorks(t, open)
	require.NoError(t, w.client.Fault("a-b", faultproxy.Delay, 150*time.Millisecond))
	begin := time.Now()
	requireWorks(t, open)
	delayed := time.Since(begin)
	require.GreaterOrEqual(t, delayed, 300*time.Millisecond, "both directions are slow")
	require.NoError(t, w.client.Heal("a-b"))
	begin = time.Now()
	requireWorks(t, open)
	require.Less(t, time.Since(begin), delayed)
}

func TestAFaultTakesThePlaceOfAnother(t *testing.T) {
	w := newWorld(t)
	for _, kind := range append(faultproxy.Kinds(), faultproxy.Kinds()...) {
		require.NoError(t, w.client.Fault("a-b", kind, time.Second))
		require.NoError(t, w.client.Fault("a-b", kind, time.Second), "a second time")
		states, err := w.client.States()
		require.NoError(t, err)
		require.Equal(t, kind, states["a-b"])
	}
	require.NoError(t, w.client.Heal("a-b"))
	require.NoError(t, w.client.Heal("a-b"), "to heal what works is no error")
	states, err := w.client.States()
	require.NoError(t, err)
	require.Empty(t, states["a-b"])
	requireWorks(t, w.dial(t))
}

func TestKindsAreReadFromText(t *testing.T) {
	kind, err := faultproxy.ParseKind("half")
	require.NoError(t, err)
	require.Equal(t, faultproxy.Half, kind)
	_, err = faultproxy.ParseKind("flood")
	require.ErrorContains(t, err, "blackhole")
}

// TestASlowLinkWithMuchUnderWayMayFail: toxiproxy would let each piece that is under way try to leave, for seconds, though
// the connection is closed, and its API gives up before that is over.
func TestASlowLinkWithMuchUnderWayMayFail(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.client.Fault("a-b", faultproxy.Delay, 2*time.Second))
	for range 4 {
		open := w.dial(t)
		for range 20 {
			_, err := io.WriteString(open, "hello\n")
			require.NoError(t, err)
			_, err = w.client.States() // takes as long as it takes for the piece to be under way alone
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.client.Fault("a-b", faultproxy.BlackHole, 0))
	_, err := ask(w.dial(t), silence)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, w.client.Heal("a-b"))
	requireWorks(t, w.dial(t))
}

// TestASlowLinkWhoseReceiverIsDeafCanBeHealed: a process that was stopped takes nothing from its connections.
func TestASlowLinkWhoseReceiverIsDeafCanBeHealed(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.client.Fault("a-b", faultproxy.Delay, 10*time.Millisecond))
	lines := strings.Repeat("hello\n", 10_000)
	for range 2 {
		open := w.dial(t)
		for { // until all buffers on the way are full: the server waits for somebody to take what it got
			require.NoError(t, open.SetWriteDeadline(time.Now().Add(silence)))
			if _, err := io.WriteString(open, lines); err != nil {
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				break
			}
		}
	}
	require.NoError(t, w.client.Heal("a-b"))
	w.drain()
	_, err := net.Dial("tcp", w.link.Listen)
	require.NoError(t, err)
}
