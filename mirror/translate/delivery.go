// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/cond"
)

// Reasons of delivery that are no refusals.
const (
	// ReasonApplied : the copy is as wished.
	ReasonApplied = "Applied"
	// ReasonDeleted : the copy is deleted, as wished, or was never there.
	ReasonDeleted = "Deleted"
	// ReasonSchemaSkew : the cluster does not know a field of the wish; the rest was applied (X7).
	ReasonSchemaSkew = "SchemaSkew"
	// ReasonApplyFailed : the cluster refused the write, or could not be reached; it is tried again.
	ReasonApplyFailed = "ApplyFailed"
)

// Outcome is how obeying a wish went; the zero value: well.
type Outcome struct {
	Reason, Message string
}

// Delivery is the status of wish: how its delivery went and what became of the copy, clone; nil: there is none. Times
// of conditions that changed are now.
func Delivery(wish, clone *Object, went Outcome, now time.Time) *Object {
	out := named(wish, wish.GetNamespace(), wish.GetName())
	out.SetUID(wish.GetUID()) // a wish that is gone is not re-created
	list := cond.Merge(conditionsOf(wish), now,
		applied(wish, went), available(wish, clone), progressing(wish, clone), degraded(wish, went))
	items := make([]any, 0, len(list))
	for i := range list {
		item, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&list[i])
		if err != nil {
			continue // a condition holds nothing that can't be converted
		}
		items = append(items, item)
	}
	out.Object["status"] = map[string]any{"conditions": items}
	return out
}

func applied(wish *Object, went Outcome) metav1.Condition {
	reason, message := ReasonApplied, "the object on the cluster matches the wish"
	if wish.GetDeletionTimestamp() != nil {
		reason, message = ReasonDeleted, "the object on the cluster is deleted, as wished"
	}
	if went.Reason != "" {
		reason, message = went.Reason, went.Message
	}
	return cond.New(v1alpha1.WishApplied, cond.Status(went.Reason == ""), reason, message, wish.GetGeneration())
}

func available(wish, clone *Object) metav1.Condition {
	if clone == nil {
		return cond.New(v1alpha1.WishAvailable, metav1.ConditionFalse, "NotFound", "there is no such object on the cluster", wish.GetGeneration())
	}
	return cond.New(v1alpha1.WishAvailable, metav1.ConditionTrue, "Exists", "the object exists on the cluster", wish.GetGeneration())
}

func progressing(wish, clone *Object) metav1.Condition {
	is := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return cond.New(v1alpha1.WishProgressing, status, reason, message, wish.GetGeneration())
	}
	switch {
	case clone == nil && wish.GetDeletionTimestamp() != nil:
		return is(metav1.ConditionFalse, "Gone", "there is no such object on the cluster")
	case clone == nil:
		return is(metav1.ConditionTrue, "Creating", "there is no such object on the cluster yet")
	case clone.GetDeletionTimestamp() != nil:
		return is(metav1.ConditionTrue, "Terminating", "the object on the cluster is being deleted")
	}
	observed, _, _ := unstructured.NestedInt64(clone.Object, "status", "observedGeneration")
	if observed != clone.GetGeneration() {
		return is(metav1.ConditionTrue, "NotObserved", "the cluster's controller has not looked at the object yet")
	}
	return is(metav1.ConditionFalse, "Observed", "the cluster's controller has looked at the object")
}

func degraded(wish *Object, went Outcome) metav1.Condition {
	if went.Reason == "" {
		return cond.New(v1alpha1.WishDegraded, metav1.ConditionFalse, "AsExpected", "delivery works", wish.GetGeneration())
	}
	return cond.New(v1alpha1.WishDegraded, metav1.ConditionTrue, went.Reason, went.Message, wish.GetGeneration())
}

// Urgent reports whether status, by which that of wish is going to be replaced, tells of a trouble that began, changed or
// ended.
func Urgent(status, wish *Object) bool {
	return troubleOf(status) != troubleOf(wish)
}

// troubleOf is why a wish can't be delivered; empty: nothing is known of a trouble.
func troubleOf(wish *Object) string {
	if c := meta.FindStatusCondition(conditionsOf(wish), v1alpha1.WishDegraded); c != nil && c.Status == metav1.ConditionTrue {
		return c.Reason
	}
	return ""
}

// delivered reports whether wish was looked at before, so that a copy of it may have been made.
func delivered(wish *Object) bool {
	return meta.FindStatusCondition(conditionsOf(wish), v1alpha1.WishApplied) != nil
}

func conditionsOf(wish *Object) []metav1.Condition {
	items, _, _ := unstructured.NestedSlice(wish.Object, "status", "conditions")
	list := make([]metav1.Condition, 0, len(items))
	for _, item := range items {
		m, ok := item.(map[string]any)
		if !ok {
			continue
		}
		var c metav1.Condition
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(m, &c); err == nil {
			list = append(list, c)
		}
	}
	return list
}
