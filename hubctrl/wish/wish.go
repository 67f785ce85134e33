// SPDX-License-Identifier: Apache-2.0

package wish

import (
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// passed are the annotations of a DRPlacementControl that its clusters read.
var passed = []string{
	v1alpha1.DRPCAnnotationPrefix + "use-volsync-for-pvc-protection",
	snapshot.AnnotationSubmariner,
	v1alpha1.DRPCAnnotationPrefix + "is-cg-enabled",
	v1alpha1.DRPCAnnotationPrefix + "enable-diff",
}

// withoutSpec is a wish without a spec.
func withoutSpec(w *snapshot.Snapshot, origin, cluster string, epoch int64) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{}}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("VolumeReplicationGroup"))
	u.SetNamespace(exchange.Outbox(cluster))
	u.SetName(exchange.ObjectName(w.Group.Namespace, w.Group.Name))
	u.SetLabels(map[string]string{v1alpha1.LabelCreatedByRamen: "true"})
	u.SetFinalizers([]string{exchange.FinalizerWish})
	annotations := map[string]string{
		exchange.AnnotationNamespace:          w.Group.Namespace,
		exchange.AnnotationName:               w.Group.Name,
		exchange.AnnotationEpoch:              exchange.FormatEpoch(epoch),
		exchange.AnnotationDRPC:               snapshot.NameOf(w.DRPC).String(),
		exchange.AnnotationOrigin:             origin,
		v1alpha1.AnnotationDestinationCluster: cluster,
		v1alpha1.AnnotationDRPCUID:            string(w.DRPC.UID),
	}
	if meant := meantFor(w, cluster); meant != "" {
		annotations[exchange.AnnotationSpokeID] = meant
	}
	for _, key := range passed {
		if v, ok := w.DRPC.Annotations[key]; ok {
			annotations[key] = v
		}
	}
	u.SetAnnotations(annotations)
	return u
}

// meantFor is the identity of the cluster that a wish for cluster is meant for; empty: it is not known.
func meantFor(w *snapshot.Snapshot, cluster string) string {
	at := w.At(w.SideOf(cluster))
	if at.Identity == "" && at.Wish != nil {
		return exchange.MeantFor(at.Wish) // its DRCluster is missing
	}
	return at.Identity
}

// Of is the wish that wr asks for. Its content follows what is reported only while roles are settled.
func Of(w *snapshot.Snapshot, origin string, wr plan.Write, epoch int64, settled bool) (*unstructured.Unstructured, error) {
	at := w.At(wr.Side)
	u := withoutSpec(w, origin, at.Cluster, epoch)
	if uid := adopts(at); uid != "" {
		u.SetAnnotations(with(u.GetAnnotations(), exchange.AnnotationAdoptUID, uid))
	}
	if asked := asked(w, wr.Side, settled); asked != "" {
		u.SetAnnotations(with(u.GetAnnotations(), exchange.AnnotationRecalled, asked))
	}
	if sendsAway(w, wr, settled) {
		u.SetAnnotations(with(u.GetAnnotations(), exchange.AnnotationSentAway, snapshot.On))
	}
	if w.KeptScope(wr.Side) != nil {
		u.SetAnnotations(with(u.GetAnnotations(), exchange.AnnotationScopeKept, string(w.DRPC.UID)))
	}
	if witness := witness(w, wr, settled); witness != "" {
		u.SetAnnotations(with(u.GetAnnotations(), exchange.AnnotationDestinationsOf, witness))
	}
	if taken(w, wr, settled) {
		u.SetAnnotations(with(u.GetAnnotations(), v1alpha1.AnnotationPeerServes, snapshot.On))
	}
	if ranges := ranges(w, wr, settled); ranges != "" {
		u.SetAnnotations(with(u.GetAnnotations(), v1alpha1.AnnotationNamespaceRanges, ranges))
	}
	if signers := signers(w, wr); signers != "" {
		u.SetAnnotations(with(u.GetAnnotations(), v1alpha1.AnnotationSigners, signers))
	}
	if keys := clusterKeys(w, wr); keys != "" {
		u.SetAnnotations(with(u.GetAnnotations(), v1alpha1.AnnotationClusterKeys, keys))
	}
	spec := spec(w, wr, settled)
	if err := setSpec(u, &spec); err != nil {
		return nil, err
	}
	return u, nil
}

