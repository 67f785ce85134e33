// SPDX-License-Identifier: Apache-2.0

// Package source finds the folders that the lab reads at run time: the project's own, and those of the Go modules whose
// CustomResourceDefinitions it installs. It promises that nothing of another module has to be copied into this one.
package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Project is the Go module of this project.
const Project = "github.com/ramendr/ramen-direct"

// Root is the absolute path of the project's folder: that of the working directory's module or, outside of it, the
// folder that this program was built from.
func Root(ctx context.Context) (string, error) {
	out, err := goCommand(ctx, "", "list", "-m", "-f", "{{.Dir}}", Project)
	if dir := strings.TrimSpace(string(out)); err == nil && dir != "" {
		return dir, nil
	}
	_, file, _, ok := runtime.Caller(0)
	if ok && filepath.IsAbs(file) {
		return filepath.Join(filepath.Dir(file), "..", "..", ".."), nil
	}
	return "", errors.Join(fmt.Errorf("find the folder of %s: run this in a checkout of it", Project), err)
}

// Module is the absolute path of the folder of a module that the project requires. It downloads the module if it is not
// in the module cache yet.
func Module(ctx context.Context, path string) (string, error) { return ModuleFor(ctx, "", path) }

// ModuleFor is like Module, for a module that one within the project requires: the one in a folder of the project.
func ModuleFor(ctx context.Context, folder, path string) (string, error) {
	root, err := Root(ctx)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, folder)
	out, err := goCommand(ctx, dir, "list", "-m", "-f", "{{.Dir}}", path)
	if err != nil {
		return "", fmt.Errorf("find the folder of module %s: %w", path, err)
	}
	if dir := strings.TrimSpace(string(out)); dir != "" {
		return dir, nil
	}
	out, err = goCommand(ctx, dir, "mod", "download", "-json", path)
	if err != nil {
		return "", fmt.Errorf("download module %s: %w", path, err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return "", fmt.Errorf("read the answer of go mod download for %s: %w", path, err)
	}
	return module.Dir, nil
}

func goCommand(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}
