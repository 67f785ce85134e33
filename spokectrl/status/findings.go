// SPDX-License-Identifier: Apache-2.0

package status

import (
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/internal/cond"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

func condition(kind string, f provider.Finding) metav1.Condition {
	return metav1.Condition{Type: kind, Status: f.Status, Reason: f.Reason, Message: bounded.Text(f.Message, bounded.Message)}
}

func yes(reason, message string) provider.Finding {
	return provider.Finding{Status: metav1.ConditionTrue, Reason: reason, Message: message}
}

func no(reason, message string) provider.Finding {
	return provider.Finding{Status: metav1.ConditionFalse, Reason: reason, Message: message}
}

func refusedReason(err error) bool {
	var r *outcome.Refused
	return errors.As(err, &r)
}

// merged are the conditions as computed now, for this generation, with the transition times of the old ones.
func merged(was, now []metav1.Condition, generation int64, at time.Time) []metav1.Condition {
	var kept []metav1.Condition
	for i := range now {
		now[i].ObservedGeneration = generation
		if old := meta.FindStatusCondition(was, now[i].Type); old != nil {
			kept = append(kept, *old)
		}
	}
	return cond.Merge(kept, at, now...)
}

// dated sets lastUpdateTime if anything else changed.
func dated(was *v1alpha1.VolumeReplicationGroup, out v1alpha1.VolumeReplicationGroupStatus, now time.Time) v1alpha1.VolumeReplicationGroupStatus {
	if !equality.Semantic.DeepEqual(was.Status, out) {
		t := metav1.NewTime(now.Truncate(time.Second))
		out.LastUpdateTime = &t
	}
	return out
}
