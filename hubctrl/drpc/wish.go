// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// passed are the annotations of a DRPlacementControl that its clusters read.
var passed = []string{
	v1alpha1.DRPCAnnotationPrefix + "use-volsync-for-pvc-protection",
	annotationSubmariner,
	v1alpha1.DRPCAnnotationPrefix + "is-cg-enabled",
	v1alpha1.DRPCAnnotationPrefix + "enable-diff",
}

// frame is a wish without a spec.
func (r *actor) frame(w *world, cluster string, epoch int64) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{}}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("VolumeReplicationGroup"))
	u.SetNamespace(exchange.Outbox(cluster))
	u.SetName(exchange.ObjectName(w.group.Namespace, w.group.Name))
	u.SetLabels(map[string]string{v1alpha1.LabelCreatedByRamen: "true"})
	u.SetFinalizers([]string{exchange.FinalizerWish})
	annotations := map[string]string{
		exchange.AnnotationNamespace:          w.group.Namespace,
		exchange.AnnotationName:               w.group.Name,
		exchange.AnnotationEpoch:              exchange.FormatEpoch(epoch),
		exchange.AnnotationDRPC:               client.ObjectKeyFromObject(w.drpc).String(),
		exchange.AnnotationOrigin:             r.origin,
		v1alpha1.AnnotationDestinationCluster: cluster,
		v1alpha1.AnnotationDRPCUID:            string(w.drpc.UID),
	}
	if meant := w.meantFor(cluster); meant != "" {
		annotations[exchange.AnnotationSpokeID] = meant
	}
	for _, key := range passed {
		if v, ok := w.drpc.Annotations[key]; ok {
			annotations[key] = v
		}
	}
	u.SetAnnotations(annotations)
	return u
}

// meantFor is the identity of the cluster that a wish for cluster is meant for; empty: it is not known.
func (w *world) meantFor(cluster string) string {
	at := w.at(w.sideOf(cluster))
	if at.identity == "" && at.wish != nil {
		return exchange.MeantFor(at.wish) // its DRCluster is missing
	}
	return at.identity
}

// intent is the wish that wr asks for. Its content follows what is reported only while roles are settled.
func (r *actor) intent(w *world, wr plan.Write, epoch int64, settled bool) (*unstructured.Unstructured, error) {
	at := w.at(wr.Side)
	u := r.frame(w, at.cluster, epoch)
	if uid := at.adopts(); uid != "" {
		u.SetAnnotations(with(u.GetAnnotations(), exchange.AnnotationAdoptUID, uid))
	}
	if unconfirmed(at, w.drpc) {
		u.SetAnnotations(with(u.GetAnnotations(), exchange.AnnotationRecalled, at.wish.Annotations[exchange.AnnotationRecalled]))
	}
	if w.sendsAway(wr, settled) {
		u.SetAnnotations(with(u.GetAnnotations(), exchange.AnnotationSentAway, on))
	}
	if w.kept(wr.Side) != nil {
		u.SetAnnotations(with(u.GetAnnotations(), exchange.AnnotationScopeKept, string(w.drpc.UID)))
	}
	if witness := w.witness(wr, settled); witness != "" {
		u.SetAnnotations(with(u.GetAnnotations(), exchange.AnnotationDestinationsOf, witness))
	}
	if w.taken(wr, settled) {
		u.SetAnnotations(with(u.GetAnnotations(), v1alpha1.AnnotationPeerServes, on))
	}
	if signers := w.signers(wr); signers != "" {
		u.SetAnnotations(with(u.GetAnnotations(), v1alpha1.AnnotationSigners, signers))
	}
	spec := w.spec(wr, settled)
	if err := setSpec(u, &spec); err != nil {
		return nil, err
	}
	return u, nil
}

// taken reports whether a Secondary that waits for it is told that its peer has taken over. That holds until something else
// is wished of either.
func (w *world) taken(wr plan.Write, settled bool) bool {
	if wr.Role != plan.Secondary || !settled {
		return false
	}
	return w.facts.At(wr.Side).Wish.Serves || w.facts.Awaited(wr.Side)
}

