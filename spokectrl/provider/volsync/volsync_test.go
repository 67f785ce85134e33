// SPDX-License-Identifier: Apache-2.0

package volsync_test

import (
	"context"
	"strings"
	"testing"
	"time"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
	"github.com/ramendr/ramen-direct/spokectrl/provider/providertest"
	"github.com/ramendr/ramen-direct/spokectrl/provider/volsync"
)

const (
	driver = "driver.example.com"
	kept   = "volsync.backube/do-not-delete"
)

func described() v1alpha1.ProtectedPVC {
	return v1alpha1.ProtectedPVC{
		Namespace: "app", Name: "data", ProtectedByVolSync: true, StorageClassName: new("sc"),
		Labels: map[string]string{"app": "x"}, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
	}
}

func group() provider.Group {
	return provider.Group{
		Namespace: "app", Name: "g", UID: "0123456789", Interval: "60m", Role: plan.Primary, Epoch: 3, Generation: 7,
		PeerClasses: []v1alpha1.PeerClass{{StorageClassName: "sc", StorageID: []string{"s1", "s2"}}},
		VolSync: v1alpha1.VolSyncSpec{RSSpec: []v1alpha1.VolSyncReplicationSourceSpec{{
			ProtectedPVC: v1alpha1.ProtectedPVC{Namespace: "app", Name: "data"}, RsyncTLS: &v1alpha1.RsyncTLSConfig{Address: "peer.example.com"},
		}}},
	}
}

func class() *storagev1.StorageClass {
	return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "sc", Labels: map[string]string{v1alpha1.LabelStorageID: "s1"}}, Provisioner: driver}
}

func volume() provider.Volume {
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: "data"},
		Spec:       corev1.PersistentVolumeClaimSpec{StorageClassName: new("sc"), VolumeName: "pv"},
	}
	pv := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv"}, Spec: corev1.PersistentVolumeSpec{
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: "h"}},
	}}
	return provider.Volume{Namespace: "app", Name: "data", Group: group(), Claim: claim, PV: pv, Class: class(), Free: true}
}

func snapshotClass(name string, change ...func(*snapshotv1.VolumeSnapshotClass)) *snapshotv1.VolumeSnapshotClass {
	c := &snapshotv1.VolumeSnapshotClass{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1alpha1.LabelStorageID: "s1"}}, Driver: driver,
	}
	for _, f := range change {
		f(c)
	}
	return c
}

// cluster is an API server with VolSync and snapshots.
func cluster(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	s := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(s))
	require.NoError(t, volsyncv1.AddToScheme(s))
	require.NoError(t, snapshotv1.AddToScheme(s))
	return fake.NewClientBuilder().WithScheme(s).WithObjects(append(objects, class())...).
		WithStatusSubresource(&volsyncv1.ReplicationSource{}, &volsyncv1.ReplicationDestination{}, &snapshotv1.VolumeSnapshot{}).Build()
}

func source(ctx context.Context, t *testing.T, c client.Client) *volsyncv1.ReplicationSource {
	t.Helper()
	rs := &volsyncv1.ReplicationSource{}
	require.NoError(t, c.Get(ctx, client.ObjectKey{Namespace: "app", Name: "data"}, rs))
	return rs
}

// sync is a synchronization that VolSync finishes.
func sync(ctx context.Context, t *testing.T, c client.Client) {
	t.Helper()
	rs := source(ctx, t, c)
	now := metav1.Now()
	rs.Status = &volsyncv1.ReplicationSourceStatus{LastSyncTime: &now, LastSyncDuration: &metav1.Duration{Duration: time.Second}}
	if rs.Spec.Trigger != nil {
		rs.Status.LastManualSync = rs.Spec.Trigger.Manual
	}
	require.NoError(t, c.Status().Update(ctx, rs))
}

