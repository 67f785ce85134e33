// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

const (
	// workers is how many requests are under way at once: as many as the mirror makes.
	workers = 16

	bareOut, bareIn, bareApp = "bare-outbox", "bare-inbox", "bare-app"
)

var (
	groupResource     = v1alpha1.GroupVersion.WithResource("volumereplicationgroups")
	bareResource      = bareKind.GroupVersion().WithResource("baregroups")
	bareKind          = schema.GroupVersionKind{Group: "bench.ramendr.openshift.io", Version: "v1alpha1", Kind: "BareGroup"}
	namespaceResource = corev1.SchemeGroupVersion.WithResource("namespaces")
)

// side is one of the two API servers.
type side struct {
	client dynamic.Interface
	admin  *rest.Config
}

func newSide(b *testing.B, admin *rest.Config) side {
	b.Helper()
	client, err := dynamic.NewForConfig(admin)
	require.NoError(b, err)
	return side{client: client, admin: admin}
}

// groups are the groups of a namespace. Those of the bare loop are of a kind of their own, which differs in its name only:
// the mirror reports each VolumeReplicationGroup that it finds on a cluster, and would report those of the loop too.
func (s side) groups(namespace string) dynamic.ResourceInterface {
	if isBare(namespace) {
		return s.client.Resource(bareResource).Namespace(namespace)
	}
	return s.client.Resource(groupResource).Namespace(namespace)
}

func isBare(namespace string) bool { return strings.HasPrefix(namespace, "bare-") }

// bareCRD defines the kind of the bare loop.
func bareCRD() (*apiextensionsv1.CustomResourceDefinition, error) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "config", "crd", "ramendr.openshift.io_volumereplicationgroups.yaml"))
	if err != nil {
		return nil, err
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(raw, crd); err != nil {
		return nil, err
	}
	crd.Name = bareResource.GroupResource().String()
	crd.Spec.Group = bareResource.Group
	crd.Spec.Names = apiextensionsv1.CustomResourceDefinitionNames{
		Kind: bareKind.Kind, ListKind: bareKind.Kind + "List", Plural: bareResource.Resource, Singular: strings.ToLower(bareKind.Kind),
	}
	return crd, nil
}

// world is a hub and a cluster, for one benchmark.
type world struct {
	b                    *testing.B
	hub, spoke           side
	cluster, outbox, app string
	mirror               *exec.Cmd
	endBare              []context.CancelFunc

	copies, reports, bareCopies, bareReports *watcher
}

func newWorld(b *testing.B, cluster string) *world {
	b.Helper()
	w := &world{b: b, hub: newSide(b, hubAdmin), spoke: newSide(b, spokeAdmin), cluster: cluster, outbox: exchange.Outbox(cluster), app: "app-" + cluster}
	for _, ns := range []string{w.outbox, exchange.Inbox(cluster), bareOut, bareIn} {
		w.createNamespace(w.hub, ns)
	}
	for _, ns := range []string{w.app, bareApp} {
		w.createNamespace(w.spoke, ns)
	}
	w.recordIdentity()
	w.copies, w.reports = watch(b, w.spoke, w.app), watch(b, w.hub, exchange.Inbox(cluster))
	w.bareCopies, w.bareReports = watch(b, w.spoke, bareApp), watch(b, w.hub, bareIn)
	b.Cleanup(w.end)
	return w
}

func (w *world) createNamespace(at side, name string) {
	w.b.Helper()
	ns := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
	ns.SetName(name)
	_, err := at.client.Resource(namespaceResource).Apply(w.b.Context(), name, ns, metav1.ApplyOptions{FieldManager: "bench"})
	require.NoError(w.b, err)
}

// recordIdentity has the hub take the cluster for the one that it is.
func (w *world) recordIdentity() {
	w.b.Helper()
	ns, err := w.spoke.client.Resource(namespaceResource).Get(w.b.Context(), metav1.NamespaceSystem, metav1.GetOptions{})
	require.NoError(w.b, err)
	config := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{}}}
	config.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("DRClusterConfig"))
	config.SetName(w.cluster)
	config.SetAnnotations(map[string]string{exchange.AnnotationSpokeID: string(ns.GetUID())})
	_, err = w.hub.client.Resource(v1alpha1.GroupVersion.WithResource("drclusterconfigs")).Apply(w.b.Context(), w.cluster, config, metav1.ApplyOptions{FieldManager: "bench"})
	require.NoError(w.b, err)
}

// end removes all groups, so that the next benchmark finds none.
func (w *world) end() {
	if w.mirror != nil {
		w.stopMirror()
	}
	for _, end := range w.endBare {
		end()
	}
	ctx := context.Background()
	for _, at := range []side{w.hub, w.spoke} {
		for _, ns := range []string{w.outbox, exchange.Inbox(w.cluster), w.app, bareOut, bareIn, bareApp} {
			err := at.groups(ns).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{})
			for apierrors.IsTimeout(err) { // thousands take longer than the API server gives one request
				err = at.groups(ns).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{})
			}
			require.NoError(w.b, err)
		}
	}
}

// startMirror starts the mirror as a process of its own.
func (w *world) startMirror() {
	w.b.Helper()
	w.mirror = exec.Command(mirrorProgram, "--cluster="+w.cluster, "--hub-kubeconfig="+kubeconfigs[0], "--kubeconfig="+kubeconfigs[1],
		"--health-address=0", "--log-level=warn")
	w.mirror.Stderr = w.b.Output()
	require.NoError(w.b, w.mirror.Start())
}

