// SPDX-License-Identifier: Apache-2.0

package volsync_test

import (
	"slices"
	"testing"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
	"github.com/ramendr/ramen-direct/spokectrl/provider/volsync"
)

// side is a cluster that receives one volume.
type side struct {
	t *testing.T
	c client.WithWatch
	g provider.Group
}

func receiving(t *testing.T) *side {
	t.Helper()
	g := group()
	g.Role = plan.Secondary
	g.VolSync = v1alpha1.VolSyncSpec{RDSpec: []v1alpha1.VolSyncReplicationDestinationSpec{{ProtectedPVC: described()}}}
	s := &side{t: t, c: cluster(t, snapshotClass("snap")), g: g}
	s.receive()
	return s
}

func (s *side) only() provider.Destination {
	s.t.Helper()
	found, err := volsync.Provider{}.Destinations(s.t.Context(), s.c, s.g)
	require.NoError(s.t, err)
	require.Len(s.t, found, 1)
	return found[0]
}

func (s *side) receive() {
	s.t.Helper()
	intents, err := volsync.Provider{}.Receive(s.g, s.only())
	require.NoError(s.t, err)
	for _, i := range intents {
		require.NoError(s.t, apply.New(s.c, "test").Owned(s.t.Context(), i))
	}
}

func (s *side) destination() *volsyncv1.ReplicationDestination {
	s.t.Helper()
	rd := &volsyncv1.ReplicationDestination{}
	require.NoError(s.t, s.c.Get(s.t.Context(), client.ObjectKey{Namespace: "app", Name: "data"}, rd))
	return rd
}

// arrive is a copy that VolSync completes, with its image.
func (s *side) arrive(image string) {
	s.t.Helper()
	require.NoError(s.t, s.c.Create(s.t.Context(), &snapshotv1.VolumeSnapshot{
		ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: image},
		Spec:       snapshotv1.VolumeSnapshotSpec{Source: snapshotv1.VolumeSnapshotSource{PersistentVolumeClaimName: new("data-received")}},
	}))
	rd := s.destination()
	rd.Status = &volsyncv1.ReplicationDestinationStatus{
		LastSyncTime: new(metav1.Now()),
		LatestImage:  &corev1.TypedLocalObjectReference{Kind: "VolumeSnapshot", Name: image},
		RsyncTLS:     &volsyncv1.ReplicationDestinationRsyncTLSStatus{Address: new("here.example.com")},
	}
	require.NoError(s.t, s.c.Status().Update(s.t.Context(), rd))
	s.complete(image)
}

func (s *side) complete(image string) {
	s.t.Helper()
	snapshot := &snapshotv1.VolumeSnapshot{}
	require.NoError(s.t, s.c.Get(s.t.Context(), client.ObjectKey{Namespace: "app", Name: image}, snapshot))
	snapshot.Status = &snapshotv1.VolumeSnapshotStatus{ReadyToUse: new(true), RestoreSize: new(resource.MustParse("2Gi"))}
	require.NoError(s.t, s.c.Status().Update(s.t.Context(), snapshot))
}

// promote makes the side a primary that is told of no destinations, as the hub does.
func (s *side) promote(failover bool) {
	s.g.Role, s.g.Failover, s.g.VolSync, s.g.Epoch = plan.Primary, failover, v1alpha1.VolSyncSpec{}, s.g.Epoch+1
}

// restore takes one step.
func (s *side) restore(change ...func(*provider.Destination)) provider.Restoring {
	s.t.Helper()
	d := s.only()
	claim := &corev1.PersistentVolumeClaim{}
	if err := s.c.Get(s.t.Context(), client.ObjectKey{Namespace: "app", Name: "data"}, claim); err == nil {
		d.Claim = claim
	}
	for _, f := range change {
		f(&d)
	}
	next := volsync.Provider{}.Restore(s.g, d)
	for _, i := range next.Intents {
		require.NoError(s.t, apply.New(s.c, "test").Owned(s.t.Context(), i))
	}
	if next.Create != nil {
		require.NoError(s.t, s.c.Create(s.t.Context(), next.Create))
	}
	if next.Delete != nil {
		require.NoError(s.t, s.c.Delete(s.t.Context(), next.Delete))
	}
	return next
}

