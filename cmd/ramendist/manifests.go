// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// installs are the folders of config that become a file each.
func installs() map[string]string {
	return map[string]string{
		"install-hub.yaml":         "config/install/hub",
		"install-mirror-push.yaml": "config/install/mirror-push",
		"install-spoke.yaml":       "config/install/spoke",
		"objects-spoke.yaml":       "config/spoke/objects",
		"install-spoke-push.yaml":  "config/install/spoke-push",
		"monitor-hub.yaml":         "config/prometheus",
		"monitor-spoke.yaml":       "config/prometheus/clusters",
	}
}

// manifests writes the files.
func (d dist) manifests() ([]string, error) {
	var files []string
	for _, name := range slices.Sorted(maps.Keys(installs())) {
		text, err := d.manifest(installs()[name])
		if err != nil {
			return files, fmt.Errorf("make %s: %w", name, err)
		}
		dir, err := d.folder()
		if err != nil {
			return files, err
		}
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return files, fmt.Errorf("make %s: %w", name, err)
		}
		files = append(files, file)
	}
	return files, nil
}

// manifest is what an overlay makes that a user would write: a folder of config, and what the images are called.
func (d dist) manifest(config string) (text []byte, err error) {
	out, err := d.folder()
	if err != nil {
		return nil, err
	}
	overlay, err := os.MkdirTemp(out, ".overlay-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(overlay)) }()
	base, err := relative(overlay, config)
	if err != nil {
		return nil, err
	}
	k := types.Kustomization{
		TypeMeta:  types.TypeMeta{APIVersion: types.KustomizationVersion, Kind: types.KustomizationKind},
		Resources: []string{base},
	}
	for _, controller := range controllers() {
		k.Images = append(k.Images, types.Image{Name: controller, NewName: d.name(controller), NewTag: d.version})
	}
	content, err := yaml.Marshal(k)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), content, 0o644); err != nil {
		return nil, err
	}
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), overlay)
	if err != nil {
		return nil, err
	}
	return made.AsYaml()
}

func relative(from, to string) (string, error) {
	from, err := filepath.Abs(from)
	if err != nil {
		return "", err
	}
	to, err = filepath.Abs(to)
	if err != nil {
		return "", err
	}
	return filepath.Rel(from, to)
}
