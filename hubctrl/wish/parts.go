// SPDX-License-Identifier: Apache-2.0

package wish

import (
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// reserved are the annotations of a wish that are the hub's alone.
var reserved = func() map[string]bool {
	out := map[string]bool{
		exchange.AnnotationNamespace: true, exchange.AnnotationName: true, exchange.AnnotationEpoch: true, exchange.AnnotationDRPC: true,
		exchange.AnnotationOrigin: true, exchange.AnnotationAdoptUID: true, exchange.AnnotationRecalled: true, exchange.AnnotationSentAway: true,
		exchange.AnnotationDestinationsOf: true, exchange.AnnotationSpokeID: true, exchange.AnnotationScopeKept: true,
		v1alpha1.AnnotationDestinationCluster: true, v1alpha1.AnnotationDRPCUID: true, v1alpha1.AnnotationPeerServes: true,
		v1alpha1.AnnotationSigners: true, v1alpha1.AnnotationClusterKeys: true, v1alpha1.AnnotationNamespaceRanges: true,
	}
	for _, key := range passed {
		out[key] = true
	}
	return out
}()

// Tells reports whether the annotations that only the hub writes are as they should be.
func Tells(have, want map[string]string) bool {
	for key := range reserved {
		if have[key] != want[key] {
			return false
		}
	}
	return true
}

// Retell gives have the annotations of want that only the hub writes, and takes away what somebody added to them.
func Retell(have, want map[string]string) {
	maps.DeleteFunc(have, func(key, _ string) bool { return reserved[key] })
	maps.Copy(have, want)
}

func with(m map[string]string, key, value string) map[string]string {
	m[key] = value
	return m
}

func setSpec(u *unstructured.Unstructured, spec *v1alpha1.VolumeReplicationGroupSpec) error {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(spec)
	if err != nil {
		return fmt.Errorf("convert spec: %w", err)
	}
	u.Object["spec"] = content
	return nil
}

// adopts is the UID of the object that the wish for a side takes over, from now on or still; empty: none.
func adopts(at *snapshot.Side) string {
	switch {
	case at.Wish != nil && at.Wish.DeletionTimestamp == nil:
		return at.Wish.Annotations[exchange.AnnotationAdoptUID]
	case at.Wish == nil && at.Report != nil && at.Report.Status.Exchange != nil && at.Report.Status.Exchange.WishUID != "":
		return at.Report.Status.Exchange.SpokeUID
	default:
		return ""
	}
}

// told is what a side was told last; or its peer, if it was told nothing. A wish may have been adopted from a report, so the
// side's own comes first: what one cluster says is no part of what the other one is told (X16).
func told(w *snapshot.Snapshot, s plan.Side) *v1alpha1.VolumeReplicationGroupSpec {
	for _, at := range []*snapshot.Side{w.At(s), w.At(s.Peer())} {
		if at.Wish != nil {
			return &at.Wish.Spec
		}
	}
	return nil
}
