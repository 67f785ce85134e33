// SPDX-License-Identifier: Apache-2.0

package debian

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPackagesAreThoseThatAptGetWouldInstall(t *testing.T) {
	got, err := parse(`NOTE: This is only a simulation!
Inst libllvm14 (1:14.0.6-12 Debian:12.13/oldstable [amd64])
Inst libc6 (2.36-9 Debian:12.13/oldstable [amd64]) []
Conf libc6 (2.36-9 Debian:12.13/oldstable [amd64])
Inst base (1:2.3 Debian:12.13/oldstable [all])
`, []string{"libllvm*"})
	require.NoError(t, err)
	assert.Equal(t, []Package{{"base", "1:2.3"}, {"libc6", "2.36-9"}}, got)
}

func TestFilesOfPackagesAreBelowUsr(t *testing.T) {
	var from bytes.Buffer
	w := tar.NewWriter(&from)
	for _, h := range []tar.Header{
		{Typeflag: tar.TypeDir, Name: "./"},
		{Typeflag: tar.TypeDir, Name: "./bin/", Mode: 0o755},
		{Typeflag: tar.TypeReg, Name: "./bin/sh", Size: 2, Mode: 0o755},
		{Typeflag: tar.TypeLink, Name: "./usr/bin/again", Linkname: "./bin/sh"},
		{Typeflag: tar.TypeReg, Name: "./usr/share/doc/sh/README", Size: 2},
		{Typeflag: tar.TypeReg, Name: "./usr/lib/db/9/bin/serve", Size: 2, Mode: 0o755},
		{Typeflag: tar.TypeReg, Name: "./etc/own", Size: 2},
	} {
		require.NoError(t, w.WriteHeader(&h))
		if h.Size > 0 {
			_, err := w.Write([]byte("of"))
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())

	var out bytes.Buffer
	root, err := newTree(&out, map[string]string{"usr/local/bin": "usr/lib/db/*/bin/*"})
	require.NoError(t, err)
	require.NoError(t, root.put(File{Path: "etc/own", Content: "mine", Mode: 0o600, Owner: 7}))
	require.NoError(t, root.copy(tar.NewReader(&from)))
	require.NoError(t, root.to.Close())

	got := map[string]string{}
	for r := tar.NewReader(&out); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NotContains(t, got, h.Name, "named twice")
		got[h.Name] = h.Linkname + string(content)
	}
	for _, dir := range merged {
		assert.Equal(t, "usr/"+dir, got[dir])
		delete(got, dir)
		delete(got, "usr/"+dir)
	}
	assert.Equal(t, map[string]string{
		"usr/bin/sh": "of", "usr/bin/again": "usr/bin/sh", "usr/lib/db/9/bin/serve": "of",
		"usr/local/bin/serve": "/usr/lib/db/9/bin/serve", "etc/own": "mine",
	}, got)
}
