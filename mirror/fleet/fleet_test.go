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
	w.run("a token in a file is renewed there", (*world).fileRenewed)
}

func (w *world) comeAndGo() {
	f, _ := w.start(nil)
	w.eventually(func() bool { return f.Ready() == nil }, "a mirror without clusters is not ready")
	w.push("go1", "go2")
	w.live(f, "go1", "go2")
	assert.Equal(w, "live", w.lease("go1").Annotations[exchange.AnnotationLink])

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
	w.eventually(func() bool { return w.transitions("new") > 0 }, "for another address the link is re-created")
	w.live(f, "new")
	w.forget("new")
	w.live(f)
}

func (w *world) renewed() {
	w.introduce("old")
	token := w.token(w.spoke, puller, 30*time.Minute)
	way := w.wayTo("old", token)
	w.create(w.hub, way)
	f, _ := w.start(func(o *fleet.Options) { o.Clock = shifted{by: 3 * time.Minute} }) // a tenth of its life
	w.eventually(func() bool {
		require.NoError(w, w.hub.Client.Get(w.Context(), client.ObjectKeyFromObject(way), way))
		return !strings.Contains(string(way.Data["kubeconfig"]), token)
	}, "the token is not renewed")
	cfg, err := credential.Connect(way.Data["kubeconfig"])
	require.NoError(w, err)
	fresh, err := credential.Read(cfg.BearerToken)
	require.NoError(w, err)
	assert.Equal(w, puller, fresh.Account)
	assert.WithinDuration(w, time.Now().Add(30*24*time.Hour), fresh.Expires, 2*time.Minute, "it outlasts outages")
	assert.NotEmpty(w, fresh.BoundTo, "it can be taken back")
	w.live(f, "old")
	version := way.ResourceVersion
	w.eventually(func() bool { return f.States()["old"].Phase == link.Live }, "the link is not live")
	require.NoError(w, w.hub.Client.Get(w.Context(), client.ObjectKeyFromObject(way), way))
	assert.Equal(w, version, way.ResourceVersion, "renewed again")
	assert.Zero(w, w.transitions("old"), "the link goes on with it")
	w.eventually(func() bool {
		told, ok := exchange.CredentialIn(w.lease("old"))
		return ok && told.Expires.Equal(fresh.Expires) && told.For == exchange.CredentialForCluster && told.Renewed && told.BoundTo == fresh.BoundTo && len(told.Authorities) == 1
	}, "the lease does not tell of the credential")
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

	// Access is taken back: a clear state, and the end of it without a restart.
	bound := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: exchange.Inbox("here"), Name: "mirror-credential"}}
	require.NoError(w, w.hub.Client.Delete(w.Context(), bound.DeepCopy()))
	w.eventually(func() bool {
		err := f.Ready()
		return err != nil && strings.Contains(err.Error(), "refuses the credentials") &&
			strings.Contains(err.Error(), "kubectl ramen-direct connect here --context <hub> --cluster-context <here>")
	}, "the state does not name the credentials and the command")
	w.create(w.hub, bound)
	fresh, err := credential.Secret(home, "here", w.hub.Admin, w.token(w.hub, types.NamespacedName{Namespace: exchange.Inbox("here"), Name: exchange.ServiceAccount}, time.Hour))
	require.NoError(w, err)
	require.NoError(w, w.spoke.Client.Update(w.Context(), fresh))
	w.eventually(func() bool { return f.Ready() == nil }, "the new token is not used")
	assert.Equal(w, exchange.CredentialForHub, must(exchange.CredentialIn(w.lease("here"))).For)
	require.NoError(w, w.spoke.Client.Delete(w.Context(), fresh))
	w.live(f)
}

func must(c exchange.Credential, _ bool) exchange.Credential { return c }