// asked is the note that the user was asked about what a cluster claims; empty: there is none. It belongs to the wish that the claim
// was about, and stays whatever else of that wish is brought up to date: the user is asked once, and what the cluster claims from
// then on holds back no failover (X16). Another role, or another step of a move, takes the note away, unless the user has said
// nothing since.
func asked(w *snapshot.Snapshot, s plan.Side, settled bool) string {
	at := w.At(s)
	if at.Wish == nil || !settled && !snapshot.Unconfirmed(at, w.DRPC) {
		return ""
	}
	return at.Wish.Annotations[exchange.AnnotationRecalled]
}

// taken reports whether a Secondary that waits for it is told that its peer has taken over. That holds until something else
// is wished of either.
func taken(w *snapshot.Snapshot, wr plan.Write, settled bool) bool {
	if wr.Role != plan.Secondary || !settled {
		return false
	}
	return w.Facts.At(wr.Side).Wish.Serves || w.Facts.Awaited(wr.Side)
}

// spec is the spec of the wish that wr asks for.
func spec(w *snapshot.Snapshot, wr plan.Write, settled bool) v1alpha1.VolumeReplicationGroupSpec {
	from, scope := &w.DRPC.Spec, scopeFor(w, wr.Side)
	spec := v1alpha1.VolumeReplicationGroupSpec{
		PVCSelector:          scope.Selector,
		ReplicationState:     v1alpha1.Secondary,
		S3Profiles:           s3Profiles(w, wr.Side),
		ProtectedNamespaces:  scope.Namespaces,
		KubeObjectProtection: from.KubeObjectProtection,
		VolSync:              volSync(w, wr, settled),
		PrepareForFinalSync:  wr.FinalSync == plan.Prepare,
		RunFinalSync:         wr.FinalSync == plan.Run,
		Async:                async(w, wr.Side, settled),

		RetainNamespaceSCCAcrossPeers: from.RetainNamespaceSCCAcrossPeers,
	}
	if wr.Role == plan.Primary {
		spec.ReplicationState = v1alpha1.Primary
	}
	switch wr.For {
	case plan.Failover:
		spec.Action = v1alpha1.VRGActionFailover
	case plan.Relocate:
		spec.Action = v1alpha1.VRGActionRelocate
	case plan.Stay:
	}
	return spec
}

// async is what the policy says, or what is wished while that policy is not the group's.
func async(w *snapshot.Snapshot, s plan.Side, settled bool) *v1alpha1.VRGAsyncSpec {
	if told := told(w, s); w.Displaced && told != nil && told.Async != nil {
		return told.Async
	}
	return &v1alpha1.VRGAsyncSpec{
		SchedulingInterval:               w.Policy.Spec.SchedulingInterval,
		ReplicationClassSelector:         selecting(w.Policy.Spec.ReplicationClassSelector),
		VolumeSnapshotClassSelector:      selecting(w.Policy.Spec.VolumeSnapshotClassSelector),
		VolumeGroupSnapshotClassSelector: selecting(w.Policy.Spec.VolumeGroupSnapshotClassSelector),
		PeerClasses:                      PeerClasses(w, s, settled),
	}
}

// s3Profiles are the profiles of both clusters. While a DRCluster is missing its profile is not known: the stores that
// the application uses stay.
func s3Profiles(w *snapshot.Snapshot, s plan.Side) []string {
	if told := told(w, s); told != nil && !w.Complete {
		return told.S3Profiles
	}
	return w.Profiles
}

// Refreshed is the wish for a side, with its content in line with what the user and the policy say besides roles; nil: there is
// nothing to write.
func Refreshed(w *snapshot.Snapshot, origin string, s plan.Side) (*unstructured.Unstructured, error) {
	at, fact := w.At(s), w.Facts.At(s).Wish
	if at.Wish == nil || fact.Deleting || fact.Replaced {
		return nil, nil
	}
	wr := plan.Write{Kind: plan.PutWish, Side: s, Role: fact.Role, FinalSync: fact.FinalSync, For: fact.For}
	want, err := Of(w, origin, wr, snapshot.EpochOf(at.Wish), true)
	if err != nil || equality.Semantic.DeepEqual(at.Wish.Spec, spec(w, wr, true)) && Tells(at.Wish.Annotations, want.GetAnnotations()) {
		return nil, err
	}
	return want, nil
}
