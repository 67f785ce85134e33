// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
	"github.com/ramendr/ramen-direct/spokectrl/provider/volrep"
	"github.com/ramendr/ramen-direct/spokectrl/provider/volsync"
)

// copying is two clusters whose volumes are copied: each with stand-ins for VolSync, the snapshot controller and the
// provisioner. Data is a word for each volume and image.
type copying struct {
	t      *testing.T
	stores *stores
	sides  map[string]*cluster
	data   map[string]string // by cluster/handle or cluster/image
	images int
	cut    bool // nothing crosses from cluster to cluster
	epoch  int
	tell   map[string][]func(*v1alpha1.VolumeReplicationGroup) // what else each side is wished
	role   map[string]v1alpha1.ReplicationState
	term   map[string]int
	dies   func(write int, kind string) bool // whether the controller dies before a write; nil: never
	writes int
}

func newCopying(t *testing.T) *copying {
	t.Helper()
	w := &copying{
		t: t, stores: newStores(), sides: map[string]*cluster{}, data: map[string]string{}, epoch: 1,
		role: map[string]v1alpha1.ReplicationState{}, tell: map[string][]func(*v1alpha1.VolumeReplicationGroup){}, term: map[string]int{},
	}
	for _, id := range []string{"dr1", "dr2"} {
		c := newCluster(t, id, w.stores)
		c.r.Providers = provider.Set{volrep.Provider{}, volsync.Provider{}}
		labels := map[string]string{v1alpha1.LabelStorageID: "lab-" + id}
		for _, o := range []client.Object{
			&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "lab-snap", Labels: labels}, Provisioner: driver},
			&snapshotv1.VolumeSnapshotClass{ObjectMeta: metav1.ObjectMeta{Name: "lab-snap", Labels: labels}, Driver: driver},
		} {
			require.NoError(t, c.client.Create(t.Context(), o))
		}
		c.before = func(verb string, obj any) error {
			w.writes++
			if w.dies != nil && w.dies(w.writes, fmt.Sprintf("%s %T on %s", verb, obj, id)) {
				return errKilled
			}
			return nil
		}
		w.sides[id] = c
	}
	return w
}

// by has the operators configured for a copy method.
func (w *copying) by(method volsyncv1.CopyMethodType) *copying {
	w.t.Helper()
	for id, c := range w.sides {
		w.user(id, func(client client.Client) {
			cm := get(c, &corev1.ConfigMap{}, "ramen-system", "ramen-dr-cluster-operator-config")
			cm.Data["ramen_manager_config.yaml"] = configuration + fmt.Sprintf("volSync: {destinationCopyMethod: %s}\n", method)
			require.NoError(w.t, client.Update(w.t.Context(), cm))
		})
	}
	return w
}

// look lets the controller of a side and its neighbors work that often.
func (w *copying) look(id string, times int) {
	w.t.Helper()
	for range times {
		_, err := w.sides[id].pass()
		require.NoError(w.t, err)
		w.user(id, func(client.Client) {
			w.neighbors(id)
			w.sides[id].binder()
		})
	}
}

var errKilled = fmt.Errorf("killed")

func peerOf(id string) string { return map[string]string{"dr1": "dr2", "dr2": "dr1"}[id] }

// wish is what the hub tells a side, and keeps telling.
func (w *copying) wish(id string, role v1alpha1.ReplicationState, change ...func(*v1alpha1.VolumeReplicationGroup)) {
	if role == v1alpha1.Primary && w.role[id] != v1alpha1.Primary {
		w.epoch++
		w.term[id] = w.epoch
	}
	w.role[id], w.tell[id] = role, change
}

// hub brings the wishes up to date with what the sides report, as the hub does while roles are settled.
func (w *copying) hub() {
	w.t.Helper()
	for id, role := range w.role {
		peer := w.sides[peerOf(id)]
		reported := peer.group()
		changes := append([]func(*v1alpha1.VolumeReplicationGroup){func(g *v1alpha1.VolumeReplicationGroup) {
			g.Spec.Async.PeerClasses = append(g.Spec.Async.PeerClasses, v1alpha1.PeerClass{StorageClassName: "lab-snap", StorageID: []string{"lab-dr1", "lab-dr2"}})
			switch {
			case reported == nil || w.cut:
				g.Spec.VolSync = w.wished(id)
			case role == v1alpha1.Primary:
				for _, d := range reported.Status.RDInfo {
					g.Spec.VolSync.RSSpec = append(g.Spec.VolSync.RSSpec, v1alpha1.VolSyncReplicationSourceSpec{ProtectedPVC: d.ProtectedPVC, RsyncTLS: d.RsyncTLS})
				}
			case reported.Spec.ReplicationState == v1alpha1.Primary && reported.Status.State == v1alpha1.PrimaryState && !reported.Spec.PrepareForFinalSync && !reported.Spec.RunFinalSync:
				for _, p := range reported.Status.ProtectedPVCs {
					p.Conditions, p.LastSyncTime, p.LastSyncDuration, p.LastSyncBytes = nil, nil, nil, nil
					if p.ProtectedByVolSync {
						g.Spec.VolSync.RDSpec = append(g.Spec.VolSync.RDSpec, v1alpha1.VolSyncReplicationDestinationSpec{ProtectedPVC: p})
					}
				}
			default:
				g.Spec.VolSync.RDSpec = w.wished(id).RDSpec
			}
		}}, w.tell[id]...)
		w.sides[id].wishIfNew(role, fmt.Sprint(w.term[id]), changes...)
	}
}

