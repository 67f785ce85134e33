// SPDX-License-Identifier: Apache-2.0

package drclusterconfig_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/version"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/mem"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/drclusterconfig"
	"github.com/ramendr/ramen-direct/spokectrl/signing"
	"github.com/ramendr/ramen-direct/spokectrl/vrg"
)

type fixture struct {
	client.Client
	r      *drclusterconfig.Reconciler
	clock  *testclock.FakeClock
	server *mem.Server
	broken string // kind whose list fails
	writes int
}

func bucket(name string) store.Config {
	return store.Config{Endpoint: "https://s3.example.com", Bucket: name, AccessKey: "a", SecretKey: "s"}
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	scheme, err := vrg.Scheme()
	require.NoError(t, err)
	f := &fixture{server: mem.New(), clock: testclock.NewFakeClock(time.Unix(1000, 0))}
	f.server.AddBucket(bucket("a"))
	const config = "s3StoreProfiles:\n" +
		"- {s3ProfileName: a, s3Bucket: a, s3CompatibleEndpoint: 'https://s3.example.com', s3SecretRef: {name: keys}}\n" +
		"- {s3ProfileName: b, s3Bucket: b, s3CompatibleEndpoint: 'https://s3.example.com', s3SecretRef: {name: keys}}\n"
	f.Client = interceptor.NewClient(fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.DRClusterConfig{}).WithObjects(
		&v1alpha1.DRClusterConfig{ObjectMeta: metav1.ObjectMeta{Name: "dr1", Generation: 3}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system", UID: types.UID("cluster-1")}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "op", Name: "ramen-dr-cluster-operator-config"}, Data: map[string]string{"ramen_manager_config.yaml": config}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "op", Name: "keys"}, Data: map[string][]byte{"AWS_ACCESS_KEY_ID": []byte("a"), "AWS_SECRET_ACCESS_KEY": []byte("s")}},
		&storagev1.StorageClass{
			ObjectMeta:  metav1.ObjectMeta{Name: "rep", Labels: map[string]string{v1alpha1.LabelStorageID: "s1", "team": "x"}, Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}},
			Provisioner: "d", Parameters: map[string]string{"pool": "p", "csi.storage.k8s.io/node-stage-secret-name": "hush"},
		},
		&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "plain"}, Provisioner: "e"},
		&replicationv1.VolumeReplicationClass{
			ObjectMeta: metav1.ObjectMeta{Name: "vrc", Labels: map[string]string{v1alpha1.LabelReplicationID: "r1"}},
			Spec:       replicationv1.VolumeReplicationClassSpec{Provisioner: "d", Parameters: map[string]string{"schedulingInterval": "1m"}},
		},
	).Build(), interceptor.Funcs{
		List: func(ctx context.Context, w client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			gvk := list.GetObjectKind().GroupVersionKind()
			switch {
			case strings.Contains(gvk.Group, "snapshot"):
				return &meta.NoKindMatchError{GroupKind: gvk.GroupKind()}
			case f.broken != "" && gvk.Kind == f.broken+"List":
				return errors.New("boom")
			}
			return w.List(ctx, list, opts...)
		},
		SubResourceApply: func(ctx context.Context, w client.Client, sub string, obj runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
			f.writes++
			return w.SubResource(sub).Apply(ctx, obj, opts...)
		},
	})
	f.r = &drclusterconfig.Reconciler{
		Client: f.Client, Live: f.Client,
		Options: drclusterconfig.Options{Archive: &archive.Archive{Reader: f.Client, Open: f.server.Open, Namespace: "op", Clock: f.clock}, Clock: f.clock, Signing: &signing.Keeper{Client: f.Client, Live: f.Client, Namespace: "op"}},
		Version: func() (*version.Info, error) { return &version.Info{GitVersion: "v1.37.2"}, nil },
	}
	return f
}

func (f *fixture) pass(t *testing.T) (v1alpha1.DRClusterConfigStatus, reconcile.Result, error) {
	t.Helper()
	key := types.NamespacedName{Name: "dr1"}
	result, err := f.r.Reconcile(t.Context(), reconcile.Request{NamespacedName: key})
	config := &v1alpha1.DRClusterConfig{}
	require.NoError(t, f.Get(t.Context(), key, config))
	return config.Status, result, err
}

