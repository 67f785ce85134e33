// SPDX-License-Identifier: Apache-2.0

package cond_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/internal/cond"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestATransitionTimeStaysWhileTheStatusStays(t *testing.T) {
	first := cond.Merge(nil, noon.Add(300*time.Millisecond), cond.New("Ready", "True", "Good", "all is well", 1))
	assert.Equal(t, []metav1.Condition{{
		Type: "Ready", Status: "True", Reason: "Good", Message: "all is well", ObservedGeneration: 1, LastTransitionTime: metav1.NewTime(noon),
	}}, first, "in seconds, as an API server stores it")

	same := cond.Merge(first, noon.Add(time.Minute), cond.New("Ready", "True", "Better", "still well", 2))
	assert.Equal(t, []metav1.Condition{{
		Type: "Ready", Status: "True", Reason: "Better", Message: "still well", ObservedGeneration: 2, LastTransitionTime: metav1.NewTime(noon),
	}}, same)

	other := cond.Merge(same, noon.Add(time.Minute), cond.New("Ready", "Unknown", "Silent", "", 2))
	assert.Equal(t, metav1.NewTime(noon.Add(time.Minute)), other[0].LastTransitionTime)
	assert.Equal(t, "Good", first[0].Reason, "the lists that come in are left alone")
	assert.Equal(t, "Better", same[0].Reason)
}

func TestMergeKeepsConditionsOfOthers(t *testing.T) {
	was := cond.Merge(nil, noon, cond.New("A", "True", "R", "", 1), cond.New("B", "False", "R", "", 1))
	now := cond.Merge(was, noon, cond.New("C", "True", "R", "", 1), cond.New("B", "True", "R", "", 1))
	assert.Len(t, now, 3)
	assert.True(t, cond.IsTrue(now, "A"))
	assert.True(t, cond.IsTrue(now, "B"))
	assert.False(t, cond.IsTrue(was, "B"))
	assert.False(t, cond.IsTrue(was, "C"), "absent is not True")
}

func TestStatusIsTrueOrFalse(t *testing.T) {
	assert.Equal(t, metav1.ConditionTrue, cond.Status(true))
	assert.Equal(t, metav1.ConditionFalse, cond.Status(false))
}
