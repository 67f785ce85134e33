// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// checksums is the file of a release that sha256sum -c reads.
const checksums = "SHA256SUMS"

// tools are the programs that users run themselves, with the operating systems that a release has them for.
func tools() map[string][]string {
	return map[string][]string{
		"mirror":               {"linux", "darwin"}, // for the credentials of mirrors
		"kubectl-ramen_direct": {"linux", "darwin"},
	}
}

// tag is what a release is called.
var tag = regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

// release makes all files of a release in a folder of its own: images, manifests, tools, what they are made of, and checksums. It
// fails if the version is not one of a release, or if the folder holds something already.
func (d dist) release(ctx context.Context, progress io.Writer) ([]string, error) {
	if !tag.MatchString(d.version) {
		return nil, fmt.Errorf("version %q is not that of a release: want one such as v0.1.0", d.version)
	}
	dir := filepath.Join(d.out, "release", d.version)
	if there, err := os.ReadDir(dir); err == nil && len(there) > 0 {
		return nil, fmt.Errorf("%s is not empty: remove it first", dir)
	}
	work := d
	if _, err := work.images(ctx, progress); err != nil {
		return nil, err
	}
	d.out = dir
	if _, err := d.folder(); err != nil {
		return nil, err
	}
	for _, controller := range controllers() {
		if err := os.Rename(filepath.Join(work.out, "images", controller+".tar"), filepath.Join(dir, controller+".tar")); err != nil {
			return nil, fmt.Errorf("move image: %w", err)
		}
	}
	if _, err := d.manifests(); err != nil {
		return nil, err
	}
	programs := map[string]string{} // what is shipped, by name
	var platforms []platform
	for _, arch := range d.arches {
		for _, controller := range controllers() {
			programs[controller+"-linux-"+arch] = filepath.Join(work.out, "bin", "linux-"+arch, controller)
		}
	}
	for tool, systems := range tools() {
		for _, system := range systems {
			for _, arch := range d.arches {
				name := tool + "-" + system + "-" + arch
				programs[name] = filepath.Join(dir, name)
				if tool == plugin {
					platforms = append(platforms, platform{system, arch})
				}
				_, _ = fmt.Fprintf(progress, "building %s\n", name)
				if err := d.compile(ctx, system, arch, programs[name], "./cmd/"+tool); err != nil {
					return nil, err
				}
			}
		}
	}
	if err := d.krew(dir, ".", platforms); err != nil {
		return nil, err
	}
	made, err := readPrograms(programs)
	if err != nil {
		return nil, err
	}
	bill, err := sbom(d.version, made)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "sbom.spdx.json"), bill, 0o644); err != nil {
		return nil, fmt.Errorf("write bill of materials: %w", err)
	}
	return sum(dir)
}

// sum writes the checksums of all files in dir, and returns these files.
func sum(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read release: %w", err)
	}
	var files []string
	var lines strings.Builder
	for _, e := range entries {
		if e.Name() == checksums || e.IsDir() {
			continue
		}
		file := filepath.Join(dir, e.Name())
		hash, err := hashOf(file)
		if err != nil {
			return nil, err
		}
		_, _ = fmt.Fprintf(&lines, "%s  %s\n", hash, e.Name())
		files = append(files, file)
	}
	file := filepath.Join(dir, checksums)
	if err := os.WriteFile(file, []byte(lines.String()), 0o644); err != nil {
		return nil, fmt.Errorf("write checksums: %w", err)
	}
	files = append(files, file)
	slices.Sort(files)
	return files, nil
}

// hashOf is the SHA-256 of a file, in hexadecimal.
func hashOf(file string) (hash string, err error) {
	in, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("read release: %w", err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	h := sha256.New()
	if _, err := io.Copy(h, bufio.NewReader(in)); err != nil {
		return "", fmt.Errorf("read release: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
