// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/hubctrl/wish"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// The hub is the sole writer of a wish (X1), of its spec as a whole and of the annotations that mean something to a mirror.
// To apply an intent takes back what somebody changed, not what they added: that belongs to another field manager.

// writeWish writes the wish of a side over the version that was decided about (X15).
func (r *actor) writeWish(ctx context.Context, at *snapshot.Side, intent *unstructured.Unstructured) error {
	stored, err := r.wishes().Over(ctx, r.versions[at.Cluster], apply.Untyped(intent))
	if err != nil {
		return fmt.Errorf("write wish for %s: %w", at.Cluster, err)
	}
	have, want := &v1alpha1.VolumeReplicationGroup{}, &v1alpha1.VolumeReplicationGroup{}
	for u, o := range map[*unstructured.Unstructured]*v1alpha1.VolumeReplicationGroup{stored: have, intent: want} {
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, o); err != nil {
			return fmt.Errorf("read wish for %s: %w", at.Cluster, err)
		}
	}
	if !equality.Semantic.DeepEqual(have.Spec, want.Spec) || !wish.Tells(have.Annotations, want.Annotations) {
		log.FromContext(ctx).Info("Taking back what somebody added to a wish", "cluster", at.Cluster)
		have.Spec = want.Spec
		wish.Retell(have.Annotations, want.Annotations)
		if err := r.wishes().Replace(ctx, have); err != nil {
			return fmt.Errorf("write wish for %s: %w", at.Cluster, err)
		}
	}
	r.versions[at.Cluster] = apply.VersionOf(have)
	return nil
}

// mark makes the wish of the other side another version before s is promoted. A promotion is decided by what both wishes
// say, and an API server compares the version of one object only: of two leaders that promote contrary sides, the mark of
// the first fails the second.
func (r *actor) mark(ctx context.Context, w *snapshot.Snapshot, s plan.Side) error {
	at, peer := w.At(s), w.At(s.Peer())
	if version, read := r.versions[peer.Cluster]; !read || peer.Wish == nil || version != apply.VersionOf(peer.Wish) {
		return nil // there is none, or this pass has written it just now
	}
	if err := apply.Annotate(ctx, r.client, peer.Wish, exchange.AnnotationBeside, r.versions[at.Cluster].String()); err != nil {
		return fmt.Errorf("mark the wish for %s: %w", peer.Cluster, err)
	}
	r.versions[peer.Cluster] = apply.VersionOf(peer.Wish)
	return nil
}

func (r *actor) wishes() apply.Applier { return apply.New(r.client, fieldOwnerWish) }
