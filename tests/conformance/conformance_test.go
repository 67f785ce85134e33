// SPDX-License-Identifier: Apache-2.0

package conformance_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/go-logr/logr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/tests/conformance"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
	"github.com/ramendr/ramen-direct/tests/lab/source"
)

// interval is how long the scheduling interval of the lab's class lasts here.
const interval = 2 * time.Second

// check runs all scenarios on a lab with a kind of storage, whose class lacks some labels.
func check(t *testing.T, kind string, patience time.Duration, without ...string) conformance.Report {
	t.Helper()
	l := labtest.Start(t, lab.Options{
		Intervals: map[string]time.Duration{lab.SchedulingInterval: interval},
		Restart:   true, Storage: kind, CSIAddons: lab.AddonsQuick,
	})
	ctx := t.Context()
	ctrl.SetLogger(logr.Discard())
	require.NoError(t, l.Install(ctx))
	require.NoError(t, l.StartStorage(ctx))
	for _, of := range []string{lab.DR1, lab.DR2} {
		class := &replicationv1.VolumeReplicationClass{}
		require.NoError(t, l.Cluster(of).Client.Get(ctx, client.ObjectKey{Name: lab.VolumeReplicationClass}, class))
		for _, label := range without {
			delete(class.Labels, label)
		}
		require.NoError(t, l.Cluster(of).Client.Update(ctx, class))
	}
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
	sessions := []string{v1alpha1.LabelReplicationSession}
	for kind, want := range map[string]broken{
		"ideal": {},
		"array": {conformance.Relocate: {conformance.LetGo}}, // a Secondary is released after the Primary only, and stays until then
		"slow":  {conformance.Relocate: {conformance.LetGo}},
		"array, of whose sessions the class says nothing": {
			conformance.Relocate: {conformance.LetGo},   // a Secondary is released after the Primary only
			conformance.Return:   {conformance.Resumed}, // the peer has taken over already, so it is promoted by force
			conformance.Failover: {conformance.Follows}, // the promoted side has to be told to protect it again
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
			kind, silent, _ := strings.Cut(kind, ",")
			var without []string
			if silent != "" {
				without = sessions
			}
			report := check(t, kind, 30*time.Second, without...)
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
