// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/internal/boot"
	"github.com/ramendr/ramen-direct/mirror/credential"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/fleet"
	"github.com/ramendr/ramen-direct/tests/apiserver"
)

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

func TestMistakesInFlagsAreNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		mode fleet.Mode
		want string
	}{
		"nothing":                   {nil, fleet.Pull, ""},
		"push":                      {[]string{"--mode=push"}, fleet.Push, ""},
		"a file":                    {[]string{"--cluster=dr1", "--hub-kubeconfig=f"}, fleet.Pull, ""},
		"another mode":              {[]string{"--mode=both"}, 0, `flag --mode is "both", want pull or push`},
		"a file in push mode":       {[]string{"--mode=push", "--cluster=dr1", "--hub-kubeconfig=f"}, 0, "flag --hub-kubeconfig is for --mode=pull"},
		"a file of no cluster":      {[]string{"--hub-kubeconfig=f"}, 0, "flag --cluster is required"},
		"a cluster without purpose": {[]string{"--cluster=dr1"}, 0, "flag --cluster is for --hub-kubeconfig"},
	} {
		t.Run(name, func(t *testing.T) {
			var f flags
			fs := flag.NewFlagSet("mirror", flag.ContinueOnError)
			fs.SetOutput(io.Discard)
			f.register(fs)
			require.NoError(t, fs.Parse(tc.args))
			mode, err := f.parsedMode()
			if tc.want != "" {
				require.ErrorContains(t, err, tc.want)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.mode, mode)
		})
	}
}

func TestTheTimingOfTheLeaseIsChecked(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want exchange.Timing
		err  string
	}{
		"nothing":          {nil, exchange.Timing{Duration: 15 * time.Second, Renew: 5 * time.Second}, ""},
		"a duration":       {[]string{"--lease-duration=30s"}, exchange.Timing{Duration: 30 * time.Second, Renew: 10 * time.Second}, ""},
		"an interval, too": {[]string{"--lease-duration=30s", "--renew-interval=3s"}, exchange.Timing{Duration: 30 * time.Second, Renew: 3 * time.Second}, ""},
		"too long":         {[]string{"--lease-duration=5m"}, exchange.Timing{}, "flags --lease-duration and --renew-interval: the lease duration is 5m0s: choose 3s to 1m0s"},
		"too seldom":       {[]string{"--renew-interval=10s"}, exchange.Timing{}, "the renew interval is 10s"},
	} {
		t.Run(name, func(t *testing.T) {
			var f flags
			fs := flag.NewFlagSet("mirror", flag.ContinueOnError)
			fs.SetOutput(io.Discard)
			f.register(fs)
			require.NoError(t, fs.Parse(tc.args))
			timing, err := f.timing()
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.want, timing)
		})
	}
}

func TestCredentialsNamesWhatIsMissing(t *testing.T) {
	for want, args := range map[string][]string{
		"flag --cluster is required":                 nil,
		`flag --mode is "both"`:                      {"--cluster", "dr1", "--mode", "both"},
		"read kubeconfig":                            {"--cluster", "dr1", "--kubeconfig", filepath.Join(t.TempDir(), "none")},
		"flag --certificate-authority: open":         {"--cluster", "dr1", "--certificate-authority", filepath.Join(t.TempDir(), "none")},
		"holds no certificate in PEM":                {"--cluster", "dr1", "--certificate-authority", "main.go"},
		"flag provided but not defined: -what":       {"--what"},
		"mirror credentials --cluster dr1 --context": {"--help"},
	} {
		var out, problems bytes.Buffer
		assert.NotZero(t, credentials(t.Context(), args, &out, &problems, clock.RealClock{}))
		assert.Contains(t, problems.String(), want)
		assert.Empty(t, out.String())
	}
}

