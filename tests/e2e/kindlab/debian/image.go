// SPDX-License-Identifier: Apache-2.0

package debian

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// File is what an image has besides packages. It takes the place of a file of a package.
type File struct {
	Path    string
	Dir     bool
	Content string
	From    string // the file on this machine that has the content, in place of Content
	Mode    int64
	Owner   int // number of user and group
}

// Image is made of packages.
type Image struct {
	Name     string            // with registry and tag, as Pods name it
	Packages []string          // with all that they depend on
	Without  []string          // patterns of packages that are left out all the same
	Files    []File            //
	Links    map[string]string // folder that gets links to the files that match a pattern, such as those of a version
	Config   v1.Config
}

// Write writes the archive to a file, unless it is there already. The folder keeps what was downloaded.
func (i Image) Write(ctx context.Context, dir, file string) error {
	packages, err := Resolve(ctx, i.Packages, i.Without)
	if err != nil {
		return fmt.Errorf("write image %s: %w", i.Name, err)
	}
	made, err := i.key(packages)
	if err != nil {
		return fmt.Errorf("write image %s: %w", i.Name, err)
	}
	note := file + ".made"
	if was, err := os.ReadFile(note); err == nil && string(was) == made {
		if _, err := os.Stat(file); err == nil {
			return nil
		}
	}
	files, err := Fetch(ctx, dir, packages)
	if err != nil {
		return fmt.Errorf("write image %s: %w", i.Name, err)
	}
	if err := i.write(ctx, files, file); err != nil {
		return fmt.Errorf("write image %s: %w", i.Name, err)
	}
	return os.WriteFile(note, []byte(made), 0o644)
}

// key is another one whenever the image would be.
func (i Image) key(packages []Package) (string, error) {
	text, err := json.Marshal(struct {
		Image    Image
		Packages []Package
	}{i, packages})
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	sum.Write(text)
	for _, f := range i.Files {
		if f.From == "" {
			continue
		}
		content, err := os.ReadFile(f.From)
		if err != nil {
			return "", err
		}
		sum.Write(content)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (i Image) write(ctx context.Context, packages []string, file string) (err error) {
	draft, err := os.MkdirTemp(filepath.Dir(file), ".image-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(draft)) }()
	root := filepath.Join(draft, "layer.tar")
	if err := i.fill(ctx, packages, root); err != nil {
		return err
	}
	// It is read on this machine only: what takes time is to compress it well.
	layer, err := tarball.LayerFromFile(root, tarball.WithCompressionLevel(gzip.BestSpeed))
	if err != nil {
		return err
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return err
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		return err
	}
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture, cfg.Config = "linux", runtime.GOARCH, i.Config
	if img, err = mutate.ConfigFile(img, cfg); err != nil {
		return err
	}
	tag, err := name.NewTag(i.Name)
	if err != nil {
		return err
	}
	whole := filepath.Join(draft, "archive.tar")
	if err := tarball.WriteToFile(whole, tag, img); err != nil {
		return err
	}
	return os.Rename(whole, file)
}

// fill writes the root file system.
func (i Image) fill(ctx context.Context, packages []string, file string) (err error) {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	t, err := newTree(out, i.Links)
	if err != nil {
		return err
	}
	for _, f := range i.Files {
		if err := t.put(f); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	for _, p := range packages {
		if err := t.unpack(ctx, p); err != nil {
			return err
		}
	}
	return t.to.Close()
}
