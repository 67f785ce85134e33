// SPDX-License-Identifier: Apache-2.0

package captures_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects/captures"
)

func captured(t *testing.T) (*world, *process) {
	t.Helper()
	w := newWorld(t)
	p := w.start(0, 1, nil)
	require.NoError(t, p.store())
	_, _, err := p.capture(t.Context(), "old")
	require.NoError(t, err)
	return w, p
}

func TestSlotsTakeTurnsAndTheFirstIsNumberOne(t *testing.T) {
	w := newWorld(t)
	p := w.start(0, 1, nil)
	require.NoError(t, p.store())
	for i, slot := range []int64{1, 0, 1, 0} {
		pointer, _, err := p.capture(t.Context(), "x")
		require.NoError(t, err)
		assert.Equal(t, slot, pointer.Slot)
		assert.Equal(t, int64(7), pointer.Generation)
		for _, profile := range profiles {
			keys, err := w.bucket(t, profile).List(t.Context(), group.Captures())
			require.NoError(t, err)
			assert.Len(t, keys, 5*min(i+1, 2), "two captures are kept")
		}
	}
}

func TestStoringVolumesKeepsTheCapture(t *testing.T) {
	w, p := captured(t)
	require.NoError(t, p.store())
	assert.Equal(t, "old", text(t, p.newest()))
	peer := w.start(1, 2, nil)
	require.NoError(t, peer.store())
	assert.Equal(t, "old", text(t, peer.newest()), "the capture of the epoch before is what a failover restores")
	assert.False(t, p.archive.Current(group, profiles, peer.term, nil))
	require.NoError(t, peer.archive.Empty(t.Context(), group, profiles, archive.Term{Epoch: 2}).Err())
	for _, profile := range profiles {
		keys, err := w.bucket(t, profile).List(t.Context(), "")
		require.NoError(t, err)
		assert.Empty(t, keys, "with the group its captures go")
	}
}

func TestNothingIsCapturedBeforeTheVolumesAreStored(t *testing.T) {
	w := newWorld(t)
	_, _, err := w.start(0, 1, nil).capture(t.Context(), "x")
	require.ErrorContains(t, err, archive.ErrNoCapsule.Error())
	require.NoError(t, w.start(0, 1, nil).store())
	_, _, err = w.start(0, 2, nil).capture(t.Context(), "x")
	require.ErrorContains(t, err, archive.ErrNoCapsule.Error(), "in this epoch")
	_, _, err = w.start(1, 1, nil).capture(t.Context(), "x")
	require.ErrorContains(t, err, archive.ErrNoCapsule.Error(), "by this cluster")
}

func TestNobodyButTheClustersOfTheGroupReadsACapture(t *testing.T) {
	w, p := captured(t)
	for _, profile := range profiles {
		b := w.bucket(t, profile)
		keys, err := b.List(t.Context(), "")
		require.NoError(t, err)
		for _, key := range keys {
			body, err := b.Get(t.Context(), key)
			require.NoError(t, err)
			assert.False(t, bytes.Contains(body, []byte("old/")), key)
		}
	}
	stranger, err := capsule.NewKey()
	require.NoError(t, err)
	found := p.keeper.Newest(t.Context(), captures.Asked{Group: group, Profiles: profiles, Trust: p.term.Trust, Key: stranger})
	assert.Equal(t, captures.Unknown, found.Answer)
	assert.ErrorContains(t, found.Problems.Err(), "was encrypted before this cluster's key was known")
}

func TestACaptureNeedsTheOwnKeyAmongThoseThatReadIt(t *testing.T) {
	w := newWorld(t)
	p := w.start(0, 1, nil)
	require.NoError(t, p.store())
	p.recipients = p.recipients[1:]
	_, _, err := p.capture(t.Context(), "x")
	require.Error(t, err)
}

// What runs, with rights that it brings along, is restored only from those who are known.
func TestACaptureThatNoKnownClusterSignedIsNotRestored(t *testing.T) {
	w, p := captured(t)
	alone := capsule.Trust{Signers: []string{w.keys[1].Public()}}
	found := p.keeper.Newest(t.Context(), captures.Asked{Group: group, Profiles: profiles, Trust: alone, Key: w.keys[1]})
	assert.Equal(t, captures.Unknown, found.Answer)
	assert.ErrorContains(t, found.Problems.Err(), "no cluster of the application is known to have signed the capture")
}

func TestWhatWasChangedIsNamedAndNotRestored(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(key string, body []byte) []byte // nil: deleted
		key    string
		says   string
	}{
		"a part is gone":            {func(string, []byte) []byte { return nil }, "000002", "is missing"},
		"a part is another":         {func(_ string, b []byte) []byte { return append(b, 0) }, "000002", "checksum differs"},
		"the manifest is gone":      {func(string, []byte) []byte { return nil }, "manifest.json", "is missing"},
		"the manifest is another":   {func(_ string, b []byte) []byte { return bytes.Replace(b, []byte(`"engine"`), []byte(`"Engine"`), 1) }, "manifest.json", "checksum differs"},
		"a part is empty":           {func(string, []byte) []byte { return []byte{} }, "000000", "checksum differs"},
		"a part is that of another": {func(string, []byte) []byte { return []byte("old/one/1\n") }, "000003", "checksum differs"},
	} {
		t.Run(name, func(t *testing.T) {
			w, p := captured(t)
			var before []string
			spoil := func(profile string) {
				b := w.bucket(t, profile)
				keys, err := b.List(t.Context(), group.Captures())
				require.NoError(t, err)
				for _, key := range keys {
					if !strings.HasSuffix(key, tc.key) {
						continue
					}
					body, err := b.Get(t.Context(), key)
					require.NoError(t, err)
					if body = tc.change(key, body); body == nil {
						require.NoError(t, b.Delete(t.Context(), key))
					} else {
						require.NoError(t, b.Put(t.Context(), key, body))
					}
				}
				before, err = b.List(t.Context(), "")
				require.NoError(t, err)
			}
			spoil("a")
			found := p.newest()
			assert.Equal(t, "old", text(t, found), "the other store has it whole")
			assert.Equal(t, "b", found.Profile)
			require.ErrorContains(t, found.Problems["a"], tc.key, "which is not hidden")
			spoil("b")
			found = p.newest()
			assert.Equal(t, captures.Unknown, found.Answer)
			for _, profile := range profiles {
				require.ErrorContains(t, found.Problems[profile], tc.key)
				require.ErrorContains(t, found.Problems[profile], tc.says)
			}
			after, err := w.bucket(t, "b").List(t.Context(), "")
			require.NoError(t, err)
			assert.Equal(t, before, after, "nothing is written to the store")
		})
	}
}

func TestNothingIsAnAnswerOnlyIfAllStoresGaveIt(t *testing.T) {
	w := newWorld(t)
	p := w.start(0, 1, nil)
	assert.Equal(t, captures.Nothing, p.newest().Answer)
	fault, _ := at(1, func() error { return errCrashed })
	assert.Equal(t, captures.Unknown, w.start(0, 1, fault).newest().Answer)
}
