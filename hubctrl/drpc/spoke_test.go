// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// spoke is one cluster with its mirror: the group of the application, and whether the workload runs.
type spoke struct {
	identity string // of the cluster
	has      bool
	drpc     string
	stamp    v1alpha1.ExchangeStamp
	spec     v1alpha1.VolumeReplicationGroupSpec
	observed int64
	state    v1alpha1.State
	inUse    bool // a Pod uses the volumes
	waits    bool // as a Secondary, it has claims that are let go once the peer has taken over
	serves   bool // it was told that the peer has
	own      bool // the volumes were never replicated from here
	empty    bool // there are no volumes
	stuck    bool // its controller is down
	broken   string
	made     int
	volumes  []string          // the workload's VolSync volumes that exist here
	copies   []string          // what the destinations here hold
	ended    []string          // UIDs of wishes whose deletion was seen here
	key      string            // that it signs with; empty: its version does not sign
	signers  string            // that it was told
	ranges   string            // of namespaces, as the wish had them
	unstored bool              // not everything is in the stores
	objects  *metav1.Condition // what it says about Kubernetes objects as a Primary; nil: nothing
	conflict string            // the reason of a conflict with the stores, as long as it was told of signers; empty: none
}

// connect makes the link live.
func (h *hub) connect(cluster string) {
	h.links.state[cluster] = exchange.Link{State: exchange.LinkLive, LastRenewal: h.clock.Now()}
}

// cut loses the link: the last renewal is as long ago as the link counts as live.
func (h *hub) cut(cluster string) {
	h.links.state[cluster] = exchange.Link{State: exchange.LinkLost, LastRenewal: h.clock.Now().Add(-exchange.DefaultLeaseDuration)}
}

func (h *hub) live(cluster string) bool { return h.links.state[cluster].State == exchange.LinkLive }

// obey lets the mirror of cluster deliver the wish, the cluster obey it, and the mirror report.
func (h *hub) obey(cluster string) {
	h.t.Helper()
	h.deliver(cluster)
	h.work(cluster)
	h.tell(cluster)
	h.confirm(cluster)
}

// deliver is the mirror on its way down.
func (h *hub) deliver(cluster string) {
	h.t.Helper()
	s, wish := h.spokes[cluster], h.wish(cluster)
	if wish == nil {
		return
	}
	if wish.DeletionTimestamp != nil {
		if !slices.Contains(s.ended, string(wish.UID)) {
			s.ended = append(slices.Clone(s.ended), string(wish.UID))
		}
		if s.stamp.WishUID == string(wish.UID) {
			*s = spoke{identity: s.identity, inUse: s.inUse, made: s.made, volumes: s.volumes, ended: s.ended, key: s.key, conflict: s.conflict, unstored: s.unstored}
		}
		return
	}
	epoch, err := exchange.EpochOf(wish)
	require.NoError(h.t, err)
	origin := wish.Annotations["exchange.ramendr.openshift.io/origin"]
	serves := wish.Annotations[v1alpha1.AnnotationPeerServes] == "true"
	if meant := wish.Annotations["exchange.ramendr.openshift.io/spoke-id"]; meant != "" && meant != s.identity {
		return // refused: it was made for another cluster
	}
	switch {
	case !s.has && slices.Contains(s.ended, string(wish.UID)):
		return // refused: it was ended before
	case !s.has:
		s.made++
		s.has, s.stamp.SpokeUID = true, fmt.Sprintf("%s-%d", cluster, s.made)
	case s.stamp.Origin != origin && wish.Annotations["exchange.ramendr.openshift.io/adopt-uid"] != s.stamp.SpokeUID, epoch < s.stamp.Epoch:
		return // refused
	case s.stamp.WishUID == string(wish.UID) && epoch == s.stamp.Epoch && wish.Generation < s.stamp.WishGeneration &&
		(!equality.Semantic.DeepEqual(s.spec, wish.Spec) || s.serves != serves):
		return // refused: within an epoch the generation orders the wishes
	}
	s.stamp.WishUID, s.stamp.WishGeneration, s.stamp.Epoch, s.stamp.Origin = string(wish.UID), wish.Generation, epoch, origin
	s.drpc, s.serves = wish.Annotations["exchange.ramendr.openshift.io/drpc"], serves
	s.signers, s.ranges = wish.Annotations[v1alpha1.AnnotationSigners], wish.Annotations[v1alpha1.AnnotationNamespaceRanges]
	if !equality.Semantic.DeepEqual(s.spec, wish.Spec) {
		s.spec = *wish.Spec.DeepCopy()
		s.stamp.SpokeGeneration++
	}
}

