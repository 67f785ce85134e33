// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/ramendr/ramen-direct/internal/image"
)

// module is the module of the project.
const module = "github.com/ramendr/ramen-direct"

// controllers have an image each, by the names of their programs.
func controllers() []string { return []string{"hubctrl", "spokectrl", "mirror"} }

// images builds the controllers for all architectures and writes an archive for each controller.
func (d dist) images(ctx context.Context, progress io.Writer) ([]string, error) {
	dir, err := d.folder("images")
	if err != nil {
		return nil, err
	}
	binaries := map[string]map[string]string{}
	for _, arch := range d.arches {
		built, err := d.build(ctx, progress, arch)
		if err != nil {
			return nil, err
		}
		binaries[arch] = built
	}
	var files []string
	for _, controller := range controllers() {
		img := image.Image{
			Name:     d.name(controller) + ":" + d.version,
			Program:  controller,
			Binaries: map[string]string{},
			Labels: map[string]string{
				"org.opencontainers.image.title":    controller,
				"org.opencontainers.image.version":  d.version,
				"org.opencontainers.image.source":   "https://" + module,
				"org.opencontainers.image.licenses": "Apache-2.0",
			},
		}
		for arch, built := range binaries {
			img.Binaries[arch] = built[controller]
		}
		file := filepath.Join(dir, controller+".tar")
		if err := img.Write(file); err != nil {
			return files, err
		}
		files = append(files, file)
	}
	return files, nil
}

// build builds the controllers for one architecture and returns where they are.
func (d dist) build(ctx context.Context, progress io.Writer, arch string) (map[string]string, error) {
	dir, err := d.folder("bin", "linux-"+arch)
	if err != nil {
		return nil, err
	}
	_, _ = fmt.Fprintf(progress, "building for linux/%s\n", arch)
	built := map[string]string{}
	var packages []string
	for _, controller := range controllers() {
		packages = append(packages, "./cmd/"+controller)
		built[controller] = filepath.Join(dir, controller)
	}
	if err := d.compile(ctx, "linux", arch, dir+string(filepath.Separator), packages...); err != nil {
		return nil, err
	}
	return built, nil
}

// compile builds programs for one operating system and architecture: the same sources give the same bytes everywhere.
func (d dist) compile(ctx context.Context, system, arch, out string, packages ...string) error {
	args := append([]string{"build", "-trimpath", "-ldflags", "-s -w -X " + module + "/internal/boot.Version=" + d.version, "-o", out}, packages...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build for %s/%s: %w: %s", system, arch, err, said)
	}
	return nil
}