func TestReceive(t *testing.T) {
	s := receiving(t)
	d := s.only()
	assert.True(t, d.Exact && d.Wanted)
	assert.Empty(t, d.Address)
	rd := s.destination()
	assert.Equal(t, "g-vs-secret", *rd.Spec.RsyncTLS.KeySecret)
	assert.Equal(t, corev1.ServiceTypeLoadBalancer, *rd.Spec.RsyncTLS.ServiceType)
	assert.Equal(t, "data-received", *rd.Spec.RsyncTLS.DestinationPVC)
	assert.Nil(t, rd.Spec.Trigger, "it waits for one copy after another")
	s.arrive("image-1")
	d = s.only()
	assert.Equal(t, "here.example.com", d.Address)
	assert.True(t, d.Received && d.Exact)

	s.g.Copies = provider.Copies{ServiceType: "ClusterIP", ServiceAnnotations: map[string]string{"a": "b"}}
	require.False(t, s.only().Exact)
	s.receive()
	require.True(t, s.only().Exact)
	assert.Equal(t, "b", (*s.destination().Spec.RsyncTLS.ServiceAnnotations)["a"])

	s.g.VolSync.RDSpec[0].ProtectedPVC.Resources.Requests[corev1.ResourceStorage] = resource.MustParse("3Gi")
	require.False(t, s.only().Exact, "the volume grew")
	s.receive()
	require.True(t, s.only().Exact)
	s.g.VolSync.RDSpec[0].ProtectedPVC.Resources.Requests[corev1.ResourceStorage] = resource.MustParse("1Gi")
	s.receive()
	require.True(t, s.only().Exact, "a claim never shrinks")
}

func TestWhatCannotBeReceivedIsNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*v1alpha1.ProtectedPVC)
		says   string
	}{
		"no such class":     {func(p *v1alpha1.ProtectedPVC) { p.StorageClassName = new("other") }, `no StorageClass "other"`},
		"another namespace": {func(p *v1alpha1.ProtectedPVC) { p.Namespace = "elsewhere" }, "elsewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			s := receiving(t)
			tc.change(&s.g.VolSync.RDSpec[0].ProtectedPVC)
			found, err := volsync.Provider{}.Destinations(t.Context(), s.c, s.g)
			require.NoError(t, err)
			i := slices.IndexFunc(found, func(d provider.Destination) bool { return d.Wanted })
			require.GreaterOrEqual(t, i, 0)
			d := found[i]
			require.NotNil(t, d.Refusal)
			assert.Contains(t, d.Refusal.Message, tc.says)
			_, err = volsync.Provider{}.Receive(s.g, d)
			assert.ErrorContains(t, err, tc.says)
		})
	}
}

// TestAFailoverTakesTheNewestCompleteImage: something half received may lie on top of it.
func TestAFailoverTakesTheNewestCompleteImage(t *testing.T) {
	s := receiving(t)
	s.promote(true)
	next := s.restore()
	assert.False(t, next.Done)
	assert.Contains(t, next.Message, "never completed")
	s.arrive("image-1")
	s.restore()
	require.True(t, s.destination().Spec.Paused, "nothing comes in any more")
	s.restore()
	image := &snapshotv1.VolumeSnapshot{}
	require.NoError(t, s.c.Get(t.Context(), client.ObjectKey{Namespace: "app", Name: "image-1"}, image))
	require.Equal(t, "true", image.Labels[kept], "VolSync leaves it alone")
	next = s.restore()
	require.NotNil(t, next.Create)
	claim := &corev1.PersistentVolumeClaim{}
	require.NoError(t, s.c.Get(t.Context(), client.ObjectKey{Namespace: "app", Name: "data"}, claim))
	assert.Equal(t, "image-1", claim.Spec.DataSource.Name)
	assert.Equal(t, map[string]string{"app": "x"}, claim.Labels, "it is a volume of the application like any other")
	assert.Equal(t, "2Gi", new(claim.Spec.Resources.Requests[corev1.ResourceStorage]).String(), "what was snapshotted fits")
	assert.False(t, s.restore().Done, "it is not filled yet")
	assert.True(t, s.restore(func(d *provider.Destination) { d.Late = true }).Done, "it is filled when it is first used")
	claim.Status.Phase = corev1.ClaimBound
	require.NoError(t, s.c.Status().Update(t.Context(), claim))
	assert.True(t, s.restore().Done)

	for _, o := range s.only().Objects {
		require.NoError(t, s.c.Delete(t.Context(), o))
	}
	found, err := volsync.Provider{}.Destinations(t.Context(), s.c, s.g)
	require.NoError(t, err)
	assert.Empty(t, found)
}

