// SPDX-License-Identifier: Apache-2.0

package captures_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
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
	text, err = parts(t, b)
	require.ErrorAs(t, err, new(*objects.LostError))
	require.ErrorContains(t, err, "000003 is missing")
	assert.Equal(t, "old/two/1\n", text, "what is left is given all the same")
}

// rewrite changes the manifest of the newest capture in all stores, which name it with the right checksum.
func (p *process) rewrite(t *testing.T, change func(m map[string]any)) {
	t.Helper()
	found, problems := p.archive.OwnPointers(t.Context(), group, profiles, p.term)
	require.NoError(t, problems.Err())
	for _, at := range found {
		key := group.Capture(at.Pointer.Slot, at.Pointer.ID) + "manifest.json"
		body, err := at.Store.Get(t.Context(), key)
		require.NoError(t, err)
		m := map[string]any{}
		require.NoError(t, json.Unmarshal(body, &m))
		change(m)
		body, err = json.Marshal(m)
		require.NoError(t, err)
		require.NoError(t, at.Store.Put(t.Context(), key, body))
		is := *at.Pointer
		is.Sum = fmt.Sprintf("%x", sha256.Sum256(body))
		require.NoError(t, p.archive.Point(t.Context(), at.Store, group, p.term, at.Pointer, is))
	}
}

// TestACaptureBeforeThatIsOfNoUseIsNone : whatever is in it, the next capture is made, and tells.
func TestACaptureBeforeThatIsOfNoUseIsNone(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(own string, m map[string]any)
		says   string
	}{
		"it is of a later version":        {func(_ string, m map[string]any) { m["version"] = 2 }, "its version is 2, and this cluster reads 1"},
		"it is of another kind":           {func(_ string, m map[string]any) { m["steps"] = "none" }, "decode it"},
		"it is another one":               {func(_ string, m map[string]any) { m["id"] = "1-2" }, `is of capture "1-2"`},
		"its key is none":                 {func(own string, m map[string]any) { m["keys"] = map[string]any{own: []byte("x")} }, "manifest.json"},
		"it is for others":                {func(_ string, m map[string]any) { m["keys"] = map[string]any{} }, "it was encrypted before this cluster's key was known"},
		"another engine made it":          {func(_ string, m map[string]any) { m["engine"] = "other" }, `it was made by engine "other" in format "1"`},
		"its parts are in another format": {func(_ string, m map[string]any) { m["format"] = "2" }, `it was made by engine "test" in format "2"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, p := captured(t)
			p.rewrite(t, func(m map[string]any) { tc.change(p.term.Key.Public(), m) })
			p.clock.Step(time.Minute)
			w, err := p.keeper.Begin(t.Context(), captures.Begun{Group: group, Profiles: profiles, Term: p.term, Recipients: p.recipients, Engine: "test", Format: "1"})
			require.NoError(t, err)
			for _, step := range []string{"one", "two"} {
				b, err := w.Before(t.Context(), step)
				require.NoError(t, err)
				assert.Nil(t, b)
			}
			told := w.Findings().List
			require.Len(t, told, 1)
			assert.Equal(t, objects.NoBefore, told[0].Reason)
			assert.Contains(t, told[0].What, tc.says)
			_, err = w.Commit(t.Context())
			require.NoError(t, err)
			assert.Equal(t, told, p.newest().Manifest.Findings().List, "the capture tells of it")
			w, err = p.keeper.Begin(t.Context(), captures.Begun{Group: group, Profiles: profiles, Term: p.term, Recipients: p.recipients, Engine: "test", Format: "1"})
			require.NoError(t, err)
			_, err = w.Before(t.Context(), "one")
			require.NoError(t, err)
			assert.Empty(t, w.Findings().List, "the next one needs not")
		})
	}
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
