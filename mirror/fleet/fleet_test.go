// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/credential"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/fleet"
	"github.com/ramendr/ramen-direct/mirror/link"
)

func TestFleet(t *testing.T) {
	w := newWorld(t)
	w.run("on the hub a mirror has the rights that it needs and no others", (*world).leastRights)
	w.run("links come and go with Secrets and DRClusters", (*world).comeAndGo)
	w.run("credentials are replaced without a restart", (*world).replaced)
	w.run("a token is renewed in its Secret", (*world).renewed)
	w.run("replicas divide the links", (*world).divide)
	w.run("a mirror that loses its home lets go, and comes back", (*world).homeless)
	w.run("a mirror on a cluster finds the hub by a Secret", (*world).pull)
	w.run("a kubeconfig in a file may be replaced", (*world).file)
}

func (w *world) comeAndGo() {
	f, _ := w.start(nil)
	w.eventually(func() bool { return f.Ready() == nil }, "a mirror without clusters is not ready")
	w.push("go1", "go2")
	w.live(f, "go1", "go2")
	lease := func(cluster string) string {
		l := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "coordination.k8s.io/v1", Kind: "Lease"}}
		require.NoError(w, w.hub.Client.Get(w.Context(), client.ObjectKey{Namespace: exchange.Inbox(cluster), Name: exchange.LeaseName}, l))
		return l.Annotations[exchange.AnnotationLink]
	}
	assert.Equal(w, "live", lease("go1"))

	way := w.wayTo("go1", w.token(w.spoke, puller, time.Hour))
	require.NoError(w, w.hub.Client.Delete(w.Context(), way.DeepCopy()))
	w.live(f, "go2")
	w.create(w.hub, way)
	w.live(f, "go1", "go2")
	require.NoError(w, w.hub.Client.Delete(w.Context(), &v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: "go2"}}))
	w.live(f, "go1")

	// What can't be used is told, and harms no other.
	broken := w.wayTo("go2", "t")
	broken.Name, broken.Data = "empty", nil
	w.create(w.hub, broken, &v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: "go2"}, Spec: v1alpha1.DRClusterSpec{S3ProfileName: "s3"}})
	w.live(f, "go1", "go2")
	w.forget("go1", "go2")
	w.live(f)
}

// forget takes clusters away, for the next part of the test.
func (w *world) forget(clusters ...string) {
	w.Helper()
	for _, cluster := range clusters {
		require.NoError(w, client.IgnoreNotFound(w.hub.Client.Delete(w.Context(), &v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: cluster}})))
	}
}

func (w *world) replaced() {
	f, _ := w.start(nil)
	w.introduce("new")
	w.create(w.hub, w.wayTo("new", "expired"))
	w.eventually(func() bool {
		return strings.Contains(f.States()["new"].String(), "cluster: cannot ") && strings.Contains(f.States()["new"].String(), "refuses the credentials")
	},
		"the state does not name the credentials")
	require.NoError(w, f.Ready(), "on the hub one cluster is no reason to give up all")
	show := func(token string) {
		require.NoError(w, w.hub.Client.Update(w.Context(), w.wayTo("new", token)))
	}
	show(w.token(w.spoke, puller, time.Hour))
	w.live(f, "new")
	show("expired")
	w.eventually(func() bool { return strings.Contains(f.States()["new"].String(), "refuses the credentials") }, "the link does not show another token")
	show(w.token(w.spoke, puller, time.Hour))
	w.live(f, "new")
	assert.Zero(w, w.transitions("new"), "for another token the link is not given up")

	elsewhere := w.wayTo("new", w.token(w.spoke, puller, time.Hour))
	elsewhere.Data["kubeconfig"] = []byte(strings.ReplaceAll(string(elsewhere.Data["kubeconfig"]), "https://127.0.0.1:", "https://localhost:"))
	require.NoError(w, w.hub.Client.Update(w.Context(), elsewhere))
	w.eventually(func() bool { return w.transitions("new") > 0 }, "for another address the link is made anew")
	w.live(f, "new")
	w.forget("new")
	w.live(f)
}

func (w *world) renewed() {
	w.introduce("old")
	token := w.token(w.spoke, puller, 30*time.Minute)
	way := w.wayTo("old", token)
	w.create(w.hub, way)
	f, _ := w.start(func(o *fleet.Options) { o.Clock = shifted{by: 16 * time.Minute} })
	w.eventually(func() bool {
		require.NoError(w, w.hub.Client.Get(w.Context(), client.ObjectKeyFromObject(way), way))
		return !strings.Contains(string(way.Data["kubeconfig"]), token)
	}, "the token is not renewed")
	cfg, err := credential.Connect(way.Data["kubeconfig"])
	require.NoError(w, err)
	fresh, err := credential.Read(cfg.BearerToken)
	require.NoError(w, err)
	assert.Equal(w, puller, fresh.Account)
	assert.WithinDuration(w, time.Now().Add(30*time.Minute), fresh.RenewAt, 2*time.Minute)
	w.live(f, "old")
	version := way.ResourceVersion
	w.eventually(func() bool { return f.States()["old"].Phase == link.Live }, "the link is not live")
	require.NoError(w, w.hub.Client.Get(w.Context(), client.ObjectKeyFromObject(way), way))
	assert.Equal(w, version, way.ResourceVersion, "renewed again")
	assert.Zero(w, w.transitions("old"), "the link goes on with it")
	w.forget("old")
}