func TestConformance(t *testing.T) {
	providertest.Run(t, func(t *testing.T) providertest.Subject {
		t.Helper()
		c := cluster(t, snapshotClass("snap"))
		none := func(list client.ObjectList) error {
			gvk := schema.GroupKind{Group: volsyncv1.GroupVersion.Group, Kind: "ReplicationSource"}
			if _, ok := list.(*corev1.PersistentVolumeClaimList); ok {
				return nil
			}
			return &meta.NoKindMatchError{GroupKind: gvk}
		}
		bare := interceptor.NewClient(c, interceptor.Funcs{
			Get: func(_ context.Context, _ client.WithWatch, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
				if _, ok := obj.(*volsyncv1.ReplicationSource); ok {
					return none(nil)
				}
				return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
			},
			List: func(_ context.Context, _ client.WithWatch, list client.ObjectList, _ ...client.ListOption) error {
				return none(list)
			},
		})
		reach := func(ctx context.Context, t *testing.T) {
			t.Helper()
			sync(ctx, t, c)
			// As a secondary, what ran when it was told does not count: the operator asks once more.
			v := volume()
			v.Group.Role = plan.Secondary
			if source(ctx, t, c).Spec.Trigger.Manual == "" {
				return
			}
			state, err := volsync.Provider{}.Observe(ctx, c, v)
			require.NoError(t, err)
			require.False(t, state.Settled)
			tell(ctx, t, c, v, plan.Secondary)
			sync(ctx, t, c)
		}
		return providertest.Subject{Provider: volsync.Provider{}, Client: c, Bare: bare, Volume: volume(), Reach: reach}
	})
}

func tell(ctx context.Context, t *testing.T, c client.Client, v provider.Volume, role plan.Role) {
	t.Helper()
	v.Group.Role = role
	state, err := volsync.Provider{}.Observe(ctx, c, v)
	require.NoError(t, err)
	intents, err := volsync.Provider{}.Intents(v, state, role)
	require.NoError(t, err)
	for _, intent := range intents {
		require.NoError(t, apply.New(c, "providertest").Owned(ctx, intent))
	}
}

func observe(t *testing.T, c client.Client, v provider.Volume) provider.State {
	t.Helper()
	s, err := volsync.Provider{}.Observe(t.Context(), c, v)
	require.NoError(t, err)
	return s
}

// TestTheLastSynchronizationBeginsAfterItWasAskedFor: a tag that a running synchronization may claim never counts as last.
func TestTheLastSynchronizationBeginsAfterItWasAskedFor(t *testing.T) {
	ctx, c, v := t.Context(), cluster(t, snapshotClass("snap")), volume()
	manual := func() string { return source(ctx, t, c).Spec.Trigger.Manual }
	tell(ctx, t, c, v, plan.Primary)
	require.Equal(t, "0 */1 * * *", *source(ctx, t, c).Spec.Trigger.Schedule)
	sync(ctx, t, c)
	require.True(t, observe(t, c, v).Settled)

	v.Group.Prepare, v.Free, v.Group.Generation = true, false, 8
	require.True(t, observe(t, c, v).Unprepared)
	tell(ctx, t, c, v, plan.Primary)
	require.Equal(t, "prepare-01234567-8", manual())
	require.Nil(t, source(ctx, t, c).Spec.Trigger.Schedule)
	require.True(t, observe(t, c, v).Unprepared, "it is not over yet")
	sync(ctx, t, c)
	require.False(t, observe(t, c, v).Unprepared)

	v.Group.Prepare, v.Group.Final, v.Group.Generation = false, true, 9
	s := observe(t, c, v)
	require.True(t, s.Unsent)
	require.True(t, s.Exact, "nothing is sent while the volume is in use")
	v.Free = true
	require.False(t, observe(t, c, v).Exact)
	tell(ctx, t, c, v, plan.Primary)
	require.Equal(t, "final-01234567-9", manual())
	require.True(t, observe(t, c, v).Unsent)
	sync(ctx, t, c)
	require.False(t, observe(t, c, v).Unsent)

	v.Group.Final, v.Group.Generation, v.Group.Role = false, 10, plan.Secondary
	v.Group.VolSync.RSSpec = nil
	s = observe(t, c, v)
	require.True(t, s.Exact && s.Settled, "what was sent is not sent again")

	v.Group.Role, v.Group.Generation = plan.Primary, 11
	v.Group.VolSync = group().VolSync
	require.False(t, observe(t, c, v).Exact)
	tell(ctx, t, c, v, plan.Primary)
	require.Empty(t, manual(), "it goes on by its schedule")
}

