// SPDX-License-Identifier: Apache-2.0

package drcluster_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/ramendr/ramen-direct/hubctrl/drcluster"
)

const (
	countReports = corev1.ResourceName("count/volumereplicationgroups.ramendr.openshift.io")
	countLeases  = corev1.ResourceName("count/leases.coordination.k8s.io")
)

// count lets the quota controller count what it knows.
func (w *world) count(names ...corev1.ResourceName) *corev1.ResourceQuota {
	w.t.Helper()
	q := &corev1.ResourceQuota{}
	require.True(w.t, w.get(q, "inbox-dr1", "mirror"))
	q.Status.Hard, q.Status.Used = q.Spec.Hard, corev1.ResourceList{}
	for _, name := range names {
		q.Status.Used[name] = resource.MustParse("1")
	}
	require.NoError(w.t, w.client.Update(w.t.Context(), q))
	return q
}

func TestAQuotaThatRefusesAllReportsIsRemovedForAWhile(t *testing.T) {
	w := newWorld(t)
	w.mustReconcile()
	q := w.count(countLeases)
	assert.True(t, drcluster.Counted().Update(event.UpdateEvent{ObjectOld: q, ObjectNew: q}), "which wakes the hub")
	assert.LessOrEqual(t, w.mustReconcile().RequeueAfter, drcluster.QuotaAgain, "it comes again")
	require.False(t, w.get(&corev1.ResourceQuota{}, "inbox-dr1", "mirror"), "a report would be refused: its kind is not counted")

	w.clock.SetTime(w.clock.Now().Add(drcluster.QuotaAgain / 2))
	w.mustReconcile()
	require.False(t, w.get(&corev1.ResourceQuota{}, "inbox-dr1", "mirror"), "nobody knows the kind yet")

	w.clock.SetTime(w.clock.Now().Add(drcluster.QuotaAgain / 2))
	w.mustReconcile()
	w.count(countLeases)
	w.mustReconcile()
	w.clock.SetTime(w.clock.Now().Add(drcluster.QuotaAgain))
	w.mustReconcile()
	require.False(t, w.get(&corev1.ResourceQuota{}, "inbox-dr1", "mirror"), "it waits longer each time")

	w.clock.SetTime(w.clock.Now().Add(drcluster.QuotaAgain))
	w.mustReconcile()
	q = w.count(countLeases, countReports)
	assert.False(t, drcluster.Counted().Update(event.UpdateEvent{ObjectOld: q, ObjectNew: q}))
	w.clock.SetTime(w.clock.Now().Add(time.Hour))
	w.mustReconcile()
	assert.True(t, w.get(&corev1.ResourceQuota{}, "inbox-dr1", "mirror"), "it is made again, and stays")
}

func TestAQuotaThatNobodyCountsIsKept(t *testing.T) {
	w := newWorld(t)
	w.mustReconcile()
	w.clock.SetTime(w.clock.Now().Add(time.Hour))
	w.mustReconcile()
	assert.True(t, w.get(&corev1.ResourceQuota{}, "inbox-dr1", "mirror"), "no controller came to it: it refuses nothing")
}