// spec is the spec of the wish that wr asks for.
func (w *world) spec(wr plan.Write, settled bool) v1alpha1.VolumeReplicationGroupSpec {
	from, scope := &w.drpc.Spec, w.scopeFor(wr.Side)
	spec := v1alpha1.VolumeReplicationGroupSpec{
		PVCSelector:          scope.selector,
		ReplicationState:     v1alpha1.Secondary,
		S3Profiles:           w.s3Profiles(wr.Side),
		ProtectedNamespaces:  scope.namespaces,
		KubeObjectProtection: from.KubeObjectProtection,
		VolSync:              w.volSync(wr, settled),
		PrepareForFinalSync:  wr.FinalSync == plan.Prepare,
		RunFinalSync:         wr.FinalSync == plan.Run,
		Async:                w.async(wr.Side, settled),

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
func (w *world) async(s plan.Side, settled bool) *v1alpha1.VRGAsyncSpec {
	if told := w.told(s); w.displaced && told != nil && told.Async != nil {
		return told.Async
	}
	return &v1alpha1.VRGAsyncSpec{
		SchedulingInterval:               w.policy.Spec.SchedulingInterval,
		ReplicationClassSelector:         selecting(w.policy.Spec.ReplicationClassSelector),
		VolumeSnapshotClassSelector:      selecting(w.policy.Spec.VolumeSnapshotClassSelector),
		VolumeGroupSnapshotClassSelector: selecting(w.policy.Spec.VolumeGroupSnapshotClassSelector),
		PeerClasses:                      w.peerClasses(s, settled),
	}
}

// s3Profiles are the profiles of both clusters. While a DRCluster is missing its profile is not known: the stores that
// the application uses stay.
func (w *world) s3Profiles(s plan.Side) []string {
	if told := w.told(s); told != nil && !w.complete {
		return told.S3Profiles
	}
	return w.profiles
}

// told is what a side was told last; or its peer, if it was told nothing. A wish may have been adopted from a report, so the
// side's own comes first: what one cluster says is no part of what the other one is told (X16).
func (w *world) told(s plan.Side) *v1alpha1.VolumeReplicationGroupSpec {
	for _, at := range []*side{w.at(s), w.at(s.Peer())} {
		if at.wish != nil {
			return &at.wish.Spec
		}
	}
	return nil
}

// refresh brings the content of wishes in line with what the user and the policy say besides roles. It reports whether it
// wrote.
func (r *actor) refresh(ctx context.Context, w *world) (bool, error) {
	wrote, keyErr := r.tendKey(ctx, w) // what fails there keeps no wish from its content
	for _, s := range []plan.Side{plan.First, plan.Second} {
		at, fact := w.at(s), w.facts.At(s).Wish
		if at.wish == nil || fact.Deleting || fact.Replaced {
			continue
		}
		wr := plan.Write{Kind: plan.PutWish, Side: s, Role: fact.Role, FinalSync: fact.FinalSync, For: fact.For}
		intent, err := r.intent(w, wr, epochOf(at.wish), true)
		if err != nil {
			return wrote, errors.Join(keyErr, err)
		}
		if equality.Semantic.DeepEqual(at.wish.Spec, w.spec(wr, true)) && tells(at.wish.Annotations, intent.GetAnnotations()) {
			continue
		}
		if err := r.writeWish(ctx, at, intent); err != nil {
			return wrote, errors.Join(keyErr, err)
		}
		wrote = true
	}
	return wrote, keyErr
}

func setSpec(u *unstructured.Unstructured, spec *v1alpha1.VolumeReplicationGroupSpec) error {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(spec)
	if err != nil {
		return fmt.Errorf("convert spec: %w", err)
	}
	u.Object["spec"] = content
	return nil
}

func with(m map[string]string, key, value string) map[string]string {
	m[key] = value
	return m
}