func says(s v1alpha1.DRClusterConfigStatus, kind string) string {
	c := meta.FindStatusCondition(s.Conditions, kind)
	return string(c.Status) + "/" + c.Reason
}

func TestTheClusterIsDescribed(t *testing.T) {
	f := newFixture(t)
	s, result, err := f.pass(t)
	require.NoError(t, err)
	assert.NotZero(t, result.RequeueAfter, "stores are asked again")
	assert.Equal(t, "cluster-1", s.ClusterID)
	assert.Equal(t, "v1.37.2", s.KubernetesVersion)
	assert.Equal(t, []string{"replication.storage.openshift.io/v1alpha1"}, s.APIs)
	assert.Equal(t, []string{"rep"}, s.StorageClasses, "only those with a storage id")
	assert.Equal(t, []string{"vrc"}, s.VolumeReplicationClasses)
	assert.Empty(t, s.VolumeSnapshotClasses, "an API that is not served is no error")
	assert.Equal(t, "True/Succeeded", says(s, "Processed"))
	require.Len(t, s.Classes, 3)
	rep := s.Classes[1]
	assert.Equal(t, "rep", rep.Name)
	assert.True(t, rep.Default)
	assert.Equal(t, map[string]string{"pool": "p"}, rep.Parameters, "no names of secrets")
	assert.Equal(t, map[string]string{v1alpha1.LabelStorageID: "s1"}, rep.Labels)
	assert.Equal(t, map[string]string{"schedulingInterval": "1m"}, s.Classes[2].Parameters)
	assert.Equal(t, int64(3), s.ObservedGeneration)
}

func TestEachStoreIsToldApart(t *testing.T) {
	f := newFixture(t)
	s, _, err := f.pass(t)
	require.NoError(t, err)
	assert.Equal(t, "False/Unreachable", says(s, "Reachable"))
	require.Len(t, s.Profiles, 2)
	assert.True(t, s.Profiles[0].Reachable)
	assert.False(t, s.Profiles[1].Reachable)
	assert.Contains(t, s.Profiles[1].Message, "BucketNotFound")

	f.writes = 0
	f.clock.Step(time.Minute)
	_, _, err = f.pass(t)
	require.NoError(t, err)
	assert.Zero(t, f.writes, "nothing changed")

	f.server.AddBucket(bucket("b"))
	s, _, err = f.pass(t)
	require.NoError(t, err)
	assert.Equal(t, "True/Reachable", says(s, "Reachable"))
	assert.True(t, s.Profiles[1].ObservedTime.After(s.Profiles[0].ObservedTime.Time))
}

func TestWhatCouldNotBeReadIsKept(t *testing.T) {
	f := newFixture(t)
	_, _, err := f.pass(t)
	require.NoError(t, err)
	f.broken = "VolumeReplicationClass"
	s, _, err := f.pass(t)
	require.ErrorContains(t, err, "boom")
	assert.Equal(t, "False/Failed", says(s, "Processed"))
	assert.Equal(t, []string{"vrc"}, s.VolumeReplicationClasses)
}

func TestAnswersAboutMaintenanceModesAreLeftAlone(t *testing.T) {
	f := newFixture(t)
	config := &v1alpha1.DRClusterConfig{}
	require.NoError(t, f.Get(t.Context(), types.NamespacedName{Name: "dr1"}, config))
	config.Status.MaintenanceModes = []v1alpha1.MaintenanceModeAnswer{{Name: "m", RequestedTime: metav1.NewMicroTime(f.clock.Now())}}
	require.NoError(t, f.Status().Update(t.Context(), config))
	_, _, err := f.pass(t)
	require.NoError(t, err)
	f.writes = 0
	s, _, err := f.pass(t)
	require.NoError(t, err)
	assert.Len(t, s.MaintenanceModes, 1)
	assert.Zero(t, f.writes)
}