// work is the cluster's own controller: it is Primary when told so, and Secondary once the workload has left.
func (h *hub) work(cluster string) {
	s := h.spokes[cluster]
	if !s.has || s.stuck {
		return
	}
	s.observed = s.stamp.SpokeGeneration
	switch {
	case s.refuses():
		s.state = v1alpha1.UnknownState
	case s.spec.ReplicationState == v1alpha1.Primary && s.state == v1alpha1.SecondaryState:
		s.state, s.volumes, s.copies = v1alpha1.PrimaryState, s.copies, nil
	case s.spec.ReplicationState == v1alpha1.Primary:
		s.state = v1alpha1.PrimaryState
	case s.inUse && !s.own:
		s.state = v1alpha1.UnknownState
	default:
		s.state, s.copies = v1alpha1.SecondaryState, nil
		for _, d := range s.spec.VolSync.RDSpec {
			s.copies = append(s.copies, d.ProtectedPVC.Name)
		}
	}
}

// tell is the mirror on its way up: the report, then the lease with the inventory.
func (h *hub) tell(cluster string) {
	h.t.Helper()
	s, was := h.spokes[cluster], h.inbox(cluster)
	switch {
	case !s.has && was != nil:
		require.NoError(h.t, h.api.Delete(h.t.Context(), was))
	case s.has && was == nil:
		require.NoError(h.t, h.api.Create(h.t.Context(), h.reportOf(cluster)))
	case s.has:
		now := h.reportOf(cluster)
		was.Spec, was.Annotations = now.Spec, now.Annotations
		require.NoError(h.t, h.api.Update(h.t.Context(), was))
	}
	if s.has {
		h.restate(cluster, func(status *v1alpha1.VolumeReplicationGroupStatus) { *status = h.reportOf(cluster).Status })
	}
	h.lease(cluster, h.inventory(cluster).Digest())
}

// inventory is what the reports of cluster show.
func (h *hub) inventory(cluster string) *exchange.Inventory {
	h.t.Helper()
	list := &v1alpha1.VolumeReplicationGroupList{}
	require.NoError(h.t, h.api.List(h.t.Context(), list, client.InNamespace("inbox-"+cluster)))
	return exchange.InventoryOf(list.Items)
}

// restate changes the status of the report about cluster.
func (h *hub) restate(cluster string, edit func(*v1alpha1.VolumeReplicationGroupStatus)) {
	h.t.Helper()
	report := h.inbox(cluster)
	edit(&report.Status)
	require.NoError(h.t, h.api.Status().Update(h.t.Context(), report))
}

// lease writes the lease of cluster with the digest of what lies on the cluster.
func (h *hub) lease(cluster, digest string) {
	h.t.Helper()
	lease := &coordinationv1.Lease{}
	lease.Namespace, lease.Name = "inbox-"+cluster, "mirror"
	if h.get(lease, client.ObjectKeyFromObject(lease)) {
		lease.Annotations = map[string]string{"exchange.ramendr.openshift.io/inventory": digest}
		require.NoError(h.t, h.api.Update(h.t.Context(), lease))
		return
	}
	lease.Annotations = map[string]string{"exchange.ramendr.openshift.io/inventory": digest}
	require.NoError(h.t, h.api.Create(h.t.Context(), lease))
}

// confirm writes the delivery status of the wish.
func (h *hub) confirm(cluster string) {
	h.t.Helper()
	if h.wish(cluster) == nil {
		return
	}
	if s, wish := h.spokes[cluster], h.wish(cluster); !s.has && wish.DeletionTimestamp == nil && slices.Contains(s.ended, string(wish.UID)) {
		h.delivery(cluster, condition("Applied", "False", "EndedBefore", "this wish was deleted before"), condition("Available", "False", "NotFound", ""))
		return
	}
	available := metav1.ConditionFalse
	if h.spokes[cluster].has {
		available = metav1.ConditionTrue
	}
	h.delivery(cluster, condition("Applied", "True", "Applied", ""), condition("Available", available, "Exists", ""))
}

// delivery sets conditions of the wish, at its generation.
func (h *hub) delivery(cluster string, list ...metav1.Condition) {
	h.t.Helper()
	wish := h.wish(cluster)
	for i := range list {
		list[i].ObservedGeneration = wish.Generation
	}
	wish.Status.Conditions = list
	require.NoError(h.t, h.api.Status().Update(h.t.Context(), wish))
}

