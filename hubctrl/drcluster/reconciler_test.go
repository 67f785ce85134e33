// SPDX-License-Identifier: Apache-2.0

package drcluster_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/storetest"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

func TestANewClusterGetsAllThatItNeeds(t *testing.T) {
	w := newWorld(t)
	res := w.mustReconcile()
	assert.Equal(t, time.Minute, res.RequeueAfter, "the bucket is checked again")

	dc := w.dr1()
	assert.Equal(t, []string{"drclusters.ramendr.openshift.io/ramen"}, dc.Finalizers)
	assert.Equal(t, v1alpha1.ClusterAvailable, dc.Status.Phase)
	assert.Equal(t, "Succeeded", w.condition("Validated").Reason)
	assert.Equal(t, metav1.ConditionTrue, w.condition("Validated").Status)

	ns := &corev1.Namespace{}
	require.True(t, w.get(ns, "", "outbox-dr1"))
	assert.Equal(t, "outbox", ns.Labels["ramendr.openshift.io/exchange"])
	assert.Equal(t, "dr1", ns.Labels["ramendr.openshift.io/cluster"])
	require.True(t, w.get(ns, "", "inbox-dr1"))
	assert.Equal(t, "inbox", ns.Labels["ramendr.openshift.io/exchange"])
	assert.True(t, w.get(&corev1.ServiceAccount{}, "inbox-dr1", "mirror"))
	bound := &corev1.Secret{}
	require.True(t, w.get(bound, "inbox-dr1", "mirror-credential"), "what the agent's tokens are bound to")
	assert.Empty(t, bound.Data)

	quota := &corev1.ResourceQuota{}
	require.True(t, w.get(quota, "inbox-dr1", "mirror"), "a cluster can't fill up the hub")
	assert.Equal(t, "12k", quota.Spec.Hard.Name("count/volumereplicationgroups.ramendr.openshift.io", resource.DecimalSI).String())
	assert.Equal(t, "8", quota.Spec.Hard.Name("count/leases.coordination.k8s.io", resource.DecimalSI).String())

	agent := []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "inbox-dr1", Name: "mirror"}}
	b := &rbacv1.RoleBinding{}
	require.True(t, w.get(b, "outbox-dr1", "mirror"))
	assert.Equal(t, "ramen-mirror-outbox", b.RoleRef.Name)
	assert.Equal(t, agent, b.Subjects)
	require.True(t, w.get(b, "inbox-dr1", "mirror"))
	assert.Equal(t, "ramen-mirror-inbox", b.RoleRef.Name)
	assert.Equal(t, agent, b.Subjects)
	require.True(t, w.get(b, "inbox-dr1", "mirror-push"))
	assert.Equal(t, "ramen-mirror-push-inbox", b.RoleRef.Name)
	assert.Equal(t, "mirror-push", b.Subjects[0].Name)
	require.True(t, w.get(b, "outbox-dr1", "hubctrl"))
	assert.Equal(t, "ramen-hubctrl-outbox", b.RoleRef.Name)
	require.True(t, w.get(b, "inbox-dr1", "hubctrl"))
	assert.Equal(t, "ramen-hubctrl-inbox", b.RoleRef.Name)
	role := &rbacv1.ClusterRole{}
	require.True(t, w.get(role, "", "ramen-mirror-cluster-dr1"))
	for _, rule := range role.Rules {
		own := map[bool]string{true: "volumereplicationgroups.ramendr.openshift.io", false: "dr1"}
		assert.Equal(t, []string{own[rule.Resources[0] == "customresourcedefinitions"]}, rule.ResourceNames)
	}
	cb := &rbacv1.ClusterRoleBinding{}
	require.True(t, w.get(cb, "", "ramen-mirror-cluster-dr1"))
	assert.Equal(t, agent, cb.Subjects)
}

func TestASecondPassWritesNothing(t *testing.T) {
	w := newWorld(t)
	w.mustReconcile()
	w.writes, w.checks = 0, 0
	w.mustReconcile()
	assert.Zero(t, w.writes)
	assert.Zero(t, w.checks, "a bucket that answered is not asked at each pass")
}

