// SPDX-License-Identifier: Apache-2.0

package kindlab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/kind/pkg/cluster/nodeutils"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/internal/image"
	"github.com/ramendr/ramen-direct/tests/lab"
)

// digestOf is the annotation of Pods with the digest of their image. A node runs what was last loaded under a name, but
// no Pod is restarted because of it: a build of a tree that is being changed has the tag of the build before.
const digestOf = "kind.ramendr.openshift.io/image-digest"

// refresher is the field manager of digestOf. Who applies the manifests again does not take it away.
const refresher = "ramenkind"

// workload is what runs an image.
type workload struct{ kind, namespace, name string }

// loaded is an image that a cluster gets.
type loaded struct {
	archive string
	runs    []workload // none: what users deploy
}

// images are what a cluster gets.
func (l *Lab) images(name string) []loaded {
	controllers := filepath.Join(l.root, "dist", "images")
	deployment := func(name string) []workload { return []workload{{"Deployment", lab.Namespace, name}} }
	if name == lab.Hub {
		return []loaded{
			{filepath.Join(controllers, "hubctrl.tar"), deployment("hubctrl")},
			{filepath.Join(controllers, "mirror.tar"), deployment(pushMirror)},
		}
	}
	return []loaded{
		{filepath.Join(controllers, "spokectrl.tar"), deployment("spokectrl")},
		{filepath.Join(controllers, "mirror.tar"), deployment("mirror")},
		{filepath.Join(l.archives(), "storage.tar"), []workload{{"DaemonSet", "lab", "storage"}}},
		{filepath.Join(l.archives(), "versitygw.tar"), []workload{{"Deployment", "lab", "s3"}}},
		{filepath.Join(l.archives(), "writer.tar"), nil},
	}
}

// load gives a cluster the images that it runs.
func (l *Lab) load(name string) error {
	for _, i := range l.images(name) {
		if err := l.Load(name, i.archive); err != nil {
			return err
		}
	}
	return nil
}

// Load gives a cluster an image.
func (l *Lab) Load(name, archive string) error {
	nodes, err := l.provider.ListInternalNodes(name)
	if err != nil {
		return fmt.Errorf("load images: %w", err)
	}
	for _, node := range nodes {
		l.log("cluster %s: load %s", name, filepath.Base(archive))
		if err := loadArchive(archive, func(in io.Reader) error { return nodeutils.LoadImageArchive(node, in) }); err != nil {
			return fmt.Errorf("load %s into %s (make image writes it): %w", archive, name, err)
		}
	}
	return nil
}

func loadArchive(file string, load func(io.Reader) error) (err error) {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	return load(in)
}

// refresh lets what is installed run the images that were loaded.
func (l *Lab) refresh(ctx context.Context, name string) error {
	for _, i := range l.images(name) {
		for _, w := range i.runs {
			if err := l.runs(ctx, name, w, i.archive); err != nil {
				return err
			}
		}
	}
	return nil
}

// RunDeployment lets a Deployment of the project run the image in an archive that was loaded under the name that it uses, and waits
// until it does. If it runs that image already nothing happens.
func (l *Lab) RunDeployment(ctx context.Context, name, deployment, archive string) error {
	if err := l.runs(ctx, name, workload{"Deployment", lab.Namespace, deployment}, archive); err != nil {
		return err
	}
	return l.kubectl(ctx, name, "-n", lab.Namespace, "rollout", "status", "deploy/"+deployment, "--timeout=5m")
}

// runs notes in the Pods of a workload which image they run. Where the workload is not installed nothing is done.
func (l *Lab) runs(ctx context.Context, name string, w workload, archive string) error {
	there, err := l.run(ctx, "", "kubectl", "--context", contextOf(name), "-n", w.namespace, "get", w.kind, w.name, "--ignore-not-found", "-o", "name")
	if err != nil || there == "" {
		return err
	}
	digest, err := image.Digest(archive)
	if err != nil {
		return err
	}
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": appsv1.SchemeGroupVersion.String(), "kind": w.kind,
		"metadata": map[string]any{"namespace": w.namespace, "name": w.name},
		"spec": map[string]any{"template": map[string]any{
			"metadata": map[string]any{"annotations": map[string]string{digestOf: digest}},
		}},
	})
	if err != nil {
		return err
	}
	_, err = l.run(ctx, string(text), "kubectl", "--context", contextOf(name), "apply", "--server-side", "--field-manager", refresher, "-f", "-")
	return err
}
