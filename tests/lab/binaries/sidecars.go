// SPDX-License-Identifier: Apache-2.0

package binaries

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/ramendr/ramen-direct/tests/lab/source"
)

// The programs of Kubernetes' CSI project, in the folder that Sidecars returns.
const (
	CSIProvisioner     = "csi-provisioner"
	CSIResizer         = "csi-resizer"
	CSISnapshotter     = "csi-snapshotter"
	SnapshotController = "snapshot-controller"
)

// sidecarModule is a module with sidecars. Each is built in its own folder, as its go.mod and go.sum say: two of them need other
// versions of Kubernetes' libraries than this project, and than each other.
type sidecarModule struct {
	path, version string
	sum           string // what go.sum would have of it
	programs      []string
	// nested are modules that it replaces by folders of its repository, which its archive lacks: the folder, and the module that
	// this project requires.
	nested map[string]string
}

// The modules of the sidecars.
const (
	ModuleProvisioner = "github.com/kubernetes-csi/external-provisioner/v6"
	ModuleResizer     = "github.com/kubernetes-csi/external-resizer/v2"
	ModuleSnapshotter = "github.com/kubernetes-csi/external-snapshotter/v8"
)

func sidecarModules() []sidecarModule {
	return []sidecarModule{
		{path: ModuleProvisioner, version: "v6.4.0", sum: "h1:zU5e23gjdbT4j23E2het91Nalzj/bwZbt7yAAoYz/2g=", programs: []string{CSIProvisioner}},
		{path: ModuleResizer, version: "v2.3.0", sum: "h1:dsdHhB3s4BJUkO7Jaemd6hw3YEms1ZlMF/bksbDE+bw=", programs: []string{CSIResizer}},
		{path: ModuleSnapshotter, version: "v8.7.0", sum: "h1:sYxyBXffG+pc2QfvFkP6uJqtYVFVRvkrxAHi8WjD5fU=", programs: []string{CSISnapshotter, SnapshotController},
			nested: map[string]string{"client": "github.com/kubernetes-csi/external-snapshotter/client/v8"}},
	}
}

func sidecarPrograms() []program {
	var out []program
	for _, m := range sidecarModules() {
		for _, name := range m.programs {
			out = append(out, program{name: name})
		}
	}
	return out
}

// Sidecars returns the folder that holds the sidecars of CSI drivers: that of the environment variable RAMENLAB_BINARIES, or one in
// the user's cache, which is filled by a build of their modules. That takes about ten minutes of a processor, once.
func Sidecars(ctx context.Context, out io.Writer) (dir string, err error) {
	if dir := os.Getenv(EnvDir); dir != "" {
		if absent := missing(dir, sidecarPrograms()); len(absent) > 0 {
			return "", fmt.Errorf("environment variable %s: folder %s lacks %s", EnvDir, dir, names(absent))
		}
		return filepath.Abs(dir)
	}
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	versions := sha256.Sum256([]byte(fmt.Sprint(sidecarModules())))
	dir = filepath.Join(cache, "csi-sidecars-"+hex.EncodeToString(versions[:])[:10])
	if len(missing(dir, sidecarPrograms())) == 0 {
		return dir, nil
	}
	err = whole(ctx, out, "the sidecars of CSI drivers: about ten minutes of a processor", dir, sidecarPrograms(), func(next string) error {
		for _, m := range sidecarModules() {
			if err := m.build(ctx, next); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("build the sidecars of CSI drivers: %w", err)
	}
	return dir, nil
}

// build puts the programs of a module into dir.
func (m sidecarModule) build(ctx context.Context, dir string) error {
	from, err := m.folder(ctx)
	if err != nil {
		return err
	}
	copied := dir + ".src"
	if err := errors.Join(os.RemoveAll(copied), os.CopyFS(copied, os.DirFS(from))); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(copied) }()
	for folder, module := range m.nested {
		from, err := source.Module(ctx, module)
		if err != nil {
			return err
		}
		if err := os.CopyFS(filepath.Join(copied, folder), os.DirFS(from)); err != nil {
			return err
		}
	}
	for _, name := range m.programs {
		if err := buildIn(ctx, copied, "./cmd/"+name, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// folder is the folder of the module, in the module cache. Its content is what the checksum says.
func (m sidecarModule) folder(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", m.path+"@"+m.version)
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	var said bytes.Buffer
	cmd.Stderr = &said
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("download %s: %w: %s", m.path, err, said.String())
	}
	var module struct{ Dir, Sum string }
	if err := json.Unmarshal(text, &module); err != nil {
		return "", fmt.Errorf("read the answer of go mod download for %s: %w", m.path, err)
	}
	if module.Sum != m.sum {
		return "", fmt.Errorf("module %s %s has checksum %s, not %s: it is not built", m.path, m.version, module.Sum, m.sum)
	}
	return module.Dir, nil
}

// SidecarModule is the folder of one of the modules of the sidecars.
func SidecarModule(ctx context.Context, path string) (string, error) {
	for _, m := range sidecarModules() {
		if m.path == path {
			return m.folder(ctx)
		}
	}
	return "", fmt.Errorf("no sidecar is built from module %s", path)
}
