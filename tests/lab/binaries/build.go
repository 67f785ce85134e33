// SPDX-License-Identifier: Apache-2.0

package binaries

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/tests/lab/lock"
)

// progressEvery is how often a running build says that it is alive.
const progressEvery = 15 * time.Second

// build makes dir, complete or not at all: programs are put into a folder beside it, which is renamed at the end. Only
// one process builds at a time; the others wait and find the result.
func build(ctx context.Context, out io.Writer, from, dir, assets string) error {
	release, err := lock.Take(ctx, filepath.Join(filepath.Dir(dir), "build.lock"), func() {
		fmt.Fprintln(out, "another process builds the programs of the lab: waiting for it")
	})
	if err != nil {
		return err
	}
	defer release()
	if len(missing(dir, programs())) == 0 {
		return nil
	}
	// Named after the target, not unique: the lock is ours, and what an interrupted build left is overwritten.
	next := dir + ".new"
	if err := errors.Join(os.RemoveAll(next), os.MkdirAll(next, 0o755)); err != nil {
		return err
	}
	if err := fill(ctx, out, from, next, assets); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(dir), os.Rename(next, dir)); err != nil {
		return err
	}
	fmt.Fprintf(out, "the programs are in %s\n", dir)
	return nil
}

// fill puts all programs into dir: links to those in assets, if that is not empty, and builds of the others.
func fill(ctx context.Context, out io.Writer, from, dir, assets string) error {
	todo := programs()
	if assets != "" {
		for _, p := range assetPrograms() {
			if err := os.Symlink(filepath.Join(assets, p.name), filepath.Join(dir, p.name)); err != nil {
				return err
			}
		}
		todo = missing(dir, programs())
	}
	mod, err := os.ReadFile(filepath.Join(from, "go.mod"))
	if err != nil {
		return err
	}
	version, err := kubernetesVersion(mod)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "building %s for the lab, once: about 8 minutes and 5 GB of disk on two cores\n", names(todo))
	wall := clock.RealClock{}
	began := wall.Now()
	for i := range todo {
		if err := goBuild(ctx, out, progress{todo, i, wall.Since(began)}, from, dir, version); err != nil {
			return err
		}
	}
	return nil
}

// goBuild builds one program into dir and reports its progress.
func goBuild(ctx context.Context, out io.Writer, far progress, from, dir, version string) error {
	p := far.todo[far.now]
	// -o names a folder: with a file, go build would silently write an archive for a package that is no program.
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath",
		"-ldflags", "-s -w -X k8s.io/component-base/version.gitVersion="+version,
		"-o", dir+string(filepath.Separator), p.pkg)
	cmd.Dir = from
	// A workspace or a vendor flag of the user must not leak into the module of the programs.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=readonly")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	wall := clock.RealClock{}
	start := wall.Now()
	fmt.Fprintln(out, far.building(0))
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("build %s: %w", p.name, err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	tick := wall.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C():
			fmt.Fprintln(out, far.building(wall.Since(start)))
		case err := <-done:
			if err != nil {
				return errors.Join(fmt.Errorf("build %s: %w: %s", p.name, err, strings.TrimSpace(said.String())), ctx.Err())
			}
			fmt.Fprintf(out, "%s: done in %s\n", far.label(), wall.Since(start).Round(progressEvery/15))
			return named(dir, p)
		}
	}
}

// named gives a program the name that it has in the lab, where go build named it after its package (etcd: "server").
func named(dir string, p program) error {
	element := path.Base(p.pkg)
	if strings.HasPrefix(element, "v") && len(element) == 2 {
		element = path.Base(path.Dir(p.pkg))
	}
	if element == p.name {
		return nil
	}
	return os.Rename(filepath.Join(dir, element), filepath.Join(dir, p.name))
}