func TestDriftIsRepaired(t *testing.T) {
	w := newWorld(t)
	w.mustReconcile()
	w.delete(&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-dr1", Name: "mirror"}})
	w.mustReconcile()
	assert.True(t, w.get(&rbacv1.RoleBinding{}, "inbox-dr1", "mirror"))
}

func TestANamespaceOfSomebodyElseIsNotTakenOver(t *testing.T) {
	w := newWorld(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "inbox-dr1"}})
	w.mustReconcile()
	c := w.condition("Validated")
	assert.Equal(t, "ExchangeFailed", c.Reason)
	assert.Contains(t, c.Message, "namespace inbox-dr1 exists but has no label ramendr.openshift.io/cluster=dr1")
	assert.Equal(t, v1alpha1.ClusterStarting, w.dr1().Status.Phase)
	assert.True(t, w.get(&v1alpha1.DRClusterConfig{}, "", "dr1"), "the other steps are done")
	ns := &corev1.Namespace{}
	require.True(t, w.get(ns, "", "inbox-dr1"))
	assert.Empty(t, ns.Labels)
}

func TestSchedulesAreSortedAndDistinct(t *testing.T) {
	other := policy("other", "1m")
	other.Spec.DRClusters = []string{"dr2", "dr3"}
	w := newWorld(t, policy("b", "5m"), policy("a", "1h"), other)
	config := &v1alpha1.DRClusterConfig{}
	w.mustReconcile()
	require.True(t, w.get(config, "", "dr1"))
	assert.Equal(t, []string{"1h", "5m"}, config.Spec.ReplicationSchedules)

	for _, name := range []string{"policy", "a", "b"} {
		w.delete(&v1alpha1.DRPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	w.mustReconcile()
	require.True(t, w.get(config, "", "dr1"))
	assert.Empty(t, config.Spec.ReplicationSchedules, "the last schedule goes too")
}

func TestOneStepThatFailsStopsNoOther(t *testing.T) {
	boom := errors.New("boom")
	done := map[string]func(w *world) bool{
		"finalizer": func(w *world) bool { return len(w.dr1().Finalizers) == 1 },
		"exchange":  func(w *world) bool { return w.get(&rbacv1.ClusterRoleBinding{}, "", "ramen-mirror-cluster-dr1") },
		"config":    func(w *world) bool { return w.get(&v1alpha1.DRClusterConfig{}, "", "dr1") },
		"keys":      func(w *world) bool { return w.get(&corev1.Secret{}, "outbox-dr1", "spoke-system.keys-dr2") },
		"bucket":    func(w *world) bool { return w.checks > 0 },
		"link":      func(w *world) bool { return w.condition("Connected").Reason == "Live" },
	}
	for name, tc := range map[string]struct {
		fail       op
		wantReason string
		wantUndone string
	}{
		"the finalizer":       {op{"patch", "dr1"}, "FinalizerAddFailed", "finalizer"},
		"the exchange":        {op{"apply", "mirror"}, "ExchangeFailed", "exchange"},
		"the DRClusterConfig": {op{"apply", "dr1"}, "DRClusterConfigFailed", "config"},
		"the keys":            {op{"apply", "spoke-system.keys-dr2"}, "SecretDistributionFailed", "keys"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.failures[tc.fail] = boom
			_, err := w.reconcile()
			require.ErrorIs(t, err, boom, "it is tried again")
			for step, is := range done {
				assert.Equal(t, step != tc.wantUndone, is(w), step)
			}
			c := w.condition("Validated")
			assert.Equal(t, metav1.ConditionFalse, c.Status)
			assert.Equal(t, tc.wantReason, c.Reason)
			assert.Contains(t, c.Message, "boom")

			delete(w.failures, tc.fail)
			w.mustReconcile()
			assert.Equal(t, "Succeeded", w.condition("Validated").Reason)
		})
	}
}

func TestABrokenStoreShowsAsValidatedAndNothingElse(t *testing.T) {
	noKeys := secret("keys-dr1")
	delete(noKeys.Data, "AWS_SECRET_ACCESS_KEY")
	for name, tc := range map[string]struct {
		with       []client.Object
		store      store.Reason
		wantReason string
		says       string
	}{
		"no answer":            {store: store.ReasonUnreachable, wantReason: "s3ConnectionFailed", says: "S3 profile s3-dr1"},
		"no bucket":            {store: store.ReasonBucketNotFound, wantReason: "s3BucketNotFound", says: "S3 profile s3-dr1"},
		"wrong keys":           {store: store.ReasonAccessDenied, wantReason: "AccessDenied", says: "S3 profile s3-dr1"},
		"an error":             {store: store.ReasonError, wantReason: "s3ListFailed", says: "S3 profile s3-dr1"},
		"a key is missing":     {with: []client.Object{noKeys}, wantReason: "SecretNotFound", says: "ramen-system/keys-dr1 has no key AWS_SECRET_ACCESS_KEY"},
		"no such profile":      {with: []client.Object{configMap("s3StoreProfiles: []")}, wantReason: "s3ConnectionFailed", says: `no profile "s3-dr1"`},
		"no endpoint":          {with: []client.Object{configMap(strings.ReplaceAll(config, "https://s3.example.com", "s3.example.com"))}, wantReason: "s3ConnectionFailed", says: "must start with https://"},
		"a broken ConfigMap":   {with: []client.Object{configMap("]")}, wantReason: "ConfigMapGetFailed", says: "ramen-hub-operator-config"},
		"the key is not there": {with: []client.Object{&corev1.ConfigMap{ObjectMeta: configMap("").ObjectMeta}}, wantReason: "ConfigMapGetFailed", says: "has no key ramen_manager_config.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tc.with...)
			if tc.store != "" {
				w.store["s3-dr1"] = storetest.Failure("s3-dr1", tc.store, errors.New("it hurts"))
			}
			res := w.mustReconcile()
			assert.Equal(t, 15*time.Second, res.RequeueAfter)
			c := w.condition("Validated")
			assert.Equal(t, metav1.ConditionFalse, c.Status)
			assert.Equal(t, tc.wantReason, c.Reason)
			assert.Contains(t, c.Message, tc.says)
			assert.Equal(t, v1alpha1.ClusterAvailable, w.dr1().Status.Phase)
			assert.Equal(t, metav1.ConditionTrue, w.condition("Connected").Status)
			assert.True(t, w.get(&v1alpha1.DRClusterConfig{}, "", "dr1"))

			w.writes = 0
			w.clock.SetTime(w.clock.Now().Add(16 * time.Second))
			w.mustReconcile()
			assert.Zero(t, w.writes, "the same failure is written once")
		})
	}
}

