// SPDX-License-Identifier: Apache-2.0

package metrics_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/metrics"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

type links map[string]exchange.Link

func (l links) Link(cluster string) exchange.Link { return l[cluster] }

// hub is a hub that is scraped.
type hub struct {
	t        *testing.T
	client   client.Client
	links    links
	leading  chan struct{}
	registry *prometheus.Registry
	fail     error // of lists
}

func newHub(t *testing.T, objects ...client.Object) *hub {
	t.Helper()
	s := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(s))
	h := &hub{t: t, links: links{}, leading: make(chan struct{}), registry: prometheus.NewPedanticRegistry()}
	h.client = interceptor.NewClient(fake.NewClientBuilder().WithScheme(s).WithObjects(objects...).Build(), interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if h.fail != nil {
				return h.fail
			}
			return c.List(ctx, list, opts...)
		},
	})
	require.NoError(t, h.registry.Register(metrics.NewCollector(h.client, h.links, clocktesting.NewFakePassiveClock(start), h.leading)))
	return h
}

// scrape returns the samples, sorted, without comments.
func (h *hub) scrape() []string {
	h.t.Helper()
	families, err := h.registry.Gather()
	require.NoError(h.t, err)
	var text strings.Builder
	for _, f := range families {
		_, err := expfmt.MetricFamilyToText(&text, f)
		require.NoError(h.t, err)
	}
	var out []string
	for line := range strings.Lines(text.String()) {
		if !strings.HasPrefix(line, "#") {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

func drpc(name string, edits ...func(*v1alpha1.DRPlacementControl)) *v1alpha1.DRPlacementControl {
	d := &v1alpha1.DRPlacementControl{}
	d.Namespace, d.Name = "shop", name
	d.Spec.DRPolicyRef.Name = "policy"
	for _, edit := range edits {
		edit(d)
	}
	return d
}

func policy(name, interval string) *v1alpha1.DRPolicy {
	p := &v1alpha1.DRPolicy{}
	p.Name, p.Spec.SchedulingInterval = name, interval
	return p
}

func cluster(name string) *v1alpha1.DRCluster {
	c := &v1alpha1.DRCluster{}
	c.Name = name
	return c
}

func ago(d time.Duration) *metav1.Time { return &metav1.Time{Time: start.Add(-d)} }

// synced is an application in its steady state.
func synced(d *v1alpha1.DRPlacementControl) {
	bytes := int64(4096)
	d.Status.Phase, d.Status.Progression = "Deployed", "Completed"
	d.Status.Conditions = []metav1.Condition{{Type: "Protected", Status: "True", Reason: "Protected"}}
	d.Status.LastKubeObjectProtectionTime = ago(2 * time.Minute)
	d.Status.LastGroupSyncTime, d.Status.LastGroupSyncDuration, d.Status.LastGroupSyncBytes = ago(time.Minute), &metav1.Duration{Duration: 3 * time.Second}, &bytes
}

func TestAScrapeTellsWhatTheObjectsSay(t *testing.T) {
	h := newHub(t,
		cluster("dr1"), cluster("dr2"), policy("policy", "5m"), policy("odd", "0m"), drpc("db", synced),
		drpc("stuck", func(d *v1alpha1.DRPlacementControl) {
			d.Spec.ProtectedNamespaces = []string{"a"}
			d.Annotations = map[string]string{"drplacementcontrol.ramendr.openshift.io/is-cg-enabled": "true"}
			d.Status.Progression = "WaitOnUserToCleanUp"
			d.Status.Waiting = &v1alpha1.Waiting{Fact: "WorkloadGone", Cluster: "dr1", Since: ago(90 * time.Second)}
		}),
	)
	close(h.leading)
	h.links["dr1"] = exchange.Link{State: exchange.LinkLive, LastRenewal: start.Add(-3 * time.Second)}
	assert.ElementsMatch(t, []string{
		`ramen_hub_leading 1`,
		`ramen_link_age_seconds{cluster="dr1"} 3`,
		`ramen_link_state{cluster="dr1",state="connecting"} 0`,
		`ramen_link_state{cluster="dr1",state="live"} 1`,
		`ramen_link_state{cluster="dr1",state="lost"} 0`,
		`ramen_link_state{cluster="dr1",state="never"} 0`,
		`ramen_link_state{cluster="dr1",state="replaced"} 0`,
		`ramen_link_state{cluster="dr2",state="connecting"} 0`,
		`ramen_link_state{cluster="dr2",state="live"} 0`,
		`ramen_link_state{cluster="dr2",state="lost"} 0`,
		`ramen_link_state{cluster="dr2",state="never"} 1`,
		`ramen_link_state{cluster="dr2",state="replaced"} 0`,
		`ramen_policy_schedule_interval_seconds{policyname="policy"} 300`,
		`ramen_dr_policy_type{dr_type="regional"} 2`,
		`ramen_dr_protected_apps{management_method="discovered"} 1`,
		`ramen_dr_protected_apps{management_method="managed"} 1`,
		`ramen_last_sync_timestamp_seconds{obj_name="db",obj_namespace="shop",obj_type="DRPlacementControl",policyname="policy",scheduling_interval="5m"} 1.76726874e+09`,
		`ramen_last_sync_duration_seconds{obj_name="db",obj_namespace="shop",obj_type="DRPlacementControl",scheduling_interval="5m"} 3`,
		`ramen_last_sync_data_bytes{obj_name="db",obj_namespace="shop",obj_type="DRPlacementControl",scheduling_interval="5m"} 4096`,
		`ramen_last_kube_object_protection_timestamp_seconds{obj_name="db",obj_namespace="shop",obj_type="DRPlacementControl",policyname="policy"} 1.76726868e+09`,
		`ramen_workload_protection_status{obj_name="db",obj_namespace="shop",obj_type="DRPlacementControl"} 1`,
		`ramen_workload_protection_status{obj_name="stuck",obj_namespace="shop",obj_type="DRPlacementControl"} 0`,
		`ramen_unsupported_consistency_grouping_enabled{obj_name="db",obj_namespace="shop",obj_type="DRPlacementControl"} 0`,
		`ramen_unsupported_consistency_grouping_enabled{obj_name="stuck",obj_namespace="shop",obj_type="DRPlacementControl"} 1`,
		`ramen_progression_state{obj_name="stuck",obj_namespace="shop",obj_type="DRPlacementControl",state="WaitOnUserToCleanUp"} 1`,
		`ramen_waiting_seconds{cluster="dr1",fact="WorkloadGone",needs_user="false",obj_name="stuck",obj_namespace="shop",obj_type="DRPlacementControl"} 90`,
	}, h.scrape(), "what was never synchronized has no time of it, and what can't be told of an interval is left out")
}

func TestNoSeriesOutlivesItsObject(t *testing.T) {
	h := newHub(t, cluster("dr1"), policy("policy", "5m"), drpc("db", synced))
	close(h.leading)
	assert.NotEmpty(t, about(h.scrape(), `"db"`))
	for _, o := range []client.Object{drpc("db"), policy("policy", ""), cluster("dr1")} {
		require.NoError(t, h.client.Delete(t.Context(), o))
	}
	assert.ElementsMatch(t, []string{
		`ramen_hub_leading 1`, `ramen_dr_policy_type{dr_type="regional"} 0`,
		`ramen_dr_protected_apps{management_method="discovered"} 0`, `ramen_dr_protected_apps{management_method="managed"} 0`,
	}, h.scrape())
}

func TestWhatIsGivenUpIsNotUnprotected(t *testing.T) {
	h := newHub(t, policy("policy", "5m"), drpc("db", synced, func(d *v1alpha1.DRPlacementControl) {
		d.DeletionTimestamp, d.Finalizers = ago(time.Second), []string{"drpc.ramendr.openshift.io/finalizer"}
		d.Status.Waiting = &v1alpha1.Waiting{Fact: "LinkLive", Cluster: "dr2", Since: ago(time.Second)}
	}))
	close(h.leading)
	assert.Equal(t, []string{
		`ramen_waiting_seconds{cluster="dr2",fact="LinkLive",needs_user="false",obj_name="db",obj_namespace="shop",obj_type="DRPlacementControl"} 1`,
	}, about(h.scrape(), `"db"`))
}

func TestWhoNeedsToActIsTold(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*v1alpha1.DRPlacementControlStatus)
		want string
	}{
		"a wait that ends by itself": {func(*v1alpha1.DRPlacementControlStatus) {}, "false"},
		"a refusal": {func(s *v1alpha1.DRPlacementControlStatus) {
			s.Conditions = []metav1.Condition{{Type: "Stalled", Status: "True", Reason: "NoSuchPolicy"}}
		}, "true"},
		"a phase for the user": {func(s *v1alpha1.DRPlacementControlStatus) { s.Phase = "WaitForUser" }, "true"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, drpc("db", func(d *v1alpha1.DRPlacementControl) {
				d.Status.Waiting = &v1alpha1.Waiting{Fact: "Some", Since: ago(time.Second)}
				tc.edit(&d.Status)
			}))
			close(h.leading)
			assert.Contains(t, strings.Join(h.scrape(), "\n"), `ramen_waiting_seconds{cluster="",fact="Some",needs_user="`+tc.want+`"`)
		})
	}
}

func TestAReplicaThatWaitsTellsOnlyThat(t *testing.T) {
	h := newHub(t, cluster("dr1"), policy("policy", "5m"), drpc("db", synced))
	h.fail = errors.New("its caches are not started")
	assert.Equal(t, []string{`ramen_hub_leading 0`}, h.scrape())
}

func TestAScrapeThatCanNotSeeFails(t *testing.T) {
	h := newHub(t, drpc("db", synced))
	close(h.leading)
	h.fail = errors.New("the caches are not filled")
	_, err := h.registry.Gather()
	require.ErrorContains(t, err, "list for a scrape: the caches are not filled", "no applications would look like none")
}

func about(samples []string, what string) []string {
	var out []string
	for _, s := range samples {
		if strings.Contains(s, what) {
			out = append(out, s)
		}
	}
	return out
}
