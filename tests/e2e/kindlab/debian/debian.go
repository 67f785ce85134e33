// SPDX-License-Identifier: Apache-2.0

// Package debian makes container images of Debian's packages, without a daemon, a container registry or rights. It promises
// an archive that container runtimes import, with what the packages and all that they depend on install, as apt-get serves
// them to this machine. No script of a package is run: what such a script would set up, the image has to name.
//
// It needs apt-get and dpkg-deb, and the lists of packages that apt-get update fetched.
package debian

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Package is one package of one version.
type Package struct{ Name, Version string }

// Available says whether images can be made on this machine.
func Available() error {
	var errs []error
	for _, program := range []string{"apt-get", "dpkg-deb"} {
		_, err := exec.LookPath(program)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Resolve lists packages with all that they depend on, as if nothing were installed. Those whose names match a pattern of
// without, as path.Match has it, are left out.
func Resolve(ctx context.Context, packages, without []string) ([]Package, error) {
	installed, err := os.CreateTemp("", "installed-")
	if err != nil {
		return nil, fmt.Errorf("resolve packages: %w", err)
	}
	defer func() { _ = os.Remove(installed.Name()) }()
	if err := installed.Close(); err != nil {
		return nil, fmt.Errorf("resolve packages: %w", err)
	}
	args := []string{
		"-o", "Dir::State::status=" + installed.Name(), "-o", "Debug::NoLocking=true",
		"--simulate", "--no-install-recommends", "install",
	}
	text, err := command(ctx, "", "apt-get", append(args, packages...)...)
	if err != nil {
		return nil, fmt.Errorf("resolve packages (apt-get update fetches what there is): %w", err)
	}
	return parse(text, without)
}

// parse reads what apt-get says that it would do.
func parse(text string, without []string) ([]Package, error) {
	var out []Package
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 3 || words[0] != "Inst" {
			continue
		}
		p := Package{Name: words[1], Version: strings.TrimPrefix(words[2], "(")}
		for _, pattern := range without {
			matches, err := path.Match(pattern, p.Name)
			if err != nil {
				return nil, fmt.Errorf("pattern %s: %w", pattern, err)
			}
			if matches {
				p.Name = ""
				break
			}
		}
		if p.Name != "" {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Package) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Fetch downloads packages into a folder, unless they are there, and returns their files.
func Fetch(ctx context.Context, dir string, packages []Package) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("fetch packages: %w", err)
	}
	// By default root has another user download, who may not write here.
	args := []string{"-o", "APT::Sandbox::User=root", "--quiet=2", "download"}
	needed := len(args)
	for _, p := range packages {
		if _, err := p.file(dir); err != nil {
			args = append(args, p.Name+"="+p.Version)
		}
	}
	if len(args) > needed {
		if _, err := command(ctx, dir, "apt-get", args...); err != nil {
			return nil, fmt.Errorf("fetch packages: %w", err)
		}
	}
	var files []string
	for _, p := range packages {
		file, err := p.file(dir)
		if err != nil {
			return nil, fmt.Errorf("fetch packages: %w", err)
		}
		files = append(files, file)
	}
	return files, nil
}

// file is the package in a folder.
func (p Package) file(dir string) (string, error) {
	// A colon is not written into names of files.
	found, err := filepath.Glob(filepath.Join(dir, p.Name+"_"+strings.ReplaceAll(p.Version, ":", "%3a")+"_*.deb"))
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", fmt.Errorf("%s=%s is not there", p.Name, p.Version)
	}
	return found[0], nil
}

func command(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var out, problems strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, problems.String())
	}
	return out.String(), nil
}
