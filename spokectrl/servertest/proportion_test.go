// SPDX-License-Identifier: Apache-2.0

package servertest

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/mem"
	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/captures"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/objects/enginetest"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

const (
	// manyObjects are in one namespace, in rounds: what is compared is done by turns, so that what else the machine does falls on both.
	manyObjects, rounds = 10_000, 10
	bytesEach           = 1 << 10
	// What objects may cost, of what the bare requests cost.
	captureRatio, restoreRatio = 2.0, 1.5
	// heapEach is what an object may take in memory while it is captured or restored: its text, as it is read and as it is kept.
	heapEach = 16 << 10

	// manyGroups of a few objects each, captured once in an interval, may take one core.
	manyGroups, objectsEach, spread = 1_000, 20, 20
	intervalOfMany                  = 5 * time.Minute
)

func configMap(ns string, i int) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: fmt.Sprintf("c-%05d", i)}, Data: map[string]string{"text": strings.Repeat("x", bytesEach)}}
}

// listed are the types that a capture of all lists.
func listed(t *testing.T) []schema.GroupVersionResource {
	t.Helper()
	d, err := discovery.NewDiscoveryClientForConfig(admin)
	require.NoError(t, err)
	lists, err := d.ServerPreferredNamespacedResources()
	require.NoError(t, err)
	var out []schema.GroupVersionResource
	for _, l := range discovery.FilteredBy(discovery.SupportsAllVerbs{Verbs: []string{"list", "create"}}, lists) {
		gv, err := schema.ParseGroupVersion(l.GroupVersion)
		require.NoError(t, err)
		for _, r := range l.APIResources {
			out = append(out, gv.WithResource(r.Name))
		}
	}
	return out
}

// listAll lists all types bare, in pages.
func listAll(t *testing.T, c dynamic.Interface, types []schema.GroupVersionResource, ns string) {
	t.Helper()
	for _, of := range types {
		for opts := (metav1.ListOptions{Limit: 500}); ; {
			list, err := c.Resource(of).Namespace(ns).List(t.Context(), opts)
			require.NoError(t, err)
			if opts.Continue = list.GetContinue(); opts.Continue == "" {
				break
			}
		}
	}
}

// peak has the most memory that is kept while something is done, in bytes.
func peak(do func()) uint64 {
	var most atomic.Uint64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most.Store(max(most.Load(), m.HeapAlloc))
			case <-stop:
				tick.Stop()
				return
			}
		}
	}()
	do()
	close(stop)
	<-done
	return most.Load()
}

// TestManyObjectsCostInProportion : to capture and to restore a namespace with many objects takes little more than to list and to
// make them, in memory, too.
func TestManyObjectsCostInProportion(t *testing.T) {
	testlayer.Slow(t, "TestTheBuiltInEngineConforms")
	if raced {
		t.Skip("compares times: tests/run.sh runs it once more, without the race detector")
	}
	all, err := client.New(admin, client.Options{})
	require.NoError(t, err)
	bare, err := dynamic.NewForConfig(admin)
	require.NoError(t, err)
	e := engine(t, admin)
	types := listed(t)
	each := manyObjects / rounds
	var lists, caught, creates, made time.Duration
	var memory uint64
	for round := range rounds {
		ns, other := fmt.Sprintf("large-%d", round), fmt.Sprintf("small-%d", round)
		for _, name := range []string{ns, other} {
			require.NoError(t, all.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}))
		}
		create := func(ns string) time.Duration {
			began := time.Now()
			require.NoError(t, eight(t.Context(), each, func(ctx context.Context, i int) error { return all.Create(ctx, configMap(ns, i)) }))
			return time.Since(began)
		}
		create(ns)
		before := memoryInUse()
		group := capsule.Group{Namespace: ns, Name: "g"}
		of := objects.Selection{Namespaces: []string{ns}}
		into := &sink{}
		began := time.Now()
		listAll(t, bare, types, ns)
		lists += time.Since(began)
		began = time.Now()
		high := peak(func() {
			p := ended(t, func(done func()) (objects.Progress, error) {
				return e.Capture(t.Context(), objects.CaptureRequest{Group: group, ID: "c", Select: of, Into: into, Ended: done})
			})
			require.NoError(t, p.Err)
			require.GreaterOrEqual(t, p.Objects, each)
		})
		caught += time.Since(began)
		memory = max(memory, high-min(high, before))

		empty(t, all, ns)
		creates += create(other)
		before = memoryInUse()
		began = time.Now()
		high = peak(func() {
			p := ended(t, func(done func()) (objects.Progress, error) {
				return e.Restore(t.Context(), objects.RestoreRequest{Group: group, ID: "r", Select: of, From: into, Ended: done})
			})
			require.NoError(t, p.Err, "%v", p.Findings.List)
		})
		made += time.Since(began)
		memory = max(memory, high-min(high, before))
		empty(t, all, other)
		e.Forget(group, "c")
		e.Forget(group, "r")
	}
	t.Logf("%d objects: listed in %s, captured in %s (%.2f); created in %s, restored in %s (%.2f); %d KiB of memory for %d",
		manyObjects, lists, caught, caught.Seconds()/lists.Seconds(), creates, made, made.Seconds()/creates.Seconds(), memory>>10, each)
	assert.LessOrEqual(t, caught.Seconds()/lists.Seconds(), captureRatio)
	assert.LessOrEqual(t, made.Seconds()/creates.Seconds(), restoreRatio)
	assert.LessOrEqual(t, memory, uint64(each*heapEach+32<<20))
}

