// SPDX-License-Identifier: Apache-2.0

package hooks_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	clientexec "k8s.io/client-go/util/exec"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	"k8s.io/utils/exec"

	"github.com/ramendr/ramen-direct/spokectrl/objects/hooks"
)

// ends is a container whose commands end as their last word says.
type ends struct{}

func (ends) ExecInContainer(_ context.Context, _, _, _ string, args []string, _ io.Reader, out, stderr io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize, _ time.Duration) error {
	_, _ = fmt.Fprintln(out, "hello")
	for range 1000 {
		_, _ = fmt.Fprintln(stderr, "it is locked")
	}
	if args[len(args)-1] == "fail" {
		return exec.CodeExitError{Err: errors.New("it failed"), Code: 42}
	}
	return nil
}

// TestCommandsReachAContainer : as the ServiceAccount of the namespace, by the old protocol where the new one is refused, and past what
// others wrapped around the transport.
func TestCommandsReachAContainer(t *testing.T) {
	var users, methods []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		users, methods = append(users, r.Header.Get("Impersonate-User")), append(methods, r.Method)
		if r.Method == http.MethodGet {
			http.Error(w, "no sockets here", http.StatusBadRequest)
			return
		}
		assert.Equal(t, "/api/v1/namespaces/shop/pods/db-0/exec", r.URL.Path)
		assert.Equal(t, "main", r.FormValue("container"))
		streams, err := remotecommand.NewOptions(&http.Request{Form: map[string][]string{remotecommand.ExecStdoutParam: {"1"}, remotecommand.ExecStderrParam: {"1"}}})
		if !assert.NoError(t, err) {
			return
		}
		remotecommand.ServeExec(w, r, ends{}, "db-0", "", "main", r.Form["command"], streams, time.Minute, time.Minute, remotecommand.SupportedStreamingProtocols)
	}))
	defer server.Close()
	config := &rest.Config{Host: server.URL}
	config.Wrap(func(http.RoundTripper) http.RoundTripper {
		assert.Fail(t, "what others wrapped around the transport is used")
		return nil
	})
	r, err := hooks.New(config)
	require.NoError(t, err)
	c, err := r.Connect("shop")
	require.NoError(t, err)
	stderr, err := c.Stream(t.Context(), "shop", "db-0", "main", []string{"run"})
	require.NoError(t, err)
	assert.Len(t, stderr, 1024)
	_, err = c.Stream(t.Context(), "shop", "db-0", "main", []string{"run", "fail"})
	exit, is := errors.AsType[clientexec.CodeExitError](err)
	require.True(t, is, "%v", err)
	assert.Equal(t, 42, exit.Code)
	assert.Equal(t, []string{"GET", "POST", "GET", "POST"}, methods)
	for _, user := range users {
		assert.Equal(t, "system:serviceaccount:shop:ramen-hooks", user)
	}
}
