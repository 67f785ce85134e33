// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// watcher remembers what a watch has shown of the groups of a namespace.
type watcher struct {
	mu     sync.Mutex
	all    map[string]shown // by name, without the namespace of the copy
	specs  map[int]int      // how many groups show a value in their spec
	both   map[int]int      // how many show it in their status as well
	change *sync.Cond
}

// shown is when a value was seen first.
type shown struct {
	spec, status int // as change sets them
	at           time.Time
}

// count adds n to what is counted of s.
func (w *watcher) count(s shown, n int) {
	w.specs[s.spec] += n
	if s.answered() {
		w.both[s.spec] += n
	}
}

// answered reports whether the status shows the value of the spec.
func (s shown) answered() bool { return s.spec == s.status }

// statusIsNewer reports whether the status was changed after the spec: values only grow.
func (s shown) statusIsNewer() bool { return s.status >= s.spec }

// follow calls see for each group of a namespace that there is, and for each that a watch shows, one at a time, until ctx ends.
// A watch that the API server ends, as it does when thousands of events come faster than they are taken, goes on where it
// ended, and if that is too long ago, with a list. done is closed when see is not called any more.
func follow(ctx context.Context, at side, namespace string, see func(*unstructured.Unstructured)) (done <-chan struct{}) {
	groups := at.groups(namespace)
	source := &cache.ListWatch{
		ListWithContextFunc:  func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return groups.List(ctx, o) },
		WatchFuncWithContext: groups.Watch,
	}
	reflector := cache.NewReflectorWithOptions(source, &unstructured.Unstructured{}, onlooker(see),
		cache.ReflectorOptions{Name: namespace, TypeDescription: "groups"})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		reflector.RunWithContext(ctx)
	}()
	return ended
}

// onlooker is what a reflector fills. It keeps nothing.
type onlooker func(*unstructured.Unstructured)

func (see onlooker) Add(obj any) error { return see.Update(obj) }

func (see onlooker) Update(obj any) error {
	see(obj.(*unstructured.Unstructured))
	return nil
}

func (see onlooker) Replace(list []any, _ string) error {
	for _, obj := range list {
		see(obj.(*unstructured.Unstructured))
	}
	return nil
}

func (see onlooker) Delete(any) error { return nil }
func (see onlooker) Resync() error    { return nil }

func watch(b *testing.B, at side, namespace string) *watcher {
	b.Helper()
	w := &watcher{all: map[string]shown{}, specs: map[int]int{}, both: map[int]int{}}
	w.change = sync.NewCond(&w.mu)
	ctx, end := context.WithCancel(context.Background())
	done := follow(ctx, at, namespace, func(o *unstructured.Unstructured) { w.see(o, time.Now()) })
	b.Cleanup(func() { end(); <-done })
	return w
}