// empty deletes the ConfigMaps of a namespace: an API server gives a request a minute, and thousands may take longer.
func empty(t *testing.T, of client.Client, ns string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, of.DeleteAllOf(t.Context(), &corev1.ConfigMap{}, client.InNamespace(ns)))
	}, 10*time.Minute, time.Second)
}

func memoryInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// eight is many with as many at a time as a restore has.
func eight(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	const parallel = 8
	return many(ctx, parallel, func(ctx context.Context, worker int) error {
		for i := worker; i < n; i += parallel {
			if err := do(ctx, i); err != nil {
				return err
			}
		}
		return nil
	})
}

// used is the CPU time that this process has used.
func used(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestManyGroupsAreCapturedInTheirInterval : all that they cost in an interval is less than one core has.
func TestManyGroupsAreCapturedInTheirInterval(t *testing.T) {
	testlayer.Slow(t, "TestTheBuiltInEngineConforms")
	all, err := client.New(admin, client.Options{})
	require.NoError(t, err)
	for n := range spread {
		ns := fmt.Sprintf("spread-%d", n)
		require.NoError(t, all.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}))
		require.NoError(t, eight(t.Context(), objectsEach, func(ctx context.Context, i int) error { return all.Create(ctx, configMap(ns, i)) }))
	}
	server := mem.New()
	server.AddBucket(store.Config{Endpoint: "https://s3.example.com", Bucket: "a", AccessKey: "a", SecretKey: "s"})
	reader := fake.NewClientBuilder().WithObjects(
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "op", Name: "ramen-dr-cluster-operator-config"}, Data: map[string]string{
			"ramen_manager_config.yaml": "s3StoreProfiles:\n- {s3ProfileName: a, s3Bucket: a, s3CompatibleEndpoint: 'https://s3.example.com', s3SecretRef: {name: keys}}\n"}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "op", Name: "keys"}, Data: map[string][]byte{"AWS_ACCESS_KEY_ID": []byte("a"), "AWS_SECRET_ACCESS_KEY": []byte("s")}},
	).Build()
	stores := &archive.Archive{Reader: reader, Open: server.Open, Namespace: "op", Clock: clock.RealClock{}}
	key, err := capsule.NewKey()
	require.NoError(t, err)
	peer, err := capsule.NewKey()
	require.NoError(t, err)
	readers := []string{key.Public(), peer.Public()}
	h := &enginetest.Hooks{}
	w := cycle.New(engine(t, admin), &captures.Keeper{Archive: stores, Clock: clock.RealClock{}}, cycle.Hooks{Journal: h, Runner: h}, clock.RealClock{})
	require.NoError(t, w.Recover(t.Context()))
	t.Cleanup(w.Close)
	wants := make([]cycle.Want, manyGroups)
	for i := range wants {
		ns := fmt.Sprintf("spread-%d", i%spread)
		wants[i] = cycle.Want{
			Group: capsule.Group{Namespace: ns, Name: fmt.Sprint("g", i)}, Mode: cycle.Capture, Profiles: []string{"a"}, Readers: readers,
			App: recipe.Application{Namespaces: []string{ns}}, Interval: intervalOfMany,
			Term: archive.Term{Epoch: 1, Cluster: "A", Generation: 1, Key: key, Trust: capsule.Trust{Stored: true, Signers: readers}},
		}
		o, err := capsule.Encode(map[string]int64{"epoch": 1})
		require.NoError(t, err)
		require.NoError(t, stores.Sync(t.Context(), wants[i].Group, wants[i].Profiles, wants[i].Term, capsule.Content{wants[i].Group.VRG(): o}).Err())
	}
	ready := make(chan capsule.Group, 10*manyGroups)
	w.OnChange(func(g capsule.Group) { ready <- g })
	began, before := time.Now(), used(t)
	for _, want := range wants {
		w.Tend(t.Context(), want)
	}
	for done := map[capsule.Group]bool{}; len(done) < manyGroups; {
		g := <-ready // also when a turn is waited for
		for _, want := range wants {
			if want.Group == g {
				is := w.Look(want)
				require.NoError(t, is.Failure)
				if is.Last != nil {
					done[g] = true
				}
			}
		}
	}
	cpu := used(t) - before
	for _, want := range wants {
		is := w.Look(want)
		require.NoError(t, is.Failure)
		require.Equal(t, objectsEach+1, is.Objects, "the namespace counts")
	}
	t.Logf("%d captures of %d objects took %s, and %s of CPU time: %.2f cores at an interval of %s", manyGroups, objectsEach, time.Since(began), cpu, cpu.Seconds()/intervalOfMany.Seconds(), intervalOfMany)
	assert.LessOrEqual(t, cpu, intervalOfMany)
}