// TestASecondaryThatWasNotPreparedSendsTwice: the first one may have begun before.
func TestASecondaryThatWasNotPreparedSendsTwice(t *testing.T) {
	ctx, c, v := t.Context(), cluster(t, snapshotClass("snap")), volume()
	tell(ctx, t, c, v, plan.Primary)
	sync(ctx, t, c)
	v.Group.Role, v.Group.VolSync.RSSpec = plan.Secondary, nil
	tell(ctx, t, c, v, plan.Secondary)
	require.Equal(t, "stop-01234567-7", source(ctx, t, c).Spec.Trigger.Manual)
	require.Equal(t, "peer.example.com", *source(ctx, t, c).Spec.RsyncTLS.Address, "a secondary is told no address, and still has to send")
	sync(ctx, t, c)
	s := observe(t, c, v)
	require.False(t, s.Settled || s.Exact)
	tell(ctx, t, c, v, plan.Secondary)
	sync(ctx, t, c)
	require.True(t, observe(t, c, v).Settled)
}

// TestAClaimThatLeavesIsSentByAStandIn: of a volume of its own with the same handle, so that the pair stays as it is.
func TestAClaimThatLeavesIsSentByAStandIn(t *testing.T) {
	ctx, c, v := t.Context(), cluster(t, snapshotClass("snap")), volume()
	tell(ctx, t, c, v, plan.Primary)
	v.Group.Prepare = true
	tell(ctx, t, c, v, plan.Primary)
	sync(ctx, t, c)
	v.Group.Prepare, v.Group.Final = false, true
	now := metav1.Now()
	v.Claim.DeletionTimestamp = &now
	tell(ctx, t, c, v, plan.Primary)
	require.Equal(t, "data-for-finalsync", source(ctx, t, c).Spec.SourcePVC)
	claim, pv := &corev1.PersistentVolumeClaim{}, &corev1.PersistentVolume{}
	require.NoError(t, c.Get(ctx, client.ObjectKey{Namespace: "app", Name: "data-for-finalsync"}, claim))
	require.NoError(t, c.Get(ctx, client.ObjectKey{Name: claim.Spec.VolumeName}, pv))
	assert.Equal(t, "h", pv.Spec.CSI.VolumeHandle)
	assert.Equal(t, corev1.PersistentVolumeReclaimRetain, pv.Spec.PersistentVolumeReclaimPolicy)
	assert.Equal(t, "data-for-finalsync", pv.Spec.ClaimRef.Name)
	require.True(t, observe(t, c, v).Exact)
	for _, o := range (volsync.Provider{}).Leftovers(observe(t, c, v)) {
		require.NoError(t, c.Delete(ctx, o))
	}
	require.Equal(t, plan.ReplicaAbsent, observe(t, c, v).Replica)
	assert.True(t, apierrors.IsNotFound(c.Get(ctx, client.ObjectKeyFromObject(pv), pv)))
	assert.True(t, apierrors.IsNotFound(c.Get(ctx, client.ObjectKeyFromObject(claim), claim)))
}

