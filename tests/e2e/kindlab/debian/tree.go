// SPDX-License-Identifier: Apache-2.0

package debian

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"time"
)

// merged are the folders that Debian has below /usr. Packages may name them without it.
var merged = []string{"bin", "sbin", "lib", "lib64"}

// unread begins what nobody reads in a container.
var unread = []string{"usr/share/doc/", "usr/share/man/", "usr/share/locale/", "usr/share/info/", "usr/share/lintian/"}

// tree writes a root file system. Of two files of the same name the first counts.
type tree struct {
	to   *tar.Writer
	link map[string]string // folder with links to what matches the pattern, see Image.Links
	has  map[string]bool
}

func newTree(to io.Writer, links map[string]string) (*tree, error) {
	t := &tree{to: tar.NewWriter(to), link: links, has: map[string]bool{}}
	for _, dir := range merged {
		err := errors.Join(
			t.add(&tar.Header{Typeflag: tar.TypeDir, Name: "usr/" + dir, Mode: 0o755}, nil),
			t.add(&tar.Header{Typeflag: tar.TypeSymlink, Name: dir, Linkname: "usr/" + dir, Mode: 0o777}, nil))
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

// unpack adds what a package installs.
func (t *tree) unpack(ctx context.Context, file string) error {
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", file)
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("unpack %s: %w", file, err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("unpack %s: %w", file, err)
	}
	// All is read even if it can't be used: else dpkg-deb would wait for ever.
	unpacked := t.copy(tar.NewReader(out))
	_, drained := io.Copy(io.Discard, out)
	if err := errors.Join(unpacked, drained, cmd.Wait()); err != nil {
		return fmt.Errorf("unpack %s: %w: %s", file, err, problems.String())
	}
	return nil
}

func (t *tree) copy(from *tar.Reader) error {
	for {
		h, err := from.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := t.add(h, from); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

// add adds one file, with the links to it.
func (t *tree) add(h *tar.Header, content io.Reader) error {
	h.Name = below(h.Name)
	if h.Typeflag == tar.TypeLink {
		h.Linkname = below(h.Linkname)
	}
	if h.Name == "" || t.has[h.Name] || slices.ContainsFunc(unread, func(dir string) bool { return strings.HasPrefix(h.Name, dir) }) {
		return nil
	}
	t.has[h.Name] = true
	if err := t.to.WriteHeader(h); err != nil {
		return err
	}
	if h.Size > 0 {
		if _, err := io.Copy(t.to, content); err != nil {
			return err
		}
	}
	for dir, pattern := range t.link {
		matches, err := path.Match(pattern, h.Name)
		if err != nil {
			return err
		}
		if !matches || h.Typeflag == tar.TypeDir {
			continue
		}
		link := &tar.Header{Typeflag: tar.TypeSymlink, Name: path.Join(dir, path.Base(h.Name)), Linkname: "/" + h.Name, Mode: 0o777}
		if err := t.add(link, nil); err != nil {
			return err
		}
	}
	return nil
}

// below is a name as it is in a system whose programs and libraries are all below /usr; empty for what is there anyway.
func below(name string) string {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	first, inside, deeper := strings.Cut(name, "/")
	if !slices.Contains(merged, first) {
		return name
	}
	if !deeper {
		return name // the link to it, which newTree made
	}
	return path.Join("usr", first, inside)
}

// put adds a file that no package has.
func (t *tree) put(f File) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: f.Path, Mode: f.Mode, Uid: f.Owner, Gid: f.Owner, ModTime: time.Unix(0, 0)}
	switch {
	case f.Dir:
		h.Typeflag = tar.TypeDir
	case f.From != "":
		content, err := os.ReadFile(f.From)
		if err != nil {
			return err
		}
		f.Content = string(content)
	}
	h.Size = int64(len(f.Content))
	if f.Dir {
		h.Size = 0
	}
	return t.add(h, strings.NewReader(f.Content))
}