func (w *copying) wished(id string) v1alpha1.VolSyncSpec {
	if g := w.sides[id].group(); g != nil && g.Spec.ReplicationState == w.role[id] {
		return g.Spec.VolSync
	}
	return v1alpha1.VolSyncSpec{}
}

// settle lets everybody work until nothing moves.
func (w *copying) settle(sides ...string) {
	w.t.Helper()
	if sides == nil {
		sides = []string{"dr1", "dr2"}
	}
	for range 60 {
		was := w.total()
		w.hub()
		for _, id := range sides {
			if w.role[id] == "" {
				continue
			}
			c := w.sides[id]
			if _, err := c.pass(); err != nil && strings.Contains(err.Error(), errKilled.Error()) {
				c.restart(w.stores)
				c.writes++
			} else {
				require.NoError(w.t, err)
			}
			before := c.before
			c.before = nil
			w.neighbors(id)
			c.binder()
			c.before = before
		}
		if w.total() == was {
			return
		}
	}
	for _, id := range sides {
		w.t.Logf("%s: %+v", id, w.sides[id].group().Status)
	}
	require.Fail(w.t, "the controllers do not come to rest")
}

func (w *copying) total() int { return w.sides["dr1"].writes + w.sides["dr2"].writes }

// neighbors are VolSync, the snapshot controller and the provisioner.
func (w *copying) neighbors(id string) {
	w.t.Helper()
	c, ctx := w.sides[id], w.t.Context()
	sources, destinations := &volsyncv1.ReplicationSourceList{}, &volsyncv1.ReplicationDestinationList{}
	claims, images := &corev1.PersistentVolumeClaimList{}, &snapshotv1.VolumeSnapshotList{}
	for _, l := range []client.ObjectList{sources, destinations, claims, images} {
		require.NoError(w.t, c.client.List(ctx, l))
	}
	for i := range claims.Items {
		if p := &claims.Items[i]; p.Spec.VolumeName == "" && p.Spec.StorageClassName != nil {
			w.provision(id, p)
		}
	}
	for i := range images.Items {
		s := &images.Items[i]
		if s.Status != nil || s.Spec.Source.PersistentVolumeClaimName == nil {
			continue
		}
		w.data[id+"/"+s.Name] = w.content(id, *s.Spec.Source.PersistentVolumeClaimName)
		s.Status = &snapshotv1.VolumeSnapshotStatus{ReadyToUse: new(true)}
		require.NoError(w.t, c.client.Status().Update(ctx, s))
		c.writes++
	}
	for i := range destinations.Items {
		d := &destinations.Items[i]
		if d.Status == nil && c.bound(*d.Spec.RsyncTLS.DestinationPVC) {
			d.Status = &volsyncv1.ReplicationDestinationStatus{RsyncTLS: &volsyncv1.ReplicationDestinationRsyncTLSStatus{Address: new(id + "/" + d.Name)}}
			require.NoError(w.t, c.client.Status().Update(ctx, d))
			c.writes++
		}
	}
	for i := range sources.Items {
		w.sync(id, &sources.Items[i], false)
	}
}

func (c *cluster) bound(claim string) bool {
	p := c.claim(claim)
	return p != nil && p.Status.Phase == corev1.ClaimBound && p.DeletionTimestamp == nil
}

func (w *copying) content(id, claim string) string {
	return w.data[id+"/"+w.handle(id, claim)]
}

func (w *copying) handle(id, claim string) string {
	p := w.sides[id].claim(claim)
	require.NotNil(w.t, p, "claim %s on %s", claim, id)
	pv := w.sides[id].pv(p.Spec.VolumeName)
	require.NotNil(w.t, pv, "the volume of claim %s on %s", claim, id)
	return pv.Spec.CSI.VolumeHandle
}

