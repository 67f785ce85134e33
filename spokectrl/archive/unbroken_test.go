// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

// spoil writes text over the manifest of a group.
func (f *fixture) spoil(t *testing.T, text string) {
	t.Helper()
	for _, p := range profiles {
		s, err := f.server.Open(store.Config{Profile: p, Endpoint: "https://s3.example.com", Bucket: p, AccessKey: "a", SecretKey: "s"})
		require.NoError(t, err)
		require.NoError(t, s.Put(t.Context(), group.Manifest(), []byte(text)))
	}
}

// TestABrokenManifestIsWrittenAgain by the cluster that stored it, also after a restart. Until then it is told what helps.
func TestABrokenManifestIsWrittenAgain(t *testing.T) {
	for name, restart := range map[string]bool{"by the same process": false, "by the next": true} {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			require.NoError(t, f.Sync(t.Context(), group, profiles, term(1), content(t, "1")).Err())
			f.spoil(t, "garbage")
			n := f.Newest(t.Context(), group, profiles, capsule.Trust{})
			assert.Equal(t, archive.Unknown, n.Answer)
			require.ErrorContains(t, n.Problems.Err(), "bring back an earlier version of this object")
			f.clock.Step(archive.Recheck)
			if restart {
				f.restart()
			}
			require.NoError(t, f.Sync(t.Context(), group, profiles, term(1), content(t, "1")).Err())
			n = f.Newest(t.Context(), group, profiles, capsule.Trust{})
			assert.Equal(t, archive.Found, n.Answer)
			assert.Len(t, n.Pairs, 1)
		})
	}
}

// TestABrokenManifestOfAnApplicationThatLeavesIsNotGuessed : what has left already is listed by it only.
func TestABrokenManifestOfAnApplicationThatLeavesIsNotGuessed(t *testing.T) {
	f := newFixture()
	require.NoError(t, f.Sync(t.Context(), group, profiles, term(1), content(t, "1")).Err())
	f.spoil(t, "garbage")
	f.clock.Step(archive.Recheck)
	require.NoError(t, f.Add(t.Context(), group, profiles, term(1), capsule.Content{}).Err(), "this process knows what it listed")
	assert.Len(t, f.Newest(t.Context(), group, profiles, capsule.Trust{}).Pairs, 1)

	f.spoil(t, "garbage")
	f.restart()
	require.ErrorContains(t, f.Add(t.Context(), group, profiles, term(1), capsule.Content{}).Err(), "bring that version back")
}

// TestAManifestOfALaterVersionIsNotWrittenOver : somebody went back to an earlier version of the program.
func TestAManifestOfALaterVersionIsNotWrittenOver(t *testing.T) {
	f := newFixture()
	require.NoError(t, f.Sync(t.Context(), group, profiles, term(1), content(t, "1")).Err())
	f.spoil(t, `{"version": 2, "epoch": 1, "cluster": "c1", "objects": {}}`)
	f.clock.Step(archive.Recheck)
	require.ErrorContains(t, f.Sync(t.Context(), group, profiles, term(1), content(t, "1")).Err(), "its version is not known")
}
