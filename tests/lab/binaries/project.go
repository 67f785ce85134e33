// SPDX-License-Identifier: Apache-2.0

package binaries

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/ramendr/ramen-direct/tests/lab/lock"
	"github.com/ramendr/ramen-direct/tests/lab/source"
)

// Project builds programs of this project (the folders of cmd with these names) from the sources as they are now, and
// puts them into dir. A build where nothing changed takes well under a second: the results are kept in the user's cache,
// one folder per checkout.
func Project(ctx context.Context, dir string, names ...string) error {
	root, err := source.Root(ctx)
	if err != nil {
		return err
	}
	cache, err := CacheDir()
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(root))
	kept := filepath.Join(cache, "project-"+hex.EncodeToString(sum[:])[:10])
	release, err := lock.Take(ctx, kept+".lock", nil)
	if err != nil {
		return err
	}
	defer release()
	if err := errors.Join(os.MkdirAll(kept, 0o755), os.MkdirAll(dir, 0o755)); err != nil {
		return err
	}
	args := []string{"build", "-o", kept + string(filepath.Separator)}
	for _, name := range names {
		args = append(args, "./"+filepath.Join("cmd", name))
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %v: %w: %s", names, err, said)
	}
	for _, name := range names {
		if err := link(filepath.Join(kept, name), filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("take %s from the cache: %w", name, err)
		}
	}
	return nil
}

// link gives a program a second name, which keeps its content when the first one is built again. Across file systems it
// is copied.
func link(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := os.Link(from, to); err == nil {
		return nil
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o755)
}
