// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	ramenac "github.com/ramendr/ramen-direct/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
	"github.com/ramendr/ramen-direct/spokectrl/provider/volrep"
	"github.com/ramendr/ramen-direct/spokectrl/signing"
	"github.com/ramendr/ramen-direct/spokectrl/snapshot"
	"github.com/ramendr/ramen-direct/spokectrl/vrg"
)

const (
	ns     = "app"
	name   = "drpc"
	driver = "lab.csi.ramendr.io"
	holder = "replication.storage.openshift.io" // csi-addons' finalizer on a VolumeReplication
)

// cluster is one DR cluster: its API server, our controller, and stand-ins for csi-addons and the PV controller.
type cluster struct {
	t      *testing.T
	client client.WithWatch
	key    types.NamespacedName // of the group
	r      *vrg.Reconciler
	clock  *testclock.FakeClock
	events *events.FakeRecorder
	before func(verb string, obj any) error // fault injection; nil: none
	writes int
	// refuses says that the storage lets go of no secondary, as Ceph RBD does while neither side is primary.
	refuses bool
	// silent says of which volumes the storage hears nothing, because its sidecar or a class is gone; nil: it hears of all.
	silent func(claim string) bool
	// peerHandle is the handle that the storage says each volume has on the peer; empty: it says nothing.
	peerHandle string
	wholeReads int // how often a VolumeReplication was read for that
}

const configuration = `
s3StoreProfiles:
- {s3ProfileName: s3-dr1, s3Bucket: dr1, s3CompatibleEndpoint: "https://s3.example.com", s3Region: r, s3SecretRef: {name: keys}}
- {s3ProfileName: s3-dr2, s3Bucket: dr2, s3CompatibleEndpoint: "https://s3.example.com", s3Region: r, s3SecretRef: {name: keys}}
`

func newCluster(t *testing.T, id string, s *stores) *cluster {
	t.Helper()
	c := &cluster{t: t, events: events.NewFakeRecorder(1000), key: types.NamespacedName{Namespace: ns, Name: name}, clock: testclock.NewFakeClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))}
	all, err := shared()
	require.NoError(t, err)
	hit := func(verb string, obj any) error {
		c.writes++
		if c.before != nil {
			return c.before(verb, obj)
		}
		return nil
	}
	c.client = interceptor.NewClient(fake.NewClientBuilder().WithScheme(all.scheme).WithTypeConverters(all.converters...).
		WithStatusSubresource(&v1alpha1.VolumeReplicationGroup{}, &replicationv1.VolumeReplication{},
			&volsyncv1.ReplicationSource{}, &volsyncv1.ReplicationDestination{}, &snapshotv1.VolumeSnapshot{}, &corev1.PersistentVolumeClaim{}, &corev1.PersistentVolume{}, &corev1.Pod{}).
		WithObjects(
			&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system", UID: types.UID(id)}},
			&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}},
			&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ramen-system", Name: "ramen-dr-cluster-operator-config"}, Data: map[string]string{"ramen_manager_config.yaml": configuration}},
			&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ramen-system", Name: "keys"}, Data: map[string][]byte{"AWS_ACCESS_KEY_ID": []byte("a"), "AWS_SECRET_ACCESS_KEY": []byte("s")}},
			&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "lab-rep", Labels: map[string]string{v1alpha1.LabelStorageID: "lab-" + id, v1alpha1.LabelReplicationID: "lab-rep-1"}}, Provisioner: driver},
			&replicationv1.VolumeReplicationClass{
				ObjectMeta: metav1.ObjectMeta{Name: "lab-rep-1m", Labels: map[string]string{v1alpha1.LabelStorageID: "lab-" + id, v1alpha1.LabelReplicationID: "lab-rep-1"}},
				Spec:       replicationv1.VolumeReplicationClassSpec{Provisioner: driver, Parameters: map[string]string{"schedulingInterval": "1m"}},
			},
		).Build(), interceptor.Funcs{
		Get: func(ctx context.Context, w client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			err := w.Get(ctx, key, obj, opts...)
			if u, ok := obj.(*unstructured.Unstructured); ok && err == nil && u.GetKind() == "VolumeReplication" { // its type lacks the field
				c.wholeReads++
				return unstructured.SetNestedField(u.Object, c.peerHandle, "status", "destinationVolumeID")
			}
			return err
		},
		Apply: func(ctx context.Context, w client.WithWatch, obj runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			if err := hit("apply", obj); err != nil {
				return err
			}
			if intent, ok := obj.(*ramenac.VolumeReplicationGroupApplyConfiguration); ok {
				return applyGroup(ctx, w, intent)
			}
			return w.Apply(ctx, obj, opts...)
		},
		SubResourceApply: func(ctx context.Context, w client.Client, sub string, obj runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
			if err := hit("status", obj); err != nil {
				return err
			}
			if err := w.SubResource(sub).Apply(ctx, obj, opts...); err != nil {
				return err
			}
			c.requireWhole()
			return nil
		},
		Create: func(ctx context.Context, w client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			if err := hit("create", obj); err != nil {
				return err
			}
			if pv, ok := obj.(*corev1.PersistentVolume); ok && pv.UID == "" { // the fake client gives none
				pv.UID = types.UID("uid-" + pv.Name)
			}
			return w.Create(ctx, obj, opts...)
		},
		Patch: func(ctx context.Context, w client.WithWatch, obj client.Object, p client.Patch, opts ...client.PatchOption) error {
			if err := hit("patch", obj); err != nil {
				return err
			}
			return w.Patch(ctx, obj, p, opts...)
		},
		Delete: func(ctx context.Context, w client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
			if err := hit("delete", obj); err != nil {
				return err
			}
			return w.Delete(ctx, obj, opts...)
		},
	})
	c.r = &vrg.Reconciler{
		Client: c.client, Live: c.client, Events: c.events,
		Options: vrg.Options{Clock: c.clock, Namespace: "ramen-system", Providers: provider.Set{volrep.Provider{}}},
	}
	c.restart(s)
	return c
}

