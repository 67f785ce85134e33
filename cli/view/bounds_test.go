// SPDX-License-Identifier: Apache-2.0

package view_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
)

// TestWhatAClusterReportsIsShownInBounds: who has the credentials of its mirror writes as much as an API server takes.
func TestWhatAClusterReportsIsShownInBounds(t *testing.T) {
	report := &v1alpha1.VolumeReplicationGroup{}
	report.Status.Conditions = []metav1.Condition{{Type: v1alpha1.VRGDataReady, Status: "False", Reason: "Error", Message: strings.Repeat("a lie ", 5000)}}
	d := &view.Detail{
		Snapshot: view.Snapshot{Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), Applications: []v1alpha1.DRPlacementControl{{}}},
		Sides:    []view.Side{{Cluster: "dr1", Report: report}},
	}
	shown := view.Explain(d).Sides[0].Conditions
	require.Len(t, shown, 1)
	assert.Less(t, len(shown[0].Message), 9000)
	assert.True(t, strings.HasPrefix(shown[0].Message, "a lie a lie"))
}
