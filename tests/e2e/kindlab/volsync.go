// SPDX-License-Identifier: Apache-2.0

package kindlab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/source"
)

// Where the manifests of VolSync put it.
const (
	volSyncNamespace = "volsync-system"
	volSyncManager   = "volsync-controller-manager"
	// The only container that is run: another one guards metrics that nobody reads here, by an image of somebody else.
	volSyncContainer = "manager"
	// volSyncMovers begins the names of the environment variables that name the images of movers.
	volSyncMovers = "RELATED_IMAGE_"
)

// privilegedMovers on a namespace lets the movers of VolSync read the files of any user there.
const privilegedMovers = "volsync.backube/privileged-movers"

// nobody runs VolSync, whose image names no user.
const nobody = 65534

// VolSync says whether it is installed.
func (l *Lab) VolSync(ctx context.Context) (bool, error) {
	err := l.Cluster(lab.DR1).Client.Get(ctx, client.ObjectKey{Namespace: volSyncNamespace, Name: volSyncManager}, &appsv1.Deployment{})
	return err == nil, client.IgnoreNotFound(err)
}

// installVolSync runs VolSync on the DR clusters, from the manifests of its module and an image that is made here, that docker has
// or that the nodes can pull, and gives its movers a way from cluster to cluster.
func (l *Lab) installVolSync(ctx context.Context, image string) error {
	manifests, err := l.volSyncManifests(ctx, image)
	if err != nil {
		return fmt.Errorf("install VolSync: %w", err)
	}
	snapshots, err := source.Module(ctx, "github.com/kubernetes-csi/external-snapshotter/client/v8")
	if err != nil {
		return fmt.Errorf("install VolSync: %w", err)
	}
	archive, err := l.saveImage(ctx, image)
	if err != nil {
		return fmt.Errorf("install VolSync: %w", err)
	}
	for _, spoke := range lab.Spokes() {
		if archive != "" {
			if err := l.Load(spoke, archive); err != nil {
				return err
			}
		}
		l.log("cluster %s: install VolSync", spoke)
		if err := l.kubectl(ctx, spoke, "apply", "--server-side", "-k", filepath.Join(snapshots, "config", "crd")); err != nil {
			return err
		}
		if _, err := l.run(ctx, manifests, "kubectl", "--context", contextOf(spoke), "apply", "--server-side", "-f", "-"); err != nil {
			return err
		}
		for _, args := range [][]string{
			{"wait", "--for=condition=Established", "--timeout=2m", "crd/volumesnapshotclasses.snapshot.storage.k8s.io"},
			{"apply", "--server-side", "-k", "tests/e2e/config/volsync/" + spoke},
			{"-n", volSyncNamespace, "rollout", "status", "deploy/" + volSyncManager, "--timeout=5m"},
		} {
			if err := l.kubectl(ctx, spoke, args...); err != nil {
				return err
			}
		}
		if err := l.ownServices(ctx, spoke); err != nil {
			return err
		}
	}
	return l.route()
}

// volSyncManifests are those of VolSync's module, at the version whose API the project uses, for one image.
func (l *Lab) volSyncManifests(ctx context.Context, image string) (string, error) {
	module, err := source.Module(ctx, "github.com/backube/volsync")
	if err != nil {
		return "", err
	}
	text, err := l.run(ctx, "", "kubectl", "kustomize", filepath.Join(module, "config", "default"))
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for document := range strings.SplitSeq(text, "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &u.Object); err != nil {
			return "", fmt.Errorf("read the manifests of VolSync: %w", err)
		}
		if u.GetKind() == "Deployment" && u.GetName() == volSyncManager {
			if document, err = withImage(u, image); err != nil {
				return "", err
			}
		}
		out.WriteString("---\n" + document + "\n")
	}
	return out.String(), nil
}

