// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// protected is a world in which a is primary, has written n records and was copied once.
func protected(t *testing.T, n int) (w *world, a, b *side) {
	t.Helper()
	w = newWorld(t)
	a, b = w.sides[0], w.sides[1]
	require.NoError(t, a.Create(vol))
	require.NoError(t, a.Enable(t.Context(), vol, time.Minute))
	require.NoError(t, w.write(a, n))
	_, err := a.Pass(t.Context(), vol, a.link)
	require.NoError(t, err)
	return w, a, b
}

func align(t *testing.T, s *side, autoResync bool) Alignment {
	t.Helper()
	got, _ := s.Align(t.Context(), vol, s.link, autoResync)
	return got
}

func TestAPassMovesBytes(t *testing.T) {
	w, a, b := protected(t, 3)
	assert.Len(t, w.records(b, currentName), 3)

	require.NoError(t, w.write(a, 2))
	assert.Len(t, w.records(b, currentName), 3, "bytes moved without a pass")
	began := w.clock.Now()
	pass, err := a.Pass(t.Context(), vol, a.link)
	require.NoError(t, err)
	assert.Len(t, w.records(b, currentName), 5)
	assert.Equal(t, began, pass.Start)
	assert.Positive(t, pass.Bytes)
	assert.Equal(t, &pass, w.state(a).LastPass)
}

func TestAFailedPassIsNoPass(t *testing.T) {
	for name, fail := range map[string]func(*world){
		"the link is cut":           func(w *world) { w.cut(true) },
		"the answer is lost":        func(w *world) { w.deaf(true) },
		"the peer cannot write":     func(w *world) { w.doom(0) },
		"the peer was promoted too": func(w *world) { w.promote(w.sides[1]) },
	} {
		t.Run(name, func(t *testing.T) {
			w, a, _ := protected(t, 1)
			before := w.state(a).LastPass
			require.NoError(t, w.write(a, 1))
			fail(w)
			_, err := a.Pass(t.Context(), vol, a.link)
			require.Error(t, err)
			assert.Equal(t, before, w.state(a).LastPass)
		})
	}
}

func (w *world) promote(s *side) {
	w.t.Helper()
	w.cut(true)
	done, err := s.Promote(w.t.Context(), vol, s.link, true)
	require.NoError(w.t, err)
	require.NotEmpty(w.t, done.Forced)
	w.cut(false)
}

func TestUnchangedFilesAreLinkedAndNotSentAgain(t *testing.T) {
	w, a, b := protected(t, 1)
	big := filepath.Join(a.dir(vol), dataName, "folder", "big")
	require.NoError(t, os.MkdirAll(filepath.Dir(big), 0o750))
	require.NoError(t, os.WriteFile(big, make([]byte, 1<<20), 0o640))
	require.NoError(t, os.Symlink("folder/big", filepath.Join(a.dir(vol), dataName, "link")))
	require.NoError(t, os.Chtimes(big, time.Time{}, w.clock.Now()))
	w.later()
	first, err := a.Pass(t.Context(), vol, a.link)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, first.Bytes, int64(1<<20))
	w.later()
	second, err := a.Pass(t.Context(), vol, a.link)
	require.NoError(t, err)
	assert.Zero(t, second.Bytes)
	assert.Equal(t, 3, second.Files)

	copied := filepath.Join(b.dir(vol), currentName, "folder", "big")
	info, err := os.Stat(copied)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode())
	info, err = os.Stat(filepath.Dir(copied))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o750), info.Mode().Perm())
	link, err := os.Readlink(filepath.Join(b.dir(vol), currentName, "link"))
	require.NoError(t, err)
	assert.Equal(t, "folder/big", link)

	// What is written after a promotion shows in no other copy.
	require.NoError(t, os.WriteFile(big, []byte("new"), 0o640))
	info, err = os.Stat(copied)
	require.NoError(t, err)
	assert.Equal(t, int64(1<<20), info.Size())
}

func TestARewriteWithinTheGrainOfFileTimesIsSent(t *testing.T) {
	w, a, b := protected(t, 0)
	file := filepath.Join(a.dir(vol), dataName, "file")
	put := func(content string) {
		require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
		require.NoError(t, os.Chtimes(file, time.Time{}, w.clock.Now()))
		_, err := a.Pass(t.Context(), vol, a.link)
		require.NoError(t, err)
	}
	put("old")
	put("new")
	got, err := os.ReadFile(filepath.Join(b.dir(vol), currentName, "file"))
	require.NoError(t, err)
	assert.Equal(t, "new", string(got))
}

