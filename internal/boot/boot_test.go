// SPDX-License-Identifier: Apache-2.0

package boot_test

import (
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/ramendr/ramen-direct/internal/boot"
)

func parsed(t *testing.T, args ...string) (boot.Flags, error) {
	t.Helper()
	var f boot.Flags
	fs := flag.NewFlagSet("test", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	f.Register(fs)
	return f, fs.Parse(args)
}

func TestFlagsHaveDefaults(t *testing.T) {
	t.Setenv("KUBECONFIG", "")
	t.Setenv("POD_NAMESPACE", "")
	f, err := parsed(t)
	require.NoError(t, err)
	assert.Equal(t, boot.Flags{HealthAddress: ":8081", MetricsAddress: "0", Namespace: "ramen-system", LogLevel: "info"}, f)

	t.Setenv("KUBECONFIG", "/a/file")
	t.Setenv("POD_NAMESPACE", "elsewhere")
	f, err = parsed(t, "--leader-elect", "--log-level", "debug")
	require.NoError(t, err)
	assert.Equal(t, boot.Flags{
		Kubeconfig: "/a/file", HealthAddress: ":8081", MetricsAddress: "0", Namespace: "elsewhere", LogLevel: "debug", LeaderElection: true,
	}, f)
}

func TestAMistakeInAFlagIsNamed(t *testing.T) {
	bad := boot.Flags{LogLevel: "loud"}
	require.ErrorContains(t, bad.Logging(), "flag --log-level")

	missing := filepath.Join(t.TempDir(), "none")
	absent := boot.Flags{Kubeconfig: missing}
	_, err := absent.RESTConfig()
	require.ErrorContains(t, err, "flag --kubeconfig "+missing)

	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	none := boot.Flags{}
	_, err = none.RESTConfig()
	require.ErrorContains(t, err, "flag --kubeconfig is empty and this is no Pod")
}

const kubeconfig = `
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
users: [{name: u, user: {token: t}}]
current-context: x
`

func TestRunEndsWithACode(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(file, []byte(kubeconfig), 0o600))
	refused := func(boot.Flags) (manager.Options, error) { return manager.Options{}, errors.New("no") }
	for name, tc := range map[string]struct {
		args []string
		want int
	}{
		"an unknown flag":          {[]string{"--nope"}, 2},
		"the version":              {[]string{"--version"}, 0},
		"a mistake in a flag":      {[]string{"--log-level", "loud"}, 1},
		"options that are refused": {[]string{"--kubeconfig", file}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			args := os.Args
			t.Cleanup(func() { os.Args = args })
			os.Args = append([]string{"test"}, tc.args...)
			fs := flag.NewFlagSet("test", flag.ContinueOnError)
			fs.SetOutput(io.Discard)
			assert.Equal(t, tc.want, boot.Run("test", fs, refused, func(manager.Manager, boot.Flags) error { return nil }))
		})
	}
}
