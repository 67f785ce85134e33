// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

const (
	// Targets of the hub.
	cpuPerApp    = 50.0 // ms of CPU time, for an application that comes, fails over and goes
	memoryPerApp = 40.0 // KiB
	flapSeconds  = 10.0 // until the last of apps has told of a link that went, or came back

	benchPolicy = "bench"
	// tickApps is how often all applications are looked at.
	tickApps = 500 * time.Millisecond
)

// BenchmarkHub measures hubctrl with many applications, in the order of their lives: they come all at once, are at rest, a link
// goes and comes back, they fail over all at once, and go. The clusters are stand-ins that answer at once, so what is measured
// is the hub. CPU times are those of its process, beside whatever else the machine does.
func BenchmarkHub(b *testing.B) {
	if smoke && !testlayer.All() {
		b.Skip("the gate has no time for it: a link takes seconds to go and to come back")
	}
	h := newHubWorld(b)
	h.start()
	h.settled("the policy is valid", func() bool {
		p := &v1alpha1.DRPolicy{}
		return h.c.Get(b.Context(), client.ObjectKey{Name: benchPolicy}, p) == nil && meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionValidated)
	})
	empty := h.memory()
	var cpu time.Duration
	life := func(name string, do func()) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				before, began := h.cpu(), time.Now()
				do()
				spent := h.cpu() - before
				cpu += spent
				tell(b, "cpu-ms/app", milliseconds(spent)/float64(apps))
				tell(b, "s", time.Since(began).Seconds())
			}
		})
	}
	life("deploy", func() {
		h.each(h.protect)
		h.all("is deployed", func(d *v1alpha1.DRPlacementControl) bool { return h.complete(d, v1alpha1.Deployed, h.names[0]) })
	})
	b.Run("quiet", func(b *testing.B) {
		for b.Loop() {
			before, cpu := h.versions(), h.cpu()
			<-time.After(atRest)
			tell(b, "cpu-ms/s", milliseconds(h.cpu()-cpu)/atRest.Seconds())
			atMost(b, "changes", float64(h.changed(before)), 0)
		}
	})
	b.Run("memory", func(b *testing.B) {
		for b.Loop() {
			full := h.memory()
			per := func(full, empty uint64) float64 { return (float64(full) - float64(empty)) / 1024 / float64(apps) }
			tell(b, "KiB-empty", float64(empty.live)/1024)
			tell(b, "KiB-resident/app", per(full.resident, empty.resident))
			atMost(b, "KiB/app", per(full.live, empty.live), memoryPerApp)
		}
	})
	b.Run("flap", func(b *testing.B) {
		for b.Loop() {
			h.flap(b)
		}
	})
	life("failover", func() {
		h.each(h.failOver)
		h.all("is failed over", func(d *v1alpha1.DRPlacementControl) bool { return h.complete(d, v1alpha1.FailedOver, h.names[1]) })
	})
	life("disable", func() {
		h.each(h.disable)
		h.settled("all are gone", func() bool { return len(h.list()) == 0 })
	})
	b.Run("life", func(b *testing.B) {
		for b.Loop() {
			atMost(b, "cpu-ms/app", milliseconds(cpu)/float64(apps), cpuPerApp)
		}
	})
}

// hubWorld is a hub with two clusters that answer at once.
type hubWorld struct {
	b         *testing.B
	c         client.WithWatch
	names     [2]string
	stands    [2]*standIn
	namespace string
	process   *exec.Cmd
	metrics   string // address of hubctrl's metrics
}

// footprint is what hubctrl needs of the machine's memory, in bytes.
type footprint struct {
	live     uint64 // objects that the last garbage collection left
	resident uint64 // with what has not been collected, or given back, yet
}

func newHubWorld(b *testing.B) *hubWorld {
	b.Helper()
	s := runtime.NewScheme()
	require.NoError(b, clientgoscheme.AddToScheme(s))
	require.NoError(b, v1alpha1.AddToScheme(s))
	c, err := client.NewWithWatch(hubAdmin, client.Options{Scheme: s})
	require.NoError(b, err)
	h := &hubWorld{b: b, c: c, names: [2]string{"hub-dr1", "hub-dr2"}, namespace: "hub-apps"}
	for _, ns := range []string{h.namespace, "ramen-system"} {
		require.NoError(b, client.IgnoreAlreadyExists(c.Create(b.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}})))
	}
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ramen-system", Name: "ramen-hub-operator-config"}, Data: map[string]string{"ramen_manager_config.yaml": "{}"}}
	require.NoError(b, client.IgnoreAlreadyExists(c.Create(b.Context(), config)))
	for _, name := range h.names {
		dc := &v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
		dc.Spec.S3ProfileName = "NoS3" // no store is asked, so that none is measured
		require.NoError(b, c.Create(b.Context(), dc))
	}
	policy := &v1alpha1.DRPolicy{ObjectMeta: metav1.ObjectMeta{Name: benchPolicy}}
	policy.Spec.SchedulingInterval, policy.Spec.DRClusters = "5m", h.names[:]
	require.NoError(b, c.Create(b.Context(), policy))
	return h
}

