// SPDX-License-Identifier: Apache-2.0

package binaries

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/ramendr/ramen-direct/tests/lab/lock"
	"github.com/ramendr/ramen-direct/tests/lab/source"
)

// The programs of csi-addons, in the folder that CSIAddons returns.
const (
	CSIAddonsManager = "csi-addons-manager"
	// CSIAddonsQuick is the manager with shorter timers.
	CSIAddonsQuick   = "csi-addons-manager-quick"
	CSIAddonsSidecar = "csi-addons-sidecar"
)

// CSIAddonsSpeed is how many times faster than those of the manager the timers of the quick one are.
const CSIAddonsSpeed = 30

const moduleCSIAddons = "github.com/csi-addons/kubernetes-csi-addons"

// patch is a change of a source of another module, made when it is built: nothing of it is kept here but the few words
// that differ.
type patch struct {
	file, old, new string
	times          int // in how many places; a source that differs is not built
}

// Outside of a Pod, the sidecar reads the flag --kubeconfig, which its libraries have already, and listens on loopback.
func sidecarPatches() []patch {
	const file = "sidecar/main.go"
	return []patch{
		{file, "rest.InClusterConfig()", "ctrl.GetConfig()", 1},
		{file, "\t\"k8s.io/client-go/rest\"\n", "", 1},
		{file, "NewSidecarServer(*controllerIP,", "NewSidecarServer(\"127.0.0.1\",", 1},
	}
}

// The timers are compiled in: those after a demotion, while a volume is brought in line and between two looks at a primary. The
// longest pause of a back-off, 1000 seconds, becomes 5: a story waits for what comes after an outage.
func quickPatches() []patch {
	const controller, main = "internal/controller/replication.storage/volumereplication_controller.go", "cmd/manager/main.go"
	speed := fmt.Sprintf(" / %d", CSIAddonsSpeed)
	return []patch{
		{controller, "time.Second * 15", "time.Second * 15" + speed, 2},
		{controller, "time.Second * 30", "time.Second * 30" + speed, 1},
		{controller, "return scheduleTime\n", "return scheduleTime" + speed + "\n", 1},
		{controller, "return scheduleTime / 2\n", "return scheduleTime / 2" + speed + "\n", 1},
		{main, "ctrlOptions := controller.Options{\n", "ctrlOptions := controller.Options{\n" +
			"\t\tRateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](5*time.Millisecond, 5*time.Second),\n", 1},
		{main, "import (\n", "import (\n\t\"k8s.io/client-go/util/workqueue\"\n", 1},
	}
}

func csiAddonsPrograms() []program {
	return []program{{name: CSIAddonsManager}, {name: CSIAddonsQuick}, {name: CSIAddonsSidecar}}
}

// CSIAddons returns the folder that holds the programs of csi-addons: that of the environment variable RAMENLAB_BINARIES, or
// one in the user's cache, which is filled by a build of the module that this project requires. That takes about two minutes
// of a processor, once.
func CSIAddons(ctx context.Context, out io.Writer) (dir string, err error) {
	if dir := os.Getenv(EnvDir); dir != "" {
		if absent := missing(dir, csiAddonsPrograms()); len(absent) > 0 {
			return "", fmt.Errorf("environment variable %s: folder %s lacks %s", EnvDir, dir, names(absent))
		}
		return filepath.Abs(dir)
	}
	from, err := source.Module(ctx, moduleCSIAddons)
	if err != nil {
		return "", err
	}
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	_, version, _ := strings.Cut(filepath.Base(from), "@v")
	changes := sha256.Sum256([]byte(fmt.Sprint(sidecarPatches(), quickPatches())))
	dir = filepath.Join(cache, "csi-addons-"+version+"-"+hex.EncodeToString(changes[:])[:10])
	if len(missing(dir, csiAddonsPrograms())) == 0 {
		return dir, nil
	}
	if err := buildCSIAddons(ctx, out, from, dir); err != nil {
		return "", fmt.Errorf("build csi-addons: %w", err)
	}
	return dir, nil
}

// buildCSIAddons makes dir, complete or not at all.
func buildCSIAddons(ctx context.Context, out io.Writer, from, dir string) error {
	return whole(ctx, out, "csi-addons: about two minutes of a processor", dir, csiAddonsPrograms(), func(next string) error {
		copied := dir + ".src"
		// The module cache cannot be written to.
		if err := errors.Join(os.RemoveAll(copied), os.CopyFS(copied, os.DirFS(from))); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(copied) }()
		for _, step := range []struct {
			patches  []patch
			packages map[string]string // by the name of the program
		}{
			{sidecarPatches(), map[string]string{CSIAddonsManager: "./cmd/manager", CSIAddonsSidecar: "./sidecar"}},
			{quickPatches(), map[string]string{CSIAddonsQuick: "./cmd/manager"}},
		} {
			for _, p := range step.patches {
				if err := p.apply(copied); err != nil {
					return err
				}
			}
			for name, pkg := range step.packages {
				if err := buildIn(ctx, copied, pkg, filepath.Join(next, name)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// whole makes dir with the wanted programs, which fill puts into another folder first: complete or not at all. Only one process
// does; the others wait and find the result.
func whole(ctx context.Context, out io.Writer, what, dir string, wanted []program, fill func(next string) error) error {
	release, err := lock.Take(ctx, dir+".lock", func() {
		fmt.Fprintf(out, "another process builds %s: waiting for it\n", what)
	})
	if err != nil {
		return err
	}
	defer release()
	if len(missing(dir, wanted)) == 0 {
		return nil
	}
	fmt.Fprintf(out, "building for the lab, once, %s\n", what)
	next := dir + ".new"
	if err := errors.Join(os.RemoveAll(next), os.MkdirAll(next, 0o755)); err != nil {
		return err
	}
	if err := fill(next); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(dir), os.Rename(next, dir)); err != nil {
		return err
	}
	fmt.Fprintf(out, "the programs are in %s\n", dir)
	return nil
}

// buildIn builds a program of a module, in whose folder it is the main module: its own go.sum says what may go into it.
func buildIn(ctx context.Context, dir, pkg, out string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=readonly")
	if said, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("build %s: %w: %s", pkg, err, strings.TrimSpace(string(said))), ctx.Err())
	}
	return nil
}

// apply changes the copy of a module in dir.
func (p patch) apply(dir string) error {
	path := filepath.Join(dir, filepath.FromSlash(p.file))
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if n := strings.Count(string(text), p.old); n != p.times {
		return fmt.Errorf("%s has %q in %d places, not in %d: another version of it needs another patch", p.file, p.old, n, p.times)
	}
	return os.WriteFile(path, []byte(strings.ReplaceAll(string(text), p.old, p.new)), 0o644)
}