func TestAClusterWithoutAnObjectStoreIsValidAndSaysSo(t *testing.T) {
	without := cluster("dr1")
	without.Spec.S3ProfileName = "NoS3"
	w := newWorld(t, without)
	w.mustReconcile()
	c := w.condition("Validated")
	assert.Equal(t, "True Succeeded", string(c.Status)+" "+c.Reason)
	assert.Contains(t, c.Message, "it has no object store")
	assert.Zero(t, w.checks)
	assert.True(t, w.get(&corev1.Secret{}, "outbox-dr1", "spoke-system.keys-dr2"), "it reads what its peer stores")
	assert.False(t, w.get(&corev1.Secret{}, "outbox-dr1", "spoke-system.keys-dr1"))
	w.delete(policy("policy", ""))
	w.mustReconcile()
	assert.False(t, w.wishes("spoke-system.keys-dr2"), "what nobody needs still goes")
}

func TestTheBucketIsAskedAgain(t *testing.T) {
	w := newWorld(t)
	asked := func(after time.Duration) bool {
		w.clock.SetTime(w.clock.Now().Add(after))
		w.checks = 0
		w.mustReconcile()
		return w.checks > 0
	}
	assert.True(t, asked(0), "at first")
	assert.False(t, asked(50*time.Second), "while it is believed to be well")
	assert.True(t, asked(20*time.Second), "after a minute")

	w.store["s3-dr1"] = storetest.Failure("s3-dr1", store.ReasonUnreachable, errors.New("down"))
	assert.True(t, asked(6*time.Minute))
	assert.Equal(t, "s3ConnectionFailed", w.condition("Validated").Reason)
	assert.False(t, asked(10*time.Second))
	delete(w.store, "s3-dr1")
	assert.True(t, asked(6*time.Second), "every fifteen seconds while it is ill")
	assert.Equal(t, "Succeeded", w.condition("Validated").Reason)

	changed := secret("keys-dr1")
	changed.Data["AWS_SECRET_ACCESS_KEY"] = []byte("wrong")
	w.update(changed)
	assert.True(t, asked(0), "at once when the keys change")
	assert.Equal(t, "AccessDenied", w.condition("Validated").Reason)
	w.update(secret("keys-dr1"))
	assert.True(t, asked(0))
	assert.Equal(t, "Succeeded", w.condition("Validated").Reason)
}

