// SPDX-License-Identifier: Apache-2.0

package rewind_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/ramendr/ramen-direct/internal/rewind"
)

// server is an API server that ends each watch in a way that the test chooses.
type server struct {
	watches atomic.Int32
	breaks  atomic.Bool // each watch ends with its connection
	away    atomic.Bool // all that is no watch gets the answer of a proxy without a server
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Query().Get("watch") != "true" {
		if s.away.Load() {
			w.WriteHeader(http.StatusBadGateway)
		}
		_, _ = w.Write([]byte(`{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[]}`))
		return
	}
	s.watches.Add(1)
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	if s.breaks.Load() {
		panic(http.ErrAbortHandler)
	}
}

func begin(t *testing.T) (*server, corev1client.PodInterface) {
	t.Helper()
	s := &server{}
	running := httptest.NewServer(s)
	t.Cleanup(running.Close)
	cfg := &rest.Config{Host: running.URL}
	rewind.Notice(cfg)
	return s, kubernetes.NewForConfigOrDie(cfg).CoreV1().Pods("shop")
}

// follow watches until the server ends it.
func follow(t *testing.T, pods corev1client.PodInterface, o metav1.ListOptions) error {
	t.Helper()
	w, err := pods.Watch(t.Context(), o)
	if err != nil {
		return err
	}
	defer w.Stop()
	for event := range w.ResultChan() {
		require.Equal(t, watch.Error, event.Type)
	}
	return nil
}

var from = metav1.ListOptions{ResourceVersion: "7", LabelSelector: "app=db"}

func TestAWatchGoesOnAfterOneThatTheServerEnded(t *testing.T) {
	s, pods := begin(t)
	for range 3 {
		require.NoError(t, follow(t, pods, from))
	}
	assert.EqualValues(t, 3, s.watches.Load())
}

func TestAWatchOverAnOutageIsRefusedOnce(t *testing.T) {
	for name, outage := range map[string]func(t *testing.T, s *server, pods corev1client.PodInterface){
		"the connection breaks": func(t *testing.T, s *server, pods corev1client.PodInterface) {
			s.breaks.Store(true)
			require.NoError(t, follow(t, pods, from))
			s.breaks.Store(false)
		},
		"a proxy says that the server is away": func(t *testing.T, s *server, pods corev1client.PodInterface) {
			s.away.Store(true)
			_, err := pods.List(t.Context(), metav1.ListOptions{})
			require.Error(t, err)
			s.away.Store(false)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, pods := begin(t)
			require.NoError(t, follow(t, pods, from))
			outage(t, s, pods)
			was := s.watches.Load()
			err := follow(t, pods, from)
			require.True(t, apierrors.IsResourceExpired(err), "%v", err)
			assert.Equal(t, was, s.watches.Load())
			require.NoError(t, follow(t, pods, from), "what was listed since is right")
			other := from
			other.LabelSelector = "app=web"
			require.NoError(t, follow(t, pods, other), "nobody had watched that before")
		})
	}
}

func TestAServerThatIsNotThereIsAnOutage(t *testing.T) {
	s := &server{}
	running := httptest.NewServer(s)
	cfg := &rest.Config{Host: running.URL}
	rewind.Notice(cfg)
	pods := kubernetes.NewForConfigOrDie(cfg).CoreV1().Pods("shop")
	require.NoError(t, follow(t, pods, from))
	running.Close()
	_, err := pods.List(t.Context(), metav1.ListOptions{})
	require.Error(t, err, "who asks by themselves hears of it")
	require.True(t, apierrors.IsResourceExpired(follow(t, pods, from)))
}

// TestAWatchWaitsForAServerThatIsAway, since an informer whose watches fail pauses longer and longer.
func TestAWatchWaitsForAServerThatIsAway(t *testing.T) {
	var asked atomic.Int32
	running := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) <= 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		(&server{}).ServeHTTP(w, r)
	}))
	t.Cleanup(running.Close)
	cfg := &rest.Config{Host: running.URL}
	rewind.Notice(cfg)
	pods := kubernetes.NewForConfigOrDie(cfg).CoreV1().Pods("shop")
	all := metav1.ListOptions{SendInitialEvents: new(true), ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan}
	require.NoError(t, follow(t, pods, all))
	assert.EqualValues(t, 4, asked.Load())
	require.NoError(t, follow(t, pods, from), "it has seen all that there is since the outage")

	running.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := pods.Watch(ctx, all)
		ended <- err
	}()
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}

// TestAListAfterAnOutageIsOfNow: a server that was restored from a backup would let a watch that lists wait until its history is as
// long as the one that is lost.
func TestAListAfterAnOutageIsOfNow(t *testing.T) {
	var asked atomic.Value
	s := &server{}
	running := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.Query().Get("resourceVersion"))
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(running.Close)
	cfg := &rest.Config{Host: running.URL}
	rewind.Notice(cfg)
	pods := kubernetes.NewForConfigOrDie(cfg).CoreV1().Pods("shop")
	all := metav1.ListOptions{LabelSelector: "app=db", ResourceVersion: "7", ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan, SendInitialEvents: new(true)}
	require.NoError(t, follow(t, pods, all))
	require.Equal(t, "7", asked.Load())
	s.breaks.Store(true)
	require.NoError(t, follow(t, pods, from))
	s.breaks.Store(false)
	require.NoError(t, follow(t, pods, all))
	require.Empty(t, asked.Load())
	require.NoError(t, follow(t, pods, from))
	require.Equal(t, "7", asked.Load(), "what follows from the list is asked for as ever")
}

func TestAWatchThatBeginsWithAllThatThereIsIsPassedOn(t *testing.T) {
	s, pods := begin(t)
	require.NoError(t, follow(t, pods, from))
	for _, o := range []metav1.ListOptions{
		{LabelSelector: "app=db"},
		{LabelSelector: "app=db", ResourceVersion: "0"},
		{LabelSelector: "app=db", ResourceVersion: "7", ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan, SendInitialEvents: new(true)},
	} {
		s.breaks.Store(true)
		require.NoError(t, follow(t, pods, from))
		s.breaks.Store(false)
		require.NoError(t, follow(t, pods, o))
		require.NoError(t, follow(t, pods, from), "it counts as a list")
	}
}
