// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli"
	"github.com/ramendr/ramen-direct/tests/apiserver"
	"github.com/ramendr/ramen-direct/tests/lab/binaries"
)

// world is a hub's API server without controllers, and somebody at a terminal.
type world struct {
	*apiserver.Server
	t          *testing.T
	kubeconfig string
	requests   atomic.Int64
	meanwhile  atomic.Pointer[meanwhile]
}

// said is what a command printed, and its exit code.
type said struct {
	out, err string
	code     int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Server: apiserver.Start(t), t: t}
	through, err := rest.TransportFor(w.Admin)
	require.NoError(t, err)
	to, err := url.Parse(w.Admin.Host)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.Transport = through
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.requests.Add(1)
		if m := w.meanwhile.Load(); m != nil && m.method == r.Method && w.meanwhile.CompareAndSwap(m, nil) {
			m.do()
			if m.instead {
				panic(http.ErrAbortHandler) // ends the connection
			}
		}
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	w.kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(w.kubeconfig, fmt.Appendf(nil, `{"apiVersion":"v1","kind":"Config","current-context":"hub",
		"clusters":[{"name":"hub","cluster":{"server":%q}},{"name":"dead","cluster":{"server":"http://127.0.0.1:1"}}],
		"contexts":[{"name":"hub","context":{"cluster":"hub","namespace":"shop"}},{"name":"dead","context":{"cluster":"dead"}}]}`, server.URL), 0o600))
	return w
}

// run runs a command of the plugin as a script does.
func (w *world) run(args ...string) said { return w.runIn(w.t.Context(), "", false, args...) }

func (w *world) create(objects ...client.Object) {
	w.t.Helper()
	for _, o := range objects {
		require.NoError(w.t, w.Client.Create(w.t.Context(), o))
	}
}

func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func application(ns, name string) *v1alpha1.DRPlacementControl {
	d := &v1alpha1.DRPlacementControl{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Spec: v1alpha1.DRPlacementControlSpec{PreferredCluster: "dr1"}}
	d.Spec.DRPolicyRef.Name = "5m"
	return d
}

// protected says of an application what the hub would say of one that runs on dr1.
func (w *world) protected(d *v1alpha1.DRPlacementControl, change ...func(*v1alpha1.DRPlacementControlStatus)) {
	w.t.Helper()
	at, synced := metav1.Now(), metav1.NewTime(time.Now().Add(-time.Minute))
	d.Status = v1alpha1.DRPlacementControlStatus{
		Phase: v1alpha1.Deployed, Progression: v1alpha1.ProgressionCompleted, ObservedGeneration: d.Generation, LastGroupSyncTime: &synced,
		Decisions: []v1alpha1.ClusterDecision{{ClusterName: "dr1", ClusterNamespace: "dr1", Reason: v1alpha1.DecisionRun}},
	}
	for _, kind := range []string{"Available", "PeerReady", "Protected", "Ready"} {
		d.Status.Conditions = append(d.Status.Conditions, metav1.Condition{Type: kind, Status: "True", Reason: "Fine", LastTransitionTime: at, ObservedGeneration: d.Generation})
	}
	for _, c := range change {
		c(&d.Status)
	}
	require.NoError(w.t, w.Client.Status().Update(w.t.Context(), d))
}

func needsYou(s *v1alpha1.DRPlacementControlStatus) {
	s.Conditions = append(s.Conditions, metav1.Condition{Type: "Stalled", Status: "True", Reason: "ConflictSolved", LastTransitionTime: metav1.Now()})
	s.Waiting = &v1alpha1.Waiting{Fact: "ConflictSolved", Message: "both clusters, dr1 and dr2, are Primary"}
}

func (w *world) hub() {
	renewed, promised := metav1.NowMicro(), int32(15)
	lease := func(ns, name string) *coordinationv1.Lease {
		return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Spec: coordinationv1.LeaseSpec{RenewTime: &renewed, LeaseDurationSeconds: &promised}}
	}
	w.create(
		namespace("shop"), namespace("bank"), namespace("ramen-system"), namespace("inbox-dr1"), namespace("outbox-dr1"),
		&v1alpha1.DRPolicy{ObjectMeta: metav1.ObjectMeta{Name: "5m"}, Spec: v1alpha1.DRPolicySpec{DRClusters: []string{"dr1", "dr2"}, SchedulingInterval: "5m"}},
		&v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: "dr1"}, Spec: v1alpha1.DRClusterSpec{S3ProfileName: "s3-a"}},
		lease("inbox-dr1", "mirror"), lease("ramen-system", "hubctrl.ramendr.openshift.io"),
		// Others have Leases, too.
		lease("shop", "mirror"),
	)
}

