// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"
	"time"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/tests/e2e/kindlab"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
	"github.com/ramendr/ramen-direct/tests/lab/story"
)

// schedule is how long the interval of the policy lasts for VolSync: what cron says can't be made shorter.
const schedule = time.Minute

func needsVolSync(t *testing.T, l *kindlab.Lab) {
	t.Helper()
	there, err := l.VolSync(t.Context())
	require.NoError(t, err)
	if !there {
		t.Skip("needs VolSync: KIND_VOLSYNC_IMAGE=<image> make kind-up")
	}
}

// enterCopied brings on an application whose volume VolSync copies.
func enterCopied(t *testing.T, l *kindlab.Lab, name string) *story.Story {
	t.Helper()
	needsVolSync(t, l)
	require.NoError(t, l.LetMoversRead(t.Context(), name))
	a := l.App(name, name)
	a.Class = lab.SnapshotStorageClass
	return enterAs(t, l, a, schedule)
}

// TestVolSyncCopiesAnApplicationThereAndBack: VolSync itself, by its movers. Each move makes another volume of what was
// received; nothing is lost by the relocates, at most an interval by the failover, and at the end there is nothing but the
// application and its data.
func TestVolSyncCopiesAnApplicationThereAndBack(t *testing.T) {
	l := place(t)
	s := enterCopied(t, l, "copied")
	ctx := t.Context()

	began := time.Now()
	require.NoError(t, s.Protect(ctx, lab.DR1))
	t.Logf("protected on dr1 (%s)", time.Since(began).Round(time.Second))
	for _, target := range []string{lab.DR2, lab.DR1} {
		moved, err := s.Relocate(ctx, target)
		require.NoError(t, err)
		t.Logf("relocate to %s: %s (%s)", target, moved.Loss, moved.Took.Round(100*time.Millisecond))
	}
	failed, err := s.FailoverWithout(ctx, lab.DR2, faultproxy.BlackHole)
	require.NoError(t, err)
	t.Logf("failover dr1 -> dr2, dr1 paused: %s (%s)", failed.Loss, failed.Took.Round(100*time.Millisecond))
	require.NoError(t, s.Noticed(ctx, lab.DR1))
	took, err := s.Return(ctx, lab.DR1)
	require.NoError(t, err)
	t.Logf("dr1 is back, Secondary and in sync (%s)", took.Round(100*time.Millisecond))
	moved, err := s.Relocate(ctx, lab.DR1)
	require.NoError(t, err)
	t.Logf("relocate to dr1: %s (%s)", moved.Loss, moved.Took.Round(100*time.Millisecond))
	arrived(t, l, s, lab.DR2)
	report, err := s.Disable(ctx)
	require.NoError(t, err)
	t.Logf("DR disabled, the application runs on: %d records, none missing", report.Count)
	onlyTheApplication(t, l, s, lab.DR1)
}

// TestVolSyncCopiesAgainAfterTheOldHomeWasOffTheNetwork: addresses may be others when it is back.
func TestVolSyncCopiesAgainAfterTheOldHomeWasOffTheNetwork(t *testing.T) {
	l := place(t)
	s := enterCopied(t, l, "copied-severed")
	sever(t, s)
	arrived(t, l, s, lab.DR1)
	_, err := s.Disable(t.Context())
	require.NoError(t, err)
	onlyTheApplication(t, l, s, lab.DR2)
}

// arrived waits until the volume of the term before is gone on a cluster that receives. A user who disables DR sooner finds it
// retained there: VolSync makes an image of a copy a moment after the copy counts, and until then nothing takes its place.
func arrived(t *testing.T, l *kindlab.Lab, s *story.Story, cluster string) {
	t.Helper()
	require.EventuallyWithT(t, func(check *assert.CollectT) {
		assert.Equal(check, []string{s.App.Name + "-received"}, backed(check, t, l, s, cluster))
	}, patience, time.Second, "on %s nothing is left of the term before", cluster)
}

// backed are the claims of the application that the volumes of a cluster are for.
func backed(check *assert.CollectT, t *testing.T, l *kindlab.Lab, s *story.Story, cluster string) []string {
	t.Helper()
	volumes := &corev1.PersistentVolumeList{}
	require.NoError(check, l.Cluster(cluster).Client.List(t.Context(), volumes))
	var out []string
	for _, pv := range volumes.Items {
		if of := pv.Spec.ClaimRef; of != nil && of.Namespace == s.App.Namespace {
			out = append(out, of.Name)
		}
	}
	return out
}

// onlyTheApplication waits until nothing is left on the DR clusters but the claim of the application, where it runs, and
// its volume. What Kubernetes removes because its owner is gone follows later.
func onlyTheApplication(t *testing.T, l *kindlab.Lab, s *story.Story, home string) {
	t.Helper()
	for _, cluster := range lab.Spokes() {
		c := l.Cluster(cluster).Client
		require.EventuallyWithT(t, func(check *assert.CollectT) {
			for kind, list := range map[string]client.ObjectList{
				"ReplicationSource": &volsyncv1.ReplicationSourceList{}, "ReplicationDestination": &volsyncv1.ReplicationDestinationList{},
				"VolumeSnapshot": &snapshotv1.VolumeSnapshotList{}, "Job": &batchv1.JobList{}, "Service": &corev1.ServiceList{},
			} {
				require.NoError(check, c.List(t.Context(), list, client.InNamespace(s.App.Namespace)))
				assert.Zero(check, meta.LenList(list), "%s in %s", kind, s.App.Namespace)
			}
			contents := &snapshotv1.VolumeSnapshotContentList{}
			require.NoError(check, c.List(t.Context(), contents))
			for _, content := range contents.Items {
				assert.NotEqual(check, s.App.Namespace, content.Spec.VolumeSnapshotRef.Namespace, content.Name)
			}
			var want []string
			if cluster == home {
				want = []string{s.App.Name}
			}
			claims := &corev1.PersistentVolumeClaimList{}
			require.NoError(check, c.List(t.Context(), claims, client.InNamespace(s.App.Namespace)))
			var named []string
			for _, claim := range claims.Items {
				named = append(named, claim.Name)
			}
			assert.ElementsMatch(check, want, named, "claims")
			assert.ElementsMatch(check, want, backed(check, t, l, s, cluster), "volumes")
		}, patience, time.Second, "on %s only the application is left", cluster)
	}
}
