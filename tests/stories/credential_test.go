// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/credential"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
)

// TestTheCredentialsOutliveAnOutage: the mirror's first token lasts seconds, and is renewed soon after it was given. The cluster
// is then away for longer than that token lasts; its application is failed over. When it returns, it is told so.
func TestTheCredentialsOutliveAnOutage(t *testing.T) {
	const life = 30 * time.Second
	l := shared.Lab(t)
	a := protected(t, l, "credential-outlives", lab.DR1)
	token, err := l.ShortToken(t.Context(), lab.DR1, life)
	require.NoError(t, err)
	issued := time.Now()
	front, err := l.Front(lab.DR1)
	require.NoError(t, err)
	deliver(t, l, kubeconfig(t, front, token))
	requireCluster(t, l, "it tells that it has renewed its token", func(c *assert.CollectT, dc *v1alpha1.DRCluster) {
		require.NotNil(c, dc.Status.Credential)
		require.NotNil(c, dc.Status.Credential.ExpirationTime)
		assert.Greater(c, time.Until(dc.Status.Credential.ExpirationTime.Time), 29*24*time.Hour)
		assert.True(c, dc.Status.Credential.IssuedTime.After(issued.Add(-time.Second)))
		assert.Equal(c, "True Current", is(dc, v1alpha1.ConditionCredentialCurrent))
		assert.Equal(c, "True Live", is(dc, v1alpha1.ConditionConnected))
	})
	require.Less(t, time.Since(issued), life/2, "one that is renewed at half of its life would not be renewed yet")

	_, err = a.FailoverWithout(t.Context(), lab.DR2, faultproxy.Cut)
	require.NoError(t, err)
	think(t, time.Until(issued.Add(life+2*time.Second)))
	_, err = a.Return(t.Context(), lab.DR1)
	require.NoError(t, err)
	_, err = a.Disable(t.Context())
	require.NoError(t, err)
}

// TestAccessIsTakenBackAndGivenAgain: who deletes the Secret ends it, the hub says so, and the command that it names is the way
// back. No process is restarted.
func TestAccessIsTakenBackAndGivenAgain(t *testing.T) {
	l := shared.Lab(t)
	process := mirrorProcess(t, l)
	inbox := lab.MirrorOnHub(lab.DR1).Namespace
	hub := l.Cluster(lab.Hub)
	require.NoError(t, hub.Client.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: inbox, Name: "mirror-credential"}}))
	requireCluster(t, l, "access is taken back", func(c *assert.CollectT, dc *v1alpha1.DRCluster) {
		assert.Equal(c, "False CredentialRevoked", is(dc, v1alpha1.ConditionConnected))
		assert.Equal(c, "False CredentialRevoked", is(dc, v1alpha1.ConditionCredentialCurrent))
		assert.Contains(c, meta.FindStatusCondition(dc.Status.Conditions, v1alpha1.ConditionConnected).Message,
			"kubectl ramen-direct connect dr1 --context <hub> --cluster-context <dr1>")
	})
	front, err := l.Front(lab.DR1)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), filepath.Join(l.Dir(), "bin", "mirror"), "credentials", "--cluster=dr1", "--kubeconfig="+hub.Kubeconfig, "--server="+front.Host)
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	require.NoError(t, err)
	secret := &corev1.Secret{}
	require.NoError(t, yaml.UnmarshalStrict(text, secret))
	deliver(t, l, secret.Data[credential.Key])
	requireCluster(t, l, "it has access again", func(c *assert.CollectT, dc *v1alpha1.DRCluster) {
		assert.Equal(c, "True Live", is(dc, v1alpha1.ConditionConnected))
		assert.Equal(c, "True Current", is(dc, v1alpha1.ConditionCredentialCurrent))
	})
	assert.Equal(t, process, mirrorProcess(t, l))
}

