// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/s3"
	"github.com/ramendr/ramen-direct/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	cfg := startGateway(t)
	storetest.Run(t, s3.Open, cfg)

	t.Run("finds the region by itself", func(t *testing.T) {
		asks := cfg
		asks.Region = ""
		s, err := s3.Open(asks)
		require.NoError(t, err)
		require.NoError(t, s.Check(t.Context()))
	})
	t.Run("says that the certificate is not trusted", func(t *testing.T) {
		stranger := cfg
		stranger.CA = nil
		assertFails(t, stranger, store.ReasonUnreachable, "is not trusted, set caCertificates")
	})
	t.Run("says that the certificate is for another name", func(t *testing.T) {
		named := cfg
		named.Endpoint = strings.Replace(cfg.Endpoint, "127.0.0.1", "localhost", 1)
		assertFails(t, named, store.ReasonUnreachable, "is for another name")
	})
	t.Run("says which key is wrong", func(t *testing.T) {
		wrong := cfg
		wrong.SecretKey = "not-letmein"
		assertFails(t, wrong, store.ReasonAccessDenied, "check AWS_SECRET_ACCESS_KEY")
		wrong.AccessKey = "nobody"
		assertFails(t, wrong, store.ReasonAccessDenied, "check AWS_ACCESS_KEY_ID")
	})
	t.Run("does not speak plain HTTP to a server with TLS", func(t *testing.T) {
		plain := cfg
		plain.Endpoint = strings.Replace(cfg.Endpoint, "https", "http", 1)
		s, err := s3.Open(plain)
		require.NoError(t, err)
		require.Error(t, s.Check(t.Context()))
	})
}

func TestACertificateBundleThatIsNone(t *testing.T) {
	_, err := s3.Open(config("https://127.0.0.1:1", []byte("no certificate")))
	require.ErrorContains(t, err, "caCertificates holds no PEM certificate")
	assert.Equal(t, store.ReasonBadProfile, store.ReasonOf(err))
}

func TestAServerWithoutTLSIsNamedAsSuch(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	assertFails(t, config(strings.Replace(server.URL, "http", "https", 1), nil), store.ReasonUnreachable, "does not speak TLS")
}

func TestAServerThatIsNoStoreIsAnError(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
	}))
	defer server.Close()
	assertFails(t, config(server.URL, nil), store.ReasonError, "the store answered with an error")
}

func TestAServerBehindADeadBackendIsUnreachable(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	assertFails(t, config(server.URL, nil), store.ReasonUnreachable, "is not available")
}

func TestEqualFailuresReadEqual(t *testing.T) {
	hangsUp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = c.(*net.TCPConn).SetLinger(0) // a reset instead of an orderly end
			_ = c.Close()
		}
	}))
	defer hangsUp.Close()
	s, err := s3.Open(config(hangsUp.URL, nil))
	require.NoError(t, err)
	first, second := s.Check(t.Context()), s.Check(t.Context())
	require.Error(t, first)
	require.EqualError(t, second, first.Error())
}

func TestAnUnknownHostNameIsNamed(t *testing.T) {
	assertFails(t, config("https://s3.invalid", nil), store.ReasonUnreachable, "s3.invalid")
}

func TestABlackHoleHoldsACallNoLongerThanItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, c) }() // takes everything, says nothing
		}
	}()
	s, err := s3.Open(config("http://"+l.Addr().String(), nil))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Check(ctx) }()
	var failed error
	require.Eventually(t, func() bool {
		select {
		case failed = <-done:
			return true
		default:
			return false
		}
	}, 3*time.Second, 10*time.Millisecond, "the call outlasts its context")
	require.ErrorIs(t, failed, context.DeadlineExceeded)
	assert.NotContains(t, failed.Error(), "list-type", "the words of equal failures are equal")
	assert.Equal(t, store.ReasonUnreachable, store.ReasonOf(failed))
	assert.ErrorContains(t, failed, "no answer from http://"+l.Addr().String()+" in time")
}

func config(endpoint string, ca []byte) store.Config {
	return store.Config{
		Profile: "s3-test", Endpoint: endpoint, Bucket: "bucket", Region: "us-east-1",
		AccessKey: "reader", SecretKey: "letmein", CA: ca,
	}
}

func assertFails(t *testing.T, cfg store.Config, want store.Reason, says string) {
	t.Helper()
	s, err := s3.Open(cfg)
	require.NoError(t, err)
	err = s.Check(t.Context())
	require.Error(t, err)
	assert.Equal(t, want, store.ReasonOf(err), "%v", err)
	assert.ErrorContains(t, err, says)
	assert.NotContains(t, err.Error(), cfg.SecretKey, "no key in a message")
}

// TestAServerThatWritesUnconditionallySaysSo, or its answers do.
func TestAServerThatWritesUnconditionallySaysSo(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"it refuses conditions": func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				w.Header().Set("ETag", `"0123456789abcdef0123456789abcdef"`)
				w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
				return
			}
			w.WriteHeader(http.StatusNotImplemented)
			_, _ = io.WriteString(w, "<Error><Code>NotImplemented</Code><Message>If-Match</Message></Error>")
		},
		"it tells no versions": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(answer)
			t.Cleanup(server.Close)
			s, err := s3.Open(config(server.URL, nil))
			require.NoError(t, err)
			_, version, err := s.Read(t.Context(), "key")
			require.NoError(t, err)
			_, err = s.Replace(t.Context(), "key", []byte("body"), version)
			require.ErrorIs(t, err, store.ErrUnconditional)
		})
	}
}

// TestAnObjectHasAChecksum : a bucket with object lock refuses one that has none.
func TestAnObjectHasAChecksum(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-MD5") == "" {
			http.Error(w, "Content-MD5 is required", http.StatusBadRequest)
		}
	}))
	t.Cleanup(server.Close)
	s, err := s3.Open(config(server.URL, nil))
	require.NoError(t, err)
	require.NoError(t, s.Put(t.Context(), "key", []byte("body")))
}
