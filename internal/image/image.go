// SPDX-License-Identifier: Apache-2.0

// Package image makes container images of static programs, from scratch and without a daemon. It promises an archive in
// OCI layout that holds one image for all platforms, runs its program as a user without rights on a root file system that
// nothing writes to, and is the same, byte for byte, whenever the programs are.
package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Nobody is the user and the group of the images: a number, so that a kubelet sees that it is not root.
const Nobody = "65532:65532"

// Annotations by which containerd, and others, find the name of an image in an archive.
const (
	nameOfContainerd = "io.containerd.image.name"
	nameOfOCI        = "org.opencontainers.image.ref.name"
)

// Image is one program for several platforms.
type Image struct {
	Name     string            // with registry and tag, as Pods name it
	Program  string            // name of the program, in the root folder of the image
	Args     []string          // what the program is always called with first
	User     string            // empty: Nobody
	Labels   map[string]string // annotations of OCI, such as org.opencontainers.image.version
	Binaries map[string]string // path of the static program, by architecture of Go
}

// Write writes the archive to a file, whole or not at all.
func (i Image) Write(file string) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(file), ".image-")
	if err != nil {
		return fmt.Errorf("write image %s: %w", i.Name, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	whole := filepath.Join(dir, "archive.tar")
	if err := errors.Join(i.layOut(filepath.Join(dir, "layout")), pack(filepath.Join(dir, "layout"), whole)); err != nil {
		return fmt.Errorf("write image %s: %w", i.Name, err)
	}
	if err := os.Rename(whole, file); err != nil {
		return fmt.Errorf("write image %s: %w", i.Name, err)
	}
	return nil
}

// layOut writes the image into a folder.
func (i Image) layOut(dir string) error {
	all := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range slices.Sorted(maps.Keys(i.Binaries)) {
		one, err := i.platform(arch)
		if err != nil {
			return err
		}
		all = mutate.AppendManifests(all, mutate.IndexAddendum{
			Add:        one,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	return path.AppendIndex(all, layout.WithAnnotations(map[string]string{nameOfContainerd: i.Name, nameOfOCI: i.Name}))
}

// platform is the image for one architecture.
func (i Image) platform(arch string) (v1.Image, error) {
	content, err := i.content(i.Binaries[arch])
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.AppendLayers(base, layer)
	if err != nil {
		return nil, err
	}
	user := i.User
	if user == "" {
		user = Nobody
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture = "linux", arch
	cfg.Config = v1.Config{
		Entrypoint: append([]string{"/" + i.Program}, i.Args...),
		User:       user,
		WorkingDir: "/",
		Labels:     i.Labels,
	}
	return mutate.ConfigFile(img, cfg)
}

// content is the layer: the program and nothing else.
func (i Image) content(binary string) ([]byte, error) {
	program, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := errors.Join(
		w.WriteHeader(&tar.Header{Name: i.Program, Mode: 0o555, Size: int64(len(program)), ModTime: time.Unix(0, 0), Format: tar.FormatPAX}),
		second(w.Write(program)),
		w.Close(),
	); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// pack writes the files of a folder into an archive, in the order of their names.
func pack(dir, file string) (err error) {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	w := tar.NewWriter(out)
	defer func() { err = errors.Join(err, w.Close(), out.Close()) }()
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return errors.Join(
			w.WriteHeader(&tar.Header{Name: filepath.ToSlash(name), Mode: 0o644, Size: int64(len(content)), ModTime: time.Unix(0, 0), Format: tar.FormatPAX}),
			second(w.Write(content)),
		)
	})
}

func second(_ int, err error) error { return err }
