// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/actors"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
)

// TestApplicationsGoThroughTheDemo at once, one of them by VolSync: protected, relocated without a loss, failed over with their cluster cut
// off and a loss of at most an interval, in order again when it returns, and let go with all their data.
func TestApplicationsGoThroughTheDemo(t *testing.T) {
	l := shared.Lab(t)
	actors := []*actor{enter(t, l, "demo-one"), enter(t, l, "demo-two"), enter(t, l, "demo-three")}
	actors[2].App.Class = lab.SnapshotStorageClass // it is copied by VolSync
	tellDemo(t, actors, func() {
		all(t, actors, "the hub notices that dr2 is lost", func(ctx context.Context, a *actor) error { return a.Noticed(ctx, lab.DR2) })
		for _, a := range actors {
			requireExplained(t, l, a)
		}
	})
}

// tellDemo is the demo's story. The counts are checked by the steps. meanwhile is done while dr2 is away.
func tellDemo(t *testing.T, actors []*actor, meanwhile func()) {
	t.Helper()
	all(t, actors, "protect on dr1", func(ctx context.Context, a *actor) error { return a.Protect(ctx, lab.DR1) })
	all(t, actors, "relocate to dr2", func(ctx context.Context, a *actor) error {
		_, err := a.Relocate(ctx, lab.DR2)
		return err
	})
	all(t, actors, "fail over to dr1 without dr2", func(ctx context.Context, a *actor) error {
		moved, err := a.FailoverWithout(ctx, lab.DR1, faultproxy.Cut)
		a.T.Logf("%s: %s", a.App.Key(), moved.Loss)
		return err
	})
	meanwhile()
	all(t, actors, "dr2 returns", func(ctx context.Context, a *actor) error {
		_, err := a.Return(ctx, lab.DR2)
		return err
	})
	all(t, actors, "disable", func(ctx context.Context, a *actor) error {
		_, err := a.Disable(ctx)
		return err
	})
}

// requireExplained looks as a user would while the failed side is away: the wait for dr2 is told by get and by describe.
func requireExplained(t *testing.T, l *lab.Lab, a *actor) {
	t.Helper()
	drpc, err := a.App.Control(t.Context())
	require.NoError(t, err)
	assert.Contains(t, actors.Says(drpc, v1alpha1.ConditionPeerReady), "LinkLost: cluster dr2 can't be reached; last heard of at")
	name := a.App.Key().Name
	wide := onHub(t, l, "get", "drpc", "-n", name, "-o", "wide")
	assert.Regexp(t, `WAITING FOR\n`+name+` .* FailedOver +Cleaning Up +dr1 +False .*cluster dr2 can't be reached`, wide)
	described := onHub(t, l, "describe", "drpc", "-n", name, name)
	for _, want := range []string{"Waiting:", "Cluster:    dr2", "Next Step:", "Since:"} {
		assert.Contains(t, described, want)
	}
	groups := onHub(t, l, "get", "vrg", "-A")
	for _, want := range []string{`inbox-dr1 +` + name + `\.` + name + ` +primary +Primary`, `outbox-dr1 +` + name + `\.` + name + ` +primary .*True`, `outbox-dr2 +` + name + `\.` + name} {
		require.Regexp(t, want, groups)
	}
}
