// SPDX-License-Identifier: Apache-2.0

package gather

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"time"
)

// Bounds of an archive, in bytes before it is compressed.
const (
	// MaxFile is the most of one file: what is longer is cut, and listed as missing.
	MaxFile = 16 << 20
	// MaxArchive is the most of all files.
	MaxArchive = 512 << 20
)

// Archive is a tar.gz with what was gathered.
type Archive struct {
	root   string
	at     time.Time
	zip    *gzip.Writer
	tar    *tar.Writer
	held   int64
	index  Index
	broken error
}

// Index lists what an archive has, and what it lacks.
type Index struct {
	At      time.Time `json:"at"`
	Version string    `json:"version,omitempty"`
	Files   []string  `json:"files"`
	// Missing is what could not be read, with the reason.
	Missing []Missing `json:"missing,omitempty"`
}

// Missing is something that could not be read.
type Missing struct {
	What   string `json:"what"`
	Reason string `json:"reason"`
}

// NewArchive begins an archive on out, with everything below one folder.
func NewArchive(out io.Writer, root string, at time.Time, version string) *Archive {
	zip := gzip.NewWriter(out)
	return &Archive{root: root, at: at, zip: zip, tar: tar.NewWriter(zip), index: Index{At: at.UTC(), Version: version, Files: []string{}}}
}

// Put adds a file. The error is one of writing the archive; what is too long is cut and listed as missing.
func (a *Archive) Put(name string, content []byte) error {
	if a.broken != nil {
		return a.broken
	}
	if len(content) > MaxFile {
		a.Miss(name, fmt.Sprintf("cut after %d of %d bytes", MaxFile, len(content)))
		content = content[:MaxFile]
	}
	if a.held += int64(len(content)); a.held > MaxArchive {
		a.held -= int64(len(content))
		a.Miss(name, fmt.Sprintf("the archive has %d bytes already", a.held))
		return nil
	}
	a.index.Files = append(a.index.Files, name)
	a.broken = a.write(name, content)
	return a.broken
}

func (a *Archive) write(name string, content []byte) error {
	head := &tar.Header{Typeflag: tar.TypeReg, Name: a.root + "/" + name, Size: int64(len(content)), Mode: 0o600, ModTime: a.at}
	if err := a.tar.WriteHeader(head); err != nil {
		return fmt.Errorf("write the archive: %w", err)
	}
	if _, err := a.tar.Write(content); err != nil {
		return fmt.Errorf("write the archive: %w", err)
	}
	return nil
}

// Miss notes what could not be read.
func (a *Archive) Miss(what, reason string) {
	a.index.Missing = append(a.index.Missing, Missing{What: what, Reason: reason})
}

// Close writes the index and ends the archive.
func (a *Archive) Close() (Index, error) {
	raw, err := marshal(a.index)
	if err == nil && a.broken == nil {
		err = a.write("index.yaml", raw)
	}
	for _, c := range []io.Closer{a.tar, a.zip} {
		if e := c.Close(); err == nil && e != nil {
			err = fmt.Errorf("write the archive: %w", e)
		}
	}
	if err == nil {
		err = a.broken
	}
	return a.index, err
}
