// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"testing"
	"time"

	replicationv1alpha1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

var now = time.Unix(1_700_000_000, 500).UTC()

// lines is the conditions as "<type> <status> <reason>".
func lines(vr *replicationv1alpha1.VolumeReplication) []string {
	var out []string
	for _, c := range vr.Status.Conditions {
		out = append(out, c.Type+" "+string(c.Status)+" "+c.Reason)
	}
	return out
}

func TestEachSituationShowsWhatCsiAddonsShows(t *testing.T) {
	tests := map[string]struct {
		finding
		conditions []string
		state      replicationv1alpha1.State
	}{
		"promoted": {
			finding{is: promoted},
			[]string{"Completed True Promoted", "Degraded False Healthy", "Resyncing False NotResyncing", "Replicating True Replicating"}, "Primary",
		},
		"promoted, cut off": {
			finding{is: promoted, notReplicating: "cut"},
			[]string{"Completed True Promoted", "Degraded False Healthy", "Resyncing False NotResyncing", "Replicating False NotReplicating"}, "Primary",
		},
		"split brain": {
			finding{is: promoted, notReplicating: "peer", splitBrain: true},
			[]string{"Completed True Promoted", "Degraded True VolumeDegraded", "Resyncing False NotResyncing", "Replicating False NotReplicating"}, "Primary",
		},
		"promotion refused": {
			finding{is: promoteRefused, message: "why"},
			[]string{"Completed False FailedToPromote", "Degraded True Error", "Resyncing False NotResyncing", "Validated False PrerequisiteNotMet"}, "Unknown",
		},
		"promotion failed": {
			finding{is: promoteFailed, message: "why"},
			[]string{"Completed False FailedToPromote", "Degraded True Error", "Resyncing False NotResyncing", "Validated True PrerequisiteMet"}, "Unknown",
		},
		"demoted": {
			finding{is: demoted},
			[]string{"Completed True Demoted", "Degraded True VolumeDegraded", "Resyncing False NotResyncing"}, "Secondary",
		},
		"demotion failed": {
			finding{is: demoteFailed, message: "why"},
			[]string{"Completed False FailedToDemote", "Degraded True Error", "Resyncing False NotResyncing"}, "Unknown",
		},
		"resync runs": {
			finding{is: resyncing},
			[]string{"Completed True Demoted", "Degraded True VolumeDegraded", "Resyncing True ResyncTriggered"}, "Secondary",
		},
		"resync failed": {
			finding{is: resyncFailed, message: "why"},
			[]string{"Completed False FailedToResync", "Degraded True Error", "Resyncing False FailedToResync"}, "Secondary",
		},
		"in sync": {
			finding{is: inSync},
			[]string{"Completed True Demoted", "Degraded False Healthy", "Resyncing False NotResyncing"}, "Secondary",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			vr := &replicationv1alpha1.VolumeReplication{ObjectMeta: metav1.ObjectMeta{Generation: 3}}
			report(vr, tt.finding, now)
			assert.Equal(t, tt.conditions, lines(vr))
			assert.Equal(t, tt.state, vr.Status.State)
			assert.Equal(t, int64(3), vr.Status.ObservedGeneration)
			for _, c := range vr.Status.Conditions {
				assert.Equal(t, int64(3), c.ObservedGeneration, c.Type)
			}
			again := vr.DeepCopy()
			report(again, tt.finding, now.Add(time.Hour))
			assert.Equal(t, vr.Status, again.Status, "what did not change is written again")
		})
	}
}

func TestAFailureLeavesTheStateAndValidatedIsNeverRefreshed(t *testing.T) {
	vr := &replicationv1alpha1.VolumeReplication{ObjectMeta: metav1.ObjectMeta{Generation: 1}}
	report(vr, finding{is: promoteRefused, message: "no copy"}, now)
	report(vr, finding{is: promoted}, now)
	assert.Contains(t, lines(vr), "Validated False PrerequisiteNotMet")
	vr.Generation = 2
	report(vr, finding{is: demoteFailed, message: "in use"}, now)
	assert.Equal(t, replicationv1alpha1.PrimaryState, vr.Status.State)
	report(vr, finding{is: demoted}, now)
	assert.NotContains(t, lines(vr), "Replicating True Replicating", "only a primary replicates")
}

func TestOnlyAPrimaryShowsItsLastSync(t *testing.T) {
	vr := &replicationv1alpha1.VolumeReplication{ObjectMeta: metav1.ObjectMeta{Generation: 1}}
	report(vr, finding{is: promoted, lastPass: &engine.Pass{Start: now, Duration: time.Second, Bytes: 7}}, now)
	require.NotNil(t, vr.Status.LastSyncTime)
	assert.Equal(t, now.Truncate(time.Second), vr.Status.LastSyncTime.UTC(), "rounding up would claim what is not there")
	assert.Equal(t, time.Second, vr.Status.LastSyncDuration.Duration)
	assert.Equal(t, int64(7), *vr.Status.LastSyncBytes)
	report(vr, finding{is: demoted}, now)
	assert.Nil(t, vr.Status.LastSyncTime)
	assert.Nil(t, vr.Status.LastSyncDuration)
	assert.Nil(t, vr.Status.LastSyncBytes)
}

func TestSpeed(t *testing.T) {
	s := Speed{}
	require.NoError(t, s.Set("1m=2s"))
	for schedule, want := range map[string]time.Duration{"1m": 2 * time.Second, "5m": 5 * time.Minute, "2h": 2 * time.Hour, "1d": 24 * time.Hour} {
		got, err := s.Of(schedule)
		require.NoError(t, err)
		assert.Equal(t, want, got, schedule)
	}
	for _, bad := range []string{"", "x", "-1m", "0m", "xd", "-1d"} {
		_, err := s.Of(bad)
		require.Error(t, err, bad)
	}
	for _, bad := range []string{"1m", "1m=", "1m=0s", "x=1s"} {
		require.Error(t, s.Set(bad), bad)
	}
}
