// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/credential"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/fleet"
	"github.com/ramendr/ramen-direct/mirror/link"
	"github.com/ramendr/ramen-direct/tests/apiserver"
)

const (
	soon    = time.Minute
	polling = 50 * time.Millisecond
	home    = "ramen-system"
)

// Identities of the mirror: on the hub in push mode, and on a cluster.
var (
	pusher = types.NamespacedName{Namespace: home, Name: "mirror-push"}
	puller = types.NamespacedName{Namespace: home, Name: "mirror"}
)

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

// world is a hub and a cluster, which goes by several names: what is mirrored does not matter here.
type world struct {
	*testing.T
	hub, spoke *apiserver.Server
	replicas   *atomic.Int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, hub: apiserver.Start(t), spoke: apiserver.Start(t), replicas: &atomic.Int64{}}
	w.hub.Kubectl(t, "apply", "-k", "config/hub")
	w.hub.Kubectl(t, "apply", "-k", "config/mirror/push/hub")
	w.spoke.Kubectl(t, "apply", "-k", "config/mirror/push/cluster")
	w.spoke.Kubectl(t, "apply", "-k", "config/mirror/pull")
	return w
}

// run runs a part of a test on the same servers.
func (w *world) run(name string, part func(*world)) {
	w.Run(name, func(t *testing.T) { part(&world{T: t, hub: w.hub, spoke: w.spoke, replicas: w.replicas}) })
}

func (w *world) create(at *apiserver.Server, objects ...client.Object) {
	w.Helper()
	for _, o := range objects {
		require.NoError(w, at.Client.Create(w.Context(), o))
	}
}

// introduce makes what hubctrl makes for a cluster.
func (w *world) introduce(clusters ...string) {
	w.Helper()
	spoke := &corev1.Namespace{}
	require.NoError(w, w.spoke.Client.Get(w.Context(), client.ObjectKey{Name: metav1.NamespaceSystem}, spoke))
	for _, cluster := range clusters {
		w.create(w.hub, &v1alpha1.DRClusterConfig{ObjectMeta: metav1.ObjectMeta{Name: cluster,
			Annotations: map[string]string{"exchange.ramendr.openshift.io/spoke-id": string(spoke.UID)}}})
		agent := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: exchange.Inbox(cluster), Name: exchange.ServiceAccount}}
		role := func(name string) rbacv1.RoleRef {
			return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}
		}
		w.create(w.hub, &v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: cluster}, Spec: v1alpha1.DRClusterSpec{S3ProfileName: "s3"}})
		for box, ns := range map[string]string{"outbox": exchange.Outbox(cluster), "inbox": exchange.Inbox(cluster)} {
			w.create(w.hub, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns, Labels: map[string]string{exchange.LabelExchange: box, exchange.LabelCluster: cluster}}},
				&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "mirror"}, RoleRef: role("ramen-mirror-" + box), Subjects: agent})
		}
		w.create(w.hub, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: exchange.Inbox(cluster), Name: "mirror-push"}, RoleRef: role("ramen-mirror-push-inbox"),
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: pusher.Namespace, Name: pusher.Name}}})
		w.create(w.hub, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: exchange.Inbox(cluster), Name: exchange.ServiceAccount}},
			&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: exchange.Inbox(cluster), Name: exchange.SecretCredential}},
			&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "own-" + cluster}, Rules: []rbacv1.PolicyRule{{APIGroups: []string{"ramendr.openshift.io"},
				Resources: []string{"drclusterconfigs"}, ResourceNames: []string{cluster}, Verbs: []string{"get", "list", "watch"}}}},
			&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "own-" + cluster}, RoleRef: role("own-" + cluster), Subjects: agent})
	}
}

// token is a token of account, as mirror credentials makes it.
func (w *world) token(at *apiserver.Server, account types.NamespacedName, lifetime time.Duration) string {
	w.Helper()
	token, err := credential.Request(w.Context(), at.Admin, account, lifetime)
	require.NoError(w, err)
	return token
}

// as is a connection that shows a token of account, and no other right.
func (w *world) as(at *apiserver.Server, account types.NamespacedName) *rest.Config {
	w.Helper()
	request := &authenticationv1.TokenRequest{}
	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: account.Namespace, Name: account.Name}}
	require.NoError(w, at.Client.SubResource("token").Create(w.Context(), sa, request))
	cfg := rest.AnonymousClientConfig(at.Admin)
	cfg.BearerToken = request.Status.Token
	return cfg
}

