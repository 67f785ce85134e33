// SPDX-License-Identifier: Apache-2.0

// Package install tests what is installed, as users install it: manifests that make dist writes, applied by kubectl to
// real API servers with the controllers of Kubernetes behind them. It promises that they are accepted as they are, that
// applying them again changes nothing, that their Pods pass the restricted Pod Security Standard, that the programs know
// their flags, and that an uninstallation leaves applications and their data alone.
package install

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/binaries"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
	"github.com/ramendr/ramen-direct/tests/lab/source"
)

const (
	patience = time.Minute
	tick     = 100 * time.Millisecond
	system   = "ramen-system"
	// keepDefinitions is the selector of docs/install.md for all but the definitions.
	keepDefinitions = "app.kubernetes.io/component!=definitions"
)

// site is a cluster on which something is installed.
type site struct {
	*lab.Cluster
	t       *testing.T
	kubectl string
}

func (s *site) run(args ...string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), s.kubectl, append([]string{"--kubeconfig", s.Kubeconfig}, args...)...)
	out, err := cmd.CombinedOutput()
	require.NoError(s.t, err, "kubectl %v: %s", args, out)
}

func (s *site) apply(file string) { s.t.Helper(); s.run("apply", "--server-side", "-f", file) }

// live reads an object as it is on the cluster.
func (s *site) live(o *unstructured.Unstructured) *unstructured.Unstructured {
	s.t.Helper()
	found := &unstructured.Unstructured{}
	found.SetGroupVersionKind(o.GroupVersionKind())
	require.NoError(s.t, s.Client.Get(s.t.Context(), client.ObjectKeyFromObject(o), found), "%s %s", o.GetKind(), o.GetName())
	return found
}

// dist writes the manifests of a version and returns their folder.
func dist(t *testing.T, root, version string) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "run", "./cmd/ramendist", "manifests", "--out", dir, "--registry", "example.com/ramen", "--version", version)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return dir
}

// objects reads a file with manifests.
func objects(t *testing.T, file string) []*unstructured.Unstructured {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var out []*unstructured.Unstructured
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096); ; {
		o := &unstructured.Unstructured{}
		err := decoder.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		out = append(out, o)
	}
}

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

func TestInstall(t *testing.T) {
	l := labtest.Start(t, lab.Options{})
	programs, err := binaries.Ensure(t.Context(), t.Output())
	require.NoError(t, err)
	root, err := source.Root(t.Context())
	require.NoError(t, err)
	v1, v2 := dist(t, root, "v1"), dist(t, root, "v2")
	for cluster, files := range map[string][]string{
		lab.Hub: {"install-hub.yaml", "install-mirror-push.yaml"},
		lab.DR1: {"install-spoke.yaml"},
		lab.DR2: {"install-spoke-push.yaml"},
	} {
		monitors := "monitor-spoke.yaml"
		if cluster == lab.Hub {
			monitors = "monitor-hub.yaml"
		}
		t.Run("on "+cluster, func(t *testing.T) {
			s := &site{Cluster: l.Cluster(cluster), t: t, kubectl: filepath.Join(programs, "kubectl")}
			for _, file := range files {
				s.apply(filepath.Join(v1, file))
				s.isStable(filepath.Join(v1, file))
				s.runs(root, filepath.Join(v1, file), "example.com/ramen/", ":v1")
				s.apply(filepath.Join(v2, file))
				s.runs(root, filepath.Join(v2, file), "example.com/ramen/", ":v2")
			}
			s.refusesOthers()
			s.monitored(filepath.Join(v2, monitors))
			for i := range files {
				files[i] = filepath.Join(v2, files[i])
			}
			s.leaves(files)
		})
	}
}

// isStable applies a file again and sees that nothing changes.
func (s *site) isStable(file string) {
	s.t.Helper()
	var before []*unstructured.Unstructured
	for _, o := range objects(s.t, file) {
		before = append(before, s.live(o))
	}
	s.apply(file)
	for _, was := range before {
		is := s.live(was)
		assert.Equal(s.t, was.GetUID(), is.GetUID(), "%s %s", was.GetKind(), was.GetName())
		assert.Equal(s.t, was.GetGeneration(), is.GetGeneration(), "%s %s", was.GetKind(), was.GetName())
		if _, living := was.Object["status"]; !living {
			assert.Equal(s.t, was.GetResourceVersion(), is.GetResourceVersion(), "%s %s", was.GetKind(), was.GetName())
		}
	}
}

// runs sees that the Pods of each Deployment are admitted, with the images of the version, and that their programs know
// the flags.
func (s *site) runs(root, file, registry, tag string) {
	s.t.Helper()
	for _, o := range objects(s.t, file) {
		if o.GetKind() != "Deployment" {
			continue
		}
		var d appsv1.Deployment
		require.EventuallyWithT(s.t, func(c *assert.CollectT) {
			require.NoError(c, s.Client.Get(s.t.Context(), client.ObjectKeyFromObject(o), &d))
			assert.Equal(c, d.Generation, d.Status.ObservedGeneration)
			assert.Positive(c, d.Status.UpdatedReplicas, "%v", d.Status.Conditions)
			for _, condition := range d.Status.Conditions {
				assert.NotEqual(c, appsv1.DeploymentReplicaFailure, condition.Type, condition.Message)
			}
		}, patience, tick, "the Pods of %s are admitted", d.Name)
		require.Len(s.t, d.Spec.Template.Spec.Containers, 1)
		container := d.Spec.Template.Spec.Containers[0]
		assert.Equal(s.t, registry+container.Name+tag, container.Image)
		// A flag that it does not know ends it before it says its version.
		args := append([]string{"run", "./cmd/" + container.Name}, append(container.Args, "--version")...)
		cmd := exec.CommandContext(s.t.Context(), "go", args...)
		cmd.Dir = root
		said, err := cmd.CombinedOutput()
		require.NoError(s.t, err, "%v: %s", args, said)
	}
}