// start runs hubctrl and, when it has made their namespaces, the clusters.
func (h *hubWorld) start() {
	h.b.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(h.b, err)
	h.metrics = free.Addr().String()
	require.NoError(h.b, free.Close())
	h.process = exec.Command(hubProgram, "--kubeconfig="+kubeconfigs[0], "--health-address=0", "--metrics-address="+h.metrics, "--log-level=error")
	h.process.Stderr = h.b.Output()
	require.NoError(h.b, h.process.Start())
	h.b.Cleanup(func() {
		_ = h.process.Process.Signal(syscall.SIGTERM)
		_ = h.process.Wait()
	})
	h.settled("hubctrl tells its metrics", func() bool { return h.metric("go_memstats_next_gc_bytes") > 0 })
	for i, name := range h.names {
		h.settled("hubctrl makes the exchange of "+name, func() bool {
			return h.c.Get(h.b.Context(), client.ObjectKey{Name: exchange.Inbox(name)}, &corev1.Namespace{}) == nil &&
				h.c.Get(h.b.Context(), client.ObjectKey{Name: exchange.Outbox(name)}, &corev1.Namespace{}) == nil &&
				h.c.Get(h.b.Context(), client.ObjectKey{Name: name}, &v1alpha1.DRClusterConfig{}) == nil
		})
		h.stands[i] = startStandIn(h.b, h.c, name)
	}
}

// each does something to all applications.
func (h *hubWorld) each(do func(ctx context.Context, name string) error) {
	h.b.Helper()
	parallel(h.b, apps, func(ctx context.Context, i int) error {
		return persist(ctx, func() error { return do(ctx, fmt.Sprintf("app-%05d", i)) })
	})
}

func (h *hubWorld) protect(ctx context.Context, name string) error {
	drpc := &v1alpha1.DRPlacementControl{ObjectMeta: metav1.ObjectMeta{Namespace: h.namespace, Name: name}}
	drpc.Spec.DRPolicyRef.Name, drpc.Spec.PreferredCluster = benchPolicy, h.names[0]
	drpc.Spec.PVCSelector.MatchLabels = map[string]string{"app": name}
	return client.IgnoreAlreadyExists(h.c.Create(ctx, drpc))
}

