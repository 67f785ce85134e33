// SPDX-License-Identifier: Apache-2.0

package captures_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/storetest"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/captures"
)

// begun is a capture that is begun, and the step of the one before.
func (p *process) begun(t *testing.T, step string) (*objects.Before, error) {
	t.Helper()
	p.clock.Step(time.Minute)
	w, err := p.keeper.Begin(t.Context(), captures.Begun{Group: group, Profiles: profiles, Term: p.term, Recipients: p.recipients, Engine: "test", Format: "1"})
	require.NoError(t, err)
	return w.Before(t.Context(), step)
}

func parts(t *testing.T, b *objects.Before) (out string, err error) {
	t.Helper()
	err = b.Each(t.Context(), func(part []byte) error {
		out += string(part)
		return nil
	})
	return out, err
}

func TestACaptureCanTakeWhatTheOneBeforeHas(t *testing.T) {
	w, p := captured(t)
	spoil := func(profile, name string) {
		keys, err := w.bucket(t, profile).List(t.Context(), group.Captures())
		require.NoError(t, err)
		for _, key := range keys {
			if strings.HasSuffix(key, name) {
				require.NoError(t, w.bucket(t, profile).Delete(t.Context(), key))
			}
		}
	}
	spoil(profiles[0], "000002")
	spoil(profiles[1], "000003")
	b, err := p.begun(t, "two")
	require.NoError(t, err)
	assert.Equal(t, map[string]int{"configmaps": 2}, b.Counts)
	text, err := parts(t, b)
	require.NoError(t, err, "each part is in a store")
	assert.Equal(t, "old/two/1\nold/two/2\n", text)

	other, err := p.begun(t, "three")
	require.NoError(t, err)
	assert.Nil(t, other, "it has no such step")

	peer := w.start(1, 2, nil)
	require.NoError(t, peer.store())
	b, err = peer.begun(t, "one")
	require.NoError(t, err)
	text, err = parts(t, b)
	require.NoError(t, err)
	assert.Equal(t, "old/one/1\nold/one/2\n", text, "after a failover it is that of the other cluster")

	spoil(profiles[0], "000003")
	b, err = peer.begun(t, "two")
	require.NoError(t, err)
	_, err = parts(t, b)
	require.ErrorContains(t, err, "000003 is missing")
}

// TestTheCaptureBeforeIsUnknownWhileNoStoreAnswers : and not taken for none. One that nobody could restore is none.
func TestTheCaptureBeforeIsUnknownWhileNoStoreAnswers(t *testing.T) {
	w, _ := captured(t)
	down := true
	p := w.start(0, 1, func(_ context.Context, c storetest.Call) error {
		if down && strings.HasSuffix(c.Key, "/manifest.json") && strings.Contains(c.Key, "/kube-objects/") {
			return storetest.Failure(c.Profile, store.ReasonUnreachable, errCrashed)
		}
		return nil
	})
	_, err := p.begun(t, "one")
	require.ErrorContains(t, err, "look at the capture before")
	down = false
	for _, profile := range profiles {
		keys, err := w.bucket(t, profile).List(t.Context(), group.Captures())
		require.NoError(t, err)
		for _, key := range keys {
			require.NoError(t, w.bucket(t, profile).Delete(t.Context(), key))
		}
	}
	b, err := p.begun(t, "one")
	require.NoError(t, err)
	assert.Nil(t, b)
}
