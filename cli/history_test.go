// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
)

// assertHistory: what the hub remembers of an application that has failed over to dr2 is told.
func assertHistory(t *testing.T, w *world, d *v1alpha1.DRPlacementControl) {
	got := w.run("history", "images")
	assert.Equal(t, 0, got.code, got.err)
	assert.Equal(t, "The hub remembers no operation of shop/images.\n", got.out)
	w.spec(d)
	was := d.Status.DeepCopy()
	began := time.Now()
	at := func(ago time.Duration) *metav1.Time { m := metav1.NewTime(began.Add(-ago)); return &m }
	d.Status.Operations = []v1alpha1.Operation{{
		Action: "Relocate", FromCluster: "dr1", ToCluster: "dr2", RequestedBy: "ada", Reason: "a drill", Outcome: v1alpha1.OperationCompleted,
		StartTime: *at(time.Hour), ReadyTime: at(time.Hour - time.Minute), EndTime: at(time.Hour - 2*time.Minute),
		Steps: []v1alpha1.OperationStep{{Progression: v1alpha1.ProgressionRunningFinalSync, Duration: metav1.Duration{Duration: time.Minute}}},
	}}
	require.NoError(t, w.Client.Status().Update(t.Context(), d))
	got = w.run("history", "images", "-o", "json")
	require.Equal(t, 0, got.code, got.err)
	var h view.History
	require.NoError(t, json.Unmarshal([]byte(got.out), &h))
	assert.Equal(t, "OperationHistory", h.Kind)
	require.Len(t, h.Items, 1)
	assert.EqualValues(t, 60, *h.Items[0].ReadySeconds)
	assert.EqualValues(t, 120, *h.Items[0].TookSeconds)
	assert.Equal(t, "ada", h.Items[0].RequestedBy)
	assert.Contains(t, w.run("history", "images", "-o", "wide").out, "Relocate dr1 -> dr2  Completed  60s        2m    -             ada\n")
	assert.Contains(t, oneLine(w.run("plan", "relocate", "images", "--to", "dr1").out), "It takes about 60s until it runs there, as the last time.")
	assert.Equal(t, 1, w.run("history", "none").code)
	assert.Equal(t, 1, w.run("history", "images", "-o", "xml").code)
	d.Status = *was
	require.NoError(t, w.Client.Status().Update(t.Context(), d))
}
