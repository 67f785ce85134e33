// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"errors"
	"slices"
	"testing"
	"time"

	replicationv1alpha1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
	"github.com/ramendr/ramen-direct/tests/lab/story"
)

// TestOnStorageLikeCephRBD : there and back, with the real csi-addons and the real sidecars before storage that calls a returned side
// in sync only while nobody is primary, and releases a secondary only while its peer is primary. Each move ends without help, and the
// failed side is a target again. Nothing is promoted by force but by a failover.
func TestOnStorageLikeCephRBD(t *testing.T) {
	onStorage(t, lab.Options{CSIAddons: lab.AddonsQuick, Sidecars: true, Intervals: map[string]time.Duration{lab.SchedulingInterval: interval}}, volumesOfSidecars)
}

// TestOnStorageLikeCephRBDAtItsOwnPace is that with csi-addons as it is: it looks again after 15 and 30 seconds, and tells once
// a minute what the peer has.
func TestOnStorageLikeCephRBDAtItsOwnPace(t *testing.T) {
	testlayer.Slow(t, "TestOnStorageLikeCephRBD")
	onStorage(t, lab.Options{CSIAddons: lab.AddonsReal, Intervals: map[string]time.Duration{lab.SchedulingInterval: interval}}, func(*testing.T, *lab.Lab) {})
}

// TestOnIdealStorage : the same way with storage that calls each secondary in sync whose peer has all that was written there.
func TestOnIdealStorage(t *testing.T) {
	testlayer.Slow(t, "TestOnStorageLikeCephRBD")
	calm(t)
	l := labtest.Up(t, lab.Options{
		Restart: true, CSIAddons: lab.AddonsQuick, Intervals: map[string]time.Duration{lab.SchedulingInterval: interval},
	})
	a := protected(t, l, "ideal", lab.DR1)
	ctx := t.Context()
	for _, to := range []string{lab.DR2, lab.DR1} {
		_, err := a.Relocate(ctx, to)
		require.NoError(t, err)
	}
	_, err := a.FailoverWithout(ctx, lab.DR2, faultproxy.Cut)
	require.NoError(t, err)
	_, err = a.Return(ctx, lab.DR1)
	require.NoError(t, err)
	_, err = a.Relocate(ctx, lab.DR1)
	require.NoError(t, err)
	disableAmid(t, l, a, lab.DR1)
}

// TestOnAnArray : the same way with storage that keeps a session between both sides, which every promotion by force takes apart. The
// failed side follows again without help, also after a second failover, and a relocate back begins though the storage holds
// what the application left.
func TestOnAnArray(t *testing.T) {
	testlayer.Slow(t, "spokectrl/vrg TestASideThatWasPromotedByForceIsJoinedAgain")
	calm(t) // its lab is its own
	l := labtest.Up(t, lab.Options{
		Restart: true, Storage: "array", CSIAddons: lab.AddonsQuick, Intervals: map[string]time.Duration{lab.SchedulingInterval: interval},
	})
	a := protected(t, l, "array", lab.DR1)
	ctx := t.Context()
	for _, to := range []string{lab.DR2, lab.DR1} {
		moved, err := a.Relocate(ctx, to)
		require.NoError(t, err)
		t.Logf("to %s: %s", to, moved.Loss)
	}
	requireForced(t, l, nil)
	for i, to := range []string{lab.DR2, lab.DR1} {
		from := lab.Spokes()[1-slices.Index(lab.Spokes(), to)]
		moved, err := a.FailoverWithout(ctx, to, faultproxy.Cut)
		if !errors.Is(err, story.ErrSaidSynchronized) { // such storage says that all is on the peer now, whatever is
			require.NoError(t, err)
		}
		t.Logf("failover to %s: %s", to, moved.Loss)
		_, err = a.Return(ctx, from)
		require.NoError(t, err)
		a.Settled(v1alpha1.FailedOver, to)
		assert.Equal(t, v1alpha1.SecondaryState, a.Group(from).Status.State)
		want := map[string]int{lab.DR2: 1}
		if i > 0 {
			want[lab.DR1] = 1
		}
		requireForced(t, l, want)
	}
	moved, err := a.Relocate(ctx, lab.DR2)
	require.NoError(t, err)
	t.Logf("relocate: %s", moved.Loss)
	requireForced(t, l, map[string]int{lab.DR1: 1, lab.DR2: 1})
	require.NoError(t, a.App.Unprotect(ctx))
	_, err = a.Disabled(ctx, lab.DR2)
	require.NoError(t, err)
	a.NothingLostOn(lab.DR2)
}