// TestCommandsOnAHub: what commands say, and with which exit codes they end, on a real API server.
func TestCommandsOnAHub(t *testing.T) {
	w := newWorld(t)
	assertNoHub(t, w)
	w.hub()
	orders, ledger := application("shop", "orders"), application("bank", "ledger")
	w.create(orders, ledger)
	w.protected(orders)

	t.Run("all is well", func(t *testing.T) {
		got := w.run("status")
		assert.Equal(t, 0, got.code, got.err)
		assert.Regexp(t, `shop +orders +Protected +dr1 +dr2 ready +\d+s of 5m +-\n1 application: 1 protected. Heard of dr1 \d+s ago, of dr2 never.\n`, got.out)
		assert.Equal(t, "drplacementcontrol.ramendr.openshift.io/orders\n", w.run("status", "-o", "name").out)
		assert.Contains(t, w.run("status", "-o", "wide").out, "Deployed  Completed")
		var asJSON, asYAML map[string]any
		require.NoError(t, json.Unmarshal([]byte(w.run("status", "orders", "-o", "json").out), &asJSON))
		require.NoError(t, yaml.Unmarshal([]byte(w.run("status", "orders", "-o", "yaml").out), &asYAML))
		assert.Equal(t, "cli.ramendr.openshift.io/v1", asJSON["apiVersion"])
		assert.Equal(t, asJSON["items"].([]any)[0].(map[string]any)["name"], asYAML["items"].([]any)[0].(map[string]any)["name"])
		got = w.run("why", "orders")
		assert.Equal(t, 0, got.code, got.err)
		assert.Contains(t, got.out, "It waits for nothing.")
	})

	t.Run("something is not well", func(t *testing.T) {
		w.protected(ledger, needsYou)
		got := w.run("status", "-A")
		assert.Equal(t, 2, got.code)
		assert.Less(t, strings.Index(got.out, "ledger"), strings.Index(got.out, "orders"), "the worst first")
		assert.Contains(t, got.out, "kubectl ramen-direct why ledger -n bank")
		got = w.run("why", "ledger", "-n", "bank")
		assert.Equal(t, 2, got.code)
		assert.Contains(t, got.out, "Who can help: you.")
		var e map[string]any
		require.NoError(t, json.Unmarshal([]byte(w.run("why", "ledger", "-n", "bank", "-o", "json").out), &e))
		assert.Equal(t, "ApplicationExplanation", e["kind"])
	})

	t.Run("the command itself fails", func(t *testing.T) {
		for _, args := range [][]string{{"status", "-o", "xml"}, {"status", "-A", "orders"}, {"status", "none"}, {"status", "orders", "none"}, {"why", "none"}, {"why"}, {"nonsense"}, {"status", "--nonsense"}, {"status", "--server", "http://127.0.0.1:1"}} {
			got := w.run(args...)
			assert.Equal(t, 1, got.code, "%v: %s", args, got.out)
			assert.Contains(t, got.err, "error: ", args)
		}
	})

	t.Run("a first failover, by the help alone", func(t *testing.T) {
		w.protected(ledger)
		assertFirstFailover(t, w)
	})
	t.Run("what is wrong is said", func(t *testing.T) { w.clusters(); assertSaysWhatIsWrong(t, w) })

	t.Run("with fewer rights less is known, and it says so", func(t *testing.T) {
		read := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "read"}, Rules: []rbacv1.PolicyRule{{APIGroups: []string{"ramendr.openshift.io"}, Resources: []string{"drplacementcontrols"}, Verbs: []string{"get", "list"}}}}
		w.create(read, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "read"}, RoleRef: rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: "read"}, Subjects: []rbacv1.Subject{{Kind: "User", Name: "ada"}}})
		// An API server learns of a right a moment after it was written down.
		require.Eventually(t, func() bool {
			asked := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: "ada", ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: "shop", Verb: "list", Group: "ramendr.openshift.io", Resource: "drplacementcontrols",
			}}}
			require.NoError(t, w.Client.Create(t.Context(), asked))
			return asked.Status.Allowed
		}, time.Minute, 10*time.Millisecond, "ada may read")
		got := w.run("status", "--as", "ada")
		assert.Equal(t, 0, got.code, got.err)
		assert.Contains(t, got.out, "Note: you may not read DRPolicies, so it is not known which cluster is the peer")
		assert.Regexp(t, `orders +Protected +dr1 +ready`, got.out)
		got = w.run("why", "orders", "--as", "ada")
		assert.Equal(t, 0, got.code, got.err)
		assert.Regexp(t, `dr1 +\? +\? +\? +- +-`, got.out, "what may not be read is not said to be absent")
		got = w.run("status", "-A", "--as", "ada")
		assert.Equal(t, 1, got.code)
		assert.Contains(t, got.err, "cannot list resource")
	})

	t.Run("operations", func(t *testing.T) { assertOperations(t, w) })

	t.Run("a cluster is connected and disconnected", func(t *testing.T) { assertConnects(t, w) })
	t.Run("a cluster is connected to the mirror on the hub", func(t *testing.T) { assertPushes(t, w) })
	t.Run("an application is protected, and that ends", func(t *testing.T) { assertProtects(t, w) })
	t.Run("a cluster is promoted past its hub", func(t *testing.T) { assertPromotes(t, w) })
	t.Run("a cluster is promoted for all that it has", func(t *testing.T) { assertPromotesAll(t, w) })
	t.Run("the installation is checked", func(t *testing.T) { assertValidates(t, w) })
	t.Run("what helps is gathered", func(t *testing.T) { assertGathers(t, w) })

	t.Run("a whole cluster", func(t *testing.T) {
		for _, elsewhere := range []*v1alpha1.DRPlacementControl{orders, ledger} {
			w.protected(elsewhere, func(s *v1alpha1.DRPlacementControlStatus) { s.Decisions[0].ClusterName = "dr2" })
		}
		assertSiteFailover(t, w, 8)
	})

	t.Run("kubectl completes names and flags", func(t *testing.T) {
		var out strings.Builder
		env := cli.Env{Out: &out, Err: &out, Clock: clock.RealClock{}}
		t.Setenv("KUBECONFIG", w.kubeconfig)
		assert.Zero(t, cli.Run(t.Context(), env, []string{"/usr/bin/kubectl_complete-ramen_direct", "why", ""}))
		assert.Contains(t, out.String(), "orders\n:4\n")
		assert.Contains(t, w.run("__complete", "status", "-o", "").out, "yaml\n")
		assert.Contains(t, w.run("__complete", "failover", "--from", "").out, "dr1\n")
		assert.Contains(t, w.run("__complete", "promote", "a", "--on-cluster", "").out, "dead\nhub\n")
		assert.Contains(t, w.run("__complete", "connect", "dr1", "--cluster-context", "h").out, "hub\n:4\n")
		assert.Contains(t, w.run("__complete", "protect", "a", "--policy", "").out, "5m\n")
		assert.Contains(t, w.run("__complete", "plan", "").out, "failover\nrelocate\nclear\n")
		assert.Contains(t, w.run("__complete", "plan", "relocate", "").out, "orders\n")
		assert.Contains(t, w.run("__complete", "sta").out, "status\t")
	})

	t.Run("the hub's controller is silent", func(t *testing.T) {
		leader := &coordinationv1.Lease{}
		require.NoError(t, w.Client.Get(t.Context(), client.ObjectKey{Namespace: "ramen-system", Name: "hubctrl.ramendr.openshift.io"}, leader))
		old := metav1.NewMicroTime(leader.Spec.RenewTime.Add(-9e11))
		leader.Spec.RenewTime = &old
		require.NoError(t, w.Client.Update(t.Context(), leader))
		got := w.run("status")
		assert.Equal(t, 2, got.code)
		assert.Regexp(t, "The hub's controller is silent: it renewed its lease [0-9]+m ago.", got.out)
		require.NoError(t, w.Client.Delete(t.Context(), leader))
		assert.Equal(t, 0, w.run("status").code, "without leader election nobody knows")
	})

	t.Run("it asks little", func(t *testing.T) { assertAsksLittle(t, w) })
}

