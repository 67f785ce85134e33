// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
)

// TestADatabaseThatNobodyDeploysIsFailedOverWholeAndComesBack: PostgreSQL, captured by the Recipe of docs/objects.md, its volume
// copied by VolSync while it writes. Its cluster is cut off. On the peer are all objects, and all rows that were committed before the
// last copy; the database is sound, and its client finds it. A relocation back loses no row.
func TestADatabaseThatNobodyDeploysIsFailedOverWholeAndComesBack(t *testing.T) {
	l := place(t)
	needsVolSync(t, l)
	s := enterShop(t, l, "shop.yaml", recipeOfPage(t, "PostgreSQL."))
	s.kubectl(lab.DR1, "-n", shopNamespace, "rollout", "status", "statefulset/postgres", "--timeout=5m")
	s.writes(lab.DR1)
	asked := time.Now()
	s.kubectl(lab.Hub, "apply", "-f", "tests/e2e/config/shop/drpc.yaml")
	s.control("it is protected, and quiesced when it is captured", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		assert.True(c, meta.IsStatusConditionTrue(drpc.Status.Conditions, v1alpha1.ConditionProtected), "%+v", drpc.Status.Conditions)
		require.NotNil(c, drpc.Status.LastKubeObjectProtectionTime)
		require.NotNil(c, drpc.Status.LastGroupSyncTime)
		assert.True(c, drpc.Status.LastGroupSyncTime.After(asked))
	})
	t.Logf("protected (%s)", time.Since(asked).Round(time.Second))
	// By itself it does so once in an hour.
	checkpoint := s.number(lab.DR1, "SELECT extract(epoch FROM checkpoint_time)::bigint FROM pg_control_checkpoint()")
	assert.GreaterOrEqual(t, int64(checkpoint), asked.Unix(), "the hook made a checkpoint")

	before := s.objects(lab.DR1)
	var synced time.Time
	s.control("it is copied", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		require.NotNil(c, drpc.Status.LastGroupSyncTime)
		synced = drpc.Status.LastGroupSyncTime.Time
	})
	// A row tells when it was made, and is committed a moment later.
	promised := s.number(lab.DR1, "SELECT coalesce(max(id), 0) FROM ledger WHERE at < '"+synced.Add(-time.Second).UTC().Format(time.RFC3339)+"'")
	committed := s.number(lab.DR1, "SELECT max(id) FROM ledger")
	require.Positive(t, promised)
	require.NoError(t, l.Fault(lab.DR1, faultproxy.Cut))
	began := time.Now()
	s.ask(func(spec *v1alpha1.DRPlacementControlSpec) {
		spec.Action, spec.FailoverCluster = v1alpha1.ActionFailover, lab.DR2
	})
	s.restored(lab.DR2)
	t.Logf("failed over, with an answering database (%s)", time.Since(began).Round(time.Second))
	rows := s.sound(lab.DR2)
	t.Logf("%d rows were committed, %d of them said to be copied; the peer has %d", committed, promised, rows)
	assert.GreaterOrEqual(t, rows, promised)
	assert.Equal(t, before, s.objects(lab.DR2))
	s.writes(lab.DR2)

	require.NoError(t, l.Heal(lab.DR1))
	s.control("it waits until somebody stops the old one", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		require.NotNil(c, drpc.Status.Waiting)
		assert.Equal(c, lab.DR1, drpc.Status.Waiting.Cluster)
		assert.EqualValues(c, "WorkloadGone", drpc.Status.Waiting.Fact)
	})
	s.stop(lab.DR1)
	s.settled(v1alpha1.FailedOver)
	t.Logf("dr1 is back, and receives (%s)", time.Since(began).Round(time.Second))

	began = time.Now()
	s.ask(func(spec *v1alpha1.DRPlacementControlSpec) {
		spec.Action, spec.PreferredCluster = v1alpha1.ActionRelocate, lab.DR1
	})
	s.control("it waits until somebody stops it", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		require.NotNil(c, drpc.Status.Waiting)
		assert.Equal(c, lab.DR2, drpc.Status.Waiting.Cluster)
		assert.EqualValues(c, "WorkloadGone", drpc.Status.Waiting.Fact)
	})
	const content = "SELECT count(*) || md5(string_agg(id || note || at, ',' ORDER BY id)) FROM ledger WHERE id <= "
	s.kubectl(lab.DR2, "-n", shopNamespace, "delete", "deployment/ledger", "--cascade=foreground", "--timeout=2m")
	last, err := s.sql(lab.DR2, "SELECT max(id) FROM ledger")
	require.NoError(t, err)
	all, err := s.sql(lab.DR2, content+last)
	require.NoError(t, err)
	s.stop(lab.DR2)
	s.settled(v1alpha1.Relocated)
	t.Logf("relocated to dr1 (%s)", time.Since(began).Round(time.Second))
	s.writes(lab.DR1)
	s.sound(lab.DR1)
	again, err := s.sql(lab.DR1, content+last)
	require.NoError(t, err)
	assert.Equal(t, all, again, "the relocation lost no row")
	assert.Equal(t, before, s.objects(lab.DR1))

	s.kubectl(lab.Hub, "-n", shopNamespace, "delete", "drpc/shop", "--wait=false")
	s.gone()
	s.writes(lab.DR1)
}

// restored waits until a failover has restored all objects.
func (s *shop) restored(cluster string) {
	s.t.Helper()
	s.control("all is restored", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		assert.Equal(c, v1alpha1.FailedOver, drpc.Status.Phase)
		available := meta.FindStatusCondition(drpc.Status.Conditions, v1alpha1.ConditionAvailable)
		require.NotNil(c, available)
		assert.Equal(c, "the workload runs on "+cluster, available.Message)
	})
}

// stop ends the application as its administrator does. The claim stays, as those of StatefulSets do.
func (s *shop) stop(cluster string) {
	s.t.Helper()
	s.kubectl(cluster, "-n", shopNamespace, "delete", "deployment/ledger", "statefulset/postgres", "--ignore-not-found", "--wait=false")
}

// settled waits until an operation is over and its peer stands by.
func (s *shop) settled(want v1alpha1.DRState) {
	s.t.Helper()
	s.control("it is "+string(want), func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		assert.Equal(c, want, drpc.Status.Phase)
		assert.Equal(c, drpc.Generation, drpc.Status.ObservedGeneration)
		assert.Equal(c, v1alpha1.ProgressionCompleted, drpc.Status.Progression)
		assert.Nil(c, drpc.Status.Waiting)
		assert.True(c, meta.IsStatusConditionTrue(drpc.Status.Conditions, v1alpha1.ConditionProtected), "%+v", drpc.Status.Conditions)
	})
}
