// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/mirror/credential"
)

// accept does what the hub's controller does for a cluster that is connected: the mirror's identity, and then the word that it
// was heard of.
func (w *world) accept(t *testing.T, cluster string) {
	dc := &v1alpha1.DRCluster{}
	assert.NoError(t, w.until(func() bool { return w.Client.Get(t.Context(), client.ObjectKey{Name: cluster}, dc) == nil }))
	for _, o := range []client.Object{
		namespace("inbox-" + cluster), namespace("outbox-" + cluster),
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-" + cluster, Name: "mirror-credential"}},
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-" + cluster, Name: "mirror"}},
	} {
		assert.NoError(t, w.Client.Create(t.Context(), o))
	}
	for _, is := range []metav1.Condition{
		{Status: "False", Reason: "NeverConnected", Message: "the agent of the cluster was never seen"},
		{Status: "True", Reason: "Live", Message: "the agent of the cluster renews its lease"},
	} {
		is.Type, is.LastTransitionTime = "Connected", metav1.Now()
		dc.Status.Conditions = []metav1.Condition{is}
		assert.NoError(t, w.Client.Status().Update(t.Context(), dc))
	}
}

// accepted reports whether the hub accepts the token in a Secret, and whose it is.
func (w *world) accepted(t *testing.T, s *corev1.Secret) (string, bool) {
	t.Helper()
	token, _, err := credential.Split(s.Data["kubeconfig"])
	require.NoError(t, err)
	cfg := rest.AnonymousClientConfig(w.Admin)
	cfg.BearerToken = token
	who, err := kubernetes.NewForConfigOrDie(cfg).AuthenticationV1().SelfSubjectReviews().Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		require.True(t, apierrors.IsUnauthorized(err), err)
		return "", false
	}
	return who.Status.UserInfo.Username, true
}