func (h *hub) reportOf(cluster string) *v1alpha1.VolumeReplicationGroup {
	s := h.spokes[cluster]
	r := &v1alpha1.VolumeReplicationGroup{}
	r.Namespace, r.Name = "inbox-"+cluster, "shop.db"
	r.Annotations = map[string]string{
		"exchange.ramendr.openshift.io/namespace": "shop",
		"exchange.ramendr.openshift.io/name":      "db",
	}
	if s.serves {
		r.Annotations[v1alpha1.AnnotationPeerServes] = "true"
	}
	for key, told := range map[string]string{exchange.AnnotationDRPC: s.drpc, v1alpha1.AnnotationSigners: s.signers, v1alpha1.AnnotationNamespaceRanges: s.ranges} {
		if told != "" {
			r.Annotations[key] = told
		}
	}
	r.Status.SigningKey = s.key
	r.Spec = *s.spec.DeepCopy()
	r.Status.State, r.Status.ObservedGeneration = s.state, s.observed
	r.Status.Exchange = s.stamp.DeepCopy()
	r.Status.Exchange.ClusterID = s.identity
	r.Status.ProtectedPVCs = []v1alpha1.ProtectedPVC{{Namespace: "shop", Name: "data"}}
	synced := metav1.NewTime(start.Add(-time.Minute))
	r.Status.LastGroupSyncTime = &synced
	if s.empty {
		r.Status.ProtectedPVCs = nil
	}
	h.reportVolSync(cluster, r)
	r.Status.Conditions = s.conditions()
	if s.objects != nil && s.state == v1alpha1.PrimaryState {
		objectsAre(s.objects.Status, s.objects.Reason, s.objects.Message)(&r.Status)
	}
	if s.state == v1alpha1.PrimaryState && s.observed == s.stamp.SpokeGeneration {
		r.Status.PrepareForFinalSyncComplete = s.spec.PrepareForFinalSync
		r.Status.FinalSyncComplete = s.spec.RunFinalSync && !s.inUse
	}
	return r
}

// answer has cluster answer the wish of a group other than the application's as a Secondary on which nothing is.
func (h *hub) answer(cluster, name string) {
	h.t.Helper()
	wish := &v1alpha1.VolumeReplicationGroup{}
	require.True(h.t, h.get(wish, clientKey("outbox-"+cluster, name)))
	s := &spoke{spec: wish.Spec, state: v1alpha1.SecondaryState, observed: 1}
	report := &v1alpha1.VolumeReplicationGroup{Spec: wish.Spec}
	report.Namespace, report.Name = "inbox-"+cluster, name
	report.Status.State, report.Status.ObservedGeneration, report.Status.Conditions = s.state, s.observed, s.conditions()
	report.Status.Exchange = &v1alpha1.ExchangeStamp{
		WishUID: string(wish.UID), WishGeneration: wish.Generation, SpokeUID: "of " + name, SpokeGeneration: 1,
		Epoch: 1, Origin: wish.Annotations["exchange.ramendr.openshift.io/origin"],
	}
	require.NoError(h.t, h.api.Create(h.t.Context(), report))
}

// reportVolSync tells of VolSync volumes, if the application has any: what the Primary protects, and where the destinations
// listen.
func (h *hub) reportVolSync(cluster string, r *v1alpha1.VolumeReplicationGroup) {
	s := h.spokes[cluster]
	if h.volumes == nil {
		return
	}
	r.Status.ProtectedPVCs = nil
	for _, name := range s.volumes {
		r.Status.ProtectedPVCs = append(r.Status.ProtectedPVCs, volume(name))
	}
	for _, name := range s.copies {
		r.Status.RDInfo = append(r.Status.RDInfo, v1alpha1.VolSyncReplicationDestinationInfo{
			ProtectedPVC: v1alpha1.ProtectedPVC{Namespace: "shop", Name: name, ProtectedByVolSync: true, LastSyncTime: &metav1.Time{Time: start}},
			RsyncTLS:     &v1alpha1.RsyncTLSConfig{Address: name + "." + cluster},
		})
	}
}

// volume is a VolSync volume as a Primary reports it.
func volume(name string) v1alpha1.ProtectedPVC {
	class, synced, bytes := "slow", metav1.NewTime(start.Add(-time.Minute)), int64(7)
	return v1alpha1.ProtectedPVC{
		Namespace: "shop", Name: name, ProtectedByVolSync: true, StorageClassName: &class, Labels: map[string]string{"app": "db"},
		Conditions:   []metav1.Condition{condition("ReplicationSourceSetup", "True", "SourceInitialized", "")},
		LastSyncTime: &synced, LastSyncDuration: &metav1.Duration{Duration: time.Second}, LastSyncBytes: &bytes,
	}
}

