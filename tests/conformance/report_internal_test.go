// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"strings"
	"testing"
	"time"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestWhichCallAnswersWhat is read from what csi-addons writes into a status.
func TestWhichCallAnswersWhat(t *testing.T) {
	refused := func(reason, message string, more ...metav1.Condition) *replicationv1.VolumeReplication {
		vr := &replicationv1.VolumeReplication{}
		vr.Status.Message = message
		for _, c := range append(more, metav1.Condition{Type: "Completed", Status: metav1.ConditionFalse, Reason: reason, Message: "failed to " + map[bool]string{true: "enable volume replication", false: "promote volume"}[message == "replicated already"]}) {
			meta.SetStatusCondition(&vr.Status.Conditions, c)
		}
		return vr
	}
	for name, tc := range map[string]struct {
		vr   *replicationv1.VolumeReplication
		want string
	}{
		"a code": {refused("FailedToDemote", "failed to demote volume: rpc error: code = Unavailable desc = paused"), "east: DemoteVolume answers Unavailable: paused"},
		"words":  {refused("FailedToResync", "awaiting"), "east: ResyncVolume fails: awaiting"},
		"none":   {refused("FailedToPromote", ""), "east: PromoteVolume fails: failed to promote volume"},
		"the first of two": {
			refused("FailedToPromote", "replicated already", metav1.Condition{Type: "Validated", Status: metav1.ConditionTrue, Reason: "PrerequisiteMet"}),
			"east: EnableVolumeReplication fails: replicated already",
		},
		"a prerequisite": {
			refused("FailedToPromote", "clone", metav1.Condition{Type: "Validated", Status: metav1.ConditionFalse, Reason: "PrerequisiteNotMet"}),
			"east: EnableVolumeReplication fails: clone",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, refuses := answer("east", tc.vr)
			require.True(t, refuses)
			assert.Equal(t, tc.want, a.String())
			tc.vr.Generation = 2
			_, refuses = answer("east", tc.vr)
			assert.False(t, refuses, "it answers an earlier wish")
		})
	}
	_, refuses := answer("east", nil)
	assert.False(t, refuses)
}

// TestNothingCountsAsKeptThatWasNotSeen in a report.
func TestNothingCountsAsKeptThatWasNotSeen(t *testing.T) {
	r := Report{Driver: "d", Results: []Result{{Scenario: "s", Promise: "p", Outcome: Kept, Took: time.Second}}}
	assert.True(t, r.Kept())
	assert.False(t, Report{Results: r.Results, Left: []string{"x"}}.Kept())
	r.Results = append(r.Results, Result{Scenario: "s", Promise: "q", Outcome: NotReached})
	assert.False(t, r.Kept())
	r.Results[0].Outcome, r.Results[0].Why, r.Results[0].Answers = Broken, "because", []Answer{{Cluster: "east", RPC: "DemoteVolume"}}
	text := &strings.Builder{}
	require.NoError(t, r.Write(text))
	assert.Contains(t, text.String(), "s, p: BROKEN\n  because\n  east: DemoteVolume fails\n")
	assert.Equal(t, NotReached, r.Outcome("s", "q"))
	assert.Empty(t, r.Outcome("s", "r"))
	assert.Equal(t, 1, strings.Count(text.String(), "not reached"))
}