// wayTo is the Secret on the hub that leads to the cluster.
func (w *world) wayTo(cluster, token string) *corev1.Secret {
	w.Helper()
	s, err := credential.Secret(home, cluster, w.spoke.Admin, token)
	require.NoError(w, err)
	return s
}

// push lets a mirror on the hub know the ways to clusters.
func (w *world) push(clusters ...string) {
	w.Helper()
	w.introduce(clusters...)
	for _, cluster := range clusters {
		w.create(w.hub, w.wayTo(cluster, w.token(w.spoke, puller, time.Hour)))
	}
}

// start runs a mirror until the test ends or stop is called.
func (w *world) start(change func(*fleet.Options)) (f *fleet.Fleet, stop func()) {
	w.Helper()
	metrics, err := link.NewMetrics(prometheus.NewRegistry())
	require.NoError(w, err)
	o := fleet.Options{Mode: fleet.Push, Home: w.as(w.hub, pusher), Namespace: home, Replica: fmt.Sprintf("replica-%d", w.replicas.Add(1)),
		Connect: credential.Connect, Clock: clock.RealClock{}, Timing: exchange.TimingOf(exchange.MinLeaseDuration), Metrics: metrics}
	if change != nil {
		change(&o)
	}
	f, err = fleet.New(o)
	require.NoError(w, err)
	return f, w.keep(f.Run)
}

// keep runs run until the test ends or stop is called.
func (w *world) keep(run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(w.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		assert.NoError(w, run(ctx))
	}()
	stop = func() {
		cancel()
		<-done
	}
	w.Cleanup(stop)
	return stop
}

func (w *world) eventually(condition func() bool, what string, args ...any) {
	w.Helper()
	require.Eventually(w, condition, soon, polling, append([]any{what}, args...)...)
}

// live waits until f keeps these links, all of them live, and no others.
func (w *world) live(f *fleet.Fleet, clusters ...string) {
	w.Helper()
	w.eventually(func() bool { return slices.Equal(alive(f), clusters) }, "the live links are not %v", clusters)
}

func alive(f *fleet.Fleet) []string {
	out := []string{}
	for cluster, s := range f.States() {
		if s.Phase == link.Live {
			out = append(out, cluster)
		}
	}
	slices.Sort(out)
	return out
}

// lease is what the mirror tells on the hub; nil: nothing.
func (w *world) lease(cluster string) *coordinationv1.Lease {
	w.Helper()
	l := &coordinationv1.Lease{}
	if w.hub.Client.Get(w.Context(), client.ObjectKey{Namespace: exchange.Inbox(cluster), Name: exchange.LeaseName}, l) != nil {
		return nil
	}
	return l
}

// holder is who holds the lease of a link.
func (w *world) holder(cluster string) string {
	return ptr.Deref(w.election(cluster).HolderIdentity, "")
}

// transitions is how often the lease of a link was won again.
func (w *world) transitions(cluster string) int32 {
	return ptr.Deref(w.election(cluster).LeaseTransitions, 0)
}

func (w *world) election(cluster string) coordinationv1.LeaseSpec {
	lease := &coordinationv1.Lease{}
	if w.hub.Client.Get(w.Context(), client.ObjectKey{Namespace: home, Name: "mirror-link-" + cluster}, lease) != nil {
		return coordinationv1.LeaseSpec{}
	}
	return lease.Spec
}

// breakable is cfg with a connection that fails while broken is true.
func breakable(cfg *rest.Config, broken *atomic.Bool) *rest.Config {
	cfg = rest.CopyConfig(cfg)
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return gate{next, broken} })
	return cfg
}

type gate struct {
	next   http.RoundTripper
	broken *atomic.Bool
}

func (g gate) RoundTrip(req *http.Request) (*http.Response, error) {
	if g.broken.Load() {
		return nil, errors.New("broken by the test")
	}
	return g.next.RoundTrip(req)
}

// shifted is a clock that is ahead, and whose pauses are short.
type shifted struct {
	clock.RealClock
	by time.Duration
}

func (s shifted) Now() time.Time { return s.RealClock.Now().Add(s.by) }

func (s shifted) After(d time.Duration) <-chan time.Time { return s.RealClock.After(d / 20) }
