// SPDX-License-Identifier: Apache-2.0

// Package binaries provides the programs of the lab: etcd, kube-apiserver, kube-controller-manager, kubectl,
// versitygw, those of csi-addons, and the sidecars of CSI drivers. They are built once from their Go modules into the user's cache
// folder, keyed by what goes into them. It promises that a folder that Ensure, CSIAddons or
// Sidecars returned holds all of its programs, however many processes ask at once and wherever an earlier build was interrupted.
package binaries

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/ramendr/ramen-direct/tests/lab/source"
)

// EnvDir names a folder that holds the programs. If it is set, nothing is built or looked for elsewhere.
const EnvDir = "RAMENLAB_BINARIES"

// envAssets is how envtest is told where etcd, kube-apiserver and kubectl are.
const envAssets = "KUBEBUILDER_ASSETS"

// program is one program of the lab: the name it has in the folder and the package it is built from.
type program struct {
	name, pkg string
	asset     bool // one of the three that a folder of KUBEBUILDER_ASSETS has
	// share of the time of a build of all programs, in the order of programs: the later ones share packages with the earlier.
	share float64
}

func programs() []program {
	return []program{
		{name: "kube-apiserver", pkg: "k8s.io/kubernetes/cmd/kube-apiserver", asset: true, share: 0.5},
		{name: "kube-controller-manager", pkg: "k8s.io/kubernetes/cmd/kube-controller-manager", share: 0.28},
		{name: "kubectl", pkg: "k8s.io/kubernetes/cmd/kubectl", asset: true, share: 0.075},
		{name: "etcd", pkg: "go.etcd.io/etcd/server/v3", asset: true, share: 0.03},
		{name: "versitygw", pkg: "github.com/versity/versitygw/cmd/versitygw", share: 0.115},
	}
}

// Ensure returns the folder that holds the programs. It takes, in this order: the folder that the environment variable
// RAMENLAB_BINARIES names; the user's cache; the three programs of KUBEBUILDER_ASSETS plus a build of the others; a build
// of all. A first build takes about 8 minutes on two cores and 5 GB of disk (Go's build cache, mostly); out gets its
// progress. A build that was interrupted goes on where it was.
func Ensure(ctx context.Context, out io.Writer) (dir string, err error) {
	if dir := os.Getenv(EnvDir); dir != "" {
		if absent := missing(dir, programs()); len(absent) > 0 {
			return "", fmt.Errorf("environment variable %s: folder %s lacks %s", EnvDir, dir, names(absent))
		}
		return filepath.Abs(dir)
	}
	root, err := source.Root(ctx)
	if err != nil {
		return "", err
	}
	from := filepath.Join(root, "tests", "lab", "binaries", "programs")
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	key, err := cacheKey(from)
	if err != nil {
		return "", err
	}
	dir = filepath.Join(cache, key)
	if len(missing(dir, programs())) == 0 {
		return dir, nil
	}
	assets := assetsDir()
	if assets != "" {
		sum := sha256.Sum256([]byte(assets))
		dir += "-assets-" + hex.EncodeToString(sum[:])[:10]
		if len(missing(dir, programs())) == 0 {
			return dir, nil
		}
	}
	if err := build(ctx, out, from, dir, assets); err != nil {
		return "", fmt.Errorf("build the programs of the lab: %w", err)
	}
	return dir, nil
}

// CacheDir is the folder below the user's cache folder that belongs to the lab.
func CacheDir() (string, error) {
	user, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache folder: %w", err)
	}
	return filepath.Join(user, "ramen-direct", "lab"), nil
}

// Clean removes the programs of all versions, and the builds of this project, from the user's cache and returns the folders that it removed. Go's own
// build cache stays.
func Clean() ([]string, error) {
	cache, err := CacheDir()
	if err != nil {
		return nil, err
	}
	var found []string
	var errs []error
	for _, pattern := range []string{"k8s-*", "project-*", "csi-addons-*", "csi-sidecars-*"} {
		dirs, err := filepath.Glob(filepath.Join(cache, pattern))
		errs = append(errs, err)
		found = append(found, dirs...)
	}
	for _, dir := range found {
		errs = append(errs, os.RemoveAll(dir))
	}
	return found, errors.Join(errs...)
}

// cacheKey names the folder for what the module in from builds: the version of Kubernetes for people, a hash of all
// versions for correctness.
func cacheKey(from string) (string, error) {
	mod, err := os.ReadFile(filepath.Join(from, "go.mod"))
	if err != nil {
		return "", fmt.Errorf("read the module of the lab's programs: %w", err)
	}
	sum, err := os.ReadFile(filepath.Join(from, "go.sum"))
	if err != nil {
		return "", fmt.Errorf("read the module of the lab's programs: %w", err)
	}
	version, err := kubernetesVersion(mod)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	hash.Write(sum)
	hash.Write(mod)
	return "k8s-" + strings.TrimPrefix(version, "v") + "-" + hex.EncodeToString(hash.Sum(nil))[:10], nil
}

func kubernetesVersion(mod []byte) (string, error) {
	match := regexp.MustCompile(`(?m)^\s*k8s\.io/kubernetes (v\S+)`).FindSubmatch(mod)
	if match == nil {
		return "", errors.New("the module of the lab's programs does not require k8s.io/kubernetes")
	}
	return string(match[1]), nil
}

// assetsDir is the folder of KUBEBUILDER_ASSETS if it holds the three programs that it may hold; else it is empty.
func assetsDir() string {
	dir := os.Getenv(envAssets)
	if dir == "" {
		return ""
	}
	dir, err := filepath.Abs(dir)
	if err != nil || len(missing(dir, assetPrograms())) > 0 {
		return ""
	}
	return dir
}

func assetPrograms() []program {
	var out []program
	for _, p := range programs() {
		if p.asset {
			out = append(out, p)
		}
	}
	return out
}

// missing lists the wanted programs that dir does not hold; a link that leads nowhere counts as missing.
func missing(dir string, wanted []program) []program {
	var out []program
	for _, p := range wanted {
		if info, err := os.Stat(filepath.Join(dir, p.name)); err != nil || !info.Mode().IsRegular() {
			out = append(out, p)
		}
	}
	return out
}

func names(list []program) string {
	var out []string
	for _, p := range list {
		out = append(out, p.name)
	}
	return strings.Join(out, ", ")
}