// refusesOthers sees that the namespace of the operator enforces the restricted level: else runs would prove nothing.
func (s *site) refusesOthers() {
	s.t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "careless"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "one", Image: "example.com/one:v1"}}},
	}
	err := s.Client.Create(s.t.Context(), pod)
	require.True(s.t, apierrors.IsForbidden(err), "%v", err)
	assert.ErrorContains(s.t, err, `violates PodSecurity "restricted:latest"`)
}

// leaves uninstalls and sees that a protected application, its volume and its group stay as they are.
func (s *site) leaves(files []string) {
	s.t.Helper()
	kept := s.protected()
	var installed []*unstructured.Unstructured
	for _, file := range slices.Backward(files) {
		s.run("delete", "-f", file, "-l", keepDefinitions)
		installed = append(installed, objects(s.t, file)...)
	}
	for _, was := range kept {
		is := was.DeepCopyObject().(client.Object)
		require.NoError(s.t, s.Client.Get(s.t.Context(), client.ObjectKeyFromObject(was), is))
		assert.Equal(s.t, was.GetUID(), is.GetUID(), "%T %s", was, was.GetName())
		assert.Nil(s.t, is.GetDeletionTimestamp(), "%T %s", was, was.GetName())
		assert.Equal(s.t, was.GetGeneration(), is.GetGeneration(), "%T %s", was, was.GetName())
		assert.Equal(s.t, was.GetFinalizers(), is.GetFinalizers(), "%T %s", was, was.GetName())
	}
	for _, o := range installed {
		found := &unstructured.Unstructured{}
		found.SetGroupVersionKind(o.GroupVersionKind())
		err := s.Client.Get(s.t.Context(), client.ObjectKeyFromObject(o), found)
		if o.GetLabels()["app.kubernetes.io/component"] == "definitions" {
			assert.NoError(s.t, err, o.GetName())
			continue
		}
		assert.True(s.t, apierrors.IsNotFound(err), "%s %s is left: %v", o.GetKind(), o.GetName(), err)
	}
	roles := &rbacv1.ClusterRoleList{}
	require.NoError(s.t, s.Client.List(s.t.Context(), roles, client.MatchingLabels{"app.kubernetes.io/part-of": "ramen-direct"}))
	assert.Empty(s.t, roles.Items)
}

// protected makes what is on a cluster while an application is protected, and waits until it rests.
func (s *site) protected() []client.Object {
	s.t.Helper()
	const name, finalizer = "journal", "volumereplicationgroups.ramendr.openshift.io/vrg-protection"
	meta := metav1.ObjectMeta{Namespace: name, Name: name, Finalizers: []string{finalizer}}
	handle := &corev1.CSIPersistentVolumeSource{Driver: lab.Driver, VolumeHandle: "vol-1"}
	gigabyte := corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
	class := lab.StorageClass
	kept := []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}},
		&corev1.PersistentVolume{
			ObjectMeta: metav1.ObjectMeta{Name: "pv-" + name, Finalizers: []string{finalizer}},
			Spec: corev1.PersistentVolumeSpec{
				Capacity: gigabyte, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: class,
				PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
				PersistentVolumeSource:        corev1.PersistentVolumeSource{CSI: handle},
			},
		},
		&corev1.PersistentVolumeClaim{ObjectMeta: meta, Spec: corev1.PersistentVolumeClaimSpec{
			VolumeName: "pv-" + name, StorageClassName: &class, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: gigabyte},
		}},
		&v1alpha1.VolumeReplicationGroup{ObjectMeta: meta, Spec: v1alpha1.VolumeReplicationGroupSpec{
			ReplicationState: v1alpha1.Primary, S3Profiles: []string{"s3-dr1"},
			Async: &v1alpha1.VRGAsyncSpec{SchedulingInterval: "5m"},
		}},
	}
	for _, o := range kept {
		require.NoError(s.t, s.Client.Create(s.t.Context(), o))
	}
	require.EventuallyWithT(s.t, func(c *assert.CollectT) {
		pvc := kept[2].DeepCopyObject().(*corev1.PersistentVolumeClaim)
		require.NoError(c, s.Client.Get(s.t.Context(), client.ObjectKeyFromObject(pvc), pvc))
		assert.Equal(c, corev1.ClaimBound, pvc.Status.Phase)
		for _, o := range kept {
			require.NoError(c, s.Client.Get(s.t.Context(), client.ObjectKeyFromObject(o), o))
		}
	}, patience, tick, "the claim is bound")
	return kept
}
