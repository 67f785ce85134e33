// SPDX-License-Identifier: Apache-2.0

package hooks_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"

	"github.com/ramendr/ramen-direct/spokectrl/objects/hooks"
)

// connect reaches an API server that knows no sockets, and answers commands by the old protocol.
func connect(t *testing.T, answer http.HandlerFunc) hooks.Clients {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			http.Error(w, "no sockets here", http.StatusBadRequest)
			return
		}
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	r, err := hooks.New(&rest.Config{Host: server.URL})
	require.NoError(t, err)
	c, err := r.Connect("shop")
	require.NoError(t, err)
	return c
}

// talks is a container whose commands write until nobody listens. It tells when one has begun to.
type talks chan struct{}

func (c talks) ExecInContainer(_ context.Context, _, _, _ string, _ []string, _ io.Reader, _, stderr io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize, _ time.Duration) error {
	for i := range 1_000_000 {
		if _, err := fmt.Fprintln(stderr, "it is locked"); err != nil {
			return err
		}
		if i == 100 {
			c <- struct{}{}
		}
	}
	return nil
}

// The command goes on in its Pod, and what it writes may still arrive.
func TestACommandThatIsEndedMayStillWrite(t *testing.T) {
	talking := make(talks, 1)
	c := connect(t, func(w http.ResponseWriter, r *http.Request) {
		streams, err := remotecommand.NewOptions(&http.Request{Form: map[string][]string{remotecommand.ExecStdoutParam: {"1"}, remotecommand.ExecStderrParam: {"1"}}})
		if assert.NoError(t, err) {
			remotecommand.ServeExec(w, r, talking, "db-0", "", "main", nil, streams, time.Minute, time.Minute, remotecommand.SupportedStreamingProtocols)
		}
	})
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-talking
			cancel()
		}()
		stderr, err := c.Stream(ctx, "shop", "db-0", "main", []string{"run"})
		require.ErrorIs(t, err, context.Canceled)
		assert.LessOrEqual(t, len(stderr), 1024)
	}
}

// The address of a command has its words, and an error of the connection has the address.
func TestAConnectionThatBreaksDoesNotTellTheCommand(t *testing.T) {
	c := connect(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if assert.NoError(t, err) {
			_ = conn.Close()
		}
	})
	_, err := c.Stream(t.Context(), "shop", "db-0", "main", []string{"login", "--password=s3cr3t"})
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "s3cr3t")
	assert.Contains(t, err.Error(), "/pods/db-0/exec")
}