func (h *hubWorld) failOver(ctx context.Context, name string) error {
	drpc := &v1alpha1.DRPlacementControl{ObjectMeta: metav1.ObjectMeta{Namespace: h.namespace, Name: name}}
	return h.c.Patch(ctx, drpc, client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"action":"Failover","failoverCluster":%q}}`, h.names[1])))
}

func (h *hubWorld) disable(ctx context.Context, name string) error {
	return client.IgnoreNotFound(h.c.Delete(ctx, &v1alpha1.DRPlacementControl{ObjectMeta: metav1.ObjectMeta{Namespace: h.namespace, Name: name}}))
}

func (h *hubWorld) complete(d *v1alpha1.DRPlacementControl, phase v1alpha1.DRState, home string) bool {
	return d.Status.Phase == phase && d.Status.Progression == v1alpha1.ProgressionCompleted && d.Status.PreferredDecision.ClusterName == home &&
		meta.IsStatusConditionTrue(d.Status.Conditions, v1alpha1.ConditionPeerReady)
}

func (h *hubWorld) list() []v1alpha1.DRPlacementControl {
	h.b.Helper()
	list := &v1alpha1.DRPlacementControlList{}
	require.NoError(h.b, persist(h.b.Context(), func() error { return h.c.List(h.b.Context(), list, client.InNamespace(h.namespace)) }))
	return list.Items
}

// all waits until every application is as it should be. It asks a watch, not all of them again and again: that would cost the
// machine more than the hub does.
func (h *hubWorld) all(what string, is func(*v1alpha1.DRPlacementControl) bool) {
	h.b.Helper()
	ctx, cancel := context.WithTimeout(h.b.Context(), patience)
	defer cancel()
	for left := apps; left > 0; {
		require.NoError(h.b, ctx.Err(), "each application %s: %d are left", what, left)
		left = h.watchUntil(ctx, is)
	}
}

// watchUntil looks at all applications until each is as it should be, or until its watch ends. It returns how many are not.
func (h *hubWorld) watchUntil(ctx context.Context, is func(*v1alpha1.DRPlacementControl) bool) int {
	h.b.Helper()
	list := &v1alpha1.DRPlacementControlList{}
	require.NoError(h.b, persist(ctx, func() error { return h.c.List(ctx, list, client.InNamespace(h.namespace)) }))
	left := map[string]bool{}
	look := func(d *v1alpha1.DRPlacementControl) {
		if delete(left, d.Name); !is(d) {
			left[d.Name] = true
		}
	}
	for i := range list.Items {
		look(&list.Items[i])
	}
	events, err := h.c.Watch(ctx, &v1alpha1.DRPlacementControlList{}, client.InNamespace(h.namespace), &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.ResourceVersion}})
	if err != nil {
		return apps
	}
	defer events.Stop()
	for len(left) > 0 {
		e, ok := <-events.ResultChan()
		d, shown := e.Object.(*v1alpha1.DRPlacementControl)
		if !ok || !shown {
			return len(left)
		}
		look(d)
	}
	return 0
}

// tries is how often a request is made: a busy machine loses connections.
const tries = 20

// persist makes a request until it succeeds, or too often.
func persist(ctx context.Context, do func() error) error {
	var err error
	for range tries {
		if err = do(); err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(tickApps):
		}
	}
	return err
}

func (h *hubWorld) settled(what string, is func() bool) {
	h.b.Helper()
	require.Eventually(h.b, is, patience, tickApps, what)
}

// flap has the second cluster fall silent until each application says so, and come back until none does.
func (h *hubWorld) flap(b *testing.B) {
	ready := func(want metav1.ConditionStatus) func(*v1alpha1.DRPlacementControl) bool {
		return func(d *v1alpha1.DRPlacementControl) bool {
			c := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionPeerReady)
			return c != nil && c.Status == want
		}
	}
	cluster := &v1alpha1.DRCluster{}
	connected := func(want metav1.ConditionStatus) func() bool {
		return func() bool {
			return h.c.Get(b.Context(), client.ObjectKey{Name: h.names[1]}, cluster) == nil && meta.IsStatusConditionPresentAndEqual(cluster.Status.Conditions, v1alpha1.ConditionConnected, want)
		}
	}
	before := h.cpu()
	h.stands[1].silent.Store(true)
	h.settled("the link is lost", connected(metav1.ConditionFalse))
	lost := timed(func() {
		h.all("says that its peer is lost", func(d *v1alpha1.DRPlacementControl) bool { return !ready(metav1.ConditionTrue)(d) })
	})
	h.stands[1].silent.Store(false)
	h.settled("the link is live", connected(metav1.ConditionTrue))
	back := timed(func() { h.all("says that its peer is back", ready(metav1.ConditionTrue)) })
	spent := milliseconds(h.cpu()-before) / float64(apps)
	b.Logf("%.1f ms of CPU time for each application, lost after %s and back after %s", spent, lost, back)
	tell(b, "cpu-ms/app", spent)
	atMost(b, "s-lost", lost.Seconds(), flapSeconds)
	atMost(b, "s-back", back.Seconds(), flapSeconds)
}

// versions are the versions of all that the hub writes.
func (h *hubWorld) versions() map[string]string {
	h.b.Helper()
	out := map[string]string{}
	for _, d := range h.list() {
		out["drpc "+d.Name] = d.ResourceVersion
	}
	for _, name := range h.names {
		list := &v1alpha1.VolumeReplicationGroupList{}
		require.NoError(h.b, h.c.List(h.b.Context(), list, client.InNamespace(exchange.Outbox(name))))
		for i := range list.Items {
			out[name+" "+list.Items[i].Name] = list.Items[i].ResourceVersion
		}
	}
	return out
}

// changed counts what is not as it was.
func (h *hubWorld) changed(before map[string]string) int {
	n, now := 0, h.versions()
	for what, version := range now {
		if before[what] != version {
			n++
		}
	}
	return n + max(0, len(before)-len(now))
}

// cpu is the CPU time that hubctrl has used.
func (h *hubWorld) cpu() time.Duration {
	h.b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", h.process.Process.Pid))
	if err != nil {
		h.b.Skip("needs /proc: ", err)
	}
	// The second field, the name of the program in brackets, may hold blanks. utime and stime are the 14th and 15th.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		require.NoError(h.b, err)
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100 // USER_HZ is 100 on Linux
}

// collection is when Go collects the garbage of a process at rest, at the latest.
const collection = 2*time.Minute + 10*time.Second

// memory is what hubctrl needs at rest.
func (h *hubWorld) memory() footprint {
	h.b.Helper()
	rest := collection
	if smoke {
		rest = calm
	}
	<-time.After(rest)
	// The next collection begins when the heap has twice the size of what the last one left.
	return footprint{live: uint64(h.metric("go_memstats_next_gc_bytes") / 2), resident: residentOf(h.b, h.process.Process.Pid)}
}

// metric is a figure of hubctrl's process; 0: it does not tell.
func (h *hubWorld) metric(name string) float64 {
	h.b.Helper()
	request, err := http.NewRequestWithContext(h.b.Context(), http.MethodGet, "http://"+h.metrics+"/metrics", nil)
	require.NoError(h.b, err)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(h.b, err)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			require.NoError(h.b, err)
			return n
		}
	}
	return 0
}