func assertNoHub(t *testing.T, w *world) {
	t.Helper()
	got := w.run("status", "--namespace", "default")
	assert.Equal(t, 0, got.code, got.err)
	assert.Contains(t, got.out, "No applications are protected in namespace default.\n  All namespaces:  kubectl ramen-direct status -A\n")
	assert.Contains(t, w.run("status", "-A").out, "No applications are protected.\n  Protect one:     kubectl ramen-direct protect --help\n")
}

// assertAsksLittle: of a thousand applications the status costs at most three requests more than their list by kubectl.
func assertAsksLittle(t *testing.T, w *world) {
	const crowd = 1000
	w.create(namespace("crowd"))
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for n := i; n < crowd; n += 8 {
				assert.NoError(t, w.Client.Create(t.Context(), application("crowd", fmt.Sprintf("app-%d", n))))
			}
		})
	}
	wait.Wait()
	bins, err := binaries.Ensure(t.Context(), t.Output())
	require.NoError(t, err)
	cache := t.TempDir()
	kubectl := func() int64 {
		before := w.requests.Load()
		out, err := exec.CommandContext(t.Context(), filepath.Join(bins, "kubectl"), "--kubeconfig", w.kubeconfig, "--cache-dir", cache, "get", "drpc", "-A").CombinedOutput()
		require.NoError(t, err, string(out))
		return w.requests.Load() - before
	}
	kubectl() // learns what the API server has
	theirs, before := kubectl(), w.requests.Load()
	began := time.Now()
	got := w.run("status", "-A")
	t.Logf("of %d applications the status took %s", crowd, time.Since(began).Round(time.Millisecond))
	assert.Contains(t, got.out, fmt.Sprintf("%d applications", crowd+10))
	assert.LessOrEqual(t, w.requests.Load()-before, theirs+3)
}