func TestAMissingDataFolderIsNotAnEmptyOne(t *testing.T) {
	w, a, b := protected(t, 3)
	require.NoError(t, os.Rename(filepath.Join(a.dir(vol), dataName), filepath.Join(a.dir(vol), "elsewhere")))
	_, err := a.Pass(t.Context(), vol, a.link)
	require.Error(t, err)
	assert.Len(t, w.records(b, currentName), 3)
}

func TestUseAndRoleExcludeEachOther(t *testing.T) {
	w, a, b := protected(t, 1)
	m, err := a.Mount(t.Context(), vol, "shop/db-0")
	require.NoError(t, err)
	err = a.Demote(t.Context(), vol)
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorContains(t, err, "shop/db-0")
	assert.Equal(t, Primary, w.state(a).Role)
	require.NoError(t, m.Close())
	require.NoError(t, a.Demote(t.Context(), vol))
	for _, s := range w.sides {
		_, err = s.Mount(t.Context(), vol, "shop/db-0")
		require.ErrorIs(t, err, ErrWrongRole)
		assert.NoDirExists(t, filepath.Join(s.dir(vol), dataName))
	}
	_, err = b.Mount(t.Context(), "vol-2", "shop/db-0")
	require.ErrorIs(t, err, ErrNotFound)
}

func TestAnOrderlyMoveLosesNothingAndGoesBack(t *testing.T) {
	w, a, b := protected(t, 3)
	for range 3 {
		require.NoError(t, w.write(a, 2))
		require.NoError(t, a.Demote(t.Context(), vol))
		require.Equal(t, InSync, align(t, a, false))
		done, err := b.Promote(t.Context(), vol, b.link, false)
		require.NoError(t, err)
		assert.Equal(t, Promotion{Changed: true}, done)
		assert.Empty(t, lacks(w.records(b, dataName), w.acknowledged))
		names, err := readNames(b.dir(vol))
		require.NoError(t, err)
		assert.Subset(t, []string{"data", "lock", "in-use", "state.json"}, names, "copies share files with data, writes would show in them")
		require.NoError(t, w.write(b, 2))
		_, err = b.Pass(t.Context(), vol, b.link)
		require.NoError(t, err)
		assert.Empty(t, lacks(w.records(a, currentName), w.acknowledged))
		a, b = b, a
	}
}

func TestADemotedVolumeIsBehindUntilThePeerHasItsFinalCopy(t *testing.T) {
	w, a, b := protected(t, 3)
	require.NoError(t, w.write(a, 2))
	w.cut(true)
	require.NoError(t, a.Demote(t.Context(), vol))
	require.Equal(t, Behind, align(t, a, false))
	require.ErrorIs(t, a.Disable(t.Context(), vol), ErrReplicating)
	_, err := a.Delete(t.Context(), vol)
	require.ErrorIs(t, err, ErrReplicating)
	w.cut(false)

	_, err = b.Promote(t.Context(), vol, b.link, true)
	require.ErrorIs(t, err, ErrFinalPending, "even force must not drop a copy that is about to arrive")
	require.Equal(t, InSync, align(t, a, false))
	_, err = b.Promote(t.Context(), vol, b.link, false)
	require.NoError(t, err)
	assert.Empty(t, lacks(w.records(b, dataName), w.acknowledged))
	require.NoError(t, a.Disable(t.Context(), vol))
}

func TestAFinalCopyWhoseAnswerWasLostIsKnownToHaveArrived(t *testing.T) {
	w, a, b := protected(t, 3)
	require.NoError(t, w.write(a, 2))
	require.NoError(t, a.Demote(t.Context(), vol))
	w.deaf(true)
	require.Equal(t, Behind, align(t, a, false))
	w.deaf(false)
	_, err := b.Promote(t.Context(), vol, b.link, false)
	require.NoError(t, err)
	require.NoError(t, w.write(b, 1))
	require.Equal(t, InSync, align(t, a, true), "nothing diverged, nothing to move aside")
	assert.Empty(t, lacks(w.records(b, dataName), w.acknowledged))
}

func TestOwnContentThatGoesOnStillContainsWhatItWasMadeFrom(t *testing.T) {
	w, a, b := protected(t, 3)
	require.NoError(t, a.Demote(t.Context(), vol))
	w.deaf(true)
	require.Equal(t, Behind, align(t, a, false)) // it arrived, but a does not know
	w.deaf(false)
	_, err := b.Promote(t.Context(), vol, b.link, false)
	require.NoError(t, err)
	require.NoError(t, w.write(b, 1))
	require.NoError(t, b.Demote(t.Context(), vol))
	_, err = b.Promote(t.Context(), vol, b.link, false)
	require.NoError(t, err)
	require.Equal(t, InSync, align(t, a, false))
}

