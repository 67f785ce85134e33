// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/ramendr/ramen-direct/tests/lab"
)

// atRest is for how long the system is listened to.
const atRest = 10 * time.Second

// heartbeats change at rest and mean no work: the leases of the links and of the API servers, and the kubelets' Nodes.
var heartbeats = []schema.GroupResource{{Group: "coordination.k8s.io", Resource: "leases"}, {Resource: "nodes"}}

// syncFacts are the fields that change with each synchronization of a volume, and by nothing else at rest.
var syncFacts = []string{
	"lastSyncTime", "lastSyncDuration", "lastSyncBytes", "lastGroupSyncTime", "lastGroupSyncDuration", "lastGroupSyncBytes",
	"lastCompletionTime", // csi-addons writes it whenever it asks the storage for these, once an interval
	"lastUpdateTime", "observedTime", "spokeResourceVersion", "resourceVersion", "managedFields",
}

// TestASystemAtRestWritesNothing but heartbeats and, where a volume was synchronized, that it was: one write each for
// the volume's replication, its group, the report of it and the DRPlacementControl (X11). Counted is each change of each
// object of each kind on each of the three API servers.
func TestASystemAtRestWritesNothing(t *testing.T) {
	l := shared.Lab(t)
	a := protected(t, l, "quiet", lab.DR1)
	require.NoError(t, a.GoesOn(t.Context(), lab.DR1))
	ctx, stop := context.WithTimeout(t.Context(), atRest)
	defer stop()
	heard := &noise{synced: map[string]int{}}
	var listening sync.WaitGroup
	for _, cluster := range lab.Clusters() {
		for _, kind := range kinds(t, l, cluster) {
			config := rest.CopyConfig(l.Cluster(cluster).Config)
			config.WarningHandlerWithContext = rest.NoWarnings{} // some kinds are deprecated
			objects, err := dynamic.NewForConfig(config)
			require.NoError(t, err)
			listening.Go(func() { heard.listen(ctx, cluster, kind, objects.Resource(kind)) })
		}
	}
	listening.Wait()

	assert.Empty(t, heard.changes, "changes that no synchronization explains")
	passes := int(atRest/interval) + 2
	for what, n := range heard.synced {
		assert.LessOrEqual(t, n, passes, "writes on %s for at most %d synchronizations", what, passes)
	}
	told := func(kind string) bool {
		for what := range heard.synced {
			if strings.Contains(what, kind) {
				return true
			}
		}
		return false
	}
	for _, kind := range []string{"dr1 volumereplications", "dr1 volumereplicationgroups", "hub volumereplicationgroups", "hub drplacementcontrols"} {
		assert.True(t, told(kind), "the counter hears %s: %v", kind, heard.synced)
	}
	t.Logf("in %s: %v", atRest, heard.synced)
}

// kinds are all kinds of objects that an API server holds.
func kinds(t *testing.T, l *lab.Lab, cluster string) []schema.GroupVersionResource {
	t.Helper()
	finder, err := discovery.NewDiscoveryClientForConfig(l.Cluster(cluster).Config)
	require.NoError(t, err)
	lists, err := finder.ServerPreferredResources()
	require.NoError(t, err)
	var out []schema.GroupVersionResource
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		require.NoError(t, err)
		for _, r := range list.APIResources {
			kind := gv.WithResource(r.Name)
			again := gv.Group == "events.k8s.io" // the same objects as the events of the core group
			if slices.Contains(r.Verbs, "watch") && !slices.Contains(heartbeats, kind.GroupResource()) && !again {
				out = append(out, kind)
			}
		}
	}
	require.Greater(t, len(out), 30)
	return out
}

// noise is what was heard. It is safe for concurrent use.
type noise struct {
	mu      sync.Mutex
	changes []string
	synced  map[string]int // writes of syncFacts, by object
}

// listen hears every change of the objects of a kind until ctx ends.
func (n *noise) listen(ctx context.Context, cluster string, kind schema.GroupVersionResource, objects dynamic.ResourceInterface) {
	fail := func(err error) {
		if ctx.Err() == nil {
			n.change(fmt.Sprintf("%s %s can't be heard: %v", cluster, kind.Resource, err))
		}
	}
	list, err := objects.List(ctx, metav1.ListOptions{})
	if err != nil {
		fail(err)
		return
	}
	last := map[types.UID]map[string]any{}
	for i := range list.Items {
		last[list.Items[i].GetUID()] = still(&list.Items[i])
	}
	events, err := objects.Watch(ctx, metav1.ListOptions{ResourceVersion: list.GetResourceVersion()})
	if err != nil {
		fail(err)
		return
	}
	defer events.Stop()
	for event := range events.ResultChan() {
		o, ok := event.Object.(*unstructured.Unstructured)
		if !ok {
			fail(fmt.Errorf("%v", event.Object))
			return
		}
		what := fmt.Sprintf("%s %s %s/%s", cluster, kind.Resource, o.GetNamespace(), o.GetName())
		now, was := still(o), last[o.GetUID()]
		last[o.GetUID()] = now
		if was != nil && equality.Semantic.DeepEqual(was, now) && event.Type == "MODIFIED" {
			n.mu.Lock()
			n.synced[what]++
			n.mu.Unlock()
			continue
		}
		n.change(fmt.Sprintf("%s was %s:\nwas %v\nis  %v", what, event.Type, was, now))
	}
	if ctx.Err() == nil {
		fail(fmt.Errorf("the watch ended early"))
	}
}

func (n *noise) change(what string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.changes = append(n.changes, what)
}

// still is an object without what a synchronization changes.
func still(o *unstructured.Unstructured) map[string]any {
	content := o.DeepCopy().Object
	drop(content)
	return content
}

func drop(value any) {
	switch v := value.(type) {
	case map[string]any:
		for _, field := range syncFacts {
			delete(v, field)
		}
		for _, inner := range v {
			drop(inner)
		}
	case []any:
		for _, inner := range v {
			drop(inner)
		}
	}
}