func (w *world) divide() {
	clusters := []string{"part1", "part2", "part3", "part4", "part5", "part6", "part7", "part8"}
	w.push(clusters...)
	first, _ := w.start(func(o *fleet.Options) { o.Replica = "replica-a" })
	w.live(first, clusters...)
	second, stop := w.start(func(o *fleet.Options) { o.Replica = "replica-b" })
	w.eventually(func() bool {
		a, b := alive(first), alive(second)
		return len(a) > 0 && len(b) > 0 && len(a)+len(b) == len(clusters)
	}, "the links are not divided")
	for _, cluster := range alive(first) {
		assert.Equal(w, "replica-a", w.holder(cluster))
	}
	for _, cluster := range alive(second) {
		assert.Equal(w, "replica-b", w.holder(cluster))
	}
	stop()
	w.live(first, clusters...)
	w.forget(clusters...)
	w.live(first)
}

func (w *world) homeless() {
	w.push("lone")
	var broken atomic.Bool
	f, _ := w.start(func(o *fleet.Options) { o.Home = breakable(o.Home, &broken) })
	w.live(f, "lone")
	broken.Store(true)
	w.eventually(func() bool { return len(f.States()) == 0 }, "the link is kept though its election is lost")
	broken.Store(false)
	w.live(f, "lone")
	w.forget("lone")
	w.live(f)
}

func (w *world) pull() {
	w.introduce("here")
	f, _ := w.start(func(o *fleet.Options) { o.Mode, o.Home = fleet.Pull, w.as(w.spoke, puller) })
	w.eventually(func() bool {
		err := f.Ready()
		return err != nil && strings.Contains(err.Error(), "there is no Secret")
	}, "what is missing is not named")
	way, err := credential.Secret(home, "here", w.hub.Admin, w.token(w.hub, types.NamespacedName{Namespace: exchange.Inbox("here"), Name: exchange.ServiceAccount}, time.Hour))
	require.NoError(w, err)
	w.create(w.spoke, way)
	w.live(f, "here")
	require.NoError(w, f.Ready())

	// The hub forgets the agent: a clear state, and the end of it without a restart.
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: exchange.Inbox("here"), Name: exchange.ServiceAccount}}
	require.NoError(w, w.hub.Client.Delete(w.Context(), account))
	w.eventually(func() bool {
		err := f.Ready()
		return err != nil && strings.Contains(err.Error(), "refuses the credentials")
	}, "the state does not name the credentials")
	account.ResourceVersion, account.UID = "", ""
	w.create(w.hub, account)
	way.ResourceVersion = ""
	fresh, err := credential.Secret(home, "here", w.hub.Admin, w.token(w.hub, types.NamespacedName{Namespace: account.Namespace, Name: account.Name}, time.Hour))
	require.NoError(w, err)
	require.NoError(w, w.spoke.Client.Update(w.Context(), fresh))
	w.eventually(func() bool { return f.Ready() == nil }, "the new token is not used")
	require.NoError(w, w.spoke.Client.Delete(w.Context(), fresh))
	w.live(f)
}

func (w *world) file() {
	w.introduce("file")
	kubeconfig := func(token string) []byte {
		s, err := credential.Secret(home, "file", w.hub.Admin, token)
		require.NoError(w, err)
		return s.Data["kubeconfig"]
	}
	path := filepath.Join(w.TempDir(), "kubeconfig")
	require.NoError(w, os.WriteFile(path, kubeconfig("expired"), 0o600))
	metrics, err := link.NewMetrics(prometheus.NewRegistry())
	require.NoError(w, err)
	o := fleet.FileOptions{Cluster: "file", Kubeconfig: path, Home: w.as(w.spoke, puller), Holder: "test", Clock: clock.RealClock{}, Timing: exchange.DefaultTiming(), Metrics: metrics}
	f, err := fleet.NewFile(o)
	require.NoError(w, err)
	w.keep(f.Run)
	w.eventually(func() bool { err := f.Ready(); return err != nil && strings.Contains(err.Error(), "hub: cannot ") }, "the state does not name the hub")
	require.NoError(w, os.WriteFile(path, []byte("half"), 0o600))
	require.NoError(w, os.WriteFile(path, kubeconfig(w.token(w.hub, types.NamespacedName{Namespace: exchange.Inbox("file"), Name: exchange.ServiceAccount}, time.Hour)), 0o600))
	w.eventually(func() bool { return f.Ready() == nil }, "the new kubeconfig is not used")

	o.Kubeconfig = filepath.Join(w.TempDir(), "none")
	_, err = fleet.NewFile(o)
	assert.ErrorContains(w, err, "read kubeconfig")
}