func TestAnUnknownFieldOfTheConfigurationIsNamed(t *testing.T) {
	w := newWorld(t)
	w.update(configMap(config + "\ns3StoreProfile: []\n"))
	w.mustReconcile()
	c := w.condition("Validated")
	assert.Equal(t, metav1.ConditionTrue, c.Status)
	assert.Contains(t, c.Message, "unknown fields, which are ignored: s3StoreProfile")
}

func TestConnectedSaysWhatTheLinkIs(t *testing.T) {
	heard := time.Date(2026, 1, 1, 11, 58, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		link       exchange.Link
		wantStatus metav1.ConditionStatus
		wantReason string
		says       string
	}{
		"never":                    {exchange.Link{}, metav1.ConditionFalse, "NeverConnected", "no Lease inbox-dr1/mirror"},
		"connecting":               {exchange.Link{State: exchange.LinkConnecting, LastRenewal: heard}, metav1.ConditionUnknown, "Connecting", "inbox-dr1/mirror renewed"},
		"live":                     {exchange.Link{State: exchange.LinkLive, LastRenewal: heard}, metav1.ConditionTrue, "Live", "renews its lease"},
		"lost":                     {exchange.Link{State: exchange.LinkLost, LastRenewal: heard}, metav1.ConditionFalse, "Lost", "last heard at 2026-01-01T11:58:00Z"},
		"lost before it was heard": {exchange.Link{State: exchange.LinkLost}, metav1.ConditionFalse, "Lost", "is silent. Check"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.links["dr1"] = tc.link
			w.mustReconcile()
			c := w.condition("Connected")
			assert.Equal(t, tc.wantStatus, c.Status)
			assert.Equal(t, tc.wantReason, c.Reason)
			assert.Contains(t, c.Message, tc.says)
			w.writes = 0
			w.clock.SetTime(w.clock.Now().Add(time.Minute))
			w.mustReconcile()
			assert.Zero(t, w.writes, "time alone is no change")
		})
	}
}

func TestConnectedRepeatsWhatTheAgentSays(t *testing.T) {
	const trouble = "cluster: cannot watch volumereplicationgroups: the permission to do so is missing"
	for name, tc := range map[string]struct {
		state exchange.LinkState
		told  string
		want  string
	}{
		"while it lists":        {exchange.LinkConnecting, "listing: " + trouble, "; the agent's last message: listing: " + trouble},
		"when it is lost":       {exchange.LinkLost, "lost since 2026-01-01T11:58:00Z: " + trouble, "; the agent's last message: lost since 2026-01-01T11:58:00Z: " + trouble},
		"of a part that fails":  {exchange.LinkLive, "live: hub: cannot watch secrets", "; the agent's last message: live: hub: cannot watch secrets"},
		"not that all is well":  {exchange.LinkLive, "live", "the agent of the cluster renews its lease"},
		"not if it says naught": {exchange.LinkLive, "", "the agent of the cluster renews its lease"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-dr1", Name: "mirror",
				Annotations: map[string]string{"exchange.ramendr.openshift.io/link": tc.told}}})
			w.links["dr1"] = exchange.Link{State: tc.state}
			w.mustReconcile()
			assert.True(t, strings.HasSuffix(w.condition("Connected").Message, tc.want), w.condition("Connected").Message)
		})
	}
}

