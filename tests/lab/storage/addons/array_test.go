// SPDX-License-Identifier: Apache-2.0

package addons_test

import (
	"testing"
	"time"

	"github.com/csi-addons/spec/lib/go/replication"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// Situations of a volume on an array, each made from the one before it by the calls of csi-addons.
func enabled(t *testing.T, a, _ *side) { t.Helper(); a.enable(t); copied(t, a); a.enable(t) }

func handedOver(t *testing.T, a, b *side) {
	t.Helper()
	enabled(t, a, b)
	const calls = 2 // a slow one is asked again
	code := a.demote(t)
	for n := 1; n < calls && code == codes.Unavailable; n++ {
		code = a.demote(t)
	}
	require.Equal(t, codes.OK, code)
}

func failedOver(t *testing.T, a, b *side) {
	t.Helper()
	enabled(t, a, b)
	b.peer = away{a.store}
	require.Equal(t, codes.OK, b.promote(t, true))
	b.peer = a.store
}

func fenced(t *testing.T, a, b *side) {
	t.Helper()
	failedOver(t, a, b)
	require.Equal(t, codes.OK, a.demote(t))
}

// TestWhatArraysAnswer : a fact a line. Those of a slow one are the same, but for what its own test says.
func TestWhatArraysAnswer(t *testing.T) {
	code := func(is codes.Code, _ bool) string { return is.String() }
	resync := func(t *testing.T, s *side) string {
		t.Helper()
		is, ready := s.resync(t, false)
		if is == codes.OK && ready {
			return "ready"
		}
		return code(is, ready)
	}
	role := func(t *testing.T, s *side) string {
		t.Helper()
		st, err := s.store.Describe(t.Context(), vol)
		require.NoError(t, err)
		return string(st.Role)
	}
	for _, tc := range []struct {
		fact string
		in   func(t *testing.T, a, b *side)
		ask  func(t *testing.T, a, b *side) string
		want string
	}{
		{"a demotion makes the peer primary", handedOver, func(t *testing.T, _, b *side) string { t.Helper(); return role(t, b) }, "primary"},
		{"its promotion does nothing then", handedOver, func(t *testing.T, _, b *side) string { t.Helper(); return code(b.promote(t, false), false) }, "OK"},
		{"a level secondary is ready under a primary", handedOver, func(t *testing.T, a, _ *side) string { t.Helper(); return resync(t, a) }, "ready"},
		{"and stays so when the primary writes on", handedOver, func(t *testing.T, a, b *side) string { t.Helper(); copied(t, b); return resync(t, a) }, "ready"},
		{"a replica that has a copy is ready", enabled, func(t *testing.T, _, b *side) string { t.Helper(); return resync(t, b) }, "ready"},
		{"a promotion that nobody planned asks for force", enabled, func(t *testing.T, _, b *side) string { t.Helper(); return code(b.promote(t, false), false) }, "FailedPrecondition"},
		{"also that of the side that has stepped down", handedOver, func(t *testing.T, a, _ *side) string { t.Helper(); return code(a.promote(t, false), false) }, "FailedPrecondition"},
		{"a demotion needs the peer", enabled, func(t *testing.T, a, b *side) string {
			t.Helper()
			a.peer = away{b.store}
			return code(a.demote(t), false) + ", " + role(t, a)
		}, "Unavailable, primary"},
		{"a secondary is not released before the primary", handedOver, func(t *testing.T, a, _ *side) string { t.Helper(); return code(a.disable(t), false) }, "OutOfRange"},
		{"but after it", handedOver, func(t *testing.T, a, b *side) string {
			t.Helper()
			return code(b.disable(t), false) + ", " + code(a.disable(t), false)
		}, "OK, OK"},
		{"the end of a primary leaves the peer's copy", enabled, func(t *testing.T, a, b *side) string {
			t.Helper()
			return code(a.disable(t), false) + ", " + role(t, b)
		}, "OK, secondary"},
		{"a forced promotion leaves the old primary failed over", fenced, func(t *testing.T, a, _ *side) string { t.Helper(); return resync(t, a) }, "OutOfRange"},
		{"which is not released", fenced, func(t *testing.T, a, _ *side) string { t.Helper(); return code(a.disable(t), false) }, "FailedPrecondition"},
		{"the new primary only says that it steps down", fenced, func(t *testing.T, _, b *side) string {
			t.Helper()
			return code(b.demote(t), false) + ", " + role(t, b)
		}, "OK, primary"},
		{"and does so after it was asked to join the sides again", fenced, func(t *testing.T, a, b *side) string {
			t.Helper()
			b.demote(t)
			began := resync(t, b)
			b.demote(t)
			b.demote(t)
			return began + ", " + role(t, a) + ", " + role(t, b)
		}, "OK, primary, secondary"},
		{"the old primary loses its role then, if nobody asked it to step down", failedOver, func(t *testing.T, a, b *side) string {
			t.Helper()
			return resync(t, b) + ", " + role(t, a) + ", " + role(t, b)
		}, "OK, secondary, primary"},
		{"but not while it is mounted", failedOver, func(t *testing.T, a, b *side) string {
			t.Helper()
			mount, err := a.store.Mount(t.Context(), vol, "pod app/writer")
			require.NoError(t, err)
			defer mount.Close()
			return resync(t, b) + ", " + role(t, a)
		}, "FailedPrecondition, primary"},
		{"the old primary is not the one that the other side follows", failedOver, func(t *testing.T, a, b *side) string {
			t.Helper()
			return resync(t, a) + ", " + role(t, b)
		}, "OutOfRange, primary"},
		{"a side that has stepped down and is promoted by force replicates when it is asked to", handedOver, func(t *testing.T, a, b *side) string {
			t.Helper()
			forced := code(a.promote(t, true), false)
			_, err := a.store.Pass(t.Context(), vol, a.peer)
			require.ErrorIs(t, err, engine.ErrFailedOver)
			began := resync(t, a)
			copied(t, a)
			return forced + ", " + began + ", " + role(t, b) + ", " + resync(t, b)
		}, "OK, OK, secondary, ready"},
		{"asked of the promoted side, the copy begins", fenced, func(t *testing.T, a, b *side) string {
			t.Helper()
			began := resync(t, b)
			copied(t, b)
			return began + ", " + resync(t, b) + ", " + resync(t, a)
		}, "OK, ready, ready"},
		{"and the roles can be handed back", fenced, func(t *testing.T, a, b *side) string {
			t.Helper()
			resync(t, b)
			copied(t, b)
			b.demote(t)
			b.demote(t)
			return role(t, a) + ", " + role(t, b)
		}, "primary, secondary"},
	} {
		for _, kind := range []engine.Kind{engine.Array, engine.Slow} {
			t.Run(string(kind)+": "+tc.fact, func(t *testing.T) {
				a, b := serve(t, kind)
				tc.in(t, a, b)
				assert.Equal(t, tc.want, tc.ask(t, a, b))
			})
		}
	}
}

// TestTheInfoOfAnArray has the time of now, whatever the peer has: nothing can be derived from its age.
func TestTheInfoOfAnArray(t *testing.T) {
	a, b := serve(t, engine.Array)
	require.Equal(t, codes.OK, a.enable(t))
	code, info := a.info(t)
	require.Equal(t, codes.OK, code)
	assert.Equal(t, replication.GetVolumeReplicationInfoResponse_DEGRADED, info.GetStatus(), "there is no copy yet")
	assert.WithinDuration(t, time.Now(), info.GetLastSyncTime().AsTime(), time.Minute)
	copied(t, a)
	code, info = a.info(t)
	require.Equal(t, codes.OK, code)
	assert.Equal(t, replication.GetVolumeReplicationInfoResponse_HEALTHY, info.GetStatus())
	code, _ = b.info(t)
	assert.Equal(t, codes.InvalidArgument, code, "of a secondary")
}

// TestASlowArrayAnswersBeforeItIsDone : the caller has to come back.
func TestASlowArrayAnswersBeforeItIsDone(t *testing.T) {
	a, b := serve(t, engine.Slow)
	assert.Equal(t, codes.Unavailable, a.enable(t), "the session is being made")
	copied(t, a)
	require.Equal(t, codes.OK, a.enable(t))
	assert.Equal(t, codes.Unavailable, a.demote(t), "the last copy is on its way")
	assert.Equal(t, codes.FailedPrecondition, b.promote(t, false), "csi-addons goes on to force it: nobody may ask yet")
	assert.Equal(t, codes.OK, a.demote(t))
	assert.Equal(t, codes.OK, b.promote(t, false))
}