// otherManager marks a group whose finalizer another field manager has, too.
const otherManager = "test/other-manager"

// applyGroup is server-side apply of our part of a group's metadata. The fake client's own would send the zero values of
// all required fields.
func applyGroup(ctx context.Context, w client.Client, intent *ramenac.VolumeReplicationGroupApplyConfiguration) error {
	g := &v1alpha1.VolumeReplicationGroup{}
	if err := w.Get(ctx, client.ObjectKey{Namespace: *intent.Namespace, Name: *intent.Name}, g); err != nil {
		return err
	}
	if g.Annotations[otherManager] == "" {
		g.Finalizers = intent.Finalizers
	}
	delete(g.Annotations, snapshot.AnnotationRestored)
	delete(g.Annotations, snapshot.AnnotationObjects)
	delete(g.Annotations, snapshot.AnnotationAttempted)
	maps.Copy(g.Annotations, intent.Annotations)
	return w.Update(ctx, g)
}

// requireWhole requires of the group's conditions what a real API server does: the fake one takes empty ones.
func (c *cluster) requireWhole() {
	c.t.Helper()
	g := &v1alpha1.VolumeReplicationGroup{}
	require.NoError(c.t, c.client.Get(c.t.Context(), c.key, g))
	conditions := slices.Clone(g.Status.Conditions)
	for _, p := range g.Status.ProtectedPVCs {
		conditions = append(conditions, p.Conditions...)
	}
	for _, cond := range conditions {
		require.NotEmpty(c.t, cond.Status, "the status of condition %s", cond.Type)
		require.NotEmpty(c.t, cond.Reason, "the reason of condition %s", cond.Type)
		require.LessOrEqual(c.t, len(cond.Message), 32768, "the message of condition %s", cond.Type)
	}
}

// restart forgets all that the process knew.
func (c *cluster) restart(s *stores) {
	c.r.Archive = &archive.Archive{Reader: c.client, Open: s.open(), Namespace: "ramen-system", Clock: c.clock}
	c.r.Signing = &signing.Keeper{Client: c.client, Live: c.client, Namespace: "ramen-system"}
}

// wish makes or changes the group, as the mirror does.
func (c *cluster) wish(role v1alpha1.ReplicationState, epoch string, change ...func(*v1alpha1.VolumeReplicationGroup)) {
	c.t.Helper()
	g := &v1alpha1.VolumeReplicationGroup{}
	err := c.client.Get(c.t.Context(), c.key, g)
	absent := apierrors.IsNotFound(err)
	if absent {
		g = &v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{Namespace: c.key.Namespace, Name: c.key.Name, UID: "vrg-uid", Generation: 1}}
	} else {
		require.NoError(c.t, err)
		g.Generation++
	}
	metav1.SetMetaDataAnnotation(&g.ObjectMeta, "exchange.ramendr.openshift.io/epoch", epoch)
	g.Spec = wishSpec(role)
	delete(g.Annotations, v1alpha1.AnnotationPeerServes)
	for _, f := range change {
		f(g)
	}
	if absent {
		require.NoError(c.t, c.client.Create(c.t.Context(), g))
	} else {
		require.NoError(c.t, c.client.Update(c.t.Context(), g))
	}
}

// wishIfNew is wish, unless the group says all of it already.
func (c *cluster) wishIfNew(role v1alpha1.ReplicationState, epoch string, change ...func(*v1alpha1.VolumeReplicationGroup)) {
	c.t.Helper()
	was := c.group()
	if was == nil {
		c.wish(role, epoch, change...)
		c.writes++
		return
	}
	if was.DeletionTimestamp != nil {
		return
	}
	spec := was.DeepCopy()
	spec.Spec = wishSpec(role)
	for _, f := range change {
		f(spec)
	}
	if !equality.Semantic.DeepEqual(spec.Spec, was.Spec) || was.Annotations["exchange.ramendr.openshift.io/epoch"] != epoch {
		c.wish(role, epoch, change...)
		c.writes++
	}
}