// Hundreds of objects that a hub or cluster does not accept leave room for what else the status has to say: an API server
// refuses a message of more than 32768 bytes, and with it the whole status.
func TestX16_ConnectedNamesTheFirstOfMany(t *testing.T) {
	var objects, secrets []string
	for i := range 400 {
		objects = append(objects, fmt.Sprintf("app%03d/%s", i, strings.Repeat("é", 60)))
		secrets = append(secrets, fmt.Sprintf("app%03d/db-vs-secret: a Secret that no mirror made is in the way, and is left alone", i))
	}
	w := newWorld(t, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-dr1", Name: "mirror", Annotations: map[string]string{
		"exchange.ramendr.openshift.io/link":        "live: " + strings.Repeat("€", 50_000),
		"exchange.ramendr.openshift.io/unreported":  strings.Join(objects, ", "),
		"exchange.ramendr.openshift.io/undelivered": strings.Join(secrets, ", "),
		"exchange.ramendr.openshift.io/schema-skew": strings.Join(objects, ", "),
	}}})
	w.links["dr1"] = exchange.Link{State: exchange.LinkLost, LastRenewal: w.clock.Now()}
	w.mustReconcile()
	for kind, says := range map[string]string{"Connected": "app009/" + strings.Repeat("é", 60) + ", and 390 more; these Secrets are not copied", "SchemaSkew": ", and 390 more. Apply the newest CRDs"} {
		message := w.condition(kind).Message
		assert.Contains(t, message, says)
		assert.Less(t, len(message), 8192)
		assert.True(t, utf8.ValidString(message), kind)
	}
	for _, event := range drain(w) {
		assert.True(t, utf8.ValidString(event), event)
		assert.Less(t, len(event), 1100)
	}
}

func TestAHubThatHasJustStartedDoesNotCallALinkNeverConnected(t *testing.T) {
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-dr1", Name: "mirror"}}
	w := newWorld(t, lease)
	w.links["dr1"] = exchange.Link{}
	w.mustReconcile()
	assert.Equal(t, metav1.ConditionUnknown, w.condition("Connected").Status)
	assert.Equal(t, "Connecting", w.condition("Connected").Reason)
}

func TestALinkThatIsLostIsAnEvent(t *testing.T) {
	w := newWorld(t)
	w.mustReconcile()
	drain(w)
	w.links["dr1"] = exchange.Link{State: exchange.LinkLost, LastRenewal: w.clock.Now()}
	w.mustReconcile()
	got := drain(w)
	require.Len(t, got, 1)
	assert.Contains(t, got[0], "Warning Lost the agent of the cluster is silent")
}

func drain(w *world) []string {
	var out []string
	for {
		select {
		case e := <-w.events.Events:
			out = append(out, e)
		default:
			return out
		}
	}
}

func TestSkewComesFromTheLease(t *testing.T) {
	w := newWorld(t)
	w.mustReconcile()
	skewed := func() bool { return meta.FindStatusCondition(w.dr1().Status.Conditions, "SchemaSkew") != nil }
	assert.False(t, skewed())
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-dr1", Name: "mirror"}}
	require.NoError(t, w.client.Create(t.Context(), lease))
	w.mustReconcile()
	assert.False(t, skewed(), "tools expect True of every condition that is there")
	lease.Annotations = map[string]string{"exchange.ramendr.openshift.io/schema-skew": "status.newField"}
	w.update(lease)
	w.mustReconcile()
	c := w.condition("SchemaSkew")
	assert.Equal(t, metav1.ConditionTrue, c.Status)
	assert.Contains(t, c.Message, "status.newField")
	lease.Annotations = nil
	w.update(lease)
	w.mustReconcile()
	assert.False(t, skewed(), "it ends")
}