// TestTheHubGetsANewAuthority in the order that docs/security.md tells: the mirror trusts it at each moment. Then another one
// without that order: the mirror says what is wrong, and recovers when it is told whom to trust.
func TestTheHubGetsANewAuthority(t *testing.T) {
	l := shared.Lab(t)
	process := mirrorProcess(t, l)
	id := lab.MirrorOnHub(lab.DR1)
	token, err := credential.Request(t.Context(), l.Cluster(lab.Hub).Config, types.NamespacedName{Namespace: id.Namespace, Name: id.ServiceAccount}, credential.Lifetime)
	require.NoError(t, err)
	front, err := l.Front(lab.DR1)
	require.NoError(t, err)
	trust := func(authorities ...[]byte) {
		front.CAData = bytes.Join(authorities, nil)
		deliver(t, l, kubeconfig(t, front, token))
		requireCluster(t, l, "it tells whom it trusts", func(c *assert.CollectT, dc *v1alpha1.DRCluster) {
			require.NotNil(c, dc.Status.Credential)
			assert.Len(c, dc.Status.Credential.TrustedAuthorities, len(authorities))
			assert.Equal(c, "True Live", is(dc, v1alpha1.ConditionConnected))
		})
	}
	reconnect := func() { // what is connected does not ask for a certificate again
		require.NoError(t, l.Fault(lab.DR1+"-"+lab.Hub, faultproxy.Cut))
		require.NoError(t, l.Heal(lab.DR1+"-"+lab.Hub))
	}
	refusals := func() int {
		text, err := os.ReadFile(filepath.Join(l.LogDir(), "mirror-dr1.log"))
		require.NoError(t, err)
		return bytes.Count(text, []byte("is not trusted (x509)"))
	}
	first := front.CAData
	trust(first)
	before := refusals()
	second, err := l.PrepareFront()
	require.NoError(t, err)
	trust(first, second)
	require.NoError(t, l.SwitchFront(t.Context()))
	reconnect()
	trust(second)
	assert.Equal(t, before, refusals())

	third, err := l.PrepareFront()
	require.NoError(t, err)
	require.NoError(t, l.SwitchFront(t.Context()))
	reconnect()
	require.Eventually(t, func() bool { return refusals() > before }, patience, tick, "the mirror says what is wrong")
	requireCluster(t, l, "the hub does not hear it", func(c *assert.CollectT, dc *v1alpha1.DRCluster) {
		assert.Equal(c, "False Lost", is(dc, v1alpha1.ConditionConnected))
		assert.Contains(c, meta.FindStatusCondition(dc.Status.Conditions, v1alpha1.ConditionConnected).Message, "a certificate (x509)")
	})
	trust(third)
	assert.Equal(t, process, mirrorProcess(t, l))
}

// kubeconfig is what mirror credentials puts into a Secret.
func kubeconfig(t *testing.T, way *rest.Config, token string) []byte {
	t.Helper()
	secret, err := credential.Secret(lab.Namespace, lab.DR1, way, token)
	require.NoError(t, err)
	return secret.Data[credential.Key]
}

// deliver puts new credentials to where the mirror of dr1 has them.
func deliver(t *testing.T, l *lab.Lab, kubeconfig []byte) {
	t.Helper()
	file := l.KubeconfigFile(lab.MirrorOnHub(lab.DR1))
	require.NoError(t, os.WriteFile(file+".new", kubeconfig, 0o600))
	require.NoError(t, os.Rename(file+".new", file))
}

func requireCluster(t *testing.T, l *lab.Lab, what string, want func(*assert.CollectT, *v1alpha1.DRCluster)) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		dc := &v1alpha1.DRCluster{}
		require.NoError(c, l.Cluster(lab.Hub).Client.Get(t.Context(), client.ObjectKey{Name: lab.DR1}, dc))
		want(c, dc)
	}, patience, tick, what)
}

// is a condition in short.
func is(dc *v1alpha1.DRCluster, kind string) string {
	c := meta.FindStatusCondition(dc.Status.Conditions, kind)
	if c == nil {
		return "absent"
	}
	return string(c.Status) + " " + c.Reason
}

// mirrorProcess is the process of the mirror of dr1.
func mirrorProcess(t *testing.T, l *lab.Lab) any {
	t.Helper()
	for _, s := range l.State().Services {
		if s.Name == "mirror-"+lab.DR1 {
			return s.Process
		}
	}
	require.Fail(t, "no mirror runs")
	return nil
}
