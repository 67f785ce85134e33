// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sigs.k8s.io/yaml"
)

// Names of the plugin: its program, what lets kubectl complete its words, and what krew calls it.
const (
	plugin    = "kubectl-ramen_direct"
	completer = "kubectl_complete-ramen_direct"
	krewName  = "ramen-direct"
)

// downloads is where the files of a release are, below its version.
const downloads = "https://github.com/ramendr/ramen-direct/releases/download/"

// platform is a system and an architecture for which there is a plugin.
type platform struct{ system, arch string }

func (p platform) archive() string { return fmt.Sprintf("%s-%s-%s.tar.gz", plugin, p.system, p.arch) }

// krew packs the plugin for each platform as krew wants it, and writes the manifest by which krew installs it. The same programs give
// the same bytes. Root is the folder of the project.
func (d dist) krew(dir, root string, platforms []platform) error {
	var list []map[string]any
	for _, p := range platforms {
		file := filepath.Join(dir, p.archive())
		err := pack(file, map[string]string{
			plugin:    filepath.Join(dir, fmt.Sprintf("%s-%s-%s", plugin, p.system, p.arch)),
			completer: filepath.Join(root, "cmd", plugin, completer),
			"LICENSE": filepath.Join(root, "LICENSE"),
		})
		if err != nil {
			return err
		}
		hash, err := hashOf(file)
		if err != nil {
			return err
		}
		list = append(list, map[string]any{
			"selector": map[string]any{"matchLabels": map[string]string{"os": p.system, "arch": p.arch}},
			"uri":      downloads + d.version + "/" + p.archive(),
			"sha256":   hash,
			"bin":      plugin,
		})
	}
	manifest, err := yaml.Marshal(map[string]any{
		"apiVersion": "krew.googlecontainertools.github.com/v1alpha2", "kind": "Plugin", "metadata": map[string]string{"name": krewName},
		"spec": map[string]any{
			"version":          d.version,
			"homepage":         "https://github.com/ramendr/ramen-direct",
			"shortDescription": "Manage disaster recovery from a hub",
			"description":      "Says which applications need you and why, what a failover or relocate would do,\nand carries it out: for one application, or for all of a cluster.\n",
			"platforms":        list,
		},
	})
	if err != nil {
		return fmt.Errorf("write manifest of krew: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, krewName+".yaml"), manifest, 0o644); err != nil {
		return fmt.Errorf("write manifest of krew: %w", err)
	}
	return nil
}

// pack writes files into an archive, all of one moment.
func pack(file string, files map[string]string) (err error) {
	out, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("pack plugin: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	zip := gzip.NewWriter(out)
	archive := tar.NewWriter(zip)
	for _, name := range []string{plugin, completer, "LICENSE"} {
		content, err := os.ReadFile(files[name])
		if err != nil {
			return fmt.Errorf("pack plugin: %w", err)
		}
		mode := int64(0o755)
		if name == "LICENSE" {
			mode = 0o644
		}
		if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: mode, ModTime: time.Unix(0, 0)}); err != nil {
			return fmt.Errorf("pack plugin: %w", err)
		}
		if _, err := archive.Write(content); err != nil {
			return fmt.Errorf("pack plugin: %w", err)
		}
	}
	return errors.Join(archive.Close(), zip.Close())
}
