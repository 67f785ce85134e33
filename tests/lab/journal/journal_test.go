// SPDX-License-Identifier: Apache-2.0

package journal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/tests/lab/journal"
)

var t0 = time.Unix(1_700_000_000, 5)

func open(t *testing.T, dir string) *journal.Writer {
	t.Helper()
	w, err := journal.Open(dir)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// write appends n records, a second apart.
func write(t *testing.T, dir string, n int) *journal.Writer {
	t.Helper()
	w := open(t, dir)
	first := int(w.Acknowledged().Number)
	for i := range n {
		_, err := w.Append(t0.Add(time.Duration(first+i) * time.Second))
		require.NoError(t, err)
	}
	return w
}

func edit(t *testing.T, dir string, change func([]byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(journal.Path(dir))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(journal.Path(dir), change(content), 0o644))
}

func TestWhatWasAcknowledgedIsThere(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir)
	last, err := w.Append(t0, t0.Add(time.Second), t0.Add(2*time.Second))
	require.NoError(t, err)
	assert.Equal(t, uint64(3), last.Number)
	assert.Equal(t, last, w.Acknowledged())

	r, err := journal.Verify(dir)
	require.NoError(t, err)
	assert.True(t, r.Intact())
	assert.Equal(t, 3, r.Count)
	assert.Equal(t, uint64(1), r.First.Number)
	assert.Equal(t, uint64(3), r.Last.Number)
	assert.True(t, t0.Add(2*time.Second).Equal(r.Last.Time))
}

func TestNumbersGoOnAfterAReopen(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, write(t, dir, 3).Close())
	last, err := open(t, dir).Append(t0)
	require.NoError(t, err)
	assert.Equal(t, uint64(4), last.Number)
}

func TestDamage(t *testing.T) {
	line := func(n int) int { return n * len("1 1700000000000000005 01234567\n") }
	tests := map[string]struct {
		change  func([]byte) []byte
		count   int
		last    uint64
		corrupt int
		gaps    []journal.Gap
		torn    bool
	}{
		"none":                                {func(b []byte) []byte { return b }, 5, 5, 0, nil, false},
		"a torn last line is no corruption":   {func(b []byte) []byte { return b[:len(b)-3] }, 4, 4, 0, nil, true},
		"a last line without its end is torn": {func(b []byte) []byte { return b[:len(b)-1] }, 4, 4, 0, nil, true},
		"a flipped digit is a corrupt record and a gap": {
			func(b []byte) []byte { b[line(2)+4] ^= 1; return b }, 4, 5, 1, []journal.Gap{{First: 3, Last: 3}}, false,
		},
		"a missing middle is a gap": {
			func(b []byte) []byte { return append(b[:line(1)], b[line(3):]...) }, 3, 5, 0, []journal.Gap{{First: 2, Last: 3}}, false,
		},
		"a missing head is a gap": {
			func(b []byte) []byte { return b[line(2):] }, 3, 5, 0, []journal.Gap{{First: 1, Last: 2}}, false,
		},
		"a repeated record is corrupt": {
			func(b []byte) []byte { return append(b, b[line(4):]...) }, 5, 5, 1, nil, false,
		},
		"zeros, as a crash may leave them, are corrupt": {
			func(b []byte) []byte { return append(b, 0, 0, '\n') }, 5, 5, 1, nil, false,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, 5)
			edit(t, dir, tt.change)
			r, err := journal.Verify(dir)
			require.NoError(t, err)
			assert.Equal(t, tt.count, r.Count, "count")
			assert.Equal(t, tt.last, r.Last.Number, "last")
			assert.Equal(t, tt.corrupt, r.Corrupt, "corrupt")
			assert.Equal(t, tt.gaps, r.Gaps)
			assert.Equal(t, tt.torn, r.Torn, "torn")
		})
	}
}

func TestATornLineIsCutBeforeTheNextRecord(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, 3)
	edit(t, dir, func(b []byte) []byte { return b[:len(b)-2] })
	last, err := open(t, dir).Append(t0)
	require.NoError(t, err)
	assert.Equal(t, uint64(3), last.Number)
	r, err := journal.Verify(dir)
	require.NoError(t, err)
	assert.Equal(t, 3, r.Count)
	assert.True(t, r.Intact())
	assert.False(t, r.Torn)
}

func TestACorruptLineIsLeftAsEvidence(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, 3)
	edit(t, dir, func(b []byte) []byte { return append(b, "rubbish\n"...) })
	_, err := open(t, dir).Append(t0)
	require.NoError(t, err)
	r, err := journal.Verify(dir)
	require.NoError(t, err)
	assert.Equal(t, 1, r.Corrupt)
	assert.Equal(t, uint64(4), r.Last.Number)
}

func TestNothingIsAcknowledgedWhen(t *testing.T) {
	tests := map[string]struct {
		harm func(dir string) error
		want error
	}{
		"the folder is renamed":           {func(dir string) error { return os.Rename(dir, dir+"-away") }, journal.ErrVanished},
		"the folder is removed":           {os.RemoveAll, journal.ErrVanished},
		"the file is removed":             {func(dir string) error { return os.Remove(journal.Path(dir)) }, journal.ErrVanished},
		"the folder is made read-only":    {func(dir string) error { return os.Chmod(dir, 0o555) }, journal.ErrReadOnly},
		"another folder has taken a name": {replaceFolder, journal.ErrVanished},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			require.NoError(t, os.Mkdir(dir, 0o755))
			w := write(t, dir, 2)
			require.NoError(t, tt.harm(dir))
			_, err := w.Append(t0)
			require.ErrorIs(t, err, tt.want)
			assert.Equal(t, uint64(2), w.Acknowledged().Number)
			_ = os.Chmod(dir, 0o755)
			_, err = w.Append(t0)
			require.ErrorIs(t, err, tt.want, "a writer that failed once goes on as if nothing had been lost")
		})
	}
}

func replaceFolder(dir string) error {
	if err := os.Rename(dir, dir+"-away"); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(journal.Path(dir), nil, 0o644)
}

func TestAFolderMustExist(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none")
	_, err := journal.Open(missing)
	require.ErrorIs(t, err, journal.ErrVanished)
	_, err = journal.Verify(missing)
	require.Error(t, err, "a folder that is missing is not a folder without records")
}

func TestWhatACopyLacks(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, 5)
	r, err := journal.Verify(dir)
	require.NoError(t, err)
	lost := r.After(3)
	require.Len(t, lost, 2)
	assert.Equal(t, uint64(4), lost[0].Number)
	assert.True(t, t0.Add(3*time.Second).Equal(lost[0].Time))
	assert.Empty(t, r.After(5))
	assert.Len(t, r.After(0), 5)
	assert.Equal(t, "5 records, 1 to 5, 0 gaps, 0 corrupt", fmt.Sprint(r))
}

func FuzzVerifyNeverTrustsDamage(f *testing.F) {
	f.Add(40, byte(1))
	f.Fuzz(func(t *testing.T, at int, bit byte) {
		dir := t.TempDir()
		write(t, dir, 4)
		var size int
		edit(t, dir, func(b []byte) []byte {
			size = len(b)
			if at >= 0 && at < size {
				b[at] ^= bit
			}
			return b
		})
		r, err := journal.Verify(dir)
		require.NoError(t, err)
		if bit == 0 || at < 0 || at >= size {
			require.True(t, r.Intact())
			return
		}
		require.Less(t, r.Count, 4, "a damaged record was counted")
	})
}
