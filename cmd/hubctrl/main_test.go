// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/ramendr/ramen-direct/hubctrl/links"
	"github.com/ramendr/ramen-direct/internal/boot"
	"github.com/ramendr/ramen-direct/tests/apiserver"
)

// TestAHubIsScraped runs the whole hub with the rights of config/hub and scrapes it as Prometheus does.
func TestAHubIsScraped(t *testing.T) {
	s := apiserver.Start(t)
	s.Kubectl(t, "apply", "-k", "config/hub")
	s.Kubectl(t, "apply", "-f", "config/samples/hub_config.yaml")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())

	flags := boot.Flags{Namespace: "ramen-system"}
	budget := links.NewBudget(links.MaxKept)
	opts, err := options(budget)
	require.NoError(t, err)
	opts.Metrics.BindAddress, opts.Logger = address, testr.New(t)
	opts.LeaderElection, opts.LeaderElectionID, opts.LeaderElectionNamespace = true, leaderID, flags.Namespace
	opts.LeaderElectionReleaseOnCancel = true
	cfg := rest.CopyConfig(s.Admin)
	cfg.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:ramen-system:hubctrl",
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:ramen-system", "system:authenticated"},
	}
	mgr, err := ctrl.NewManager(cfg, opts)
	require.NoError(t, err)
	require.NoError(t, setup(mgr, flags, budget))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() { stop(); assert.NoError(t, <-ended) })

	s.Kubectl(t, "apply", "-f", "config/samples/drcluster.yaml", "-f", "config/samples/drpolicy.yaml", "-f", "config/samples/drplacementcontrol.yaml")
	want := []string{
		`ramen_hub_leading 1`,
		`ramen_link_state{cluster="dr1",state="never"} 1`,
		`ramen_dr_policy_type{dr_type="regional"} 1`,
		`ramen_dr_actions{action="failover"} 0`,
		`leader_election_master_status{name="` + leaderID + `"} 1`,
	}
	var text string
	require.Eventually(t, func() bool {
		text = scrape(t, "http://"+address+"/metrics")
		for _, line := range want {
			if !strings.Contains(text, line+"\n") {
				return false
			}
		}
		return strings.Contains(text, `ramen_waiting_seconds{cluster="dr1",fact="InboxComplete"`)
	}, 30*time.Second, 100*time.Millisecond, "the hub leads, and tells that no mirror has ever reported")
	assert.Contains(t, text, "ramen_workload_protection_status{")
	assert.NotContains(t, text, "ramen_last_sync_timestamp_seconds{", "nothing was ever synchronized")
}

// scrape is what the address serves; empty: nothing yet.
func scrape(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return ""
	}
	return string(text)
}