// withImage lets the manager of VolSync, and the movers that it starts, run one image, on a cluster that gives Pods no user.
func withImage(u *unstructured.Unstructured, image string) (string, error) {
	d := &appsv1.Deployment{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, d); err != nil {
		return "", fmt.Errorf("read the Deployment of VolSync: %w", err)
	}
	pod := &d.Spec.Template.Spec
	pod.Containers = slices.DeleteFunc(pod.Containers, func(c corev1.Container) bool { return c.Name != volSyncContainer })
	if len(pod.Containers) != 1 {
		return "", fmt.Errorf("the Deployment of VolSync has no container %s", volSyncContainer)
	}
	manager := &pod.Containers[0]
	manager.Image, manager.ImagePullPolicy = image, corev1.PullIfNotPresent
	for i := range manager.Env {
		if strings.HasPrefix(manager.Env[i].Name, volSyncMovers) {
			manager.Env[i].Value = image
		}
	}
	if pod.SecurityContext == nil {
		pod.SecurityContext = &corev1.PodSecurityContext{}
	}
	pod.SecurityContext.RunAsUser = ptr.To[int64](nobody)
	text, err := yaml.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("write the Deployment of VolSync: %w", err)
	}
	return string(text), nil
}

// saveImage writes an image that is made here, or that docker has, into an archive; empty if it has none: then the nodes pull it.
func (l *Lab) saveImage(ctx context.Context, image string) (archive string, err error) {
	if image == BuiltVolSync {
		return l.buildVolSync(ctx)
	}
	var said *exec.ExitError
	switch _, err := l.run(ctx, "", "docker", "image", "inspect", "--format", "{{.Id}}", image); {
	case errors.As(err, &said):
		l.log("docker has no image %s: the nodes pull it", image)
		return "", nil
	case err != nil:
		return "", err
	}
	archive = filepath.Join(l.archives(), "volsync.tar")
	_, err = l.run(ctx, "", "docker", "save", "-o", archive, image)
	return archive, err
}

// ownServices fails for a cluster whose Services have the addresses that those of all clusters have unless told otherwise.
func (l *Lab) ownServices(ctx context.Context, spoke string) error {
	subnet, err := l.services(spoke)
	if err != nil {
		return err
	}
	kubernetes := &corev1.Service{}
	if err := l.Cluster(spoke).Client.Get(ctx, client.ObjectKey{Namespace: metav1.NamespaceDefault, Name: "kubernetes"}, kubernetes); err != nil {
		return fmt.Errorf("read Service kubernetes of %s: %w", spoke, err)
	}
	address, err := netip.ParseAddr(kubernetes.Spec.ClusterIP)
	if err != nil {
		return fmt.Errorf("read Service kubernetes of %s: %w", spoke, err)
	}
	if !subnet.Contains(address) {
		return fmt.Errorf("the Services of cluster %s are not in %s, as kind-configs say: it is older than that, re-create it (make kind-down)", spoke, subnet)
	}
	return nil
}

func (l *Lab) services(spoke string) (netip.Prefix, error) {
	config, err := l.config(spoke)
	if err != nil {
		return netip.Prefix{}, err
	}
	subnet, err := netip.ParsePrefix(config.Networking.ServiceSubnet)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("read kind-configs/%s.yaml: networking.serviceSubnet: %w", spoke, err)
	}
	return subnet, nil
}

// route gives each DR cluster a way to the Services of the other, through its node. Nodes that were off the network may
// come back with other addresses, and without routes.
func (l *Lab) route() error {
	var errs []error
	for i, spoke := range lab.Spokes() {
		peer := lab.Spokes()[1-i]
		subnet, err := l.services(peer)
		if err != nil {
			return err
		}
		address, err := l.inspect(peer, "{{.NetworkSettings.Networks.kind.IPAddress}}")
		if err != nil {
			return err
		}
		errs = append(errs, l.docker("exec", nodeOf(spoke), "ip", "route", "replace", subnet.String(), "via", address))
	}
	return errors.Join(errs...)
}

// LetMoversRead makes a namespace on the DR clusters in which movers may read the files of any user.
func (l *Lab) LetMoversRead(ctx context.Context, namespace string) error {
	for _, spoke := range lab.Spokes() {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
			Name: namespace, Annotations: map[string]string{privilegedMovers: "true"},
		}}
		if err := l.Cluster(spoke).Client.Create(ctx, ns); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create namespace %s on %s: %w", namespace, spoke, err)
		}
	}
	return nil
}