// file is told in two ways: with the token in the kubeconfig, and in a file beside it.
func (w *world) file() {
	w.introduce("file")
	account := types.NamespacedName{Namespace: exchange.Inbox("file"), Name: exchange.ServiceAccount}
	dir := w.TempDir()
	path, beside := filepath.Join(dir, "kubeconfig"), filepath.Join(dir, "token")
	write := func(file string, text []byte) { require.NoError(w, os.WriteFile(file, text, 0o600)) }
	kubeconfig := func(token string) []byte {
		s, err := credential.Secret(home, "file", w.hub.Admin, token)
		require.NoError(w, err)
		return s.Data["kubeconfig"]
	}
	write(path, kubeconfig("expired"))
	metrics, err := link.NewMetrics(prometheus.NewRegistry())
	require.NoError(w, err)
	o := fleet.FileOptions{Cluster: "file", Kubeconfig: path, Home: w.as(w.spoke, puller), Holder: "test", Clock: clock.RealClock{}, Timing: exchange.TimingOf(exchange.MinLeaseDuration), Metrics: metrics}
	f, err := fleet.NewFile(o)
	require.NoError(w, err)
	w.keep(f.Run)
	w.eventually(func() bool { err := f.Ready(); return err != nil && strings.Contains(err.Error(), "hub: cannot ") }, "the state does not name the hub")
	write(path, []byte("half"))
	short := w.token(w.hub, account, 10*time.Minute)
	write(path, kubeconfig(short))
	w.eventually(func() bool { return f.Ready() == nil }, "the new kubeconfig is not used")

	write(beside, []byte("expired"))
	write(path, []byte(strings.Replace(string(kubeconfig(short)), "token: "+short, "tokenFile: token", 1)))
	w.eventually(func() bool {
		err := f.Ready()
		return err != nil && strings.Contains(err.Error(), "refuses the credentials")
	}, "the file beside is not read")
	write(beside, []byte(w.token(w.hub, account, 10*time.Minute)))
	w.eventually(func() bool { return f.Ready() == nil }, "the new token is not used")
	entries, err := os.ReadDir(dir)
	require.NoError(w, err)
	assert.Len(w, entries, 2, "a temporary file is left behind")

	o.Kubeconfig = filepath.Join(w.TempDir(), "none")
	_, err = fleet.NewFile(o)
	assert.ErrorContains(w, err, "read kubeconfig")
}

// fileRenewed : a token in a file, or in the kubeconfig, is renewed where it is.
func (w *world) fileRenewed() {
	w.introduce("fresh")
	account := types.NamespacedName{Namespace: exchange.Inbox("fresh"), Name: exchange.ServiceAccount}
	for name, beside := range map[string]bool{"in the kubeconfig": false, "in a file beside it": true} {
		w.run(name, func(w *world) {
			dir := w.TempDir()
			path, token := filepath.Join(dir, "kubeconfig"), w.token(w.hub, account, 10*time.Minute)
			s, err := credential.Secret(home, "fresh", w.hub.Admin, token)
			require.NoError(w, err)
			text, holds := string(s.Data["kubeconfig"]), path
			if beside {
				text, holds = strings.Replace(text, "token: "+token, "tokenFile: token", 1), filepath.Join(dir, "token")
				require.NoError(w, os.WriteFile(holds, []byte(token), 0o600))
			}
			require.NoError(w, os.WriteFile(path, []byte(text), 0o600))
			metrics, err := link.NewMetrics(prometheus.NewRegistry())
			require.NoError(w, err)
			f, err := fleet.NewFile(fleet.FileOptions{Cluster: "fresh", Kubeconfig: path, Home: w.as(w.spoke, puller), Holder: "test",
				Clock: shifted{by: time.Minute}, Timing: exchange.TimingOf(exchange.MinLeaseDuration), Metrics: metrics})
			require.NoError(w, err)
			stop := w.keep(f.Run)
			defer stop()
			w.eventually(func() bool {
				now, err := os.ReadFile(holds)
				return err == nil && !strings.Contains(string(now), token)
			}, "the token is not renewed")
			w.eventually(func() bool {
				told, ok := exchange.CredentialIn(w.lease("fresh"))
				return ok && time.Until(told.Expires) > 29*24*time.Hour
			}, "the new token is not shown")
			entries, err := os.ReadDir(dir)
			require.NoError(w, err)
			assert.Len(w, entries, map[bool]int{false: 1, true: 2}[beside], "a temporary file is left behind")
		})
	}
}