func TestAPrimaryPeerIsInTheWayOfAPromotion(t *testing.T) {
	w, _, b := protected(t, 3)
	_, err := b.Promote(t.Context(), vol, b.link, false)
	require.ErrorIs(t, err, ErrPeerPrimary)
	assert.Equal(t, Secondary, w.state(b).Role)
	done, err := b.Promote(t.Context(), vol, b.link, true)
	require.NoError(t, err)
	assert.NotEmpty(t, done.Forced)
	for _, s := range w.sides {
		_, err = s.Pass(t.Context(), vol, s.link)
		require.ErrorIs(t, err, ErrPeerPrimary)
	}
}

func TestWithoutACompleteCopyThereIsNoPromotion(t *testing.T) {
	w := newWorld(t)
	a, b := w.sides[0], w.sides[1]
	require.NoError(t, a.Create(vol))
	w.cut(true)
	_, err := b.Promote(t.Context(), vol, b.link, true)
	require.ErrorIs(t, err, ErrNoCopy)
	w.cut(false)
	_, err = b.Begin(t.Context(), vol, Offer{ID: "x"})
	require.NoError(t, err)
	w.cut(true)
	_, err = b.Promote(t.Context(), vol, b.link, true)
	require.ErrorIs(t, err, ErrNoCopy)
}

func TestAfterAFailoverTheOldSideIsResynchronized(t *testing.T) {
	w, a, b := protected(t, 3)
	require.NoError(t, w.write(a, 2)) // never copied
	w.promote(b)
	assert.Len(t, w.records(b, dataName), 3)
	require.NoError(t, w.write(b, 4))

	require.NoError(t, a.Demote(t.Context(), vol))
	require.Equal(t, Diverged, align(t, a, false), "without autoResync nothing is moved")
	_, err := b.Pass(t.Context(), vol, b.link)
	require.ErrorIs(t, err, ErrDiverged)
	require.Equal(t, Resyncing, align(t, a, true))
	aside := w.state(a).Aside
	assert.Len(t, w.records(a, aside), 5, "the content that diverged was not kept")

	w.cut(true)
	_, err = a.Promote(t.Context(), vol, a.link, true)
	require.ErrorIs(t, err, ErrNoCopy)
	require.ErrorContains(t, err, aside)
	w.cut(false)

	_, err = b.Pass(t.Context(), vol, b.link)
	require.NoError(t, err)
	require.Equal(t, InSync, align(t, a, true))
	assert.Len(t, w.records(a, currentName), 7)
	assert.Empty(t, lacks(w.anywhere(), w.acknowledged))
}

func TestACommitThatWasHeldUpCompletesNothing(t *testing.T) {
	ctx := t.Context()
	w, a, b := protected(t, 3)
	begin := func() Staging {
		s, err := b.Begin(ctx, vol, Offer{ID: "again", Start: w.clock.Now()})
		require.NoError(t, err)
		return s
	}
	old, current := begin(), begin()
	require.ErrorIs(t, b.Commit(ctx, vol, old.Token), ErrSuperseded, "it would complete the attempt after it, half copied")
	assert.NoDirExists(t, old.Dir)
	w.promote(b)
	require.ErrorIs(t, b.Commit(ctx, vol, current.Token), ErrSuperseded)
	assert.Len(t, w.records(b, dataName), 3)
	assert.Equal(t, Primary, w.state(a).Role)
}

func TestDelete(t *testing.T) {
	ctx := t.Context()
	w, a, b := protected(t, 3)
	_, err := a.Delete(ctx, vol)
	require.ErrorIs(t, err, ErrReplicating)
	kept, err := b.Delete(ctx, vol)
	require.NoError(t, err)
	assert.True(t, kept, "a secondary stays a destination")
	assert.Len(t, w.records(b, currentName), 3)

	require.NoError(t, a.Disable(ctx, vol))
	m, err := a.Mount(ctx, vol, "shop/db-0")
	require.NoError(t, err)
	_, err = a.Delete(ctx, vol)
	require.ErrorIs(t, err, ErrInUse)
	require.NoError(t, m.Close())
	kept, err = a.Delete(ctx, vol)
	require.NoError(t, err)
	assert.False(t, kept)
	handles, err := a.Handles()
	require.NoError(t, err)
	assert.Empty(t, handles)
	_, err = a.Delete(ctx, vol)
	require.NoError(t, err, "what is gone is deleted")
}

func TestAHandleNamesNoOtherFolder(t *testing.T) {
	s := New(t.TempDir(), newWorld(t).clock)
	for _, handle := range []string{"", ".", "..", "../x", "a/b", ".new-x", "A"} {
		require.Error(t, s.Create(handle), handle)
		_, err := s.Begin(t.Context(), handle, Offer{})
		require.Error(t, err, handle)
	}
}
