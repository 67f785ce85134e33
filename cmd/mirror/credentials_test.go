// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"
)

func TestCredentialsReadEachFileThatTheEnvironmentLists(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	require.NoError(t, os.WriteFile(first, []byte("apiVersion: v1\nkind: Config\n"), 0o600))
	require.NoError(t, os.WriteFile(second, []byte(`apiVersion: v1
kind: Config
clusters: [{name: of-the-second, cluster: {tls-server-name: hub}}]
contexts: [{name: hub, context: {cluster: of-the-second, user: u}}]
users: [{name: u, user: {token: t}}]
`), 0o600))
	t.Setenv("KUBECONFIG", first+string(filepath.ListSeparator)+second)
	var out, problems bytes.Buffer
	require.NotZero(t, credentials(t.Context(), []string{"--cluster=dr1", "--context=hub"}, &out, &problems, clock.RealClock{}))
	assert.Contains(t, problems.String(), `no server found for cluster "of-the-second"`)
}