func wishSpec(role v1alpha1.ReplicationState) v1alpha1.VolumeReplicationGroupSpec {
	return v1alpha1.VolumeReplicationGroupSpec{
		PVCSelector:      metav1.LabelSelector{MatchLabels: map[string]string{"app": "x"}},
		ReplicationState: role,
		S3Profiles:       []string{"s3-dr1", "s3-dr2"},
		Async: &v1alpha1.VRGAsyncSpec{SchedulingInterval: "1m", PeerClasses: []v1alpha1.PeerClass{{
			StorageClassName: "lab-rep", StorageID: []string{"lab-dr1", "lab-dr2"}, ReplicationID: "lab-rep-1",
		}}},
	}
}

func action(a v1alpha1.VRGAction) func(*v1alpha1.VolumeReplicationGroup) {
	return func(g *v1alpha1.VolumeReplicationGroup) { g.Spec.Action = a }
}

// pass lets the controller look once; its error is returned.
func (c *cluster) pass() (reconcile.Result, error) {
	return c.r.Reconcile(c.t.Context(), reconcile.Request{NamespacedName: c.key})
}

// settle lets the controller and its neighbors work until nothing moves.
func (c *cluster) settle() {
	c.t.Helper()
	for range 30 {
		was := c.writes
		_, err := c.pass()
		require.NoError(c.t, err)
		c.neighbors()
		if c.writes == was {
			return
		}
	}
	require.Fail(c.t, "the controller does not come to rest")
}

// provision makes a claim of the application with its volume.
func (c *cluster) provision(claim string, change ...func(*corev1.PersistentVolumeClaim)) {
	c.t.Helper()
	ctx := c.t.Context()
	pvc := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: claim, UID: types.UID("uid-" + claim), Labels: map[string]string{"app": "x"}},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: new("lab-rep"), VolumeName: "pv-" + claim, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
	}
	for _, f := range change {
		f(pvc)
	}
	require.NoError(c.t, c.client.Create(ctx, pvc))
	require.NoError(c.t, c.client.Create(ctx, &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: pvc.Spec.VolumeName, UID: types.UID("uid-" + pvc.Spec.VolumeName)},
		Spec: corev1.PersistentVolumeSpec{
			StorageClassName: "lab-rep", PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			ClaimRef:               &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: pvc.Namespace, Name: claim, UID: pvc.UID},
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: "handle" + strings.TrimPrefix(pvc.Spec.VolumeName, "pv")}},
		},
		Status: corev1.PersistentVolumeStatus{Phase: corev1.VolumeBound},
	}))
}

// run makes a Pod that uses a claim.
func (c *cluster) run(pod, claim string) {
	c.t.Helper()
	require.NoError(c.t, c.client.Create(c.t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: pod},
		Spec: corev1.PodSpec{Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}}}}},
	}))
}

// remove deletes an object, as its user does.
func (c *cluster) remove(obj client.Object, key ...string) {
	c.t.Helper()
	obj.SetName(key[len(key)-1])
	if len(key) == 2 {
		obj.SetNamespace(key[0])
	}
	require.NoError(c.t, c.client.Delete(c.t.Context(), obj))
}

func (c *cluster) group() *v1alpha1.VolumeReplicationGroup {
	c.t.Helper()
	return get(c, &v1alpha1.VolumeReplicationGroup{}, c.key.Namespace, c.key.Name)
}

// get reads an object; nil if there is none.
func get[T client.Object](c *cluster, obj T, namespace, name string) T {
	c.t.Helper()
	err := c.client.Get(c.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, obj)
	if apierrors.IsNotFound(err) {
		var none T
		return none
	}
	require.NoError(c.t, err)
	return obj
}

func (c *cluster) claim(name string) *corev1.PersistentVolumeClaim {
	return get(c, &corev1.PersistentVolumeClaim{}, ns, name)
}
func (c *cluster) pv(name string) *corev1.PersistentVolume {
	return get(c, &corev1.PersistentVolume{}, "", name)
}
func (c *cluster) replica(name string) *replicationv1.VolumeReplication {
	return get(c, &replicationv1.VolumeReplication{}, ns, name)
}

// says is a condition as "Status/Reason".
func (c *cluster) says(kind string) string {
	cond := meta.FindStatusCondition(c.group().Status.Conditions, kind)
	require.NotNil(c.t, cond, kind)
	require.Equal(c.t, c.group().Generation, cond.ObservedGeneration, kind)
	return string(cond.Status) + "/" + cond.Reason
}

func (c *cluster) message(kind string) string {
	return meta.FindStatusCondition(c.group().Status.Conditions, kind).Message
}

// marks are the keys of ours that a claim carries.
func marks(claim *corev1.PersistentVolumeClaim) []string {
	var out []string
	for k := range claim.Labels {
		if strings.HasPrefix(k, "ramendr.openshift.io/owner") {
			out = append(out, k)
		}
	}
	for k := range claim.Annotations {
		if strings.Contains(k, "vr-") {
			out = append(out, k)
		}
	}
	return append(out, claim.Finalizers...)
}