func (s *spoke) conditions() []metav1.Condition {
	var list []metav1.Condition
	switch {
	case s.state == v1alpha1.PrimaryState && s.broken != "":
		list = append(list, condition("DataReady", "False", "Error", s.broken), condition("DataProtected", "False", "Error", s.broken))
	case s.state == v1alpha1.PrimaryState:
		list = append(list, condition("DataReady", "True", "Ready", ""), condition("DataProtected", "False", "Replicating", ""))
	case s.state == v1alpha1.SecondaryState && s.waits && !s.serves:
		list = append(list, condition("DataReady", "False", "Progressing", "a claim leaves"), condition("DataProtected", "True", "DataProtected", ""))
	case s.state == v1alpha1.SecondaryState:
		list = append(list, condition("DataReady", "True", "Replicating", ""), condition("DataProtected", "True", "DataProtected", ""))
	default:
		list = append(list, condition("DataReady", "False", "Progressing", "Pod shop/web uses PVC data"), condition("DataProtected", "False", "Progressing", ""))
	}
	list = append(list, condition("ClusterDataReady", "True", "Restored", ""), condition("ClusterDataProtected", "True", "Uploaded", ""))
	if s.refuses() {
		list[len(list)-2] = condition("ClusterDataReady", "False", "Error", "nothing is stored of this group")
	}
	if s.unstored || s.refuses() {
		list[len(list)-1] = condition("ClusterDataProtected", "False", "UploadError", "a store does not answer")
	}
	if s.refuses() {
		list = append(list, condition("NoClusterDataConflict", "False", s.conflict, "nothing is stored of this group"))
	} else if s.own && s.spec.ReplicationState == v1alpha1.Secondary {
		list = append(list, condition("NoClusterDataConflict", "False", "ClusterDataConflictSecondary", "here are claims that were never replicated: data"))
	} else {
		list = append(list, condition("NoClusterDataConflict", "True", "NoConflict", ""))
	}
	if s.inUse {
		list = append(list, condition("InUse", "True", "PodsRunning", "Pod shop/web uses PVC data"))
	} else {
		list = append(list, condition("InUse", "False", "NotInUse", ""))
	}
	for i := range list {
		list[i].ObservedGeneration = s.observed
	}
	return list
}

// refuses says that what the stores have, or have not, is in the way of being Primary.
func (s *spoke) refuses() bool {
	return s.conflict != "" && s.signers != "" && s.spec.ReplicationState == v1alpha1.Primary && s.state != v1alpha1.PrimaryState
}

// follow is the deployer, and follows the published decisions.
func (h *hub) follow() {
	h.t.Helper()
	d := h.drpc()
	if d == nil || d.Status.Decisions == nil {
		return
	}
	reasons := map[string]v1alpha1.DecisionReason{}
	for _, c := range d.Status.Decisions {
		reasons[c.ClusterName] = c.Reason
	}
	for name, s := range h.spokes {
		switch {
		case !h.live(name):
		case reasons[name] == v1alpha1.DecisionRun && s.state == v1alpha1.PrimaryState:
			s.inUse, s.volumes = true, slices.Clone(h.volumes)
		case reasons[name] == "":
			s.inUse, s.volumes = false, nil
		}
	}
}

// settle lets everybody act until nobody has anything left to do, and returns what the hub wrote. A hub that crashes is
// started again.
func (h *hub) settle() []string {
	h.t.Helper()
	var out []string
	for range 30 {
		if _, err := h.try(app); errors.Is(err, errCrash) {
			h.start(h.origin)
			h.log = []string{"(crash)"}
		} else {
			require.NoError(h.t, err)
		}
		wrote := h.wrote()
		out = append(out, wrote...)
		before := []spoke{*h.spokes["dr1"], *h.spokes["dr2"]}
		h.follow()
		for _, name := range []string{"dr1", "dr2"} {
			if h.live(name) {
				h.obey(name)
			}
		}
		if len(wrote) == 0 && reflect.DeepEqual(before, []spoke{*h.spokes["dr1"], *h.spokes["dr2"]}) {
			return out
		}
	}
	require.Fail(h.t, "nothing comes to rest", "%s: %v", h.shows(), out)
	return nil
}

func condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message, LastTransitionTime: metav1.NewTime(start)}
}