// TestCredentialsGiveAccess makes the first Secret, and uses it.
func TestCredentialsGiveAccess(t *testing.T) {
	hub := apiserver.Start(t)
	for _, namespace := range []string{"inbox-dr1", "ramen-system"} {
		require.NoError(t, hub.Client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}))
		require.NoError(t, hub.Client.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "mirror"}}))
		require.NoError(t, hub.Client.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "mirror-credential"}}))
	}
	admin := clientcmdapi.NewConfig()
	admin.Clusters["c"] = &clientcmdapi.Cluster{Server: hub.Admin.Host, CertificateAuthorityData: hub.Admin.CAData}
	admin.AuthInfos["u"] = &clientcmdapi.AuthInfo{ClientCertificateData: hub.Admin.CertData, ClientKeyData: hub.Admin.KeyData}
	admin.Contexts["hub"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	admin.CurrentContext = "hub"
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, clientcmd.WriteToFile(*admin, kubeconfig))

	bundle := filepath.Join(t.TempDir(), "bundle.crt")
	require.NoError(t, os.WriteFile(bundle, slices.Concat(hub.Admin.CAData, hub.Admin.CAData), 0o600))
	for mode, user := range map[string]string{
		"pull": "system:serviceaccount:inbox-dr1:mirror",
		"push": "system:serviceaccount:ramen-system:mirror",
	} {
		t.Run(mode, func(t *testing.T) {
			var out, problems bytes.Buffer
			require.Zero(t, credentials(t.Context(), []string{"--cluster=dr1", "--mode=" + mode, "--kubeconfig=" + kubeconfig, "--context=hub", "--certificate-authority=" + bundle}, &out, &problems, clock.RealClock{}), problems.String())
			file := filepath.Join(t.TempDir(), "secret.yaml")
			require.NoError(t, os.WriteFile(file, out.Bytes(), 0o600))
			hub.Kubectl(t, "apply", "-f", file) // as a user applies it, on the other side

			var secret corev1.Secret
			require.NoError(t, yaml.UnmarshalStrict(out.Bytes(), &secret))
			assert.Equal(t, "ramen-system", secret.Namespace)
			cfg, err := credential.Connect(secret.Data[credential.Key])
			require.NoError(t, err)
			assert.Equal(t, slices.Concat(hub.Admin.CAData, hub.Admin.CAData), cfg.CAData)
			who, err := kubernetes.NewForConfigOrDie(cfg).AuthenticationV1().SelfSubjectReviews().Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
			require.NoError(t, err)
			assert.Equal(t, user, who.Status.UserInfo.Username)
			assert.Contains(t, problems.String(), "an outage that lasts 696h0m0s or longer ends it")
		})
	}
	t.Run("after access was taken back", func(t *testing.T) {
		bound := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-dr1", Name: "mirror-credential"}}
		require.NoError(t, hub.Client.Delete(t.Context(), bound))
		wall := clocktesting.NewFakeClock(time.Now())
		var out, problems bytes.Buffer
		done := make(chan int, 1)
		go func() {
			done <- credentials(t.Context(), []string{"--cluster=dr1", "--kubeconfig=" + kubeconfig, "--context=hub"}, &out, &problems, wall)
		}()
		require.Eventually(t, wall.HasWaiters, time.Minute, 10*time.Millisecond, "nobody waits until tokens of before are refused")
		require.True(t, apierrors.IsNotFound(hub.Client.Get(t.Context(), client.ObjectKeyFromObject(bound), bound)))
		wall.Step(20 * time.Second)
		require.Zero(t, <-done, problems.String())
		assert.Contains(t, problems.String(), "Secret inbox-dr1/mirror-credential was deleted: making it again in 20s")
		require.NoError(t, hub.Client.Get(t.Context(), client.ObjectKeyFromObject(bound), bound))
	})
	t.Run("the program serves on the hub", func(t *testing.T) { serves(t, kubeconfig) })
	var out, problems bytes.Buffer
	assert.Equal(t, 1, credentials(t.Context(), []string{"--cluster=dr9", "--kubeconfig=" + kubeconfig, "--context=hub"}, &out, &problems, clock.RealClock{}))
	assert.Contains(t, problems.String(), "ServiceAccount inbox-dr9/mirror")
	assert.Contains(t, problems.String(), "not found")
}

// serves runs the program in push mode and asks what a kubelet and a monitor ask.
func serves(t *testing.T, kubeconfig string) {
	health, metrics := freeAddress(t), freeAddress(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, flags{mode: "push", leaseDuration: 15 * time.Second, boot: boot.Flags{Kubeconfig: kubeconfig, Namespace: "ramen-system", HealthAddress: health, MetricsAddress: metrics, LogLevel: "error"}})
	}()
	for _, url := range []string{"http://" + health + "/readyz", "http://" + health + "/healthz", "http://" + metrics + "/metrics"} {
		require.Eventually(t, func() bool {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
			if err != nil {
				return false
			}
			answer, err := http.DefaultClient.Do(req)
			if err != nil {
				return false
			}
			defer func() { _ = answer.Body.Close() }()
			return answer.StatusCode == http.StatusOK
		}, time.Minute, 50*time.Millisecond, "%s does not answer", url)
	}
	stop()
	require.NoError(t, <-ended)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