// TestARelocationTakesWhatCameInLast: VolSync may not have made an image of it.
func TestARelocationTakesWhatCameInLast(t *testing.T) {
	s := receiving(t)
	s.arrive("image-1")
	s.promote(false)
	s.restore()
	require.True(t, s.destination().Spec.Paused)
	next := s.restore(func(d *provider.Destination) { d.Busy = "claim data-received is in use by Pod mover" })
	assert.Contains(t, next.Message, "mover")
	s.restore()
	s.complete("data-received-4")
	next = s.restore()
	require.NotNil(t, next.Create)
	claim := &corev1.PersistentVolumeClaim{}
	require.NoError(t, s.c.Get(t.Context(), client.ObjectKey{Namespace: "app", Name: "data"}, claim))
	assert.Equal(t, "data-received-4", claim.Spec.DataSource.Name)
}

// TestWhatIsInTheWayOfARestore: only a volume of an earlier term, which is retained, is replaced.
func TestWhatIsInTheWayOfARestore(t *testing.T) {
	old := func() *corev1.PersistentVolumeClaim {
		return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: "data"}, Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound}}
	}
	for name, tc := range map[string]struct {
		change  func(*provider.Destination)
		blocked bool
		deleted bool
		says    string
	}{
		"a stranger's claim": {func(*provider.Destination) {}, true, false, "was not made from what was received"},
		"an earlier term's":  {func(d *provider.Destination) { d.Ours = true }, false, true, "replaced"},
		"one that is in use": {func(d *provider.Destination) { d.Ours, d.Used = true, "claim data is in use by Pod x" }, false, false, "Pod x"},
		"one that leaves": {func(d *provider.Destination) {
			d.Ours, d.Claim.DeletionTimestamp = true, new(metav1.Now())
		}, false, false, "being deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			s := receiving(t)
			s.arrive("image-1")
			s.promote(true)
			s.restore()
			s.restore()
			require.NoError(t, s.c.Create(t.Context(), old()))
			next := s.restore(tc.change)
			assert.Equal(t, tc.blocked, next.Blocked)
			assert.Equal(t, tc.deleted, next.Delete != nil)
			assert.False(t, next.Done)
			assert.Contains(t, next.Message, tc.says)
		})
	}
}

// TestAClaimOfOursIsKnownByWhatItIsMadeFrom : an operator may write the claim as it knows it, in the middle of the restore.
func TestAClaimOfOursIsKnownByWhatItIsMadeFrom(t *testing.T) {
	s := receiving(t)
	s.arrive("image-1")
	s.promote(true)
	s.restore()
	s.restore()
	require.NotNil(t, s.restore().Create)
	claim := &corev1.PersistentVolumeClaim{}
	require.NoError(t, s.c.Get(t.Context(), client.ObjectKey{Namespace: "app", Name: "data"}, claim))
	claim.Annotations = nil
	require.NoError(t, s.c.Update(t.Context(), claim))
	next := s.restore()
	assert.False(t, next.Blocked)
	assert.Equal(t, "claim data is being made from what was received", next.Message)
	claim.Status.Phase = corev1.ClaimBound
	require.NoError(t, s.c.Status().Update(t.Context(), claim))
	assert.True(t, s.restore().Done)

	for name, change := range map[string]func(*corev1.PersistentVolumeClaim){
		"made from another image": func(c *corev1.PersistentVolumeClaim) { c.Spec.DataSource.Name = "theirs" },
		"made from a claim of that name": func(c *corev1.PersistentVolumeClaim) {
			c.Spec.DataSource.Kind, c.Spec.DataSource.APIGroup = "PersistentVolumeClaim", nil
		},
		"made from nothing": func(c *corev1.PersistentVolumeClaim) { c.Spec.DataSource = nil },
	} {
		other := s.restore(func(d *provider.Destination) {
			d.Claim = d.Claim.DeepCopy()
			change(d.Claim)
		})
		assert.True(t, other.Blocked, name)
	}
}

// TestAnImageOfAnEarlierPromotionIsNotTaken: what came in since is newer.
func TestAnImageOfAnEarlierPromotionIsNotTaken(t *testing.T) {
	s := receiving(t)
	s.arrive("image-1")
	s.promote(true)
	s.restore()
	s.restore()
	s.g.Role, s.g.VolSync = plan.Secondary, v1alpha1.VolSyncSpec{RDSpec: []v1alpha1.VolSyncReplicationDestinationSpec{{ProtectedPVC: described()}}}
	require.True(t, s.only().Stale, "it was stopped for a promotion")
	s.receive()
	require.False(t, s.destination().Spec.Paused)
	s.arrive("image-2")
	s.promote(true)
	s.restore()
	s.restore()
	next := s.restore()
	require.NotNil(t, next.Create)
	assert.Equal(t, "image-2", next.Create.(*corev1.PersistentVolumeClaim).Spec.DataSource.Name)
}