func TestWhatKeepsAVolumeFromBeingCopiedIsNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*provider.Volume)
		class  *snapshotv1.VolumeSnapshotClass
		reason string
		says   string
	}{
		"no class of the driver": {
			class: snapshotClass("snap", func(c *snapshotv1.VolumeSnapshotClass) { c.Driver = "x" }), reason: "VolumeSnapshotClassNotFound", says: driver,
		},
		"no class of the storage": {
			class:  snapshotClass("snap", func(c *snapshotv1.VolumeSnapshotClass) { c.Labels = nil }),
			reason: "VolumeSnapshotClassNotFound", says: "storageid=s1",
		},
		"a selector that nothing has": {
			change: func(v *provider.Volume) {
				v.Group.SnapshotSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}
			}, reason: "VolumeSnapshotClassNotFound", says: "a=b",
		},
		"a name that leaves no room for those of its copies": {change: func(v *provider.Volume) { v.Name = strings.Repeat("a", 225) }, reason: "NotSupported", says: "the name of the claim has 225 characters, and VolSync can copy claims of at most 224"},

		"turned off":      {change: func(v *provider.Volume) { v.Group.VolSync.Disabled = true }, reason: "NotSupported", says: "turned off"},
		"Submariner":      {change: func(v *provider.Volume) { v.Group.Copies.Submariner = true }, reason: "NotSupported", says: "Submariner"},
		"another method":  {change: func(v *provider.Volume) { v.Group.Copies.Method = "Clone" }, reason: "NotSupported", says: "Clone"},
		"a wild interval": {change: func(v *provider.Volume) { v.Group.Interval = "often" }, reason: "Error", says: "schedulingInterval"},
	} {
		t.Run(name, func(t *testing.T) {
			v := volume()
			if tc.change != nil {
				tc.change(&v)
			}
			if tc.class == nil {
				tc.class = snapshotClass("snap")
			}
			s := observe(t, cluster(t, tc.class), v)
			require.NotNil(t, s.Refusal)
			assert.Equal(t, tc.reason, s.Refusal.Reason)
			assert.Contains(t, s.Refusal.Message, tc.says)
			_, err := volsync.Provider{}.Intents(v, s, plan.Primary)
			assert.ErrorContains(t, err, tc.says)
		})
	}
}

// TestWithoutAnAddressThereIsNoSource: the volume is ready all the same, and the wait is told.
func TestWithoutAnAddressThereIsNoSource(t *testing.T) {
	v := volume()
	v.Group.VolSync.RSSpec = nil
	s := observe(t, cluster(t, snapshotClass("snap")), v)
	assert.NotEmpty(t, s.Early)
	assert.Equal(t, metav1.ConditionTrue, s.Ready.Status)
	assert.Equal(t, s.Early, s.Protected.Message)
}

// TestWhatItsStorageReplicatesIsNotCopiedBesideThat, though a user asked for VolSync. What is copied already is not stopped.
func TestWhatItsStorageReplicatesIsNotCopiedBesideThat(t *testing.T) {
	v := volume()
	v.Group.ForceVolSync = true
	c := cluster(t, snapshotClass("snap"))
	require.Nil(t, observe(t, c, v).Refusal)
	v.Class = v.Class.DeepCopy()
	v.Class.Labels[v1alpha1.LabelOffloaded] = ""
	s := observe(t, c, v)
	require.NotNil(t, s.Refusal)
	assert.Equal(t, provider.ReasonNotSupported, s.Refusal.Reason)
	assert.Contains(t, s.Refusal.Message, "remove label ramendr.openshift.io/offloaded")
}

func TestClaims(t *testing.T) {
	v := volume()
	assert.True(t, volsync.Provider{}.Claims(v))
	v.Group.PeerClasses[0].Offloaded = true
	assert.False(t, volsync.Provider{}.Claims(v), "its storage replicates by itself, in groups")
	v.Group.PeerClasses[0].Offloaded, v.Group.PeerClasses[0].ReplicationID = false, "r1"
	assert.False(t, volsync.Provider{}.Claims(v), "its storage replicates by itself")
	v.Group.ForceVolSync = true
	assert.True(t, volsync.Provider{}.Claims(v))
}
