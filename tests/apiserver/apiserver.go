// SPDX-License-Identifier: Apache-2.0

// Package apiserver starts a real API server with RBAC and the project's definitions, for tests of what only a real one
// does: validation, rights, server-side apply. No controllers run behind it: namespaces stay terminating.
package apiserver

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab/binaries"
	"github.com/ramendr/ramen-direct/tests/lab/source"
)

const startTimeout = 2 * time.Minute

// Server is a running API server.
type Server struct {
	Admin  *rest.Config
	Client client.Client // of Admin
	Scheme *runtime.Scheme

	root       string // folder of the project
	kubectl    string // path of the program
	kubeconfig string // path of the file
}

// Start runs a server until the test ends. A short test run skips the test.
func Start(t *testing.T) *Server {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a real API server")
	}
	bins, err := binaries.Ensure(t.Context(), t.Output())
	require.NoError(t, err)
	root, err := source.Root(t.Context())
	require.NoError(t, err)
	env := &envtest.Environment{
		BinaryAssetsDirectory: bins,
		CRDDirectoryPaths:     []string{filepath.Join(root, "config", "crd")},
		ErrorIfCRDPathMissing: true,
		// A busy machine takes longer than the 20 seconds that are the default.
		ControlPlaneStartTimeout: startTimeout,
	}
	admin, err := env.Start()
	t.Cleanup(func() { _ = env.Stop() })
	require.NoError(t, err, "start the API server")
	admin.QPS = -1
	s := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(s))
	require.NoError(t, v1alpha1.AddToScheme(s))
	require.NoError(t, apiextensionsv1.AddToScheme(s))
	c, err := client.New(admin, client.Options{Scheme: s})
	require.NoError(t, err)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(kubeconfig, env.KubeConfig, 0o600))
	return &Server{Admin: admin, Client: c, Scheme: s, root: root, kubectl: filepath.Join(bins, "kubectl"), kubeconfig: kubeconfig}
}

// Kubectl runs kubectl as a user would, in the folder of the project.
func (s *Server) Kubectl(t *testing.T, args ...string) {
	t.Helper()
	out, err := s.run(t, args)
	require.NoError(t, err, "kubectl %v: %s", args, out)
}

// KubectlFails runs kubectl, sees that it fails, and returns what it said.
func (s *Server) KubectlFails(t *testing.T, args ...string) string {
	t.Helper()
	out, err := s.run(t, args)
	require.Error(t, err, "kubectl %v: %s", args, out)
	return string(out)
}

func (s *Server) run(t *testing.T, args []string) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), s.kubectl, append([]string{"--kubeconfig", s.kubeconfig}, args...)...)
	cmd.Dir = s.root
	return cmd.CombinedOutput()
}