func onStorage(t *testing.T, o lab.Options, first func(*testing.T, *lab.Lab)) {
	t.Helper()
	calm(t) // its lab is its own
	o.Restart, o.Storage = true, "rbd"
	l := labtest.Up(t, o)
	first(t, l)
	a := protected(t, l, "rbd", lab.DR1)
	ctx := t.Context()
	for _, to := range []string{lab.DR2, lab.DR1} {
		moved, err := a.Relocate(ctx, to)
		require.NoError(t, err)
		t.Logf("to %s: %s", to, moved.Loss)
	}
	requireForced(t, l, nil)

	moved, err := a.FailoverWithout(ctx, lab.DR2, faultproxy.Cut)
	require.NoError(t, err)
	t.Logf("failover: %s", moved.Loss)
	_, err = a.Return(ctx, lab.DR1)
	require.NoError(t, err)
	a.Settled(v1alpha1.FailedOver, lab.DR2)
	group := a.Group(lab.DR1)
	assert.Equal(t, v1alpha1.SecondaryState, group.Status.State)
	requireForced(t, l, map[string]int{lab.DR2: 1})

	moved, err = a.FailoverWithout(ctx, lab.DR1, faultproxy.Cut)
	require.NoError(t, err)
	t.Logf("failover back: %s", moved.Loss)
	_, err = a.Return(ctx, lab.DR2)
	require.NoError(t, err)
	_, err = a.Relocate(ctx, lab.DR2)
	require.NoError(t, err)
	disableAmid(t, l, a, lab.DR2)
	requireForced(t, l, map[string]int{lab.DR1: 1, lab.DR2: 1})
}

// disableAmid ends the protection when a relocate from a cluster has demoted the source, and has not promoted the target yet.
// Such storage lets go of neither side then: the move is finished first.
func disableAmid(t *testing.T, l *lab.Lab, a *actor, from string) {
	t.Helper()
	to := lab.Spokes()[1-slices.Index(lab.Spokes(), from)]
	ctx := t.Context()
	require.NoError(t, l.Stop("csi-addons-"+from), "nothing is demoted meanwhile")
	a.Ask(relocateTo(to))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Equal(c, v1alpha1.Secondary, a.Group(from).Spec.ReplicationState)
	}, patience, tick, "the source is told")
	require.NoError(t, l.Stop("mirror-"+from), "the hub does not hear that it is demoted")
	require.NoError(t, l.StartProcess(ctx, "csi-addons-"+from))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		vr := &replicationv1alpha1.VolumeReplication{}
		require.NoError(c, l.Cluster(from).Client.Get(ctx, a.App.Key(), vr))
		assert.Equal(c, replicationv1alpha1.SecondaryState, vr.Status.State)
		assert.True(c, meta.IsStatusConditionFalse(vr.Status.Conditions, replicationv1alpha1.ConditionDegraded))
	}, patience, tick, "it is demoted and in sync")
	require.NoError(t, a.App.Unprotect(ctx))
	require.NoError(t, l.StartProcess(ctx, "mirror-"+from))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		_, err := a.App.Control(ctx)
		assert.True(c, apierrors.IsNotFound(err), "%v", err)
	}, patience, tick, "it is let go")
	require.NoError(t, a.App.Install(ctx, to, t.Logf), "as a user would whom nobody tells where")
	_, err := a.Disabled(ctx, to)
	require.NoError(t, err)
	a.NothingLostOn(to)
}

// requireForced requires that the storage was told to promote by force so many times on each cluster, and not in any other
// place.
func requireForced(t *testing.T, l *lab.Lab, want map[string]int) {
	t.Helper()
	for _, spoke := range lab.Spokes() {
		calls, err := l.Calls(spoke)
		require.NoError(t, err)
		require.NotEmpty(t, calls, "csi-addons serves %s", spoke)
		forced := 0
		for _, c := range calls {
			if c.Name == "PromoteVolume" && c.Force && c.Code == "OK" {
				forced++
			}
		}
		require.Equal(t, want[spoke], forced, "promotions by force on %s: %v", spoke, calls)
	}
}
