// SPDX-License-Identifier: Apache-2.0

// Package cond builds conditions. Time comes in: a condition keeps its transition time while its status stays.
package cond

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/internal/bounded"
)

// New is a condition of type kind without a time. A message that is too long to be stored is cut.
func New(kind string, status metav1.ConditionStatus, reason, message string, generation int64) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: bounded.Text(message, bounded.Message), ObservedGeneration: generation}
}

// Status is True or False.
func Status(ok bool) metav1.ConditionStatus {
	if ok {
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}

// Merge is the list was with each of now put in place of the one of its type. A condition whose status changed gets at
// as its transition time, others keep theirs. The list was is not changed.
func Merge(was []metav1.Condition, at time.Time, now ...metav1.Condition) []metav1.Condition {
	out := make([]metav1.Condition, len(was))
	copy(out, was)
	for _, c := range now {
		if old := meta.FindStatusCondition(out, c.Type); old == nil || old.Status != c.Status {
			// Seconds, as an API server stores them: a finer time would look like a change on each pass.
			c.LastTransitionTime = metav1.NewTime(at.Truncate(time.Second))
		} else {
			c.LastTransitionTime = old.LastTransitionTime
		}
		meta.SetStatusCondition(&out, c)
	}
	return out
}

// OnlyTrue leaves out those conditions of the types that are not True. A condition that tells of something abnormal is
// absent while all is well: that is the convention of kstatus, and tools expect True of every condition that is there.
func OnlyTrue(list []metav1.Condition, types ...string) []metav1.Condition {
	return slices.DeleteFunc(list, func(c metav1.Condition) bool {
		return c.Status != metav1.ConditionTrue && slices.Contains(types, c.Type)
	})
}

// IsTrue reports whether the list holds a condition of type kind that is True.
func IsTrue(list []metav1.Condition, kind string) bool { return meta.IsStatusConditionTrue(list, kind) }
