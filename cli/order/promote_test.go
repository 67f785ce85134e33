// SPDX-License-Identifier: Apache-2.0

package order_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/cli/view"
)

// survivor is a cluster without its hub, which has a copy of an application.
func survivor(change ...func(*order.Survivor)) *order.Survivor {
	g := &v1alpha1.VolumeReplicationGroup{
		ObjectMeta: metav1.ObjectMeta{Namespace: "bank", Name: "ledger", ResourceVersion: "17", Generation: 3, Annotations: map[string]string{
			"exchange.ramendr.openshift.io/epoch": "4", "exchange.ramendr.openshift.io/origin": "hub", "exchange.ramendr.openshift.io/wish-uid": "w",
			"exchange.ramendr.openshift.io/drpc": "bank/ledger",
		}},
		Spec: v1alpha1.VolumeReplicationGroupSpec{ReplicationState: v1alpha1.Secondary},
		Status: v1alpha1.VolumeReplicationGroupStatus{State: v1alpha1.SecondaryState, ObservedGeneration: 3, Conditions: []metav1.Condition{
			{Type: "DataReady", Status: "True", ObservedGeneration: 3}, {Type: "ClusterDataReady", Status: "True", ObservedGeneration: 3},
		}},
	}
	s := &order.Survivor{Now: now, Group: g, Cluster: "dr2", Identity: "two", Traced: true}
	for _, c := range change {
		c(s)
	}
	return s
}

func note(key, value string) func(*order.Survivor) {
	return func(s *order.Survivor) { s.Group.Annotations["exchange.ramendr.openshift.io/"+key] = value }
}

func TestPromotePastTheHub(t *testing.T) {
	for name, tc := range map[string]struct {
		survivor *order.Survivor
		guard    view.Guard
		says     string
	}{
		"no hub answers":                 {survivor(), "", ""},
		"the mirror is connected":        {survivor(func(s *order.Survivor) { s.LinkLive = true }), view.GuardHubAnswers, "the mirror on the cluster is connected to the hub: fail over on the hub"},
		"the hub's API server answers":   {survivor(func(s *order.Survivor) { s.HubAnswers = "https://hub:6443" }), view.GuardHubAnswers, "answers at https://hub:6443"},
		"nothing tells of the hub":       {survivor(func(s *order.Survivor) { s.Traced = false }), view.GuardHubAnswers, "as no mirror runs there"},
		"no mirror made it":              {survivor(note("origin", "")), view.GuardGroup, "no hub made it"},
		"an epoch that no hub writes":    {survivor(note("epoch", "four")), view.GuardGroup, "its epoch can't be read"},
		"the highest epoch":              {survivor(note("epoch", "9007199254740991")), view.GuardGroup, "the highest that there is"},
		"a protection that is ended":     {survivor(note("ended-by", "w")), view.GuardGroup, "is being ended"},
		"a group that is deleted by now": {survivor(func(s *order.Survivor) { s.Group.DeletionTimestamp = &metav1.Time{Time: now} }), view.GuardGroup, "is being ended"},
	} {
		t.Run(name, func(t *testing.T) {
			p := order.Promote(tc.survivor, false)
			if tc.guard == "" {
				assert.Empty(t, p.Refusals)
				return
			}
			require.Len(t, p.Refusals, 1)
			assert.Equal(t, tc.guard, p.Refusals[0].Guard)
			assert.Contains(t, p.Refusals[0].Message, tc.says)
		})
	}
	p := order.Promote(survivor(func(s *order.Survivor) { s.LinkLive = true }), true)
	assert.Empty(t, p.Refusals, "the user's word")
	assert.Contains(t, p.Warnings[0], "it and you decide at the same time")
	assert.Contains(t, strings.Join(p.Warnings, "\n"), "there are two that write")
	p = order.Promote(survivor(func(s *order.Survivor) { s.Group.Spec.ReplicationState = v1alpha1.Primary }), false)
	assert.NotEmpty(t, p.Already)
	p = order.Promote(survivor(func(s *order.Survivor) { s.Group.Status.Conditions = nil }), false)
	assert.Contains(t, p.Warnings[len(p.Warnings)-1], "does not report its copies as ready")
}

func TestWhatAPromotionWrites(t *testing.T) {
	s := survivor()
	p := order.Promote(s, false)
	assert.EqualValues(t, 4, p.Epoch)
	assert.EqualValues(t, 1004, p.NextEpoch, "above what the hub gave the other cluster meanwhile")
	raw, err := order.Promoted(s, p)
	require.NoError(t, err)
	var patch struct {
		Metadata struct {
			ResourceVersion string
			Annotations     map[string]*string
		}
		Spec map[string]any
	}
	require.NoError(t, json.Unmarshal(raw, &patch))
	assert.Equal(t, "17", patch.Metadata.ResourceVersion)
	assert.Equal(t, "1004", *patch.Metadata.Annotations["exchange.ramendr.openshift.io/epoch"])
	assert.Equal(t, map[string]any{
		"replicationState": "primary", "action": "Failover", "prepareForFinalSync": nil, "runFinalSync": nil, "volSync": map[string]any{"rdSpec": nil, "rsSpec": nil},
	}, patch.Spec)
}

func TestWhenAPromotionIsDone(t *testing.T) {
	done, _, lacks := order.Took(survivor().Group)
	assert.False(t, done)
	assert.Equal(t, "it is Secondary", lacks)
	primary := func(s *order.Survivor) { s.Group.Status.State = v1alpha1.PrimaryState }
	done, _, _ = order.Took(survivor(primary).Group)
	assert.True(t, done)
	for want, change := range map[string]func(*order.Survivor){
		"has not looked at it yet": func(s *order.Survivor) { s.Group.Generation++ },
		"ClusterDataReady is False (Restoring): 1 of 2": func(s *order.Survivor) {
			s.Group.Status.Conditions[1].Status, s.Group.Status.Conditions[1].Reason, s.Group.Status.Conditions[1].Message = "False", "Restoring", "1 of 2"
		},
		"DataReady is not reported": func(s *order.Survivor) { s.Group.Status.Conditions = s.Group.Status.Conditions[1:] },
	} {
		done, _, lacks = order.Took(survivor(primary, change).Group)
		assert.False(t, done)
		assert.Contains(t, lacks, want)
	}
}
