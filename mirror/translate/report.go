// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"time"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// stampField is where the stamp lies in the status of a report; observedField is the only field of it that may differ
// without a reason to write.
const (
	stampField    = "exchange"
	observedField = "observedTime"
)

// Report is what the mirror owns of the report about clone in the inbox of cluster, apart from its status: the spec as
// it is on the spoke, the labels, and what tells whom the report is about. It never looks like an answer by itself:
// facts and stamp are in the status (X3).
func Report(cluster string, clone *Object) *Object {
	out := named(clone, exchange.Inbox(cluster), exchange.ObjectName(clone.GetNamespace(), clone.GetName()))
	if spec, ok := clone.Object["spec"]; ok {
		out.Object["spec"] = runtime.DeepCopyJSONValue(spec)
	}
	if labels := clone.GetLabels(); len(labels) > 0 {
		out.SetLabels(labels)
	}
	annotations := pick(clone.GetAnnotations(), exchange.AnnotationDRPC, v1alpha1.AnnotationPeerServes, v1alpha1.AnnotationSigners, v1alpha1.AnnotationNamespaceRanges)
	annotations[exchange.AnnotationNamespace] = clone.GetNamespace()
	annotations[exchange.AnnotationName] = clone.GetName()
	out.SetAnnotations(annotations)
	return out
}

// ReportStatus is the status of the report about clone, which is on the cluster of identity on: its actual status and the
// stamp, in one (X3). report is the report as it is; if it tells the same already it keeps its time, otherwise the time is now.
func ReportStatus(cluster, on string, clone, report *Object, now time.Time) *Object {
	out := named(clone, exchange.Inbox(cluster), exchange.ObjectName(clone.GetNamespace(), clone.GetName()))
	status := map[string]any{}
	if actual, ok := clone.Object["status"].(map[string]any); ok {
		status = runtime.DeepCopyJSON(actual)
	}
	stamp := stampOf(clone)
	if on != "" {
		stamp["clusterID"] = on
	}
	stamp[observedField] = now.UTC().Format(time.RFC3339)
	if told := toldStamp(report); told != nil {
		was := told[observedField]
		if same(withoutKey(told, observedField), withoutKey(stamp, observedField)) && was != nil {
			stamp[observedField] = was
		}
	}
	status[stampField] = stamp
	out.Object["status"] = status
	return out
}

// stampOf says what clone answers, leaving out what is not known.
func stampOf(clone *Object) map[string]any {
	stamp := map[string]any{
		"spokeUID":             string(clone.GetUID()),
		"spokeGeneration":      clone.GetGeneration(),
		"spokeResourceVersion": clone.GetResourceVersion(),
	}
	if uid, generation := wishOf(clone); uid != "" {
		stamp["wishUID"] = string(uid)
		stamp["wishGeneration"] = generation
	}
	if epoch, err := exchange.EpochOf(clone); err == nil && epoch != 0 {
		stamp["epoch"] = epoch
	}
	if origin := clone.GetAnnotations()[exchange.AnnotationOrigin]; origin != "" {
		stamp["origin"] = origin
	}
	if clone.GetDeletionTimestamp() != nil {
		stamp["spokeDeleting"] = true
	}
	return stamp
}

// Stamped reports whether report carries a stamp: whether it may look like an answer.
func Stamped(report *Object) bool { return toldStamp(report) != nil }

func toldStamp(report *Object) map[string]any {
	if report == nil {
		return nil
	}
	status, _ := report.Object["status"].(map[string]any)
	stamp, _ := status[stampField].(map[string]any)
	return stamp
}

func withoutKey(m map[string]any, key string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		if k != key {
			out[k] = v
		}
	}
	return out
}