func (w *copying) provision(id string, claim *corev1.PersistentVolumeClaim) {
	w.t.Helper()
	c := w.sides[id]
	w.images++
	pv := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("pv-%s-%d", claim.Name, w.images), UID: types.UID(fmt.Sprintf("uid-%d", w.images)),
			CreationTimestamp: metav1.NewTime(c.clock.Now().Add(time.Duration(w.images) * time.Second)),
		},
		Spec: corev1.PersistentVolumeSpec{
			StorageClassName: "lab-snap", PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			ClaimRef:               &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID},
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: fmt.Sprintf("h%d", w.images)}},
		},
	}
	if claim.UID == "" {
		claim.UID = types.UID(fmt.Sprintf("claim-%d", w.images))
		pv.Spec.ClaimRef.UID = claim.UID
		require.NoError(w.t, c.client.Update(w.t.Context(), claim))
	}
	if from := claim.Spec.DataSource; from != nil {
		w.data[id+"/"+pv.Spec.CSI.VolumeHandle] = w.data[id+"/"+from.Name]
	}
	require.NoError(w.t, c.client.Create(w.t.Context(), pv))
	c.writes++
}

// sync is a synchronization, if one is due by its trigger, or by the schedule now.
func (w *copying) sync(id string, rs *volsyncv1.ReplicationSource, now bool) {
	w.t.Helper()
	manual := rs.Spec.Trigger.Manual
	due := rs.Status == nil || manual != "" && rs.Status.LastManualSync != manual || now || manual == "" && rs.Status.LastManualSync != ""
	c, peer := w.sides[id], w.sides[peerOf(id)]
	address := strings.Split(ptr.Deref(rs.Spec.RsyncTLS.Address, "/"), "/")
	if !due || rs.Spec.Paused || w.cut || address[0] != peerOf(id) || !c.bound(rs.Spec.SourcePVC) {
		return
	}
	rd := get(peer, &volsyncv1.ReplicationDestination{}, ns, address[1])
	if rd == nil || rd.Spec.Paused || rd.Status == nil {
		return
	}
	inlet := *rd.Spec.RsyncTLS.DestinationPVC
	content := w.content(id, rs.Spec.SourcePVC)
	w.data[peerOf(id)+"/"+w.handle(peerOf(id), inlet)] = content
	w.images++
	image := &snapshotv1.VolumeSnapshot{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: fmt.Sprintf("image-%d", w.images)}}
	before := peer.before
	peer.before = nil
	defer func() { peer.before = before }()
	require.NoError(w.t, peer.client.Create(w.t.Context(), image))
	image.Status = &snapshotv1.VolumeSnapshotStatus{ReadyToUse: new(true)}
	require.NoError(w.t, peer.client.Status().Update(w.t.Context(), image))
	w.data[peerOf(id)+"/"+image.Name] = content
	w.forget(peer, rd)
	t := metav1.NewTime(c.clock.Now().Truncate(time.Second))
	rd.Status.LastSyncTime, rd.Status.LatestImage = &t, &corev1.TypedLocalObjectReference{Kind: "VolumeSnapshot", Name: image.Name}
	require.NoError(w.t, peer.client.Status().Update(w.t.Context(), rd))
	rs.Status = &volsyncv1.ReplicationSourceStatus{LastSyncTime: &t, LastManualSync: manual}
	require.NoError(w.t, c.client.Status().Update(w.t.Context(), rs))
	c.writes++
	peer.writes++
}

// forget deletes the image before the latest one, unless VolSync was told to leave it alone.
func (w *copying) forget(c *cluster, rd *volsyncv1.ReplicationDestination) {
	if rd.Status.LatestImage == nil {
		return
	}
	if old := get(c, &snapshotv1.VolumeSnapshot{}, ns, rd.Status.LatestImage.Name); old != nil && old.Labels["volsync.backube/do-not-delete"] == "" {
		require.NoError(w.t, client.IgnoreNotFound(c.client.Delete(w.t.Context(), old)))
	}
}

// tick is the time at which schedules are due.
func (w *copying) tick(id string) {
	list := &volsyncv1.ReplicationSourceList{}
	require.NoError(w.t, w.sides[id].client.List(w.t.Context(), list))
	for i := range list.Items {
		w.sync(id, &list.Items[i], list.Items[i].Spec.Trigger.Manual == "")
	}
}

// deploy makes the application's claim, unless it was restored, as a deployment tool does.
func (w *copying) deploy(id string) {
	w.t.Helper()
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "data", UID: types.UID(fmt.Sprintf("uid-data-%s-%d", id, w.images)), Labels: map[string]string{"app": "x"}},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: new("lab-snap"), AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		},
	}
	w.user(id, func(c client.Client) {
		if err := c.Create(w.t.Context(), claim); !apierrors.IsAlreadyExists(err) {
			require.NoError(w.t, err)
		}
	})
}

// user writes without a fault.
func (w *copying) user(id string, do func(client.Client)) {
	c := w.sides[id]
	before := c.before
	c.before = nil
	defer func() { c.before = before }()
	do(c.client)
}

// undeploy deletes the claim, as a deployment tool does.
func (w *copying) undeploy(id string) {
	w.t.Helper()
	w.user(id, func(c client.Client) {
		require.NoError(w.t, client.IgnoreNotFound(c.Delete(w.t.Context(), &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "data"}})))
	})
}

func (w *copying) write(id, content string) { w.data[id+"/"+w.handle(id, "data")] = content }
