// SPDX-License-Identifier: Apache-2.0

package conformance_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/tests/conformance"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
	"github.com/ramendr/ramen-direct/tests/lab/source"
)

// interval is how long the scheduling interval of the lab's class lasts here.
const interval = 2 * time.Second

// check runs all scenarios on a lab with a kind of storage.
func check(t *testing.T, kind string, patience time.Duration) conformance.Report {
	t.Helper()
	l := labtest.Start(t, lab.Options{
		Intervals: map[string]time.Duration{lab.SchedulingInterval: interval},
		Restart:   true, Storage: kind, CSIAddons: lab.AddonsQuick,
	})
	ctx := t.Context()
	ctrl.SetLogger(logr.Discard())
	require.NoError(t, l.Install(ctx))
	require.NoError(t, l.StartStorage(ctx))
	root, err := source.Root(ctx)
	require.NoError(t, err)
	report, err := conformance.Run(ctx, conformance.Options{
		Clusters: [2]conformance.Cluster{
			{Name: lab.DR1, Config: l.Cluster(lab.DR1).Config}, {Name: lab.DR2, Config: l.Cluster(lab.DR2).Config},
		},
		StorageClass: lab.StorageClass, ReplicationClass: lab.VolumeReplicationClass, SnapshotClass: lab.VolumeSnapshotClass,
		Definitions: filepath.Join(root, "config", "crd"),
		Tokens: func(word string) corev1.Container {
			return corev1.Container{Name: "tokens", Image: "lab/tokens", Args: strings.Fields(word)}
		},
		Interval: interval, Patience: patience, Look: 250 * time.Millisecond, Log: t.Output(),
	})
	require.NoError(t, err)
	text := &strings.Builder{}
	require.NoError(t, report.Write(text))
	t.Logf("\n%s", text)
	return report
}

// TestStorageLikeRBDKeepsAllPromises : the whole product rests on them.
func TestStorageLikeRBDKeepsAllPromises(t *testing.T) {
	report := check(t, "rbd", 2*time.Minute)
	assert.True(t, report.Kept())
	assert.Equal(t, conformance.Kept, report.Outcome(conformance.Failover, conformance.Back))
}

// TestWhatEachStorageCannotPromise is told by name, and nothing after it is called kept.
func TestWhatEachStorageCannotPromise(t *testing.T) {
	testlayer.Slow(t, "TestStorageLikeRBDKeepsAllPromises")
	// By scenario: the promises that are broken. Those that build on them are not reached.
	type broken map[string][]string
	for kind, want := range map[string]broken{
		"ideal": {},
		"array": {
			conformance.Relocate: {conformance.LetGo},   // a Secondary is released after the Primary only
			conformance.Return:   {conformance.Resumed}, // the peer has taken over already, so it is promoted by force
			conformance.Failover: {conformance.Follows}, // the promoted side has to be told to protect it again
		},
		"slow": {
			conformance.Relocate: {conformance.LetGo}, conformance.Return: {conformance.Resumed}, conformance.Failover: {conformance.Follows},
		},
		"plain": {
			conformance.Relocate: {conformance.AgeKnown, conformance.Promoted}, // what is replicated already is not enabled again
			conformance.Return:   {conformance.PromotedBack},
			conformance.Failover: {conformance.TakenOver},
		},
		"stub": {
			conformance.Relocate: {conformance.Protected}, conformance.Return: {conformance.Protected}, conformance.Failover: {conformance.Protected},
		},
	} {
		t.Run(kind, func(t *testing.T) {
			report := check(t, kind, 30*time.Second)
			got := broken{}
			for _, r := range report.Results {
				if r.Outcome == conformance.Broken {
					got[r.Scenario] = append(got[r.Scenario], r.Promise)
					assert.NotEmpty(t, r.Why, r.Promise)
				}
			}
			assert.Equal(t, want, got)
			assert.Equal(t, conformance.Kept, report.Outcome(conformance.Snapshots, conformance.Restored), "snapshots are made by all kinds")
		})
	}
}
