// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/tests/lab/source"
)

const (
	fieldOwner = "ramenlab"

	// settle is how long an API server holds back the first objects of a definition that it has just taken.
	settle = 2 * time.Second
)

// The modules whose folders hold the definitions of the storage contracts.
const (
	moduleCSIAddons = "github.com/csi-addons/kubernetes-csi-addons"
	moduleSnapshots = "github.com/kubernetes-csi/external-snapshotter/client/v8"
	moduleVolSync   = "github.com/backube/volsync"
)

// definitionsOf are the files with the CustomResourceDefinitions that a cluster gets, as patterns: ours, and on the
// spokes those of the storage contracts.
func (l *Lab) definitionsOf(cluster, project string, modules map[string]string) []string {
	ours := filepath.Join(project, "config", "crd")
	if cluster == Hub {
		return []string{filepath.Join(ours, "ramendr.openshift.io_*.yaml")}
	}
	addons := "replication.storage.openshift.io_volumereplication*.yaml"
	if l.options.CSIAddons != AddonsStandIn {
		addons = "*.yaml" // its manager waits for all
	}
	return []string{
		filepath.Join(ours, "ramendr.openshift.io_volumereplicationgroups.yaml"),
		filepath.Join(ours, "ramendr.openshift.io_drclusterconfigs.yaml"),
		filepath.Join(ours, "ramendr.openshift.io_maintenancemodes.yaml"),
		filepath.Join(ours, "ramendr.openshift.io_recipes.yaml"),
		filepath.Join(modules[moduleCSIAddons], "config", "crd", "bases", addons),
		filepath.Join(modules[moduleSnapshots], "config", "crd", "snapshot.storage.k8s.io_*.yaml"),
		filepath.Join(modules[moduleVolSync], "config", "crd", "bases", "volsync.backube_*.yaml"),
	}
}

// kustomizationsOf are the folders of config that a cluster gets, if they exist.
func kustomizationsOf(cluster string) []string {
	if cluster == Hub {
		return []string{"hub", "admission"}
	}
	return []string{"spoke", "mirror/base"}
}

// Install puts definitions, RBAC, storage classes and the configuration of the operators on all clusters. Deployments are
// left out: StartControllers runs their programs as processes. When it returns, objects of all kinds can be made without
// delay.
func (l *Lab) Install(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	wall := clock.RealClock{}
	began := wall.Now()
	if err := l.installOn(ctx, Clusters()...); err != nil {
		return err
	}
	l.log("definitions and configuration are installed after %s", wall.Since(began).Round(time.Millisecond))
	return nil
}

func (l *Lab) installOn(ctx context.Context, clusters ...string) error {
	project, err := source.Root(ctx)
	if err != nil {
		return fmt.Errorf("install: %w", err)
	}
	modules := map[string]string{}
	for _, module := range []string{moduleCSIAddons, moduleSnapshots, moduleVolSync} {
		if modules[module], err = source.Module(ctx, module); err != nil {
			return fmt.Errorf("install: %w", err)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range clusters {
		group.Go(func() error {
			if err := l.install(ctx, l.Cluster(name), project, modules); err != nil {
				return fmt.Errorf("install on %s: %w", name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func (l *Lab) install(ctx context.Context, c *Cluster, project string, modules map[string]string) error {
	established, err := define(ctx, c, l.definitionsOf(c.Name, project, modules))
	if err != nil {
		return err
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Namespace}}
	if err := c.Client.Create(ctx, namespace); err != nil {
		return err
	}
	for _, name := range kustomizationsOf(c.Name) {
		if err := l.applyKustomization(ctx, c, filepath.Join(project, "config", name)); err != nil {
			return err
		}
	}
	if err := l.configure(ctx, c); err != nil {
		return err
	}
	if c.Name != Hub && l.options.CSIAddons != AddonsStandIn {
		if err := l.installAddons(ctx, c, modules[moduleCSIAddons]); err != nil {
			return fmt.Errorf("csi-addons: %w", err)
		}
	}
	if c.Name != Hub && l.options.Sidecars {
		if err := l.installSidecars(ctx, c); err != nil {
			return fmt.Errorf("sidecars: %w", err)
		}
	}
	select {
	case <-established:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// define applies the definitions in files that match the patterns and waits until they are served. The channel tells when
// the API server has settled.
func define(ctx context.Context, c *Cluster, patterns []string) (settled <-chan time.Time, err error) {
	var names []string
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			return nil, errors.Join(fmt.Errorf("no definition matches %s", pattern), err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("read definition: %w", err)
			}
			objects, err := decode(text)
			if err != nil {
				return nil, fmt.Errorf("read definition %s: %w", file, err)
			}
			for _, o := range objects {
				names = append(names, o.GetName())
			}
			if err := apply(ctx, c, objects); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range names {
		if err := await(ctx, "CustomResourceDefinition "+name+" is served", func(ctx context.Context) error {
			return served(ctx, c, name)
		}); err != nil {
			return nil, err
		}
	}
	return time.After(settle), nil
}

func served(ctx context.Context, c *Cluster, name string) error {
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := c.Client.Get(ctx, client.ObjectKey{Name: name}, crd); err != nil {
		return err
	}
	for _, condition := range crd.Status.Conditions {
		if condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue {
			return nil
		}
	}
	return errors.New("it is not established")
}

// applyKustomization applies what kustomize makes of a folder, without Deployments. A folder without a
// kustomization.yaml is no error.
func (l *Lab) applyKustomization(ctx context.Context, c *Cluster, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "kustomization.yaml")); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, l.program("kubectl"), "kustomize", dir)
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("kustomize %s: %w: %s", dir, err, stderr.String())
	}
	objects, err := decode(text)
	if err != nil {
		return fmt.Errorf("read what kustomize makes of %s: %w", dir, err)
	}
	return apply(ctx, c, objects)
}

// applyFile applies the objects of a file, without Deployments.
func applyFile(ctx context.Context, c *Cluster, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	objects, err := decode(text)
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return apply(ctx, c, objects)
}

// decode reads a stream of YAML documents, without Deployments.
func decode(text []byte) ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if len(object.Object) > 0 && object.GetKind() != "Deployment" {
			out = append(out, object)
		}
	}
}

func apply(ctx context.Context, c *Cluster, objects []*unstructured.Unstructured) error {
	for _, o := range objects {
		err := c.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(o), client.FieldOwner(fieldOwner), client.ForceOwnership)
		if err != nil {
			return fmt.Errorf("apply %s %s: %w", o.GetKind(), o.GetName(), err)
		}
	}
	return nil
}
