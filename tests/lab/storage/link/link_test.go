// SPDX-License-Identifier: Apache-2.0

package link_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
	"github.com/ramendr/ramen-direct/tests/lab/storage/link"
	"github.com/ramendr/ramen-direct/tests/lab/storage/mover"
)

func serve(t *testing.T, h http.Handler) *link.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := link.NewClient(server.URL)
	require.NoError(t, err)
	return c
}

func TestAVolumeMovesAcrossTheLink(t *testing.T) {
	ctx := t.Context()
	a := engine.New(filepath.Join(t.TempDir(), "a"), clock.RealClock{})
	rootB := filepath.Join(t.TempDir(), "b")
	b := engine.New(rootB, clock.RealClock{})
	toA, toB := serve(t, link.Handler(a, mover.NewDestinations(a, nil))), serve(t, link.Handler(b, mover.NewDestinations(b, nil)))

	require.NoError(t, a.Create("v"))
	m, err := a.Mount(ctx, "v", "app")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(m.Dir, "f"), []byte("x"), 0o644))
	require.NoError(t, m.Close())
	pass, err := a.Pass(ctx, "v", toB)
	require.NoError(t, err)
	assert.Equal(t, int64(1), pass.Bytes)
	assert.Positive(t, pass.Duration)
	require.FileExists(t, filepath.Join(rootB, "v", "current", "f"))

	st, err := toB.Describe(ctx, "v")
	require.NoError(t, err)
	assert.Equal(t, engine.Secondary, st.Role)
	assert.Equal(t, pass.ID, st.Tip)
	assert.True(t, pass.Start.Equal(st.TipTime))

	_, err = b.Promote(ctx, "v", toA, false)
	require.ErrorIs(t, err, engine.ErrPeerPrimary)
	require.NoError(t, a.Demote(ctx, "v"))
	_, err = b.Promote(ctx, "v", toA, false)
	require.ErrorIs(t, err, engine.ErrFinalPending)
	got, err := a.Align(ctx, "v", toB, false)
	require.NoError(t, err)
	assert.Equal(t, engine.InSync, got)
	_, err = b.Promote(ctx, "v", toA, false)
	require.NoError(t, err)
}

func TestWhatAPeerRefusesKeepsItsMeaning(t *testing.T) {
	ctx := t.Context()
	b := engine.New(t.TempDir(), clock.RealClock{})
	toB := serve(t, link.Handler(b, mover.NewDestinations(b, nil)))
	require.NoError(t, b.Create("v"))
	_, err := toB.Begin(ctx, "v", engine.Offer{ID: "x"})
	require.ErrorIs(t, err, engine.ErrPeerPrimary)
	require.ErrorIs(t, toB.Commit(ctx, "v", "x"), engine.ErrSuperseded)
	require.ErrorIs(t, toB.Commit(ctx, "w", "x"), engine.ErrNotFound)
	require.NoError(t, b.Demote(ctx, "v"))
	_, err = toB.Begin(ctx, "v", engine.Offer{ID: "x"})
	require.ErrorIs(t, err, engine.ErrDiverged)
	st, err := toB.Describe(ctx, "w")
	require.NoError(t, err)
	assert.Equal(t, engine.Absent, st.Role)
	_, err = toB.Begin(ctx, "Not A Handle", engine.Offer{ID: "x"})
	require.Error(t, err)
	require.NotErrorIs(t, err, engine.ErrUnreachable, "an answer is not silence")
}

func TestSilenceIsUnreachable(t *testing.T) {
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	silent := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	_, err := silent.Describe(t.Context(), "v")
	require.ErrorIs(t, err, engine.ErrUnreachable)

	gone, err := link.NewClient("http://127.0.0.1:1")
	require.NoError(t, err)
	_, err = gone.Describe(t.Context(), "v")
	require.ErrorIs(t, err, engine.ErrUnreachable)
}

func TestAPeerURLIsChecked(t *testing.T) {
	for _, bad := range []string{"", "127.0.0.1:80", "ftp://x", "http://"} {
		_, err := link.NewClient(bad)
		require.Error(t, err, bad)
	}
}
