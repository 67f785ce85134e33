// SPDX-License-Identifier: Apache-2.0

// Package scale tests the hub with many applications at once, on the lab. It promises that none is forgotten, that a
// failover costs the hub a small number of writes whatever happens beside it, and that a hub at rest writes nothing, however
// many applications it watches. The applications have no volumes: their storage is instant, so that all load is the hub's.
package scale

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

const (
	// envMany says how many applications there are; make scale asks for a thousand.
	envMany = "RAMEN_SCALE"
	many    = 100

	namespace = "many"
	// patience is how long all of them together may take. Far more than they need: machines are noisy.
	patience = 30 * time.Minute
	// tick is how often all are looked at. To list a thousand costs the hub's API server more than a failover does.
	tick = 5 * time.Second
	// writers is how many of the user's requests are under way at once.
	writers = 16
	// atRest is for how long the hub is listened to.
	atRest = time.Minute
	// perFailover is how many writes a failover may cost the hub: what it publishes, the wishes, the status at each step,
	// and the events.
	perFailover = 12
)

func TestManyFailOverAtOnce(t *testing.T) {
	if os.Getenv(envMany) == "" {
		// The hub does the same for each of many applications as for one.
		testlayer.Slow(t, "hubctrl/drpc TestAFailoverCostsTheHubFewWrites")
	}
	n := many
	if text := os.Getenv(envMany); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		require.NoError(t, err, envMany)
	}
	l := labtest.Up(t, lab.Options{Restart: true})
	hub := l.Cluster(lab.Hub).Client
	require.NoError(t, hub.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}))
	each := func(do func(ctx context.Context, name string) error) {
		t.Helper()
		group, ctx := errgroup.WithContext(t.Context())
		group.SetLimit(writers)
		for i := range n {
			group.Go(func() error { return do(ctx, fmt.Sprintf("app-%04d", i)) })
		}
		require.NoError(t, group.Wait())
	}

	began := time.Now()
	each(func(ctx context.Context, name string) error {
		return hub.Create(ctx, &v1alpha1.DRPlacementControl{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
			Spec: v1alpha1.DRPlacementControlSpec{
				DRPolicyRef:      corev1.ObjectReference{Name: lab.Policy},
				PreferredCluster: lab.DR1,
				PVCSelector:      metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
			},
		})
	})
	requireAll(t, hub, n, v1alpha1.Deployed, lab.DR1)
	t.Logf("%d applications are protected after %s", n, time.Since(began).Round(time.Second))

	requireQuiet(t, l)

	began = time.Now()
	each(func(ctx context.Context, name string) error {
		drpc := &v1alpha1.DRPlacementControl{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		patch := fmt.Sprintf(`{"spec":{"action":"Failover","failoverCluster":%q}}`, lab.DR2)
		return hub.Patch(ctx, drpc, client.RawPatch(types.MergePatchType, []byte(patch)))
	})
	asked := time.Since(began)
	requireAll(t, hub, n, v1alpha1.FailedOver, lab.DR2)
	t.Logf("%d failovers, asked for within %s, are complete after %s", n, asked.Round(time.Second), time.Since(began).Round(time.Second))

	total, most := countWrites(t, l, began)
	t.Logf("a failover cost the hub %.1f writes on average, and %d at most", float64(total)/float64(n), most)
	assert.LessOrEqual(t, most, perFailover)

	requireQuiet(t, l)
}

// requireAll waits until every application is done with the phase, on cluster. It shows who is not.
func requireAll(t *testing.T, hub client.Client, n int, phase v1alpha1.DRState, cluster string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		list := &v1alpha1.DRPlacementControlList{}
		require.NoError(c, hub.List(t.Context(), list, client.InNamespace(namespace)))
		require.Len(c, list.Items, n)
		var behind []string
		for i := range list.Items {
			s := &list.Items[i].Status
			if s.Phase != phase || s.Progression != v1alpha1.ProgressionCompleted || s.PreferredDecision.ClusterName != cluster ||
				!meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionReady) {
				behind = append(behind, fmt.Sprintf("%s is %s/%s on %q: %+v", list.Items[i].Name, s.Phase, s.Progression, s.PreferredDecision.ClusterName, s.Waiting))
			}
		}
		assert.Empty(c, behind[:min(len(behind), 3)], "%d of %d are behind", len(behind), n)
	}, patience, tick, "all are %s on %s", phase, cluster)
}

// countWrites counts what the hub wrote since a moment: in all, and at most for one application.
func countWrites(t *testing.T, l *lab.Lab, since time.Time) (total, most int) {
	t.Helper()
	counts := map[string]int{}
	kinds := map[string]int{}
	for _, w := range writesOfTheHub(t, l, since) {
		about := w.Name
		if w.Resource == "volumereplicationgroups" {
			about = about[len(namespace)+1:] // <namespace>.<name>
		}
		if w.Resource == "events" {
			about = about[:min(len("app-0000"), len(about))] // <name>.<suffix>
		}
		counts[about]++
		total++
		kinds[w.Verb+" "+w.Resource+"/"+w.Subresource]++
	}
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return counts[b] - counts[a] })
	require.NotEmpty(t, names)
	t.Logf("writes by kind: %v; most: %s", kinds, names[0])
	return total, counts[names[0]]
}

// requireQuiet requires that the hub writes nothing but leases for a while.
func requireQuiet(t *testing.T, l *lab.Lab) {
	t.Helper()
	from := time.Now()
	select {
	case <-time.After(atRest):
	case <-t.Context().Done():
	}
	assert.Empty(t, writesOfTheHub(t, l, from), "writes of a hub at rest within %s", atRest)
}

// writesOfTheHub are the writes of hubctrl, leases aside.
func writesOfTheHub(t *testing.T, l *lab.Lab, since time.Time) []lab.Write {
	t.Helper()
	all, err := l.Writes(lab.Hub, since)
	require.NoError(t, err)
	return slices.DeleteFunc(all, func(w lab.Write) bool {
		return !w.By(lab.HubController()) || w.Resource == "leases"
	})
}