func (w *world) stopMirror() {
	w.b.Helper()
	require.NoError(w.b, w.mirror.Process.Signal(syscall.SIGTERM))
	require.NoError(w.b, w.mirror.Wait())
	w.mirror = nil
}

// memory is how much of the machine's memory the mirror holds, in bytes.
func (w *world) memory() uint64 {
	w.b.Helper()
	return residentOf(w.b, w.mirror.Process.Pid)
}

// residentOf is how much of the machine's memory a process holds, in bytes.
func residentOf(b *testing.B, pid int) uint64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip("needs /proc: ", err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			require.NoError(b, err)
			return kib * 1024
		}
	}
	b.Fatal("no VmRSS in /proc")
	return 0
}

// group is a VolumeReplicationGroup of 4 KB, as that of an application with eight volumes.
func group(namespace, name string) *unstructured.Unstructured {
	var volumes []any
	for i := range 8 {
		volume := fmt.Sprintf("data-of-the-application-%d", i)
		volumes = append(volumes, map[string]any{"protectedPVC": map[string]any{
			"namespace": "namespace-of-the-application", "name": volume, "protectedByVolSync": true, "storageClassName": "fast-replicated-storage",
			"labels":      map[string]any{"app.kubernetes.io/name": "the-application", "app.kubernetes.io/component": volume},
			"annotations": map[string]any{"example.com/owner": "team-of-the-application"},
			"accessModes": []any{"ReadWriteOnce"}, "resources": map[string]any{"requests": map[string]any{"storage": "100Gi"}},
		}})
	}
	o := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"replicationState": "primary", "s3Profiles": []any{"s3-dr1", "s3-dr2"}, "pvcSelector": map[string]any{"matchLabels": map[string]any{"app": name}},
		"async":   map[string]any{"schedulingInterval": fmt.Sprintf("%dm", firstValue)},
		"volSync": map[string]any{"rdSpec": volumes},
	}}}
	o.SetAPIVersion(v1alpha1.GroupVersion.String())
	o.SetKind("VolumeReplicationGroup")
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}

// wish is a wish for a group.
func (w *world) wish(name string) *unstructured.Unstructured {
	o := group(w.outbox, exchange.ObjectName(w.app, name))
	o.SetAnnotations(map[string]string{exchange.AnnotationNamespace: w.app, exchange.AnnotationName: name, exchange.AnnotationOrigin: "bench",
		exchange.AnnotationEpoch: "1", exchange.AnnotationDRPC: w.app + "/" + name})
	return o
}

// bareWish is an object that the bare loop copies, with as many annotations as the copy of a wish has.
func (w *world) bareWish(name string) *unstructured.Unstructured {
	o := w.wish(name)
	o.SetGroupVersionKind(bareKind)
	o.SetNamespace(bareOut)
	o.SetName(name)
	return o
}

func (w *world) create(at side, o *unstructured.Unstructured) {
	w.b.Helper()
	sizeIs(w.b, o, 3_500, 4_500)
	_, err := at.groups(o.GetNamespace()).Create(w.b.Context(), o, metav1.CreateOptions{FieldManager: "bench"})
	require.NoError(w.b, err)
}

// populate makes n objects on the hub: wishes, or what the bare loop copies.
func (w *world) populate(n int, object func(name string) *unstructured.Unstructured) {
	w.b.Helper()
	parallel(w.b, n, func(ctx context.Context, i int) error {
		o := object(nameOf(i))
		_, err := w.hub.groups(o.GetNamespace()).Create(ctx, o, metav1.CreateOptions{FieldManager: "bench"})
		return err
	})
}

func nameOf(i int) string { return fmt.Sprintf("group-%05d", i) }

var values atomic.Int64

// firstValue is the number that each group begins with; see change.
const firstValue = 5

// nextValue is a number that was not used before.
func nextValue() int { return firstValue + int(values.Add(1)) }

// change sets the number by which a change is recognized: in the spec, the interval; in the status, the bytes.
func (w *world) change(ctx context.Context, at side, namespace, name string, status bool, value int) error {
	patch, sub := fmt.Sprintf(`{"spec":{"async":{"schedulingInterval":"%dm"}}}`, value), []string{}
	if status {
		patch, sub = fmt.Sprintf(`{"status":{"lastGroupSyncBytes":%d}}`, value), []string{"status"}
	}
	_, err := at.groups(namespace).Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "bench"}, sub...)
	return err
}

// changeAll changes the spec of all groups of a namespace of the hub.
func (w *world) changeAll(namespace string, value int) {
	w.b.Helper()
	parallel(w.b, groups, func(ctx context.Context, i int) error {
		name := nameOf(i)
		if namespace == w.outbox {
			name = exchange.ObjectName(w.app, name)
		}
		return w.change(ctx, w.hub, namespace, name, false, value)
	})
}

// parallel calls do for 0 to n-1, with all workers.
func parallel(b *testing.B, n int, do func(ctx context.Context, i int) error) {
	b.Helper()
	all, ctx := errgroup.WithContext(b.Context())
	all.SetLimit(workers)
	for i := range n {
		all.Go(func() error { return do(ctx, i) })
	}
	require.NoError(b, all.Wait())
}

func timed(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}