// assertConnects: a cluster gets its access to the hub, once, and loses it at once. The cluster is the same API server.
func assertConnects(t *testing.T, w *world) {
	held := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ramen-system", Name: "mirror-dr7"}}
	read := func() string {
		t.Helper()
		require.NoError(t, w.Client.Get(t.Context(), client.ObjectKeyFromObject(held), held))
		return string(held.Data["kubeconfig"])
	}
	exists := func(o client.Object) bool { return w.Client.Get(t.Context(), client.ObjectKeyFromObject(o), o) == nil }
	dc := &v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: "dr7"}}
	here := []string{"connect", "dr7", "--cluster-context", "hub"}
	with := func(args ...string) []string { return append(append([]string{}, here...), args...) }
	changes := func(got said) (out []string) {
		t.Helper()
		var c view.Connection
		require.NoError(t, json.Unmarshal([]byte(got.out), &c), got.err)
		for _, change := range c.Changes {
			out = append(out, string(change.Result)+" "+change.Of)
		}
		return out
	}

	t.Run("what is missing is named, and a dry run writes nothing", func(t *testing.T) {
		got := w.run(here...)
		assert.Equal(t, 1, got.code)
		assert.Contains(t, got.err, "DRCluster dr7 does not exist yet: name the S3 profile")
		got = w.run("connect", "dr7", "--s3-profile", "s3-a", "-o", "json")
		assert.Equal(t, 1, got.code)
		assert.Contains(t, got.err, "-o needs --cluster-context")
		got = w.run(with("--s3-profile", "s3-a", "--region", "west", "--dry-run=client")...)
		assert.Equal(t, 0, got.code, got.err)
		assert.Contains(t, got.out, "kind: DRCluster\nmetadata:\n  name: dr7\nspec:\n  region: west\n  s3ProfileName: s3-a\n")
		got = w.run(with("--s3-profile", "s3-a", "--dry-run=server", "-o", "json")...)
		assert.Equal(t, []string{"Created DRCluster dr7"}, changes(got))
		assert.Equal(t, 1, w.run("connect", "dr_7", "--s3-profile", "s3-a", "--dry-run=server").code, "the API server is asked")
		assert.Equal(t, 1, w.run(with("--s3-profile", "s3-a", "--certificate-authority-of-hub", "connect_test.go")...).code)
		assert.False(t, exists(dc))
	})

	t.Run("the hub's controller does not answer", func(t *testing.T) {
		got := w.run(with("--s3-profile", "s3-a", "--timeout", "10ms")...)
		assert.Equal(t, 3, got.code, got.err)
		assert.Contains(t, got.err, "the hub has not made ServiceAccount inbox-dr7/mirror yet: see whether its controller runs")
		assert.True(t, exists(dc), "it is created, and the command can be repeated")
		require.NoError(t, w.Client.Delete(t.Context(), dc))
	})

	t.Run("a cluster is connected, and heard of", func(t *testing.T) {
		w.before(http.MethodPost, func() { go w.accept(t, "dr7") })
		got := w.run(with("--s3-profile", "s3-a", "--wait")...)
		require.Equal(t, 0, got.code, got.err)
		assert.Contains(t, got.out, "created   DRCluster dr7 on the hub\n  created   Secret ramen-system/mirror-dr7 on the cluster\n")
		assert.Contains(t, got.out, "by which another machine does not reach it")
		assert.Contains(t, got.out, "Done: the hub hears of dr7.")
		read()
		assert.Equal(t, "dr7", held.Labels["ramendr.openshift.io/cluster"])
		user, ok := w.accepted(t, held)
		assert.True(t, ok)
		assert.Equal(t, "system:serviceaccount:inbox-dr7:mirror", user)
	})

	t.Run("again, it changes only what has to be changed", func(t *testing.T) {
		was := read()
		assert.Equal(t, []string{"Kept DRCluster dr7", "Kept Secret ramen-system/mirror-dr7"}, changes(w.run(with("-o", "json")...)))
		assert.Equal(t, was, read())
		assert.Equal(t, []string{"Kept DRCluster dr7", "Replaced Secret ramen-system/mirror-dr7"}, changes(w.run(with("-o", "json", "--server", "https://hub.example.com")...)))
		assert.Contains(t, read(), "https://hub.example.com")
		assert.Equal(t, []string{"Kept DRCluster dr7", "Replaced Secret ramen-system/mirror-dr7"}, changes(w.run(with("-o", "json", "--renew")...)))
		was = read()
		got := w.run("connect", "dr7")
		assert.Equal(t, 0, got.code, got.err)
		var printed corev1.Secret
		require.NoError(t, yaml.UnmarshalStrict([]byte(got.out), &printed), "only the Secret is there, for kubectl apply")
		_, ok := w.accepted(t, &printed)
		assert.True(t, ok)
		assert.Contains(t, got.err, "printed   Secret ramen-system/mirror-dr7 on the cluster")
		assert.Equal(t, was, read())
		assert.Equal(t, 4, w.run(with("--s3-profile", "s3-b")...).code)
	})

	t.Run("the access is taken back, at once, and given again", func(t *testing.T) {
		for _, answer := range []string{"", "y\n", "dr1\n"} {
			assert.Equal(t, 4, w.at(answer, "disconnect", "dr7", "--revoke").code)
		}
		// Nobody has shown this token yet: an API server believes one for a moment longer.
		got := w.at("dr7\n", "disconnect", "dr7", "--revoke")
		assert.Equal(t, 0, got.code, got.err)
		assert.Contains(t, got.out, "Done: the access of dr7 is taken back. To connect it again: kubectl ramen-direct connect dr7")
		_, ok := w.accepted(t, held)
		assert.False(t, ok)
		assert.True(t, exists(dc))
		require.NoError(t, w.Client.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-dr7", Name: "mirror-credential"}}), "as the hub does a minute later")
		assert.Equal(t, []string{"Kept DRCluster dr7", "Replaced Secret ramen-system/mirror-dr7"}, changes(w.run(with("-o", "json")...)))
		read()
		_, ok = w.accepted(t, held)
		assert.True(t, ok)
	})

	t.Run("a cluster that is needed stays", func(t *testing.T) {
		got := w.run("disconnect", "dr1", "--yes")
		assert.Equal(t, 4, got.code, got.err)
		assert.Contains(t, oneLine(got.out), "Refused: applications are protected by it: bank/ledger, shop/orders.")
		assert.Contains(t, oneLine(got.out), "kubectl delete drpolicy 5m")
		assert.Equal(t, 1, w.run("disconnect", "dr7", "--yes", "--as", "ada").code, "what can't be seen may need it")
	})

	t.Run("a cluster is disconnected", func(t *testing.T) {
		got := w.run("disconnect", "dr7", "--cluster-context", "hub", "--yes", "--dry-run=client", "-o", "json")
		want := []string{"Deleted DRCluster dr7", "Deleted Secret ramen-system/mirror-dr7"}
		assert.Equal(t, want, changes(got))
		assert.Equal(t, want, changes(w.run("disconnect", "dr7", "--cluster-context", "hub", "--dry-run=server", "-o", "json")))
		assert.True(t, exists(dc) && exists(held))
		require.NoError(t, w.Client.Get(t.Context(), client.ObjectKeyFromObject(dc), dc))
		dc.Finalizers = []string{"drclusters.ramendr.openshift.io/ramen"}
		require.NoError(t, w.Client.Update(t.Context(), dc))
		got = w.run("disconnect", "dr7", "--cluster-context", "hub", "--yes", "--wait", "--timeout", "10ms")
		assert.Equal(t, 3, got.code, got.err)
		assert.Contains(t, got.out, "It takes longer than the time-out, and continues.")
		assert.Contains(t, oneLine(got.out), "Until the DRCluster is gone the mirror needs Secret ramen-system/mirror-dr7 on the cluster. Run this again then")
		assert.True(t, exists(held), "the mirror needs it to obey, and to tell")
		w.before(http.MethodDelete, func() {
			go func() {
				assert.NoError(t, w.Client.Get(t.Context(), client.ObjectKeyFromObject(dc), dc))
				dc.Finalizers = nil
				assert.NoError(t, w.Client.Update(t.Context(), dc))
			}()
		})
		got = w.run("disconnect", "dr7", "--yes", "--wait")
		assert.Equal(t, 0, got.code, got.err)
		assert.Contains(t, got.out, "Done: dr7 is disconnected.")
		assert.True(t, exists(held), "no context was named")
		got = w.run("disconnect", "dr7", "--cluster-context", "hub", "--yes")
		assert.Equal(t, 0, got.code, got.err)
		assert.Contains(t, got.out, "Done: dr7 is disconnected.")
		assert.False(t, exists(held))
		got = w.run("disconnect", "dr7", "--yes")
		assert.Equal(t, 0, got.code)
		assert.Equal(t, "Nothing to do: there is no DRCluster dr7.", strings.TrimSpace(got.out))
	})
}
