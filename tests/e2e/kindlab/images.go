// SPDX-License-Identifier: Apache-2.0

package kindlab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/ramendr/ramen-direct/internal/image"
)

// Root in the images of the lab: the writer shares files with the driver, and the driver mounts.
const superuser = "0:0"

// labImages are the images that stand for a vendor and for a user, by the name of their archive.
func labImages() map[string]image.Image {
	return map[string]image.Image{
		"storage":   {Name: "localhost/lab/storage:v1", Program: "ramenlab", Args: []string{"storage"}, User: superuser},
		"writer":    {Name: writerImage, Program: "ramenlab", Args: []string{"writer"}, User: superuser},
		"versitygw": {Name: "localhost/lab/versitygw:v1", Program: "versitygw", User: superuser},
	}
}

// writerImage is the image of the application.
const writerImage = "localhost/lab/writer:v1"

// buildImages writes the archives of the lab for the architecture of this machine, which is that of the nodes.
func (l *Lab) buildImages(ctx context.Context) error {
	bin, archives := filepath.Join(l.root, "dist", "bin", "lab"), l.archives()
	for _, dir := range []string{bin, archives} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("build images: %w", err)
		}
	}
	if err := l.build(ctx, l.root, bin, "./cmd/ramenlab"); err != nil {
		return err
	}
	if err := l.build(ctx, filepath.Join(l.root, "tests", "lab", "binaries", "programs"), bin, "github.com/versity/versitygw/cmd/versitygw"); err != nil {
		return err
	}
	for archive, img := range labImages() {
		img.Binaries = map[string]string{runtime.GOARCH: filepath.Join(bin, img.Program)}
		if err := img.Write(filepath.Join(archives, archive+".tar")); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lab) build(ctx context.Context, dir, out, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out+string(filepath.Separator), pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOWORK=off")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", pkg, err, said)
	}
	return nil
}

// archives is the folder of the images of the lab.
func (l *Lab) archives() string { return filepath.Join(l.root, "dist", "lab") }