func (w *watcher) see(o *unstructured.Unstructured, now time.Time) {
	is := shownBy(o)
	is.at = now
	if strings.HasPrefix(o.GetNamespace(), "inbox-") && o.Object["status"] == nil {
		return // a report is one when it has its stamp
	}
	name := o.GetAnnotations()[exchange.AnnotationName]
	if name == "" {
		name = o.GetName()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if was, ok := w.all[name]; ok && was.spec == is.spec && was.status == is.status {
		return
	}
	if was, ok := w.all[name]; ok {
		w.count(was, -1)
	}
	w.count(is, 1)
	w.all[name] = is
	w.change.Broadcast()
}

// shownBy is what o shows.
func shownBy(o *unstructured.Unstructured) (is shown) {
	interval, _, _ := unstructured.NestedString(o.Object, "spec", "async", "schedulingInterval")
	_, _ = fmt.Sscanf(interval, "%dm", &is.spec)
	bytes, _, _ := unstructured.NestedInt64(o.Object, "status", "lastGroupSyncBytes")
	is.status = int(bytes)
	return is
}

// until waits for a condition, which is called under the lock.
func (w *watcher) until(b *testing.B, what string, done func() bool) {
	b.Helper()
	late := time.AfterFunc(patience, w.change.Broadcast)
	defer late.Stop()
	deadline := time.Now().Add(patience)
	w.mu.Lock()
	defer w.mu.Unlock()
	for !done() {
		if time.Now().After(deadline) {
			b.Fatalf("%s within %s", what, patience)
		}
		w.change.Wait()
	}
}

// sawAt waits for a value and returns when it was seen.
func (w *watcher) sawAt(b *testing.B, name string, value int) (at time.Time) {
	b.Helper()
	name = name[strings.LastIndex(name, ".")+1:]
	w.until(b, fmt.Sprintf("%s does not show %d", name, value), func() bool {
		is := w.all[name]
		at = is.at
		return is.spec == value || is.status == value
	})
	return at
}

// await waits until so many groups are seen.
func (w *world) await(seen *watcher, n int) {
	w.b.Helper()
	seen.until(w.b, "not all groups are seen", func() bool { return len(seen.all) >= n })
}

// awaitValue waits until so many groups show a value.
func (w *world) awaitValue(seen *watcher, n, value int) {
	w.b.Helper()
	seen.until(w.b, "not all groups show the change", func() bool { return seen.specs[value] >= n })
}

// awaitAnswers waits until so many groups show a value in their spec and in their status.
func (w *world) awaitAnswers(seen *watcher, n, value int) {
	w.b.Helper()
	seen.until(w.b, "not all groups show the answer", func() bool { return seen.both[value] >= n })
}

// live waits until the lease of the mirror that runs now says that the hub knows all there is.
func (w *world) live() {
	w.b.Helper()
	typed, err := kubernetes.NewForConfig(w.hub.admin)
	require.NoError(w.b, err)
	pid := fmt.Sprintf("/%d", w.mirror.Process.Pid)
	require.Eventually(w.b, func() bool {
		lease, err := typed.CoordinationV1().Leases(exchange.Inbox(w.cluster)).Get(w.b.Context(), exchange.LeaseName, metav1.GetOptions{})
		return err == nil && holds(lease, pid)
	}, patience, 20*time.Millisecond, "the link is not live")
}

func holds(lease *coordinationv1.Lease, suffix string) bool {
	holder := lease.Spec.HolderIdentity
	return holder != nil && strings.HasSuffix(*holder, suffix) && lease.Spec.RenewTime != nil
}

// settled waits until nothing is written any more.
func (w *world) settled() {
	w.b.Helper()
	require.Eventually(w.b, func() bool { return w.writesWithin(calm) == 0 }, patience, time.Millisecond, "the mirror goes on writing")
}

// writesWithin counts the writes from now on.
func (w *world) writesWithin(d time.Duration) float64 {
	w.b.Helper()
	before := w.writes()
	time.Sleep(d) //nolint:forbidigo // the bench measures real time
	return w.writes() - before
}

// written are the resources whose writes are counted: all that a mirror may write, but the lease, and what the bare loop does.
var written = []string{"volumereplicationgroups", "drclusterconfigs", "secrets", "namespaces", bareResource.Resource}

// writes is how many writing requests both API servers have answered, whether they changed something or not.
func (w *world) writes() (n float64) {
	w.b.Helper()
	for _, at := range []side{w.hub, w.spoke} {
		typed, err := kubernetes.NewForConfig(at.admin)
		require.NoError(w.b, err)
		body, err := typed.RESTClient().Get().AbsPath("/metrics").Do(w.b.Context()).Raw()
		require.NoError(w.b, err)
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(string(body)))
		require.NoError(w.b, err)
		for _, m := range families["apiserver_request_total"].GetMetric() {
			if slices.Contains(written, label(m, "resource")) && slices.Contains([]string{"APPLY", "PATCH", "POST", "PUT", "DELETE"}, label(m, "verb")) {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

// quantile is the value that the share q of all does not exceed.
func quantile(all []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func ratio(a, b time.Duration) float64 { return a.Seconds() / b.Seconds() }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
