// SPDX-License-Identifier: Apache-2.0

package drcluster_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationv1ac "k8s.io/client-go/applyconfigurations/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/drcluster"
	"github.com/ramendr/ramen-direct/hubctrl/drpolicy"
	"github.com/ramendr/ramen-direct/hubctrl/maintenance"
	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/mem"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/tests/apiserver"
)

const (
	within = time.Minute // for a machine that is busy with other things
	often  = 50 * time.Millisecond
)

type live struct{}

func (live) Link(string) exchange.Link { return exchange.Link{State: exchange.LinkLive} }

// hub is a real API server on which the reconcilers run as their ServiceAccount, with the rights of config/hub.
type hub struct {
	*apiserver.Server
	t *testing.T
}

func startHub(t *testing.T) *hub {
	t.Helper()
	h := &hub{Server: apiserver.Start(t), t: t}
	h.Kubectl(t, "apply", "-k", "config/hub")
	h.Kubectl(t, "apply", "-f", "config/samples/hub_config.yaml")
	buckets := mem.New()
	for _, name := range []string{"dr1", "dr2"} {
		buckets.AddBucket(store.Config{
			Endpoint: "https://s3." + name + ".example.com", Bucket: name,
			AccessKey: "access-key-of-" + name, SecretKey: "secret-key-of-" + name,
		})
	}
	mgr, err := ctrl.NewManager(h.as("ramen-system", "hubctrl"), manager.Options{
		Scheme:  h.Scheme,
		Metrics: metricsserver.Options{BindAddress: "0"},
		Logger:  testr.New(t),
	})
	require.NoError(t, err)
	require.NoError(t, maintenance.Setup(mgr, clock.RealClock{}))
	require.NoError(t, drcluster.Setup(mgr, drcluster.Options{
		Namespace: "ramen-system", Origin: "hub", Open: buckets.Open, Links: live{},
		Wake: make(chan event.GenericEvent), Clock: clock.RealClock{},
	}))
	require.NoError(t, drpolicy.Setup(mgr, drpolicy.Options{Clock: clock.RealClock{}}))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() { stop(); assert.NoError(t, <-ended) })
	return h
}

// as is a connection with the rights of a ServiceAccount.
func (h *hub) as(namespace, name string) *rest.Config {
	cfg := rest.CopyConfig(h.Admin)
	cfg.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + namespace + ":" + name, Groups: groupsOf(namespace)}
	return cfg
}

func groupsOf(namespace string) []string {
	return []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"}
}

// eventually waits until the condition of an object has the reason.
func (h *hub) eventually(o client.Object, conditions func() []metav1.Condition, kind, reason string) {
	h.t.Helper()
	var last *metav1.Condition
	if !assert.Eventually(h.t, func() bool {
		if h.Client.Get(h.t.Context(), client.ObjectKeyFromObject(o), o) != nil {
			return false
		}
		last = meta.FindStatusCondition(conditions(), kind)
		return last != nil && last.Reason == reason
	}, within, often) {
		require.FailNow(h.t, "not "+reason, "%s of %s is %+v", kind, o.GetName(), last)
	}
}

func (h *hub) cluster(name, kind, reason string) {
	h.t.Helper()
	dc := &v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	h.eventually(dc, func() []metav1.Condition { return dc.Status.Conditions }, kind, reason)
}

func (h *hub) policy(kind, reason string) *v1alpha1.DRPolicy {
	h.t.Helper()
	p := &v1alpha1.DRPolicy{ObjectMeta: metav1.ObjectMeta{Name: "dr-5m"}}
	h.eventually(p, func() []metav1.Condition { return p.Status.Conditions }, kind, reason)
	return p
}

// TestOnARealHub runs what a hub does for its clusters from the first to the last day, with no more rights than config/hub
// grants.
func TestOnARealHub(t *testing.T) {
	h := startHub(t)
	h.Kubectl(t, "apply", "-f", "config/samples/drcluster.yaml", "-f", "config/samples/drpolicy.yaml")
	for _, name := range []string{"dr1", "dr2"} {
		h.cluster(name, "Validated", "Succeeded")
		for _, secret := range []string{"ramen-system.s3-dr1", "ramen-system.s3-dr2"} {
			require.Eventually(t, func() bool {
				return h.Client.Get(t.Context(), client.ObjectKey{Namespace: "outbox-" + name, Name: secret}, &corev1.Secret{}) == nil
			}, within, often, "the keys %s do not get to %s", secret, name)
		}
	}
	config := &v1alpha1.DRClusterConfig{}
	require.Eventually(t, func() bool {
		return h.Client.Get(t.Context(), client.ObjectKey{Name: "dr1"}, config) == nil && len(config.Spec.ReplicationSchedules) == 1
	}, within, often, "the schedule does not get to dr1")
	h.policy("Validated", "ClassesNotReported")

	t.Run("the agent of dr1 may do this on the hub and nothing else", func(t *testing.T) {
		assert.Equal(t, agentRights, h.rights(t, "inbox-dr1", "mirror"))
	})
	t.Run("hubctrl may do this and nothing else: it touches Secrets and wishes only where it has to", func(t *testing.T) {
		assert.Equal(t, hubRights, h.rights(t, "ramen-system", "hubctrl"))
	})

	h.report("dr1")
	h.report("dr2")
	assert.Len(t, h.policy("Validated", "Succeeded").Status.Async.PeerClasses, 1)

	t.Run("of what users write the hub owns finalizers and status", func(t *testing.T) {
		h.ownsLittle(t, &v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: "dr1"}})
		h.ownsLittle(t, &v1alpha1.DRPolicy{ObjectMeta: metav1.ObjectMeta{Name: "dr-5m"}})
	})
	t.Run("changed keys are noticed at once", func(t *testing.T) {
		s := &corev1.Secret{}
		require.NoError(t, h.Client.Get(t.Context(), client.ObjectKey{Namespace: "ramen-system", Name: "s3-dr1"}, s))
		good := s.Data["AWS_SECRET_ACCESS_KEY"]
		s.Data["AWS_SECRET_ACCESS_KEY"] = []byte("wrong")
		require.NoError(t, h.Client.Update(t.Context(), s))
		h.cluster("dr1", "Validated", "AccessDenied")
		s.Data["AWS_SECRET_ACCESS_KEY"] = good
		require.NoError(t, h.Client.Update(t.Context(), s))
		h.cluster("dr1", "Validated", "Succeeded")
	})
	t.Run("a status that somebody wiped comes back", func(t *testing.T) {
		wipe := func(what string) {
			h.Kubectl(t, "patch", what, "--subresource=status", "--type=json", "-p", `[{"op": "remove", "path": "/status"}]`)
		}
		wipe("drpolicy/dr-5m")
		assert.Len(t, h.policy("Validated", "Succeeded").Status.Async.PeerClasses, 1)
		wipe("drcluster/dr1")
		h.cluster("dr1", "Validated", "Succeeded")
	})
	t.Run("a right that was taken away comes back", func(t *testing.T) {
		b := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-dr1", Name: "mirror"}}
		require.NoError(t, h.Client.Delete(t.Context(), b))
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "inbox-dr1"}}
		require.NoError(t, h.Client.Get(t.Context(), client.ObjectKeyFromObject(ns), ns))
		delete(ns.Labels, "ramendr.openshift.io/exchange") // a cause to look
		require.NoError(t, h.Client.Update(t.Context(), ns))
		require.Eventually(t, func() bool {
			return h.Client.Get(t.Context(), client.ObjectKeyFromObject(b), b) == nil
		}, within, often)
	})
	t.Run("a failover needs a maintenance mode", func(t *testing.T) { h.modes(t) })
	t.Run("a cluster leaves", func(t *testing.T) { h.leave(t) })
}

// ownsLittle fails if anybody but kubectl, who is the user here, owns more of an object than finalizers and status.
func (h *hub) ownsLittle(t *testing.T, o client.Object) {
	require.NoError(t, h.Client.Get(t.Context(), client.ObjectKeyFromObject(o), o))
	owned := map[string]bool{}
	for _, m := range o.GetManagedFields() {
		if strings.HasPrefix(m.Manager, "kubectl") {
			continue
		}
		var fields map[string]map[string]any
		require.NoError(t, json.Unmarshal(m.FieldsV1.GetRawBytes(), &fields))
		for field, inner := range fields {
			if field != "f:metadata" {
				owned[field] = true
				continue
			}
			for name := range inner {
				owned["f:metadata."+name] = true
			}
		}
	}
	assert.Equal(t, map[string]bool{"f:metadata.f:finalizers": true, "f:status": true}, owned, "%T", o)
}

// report says, as the agent of a cluster, what classes the cluster has.
func (h *hub) report(cluster string) {
	h.t.Helper()
	agent, err := client.New(h.as("inbox-"+cluster, "mirror"), client.Options{Scheme: h.Scheme})
	require.NoError(h.t, err)
	config := &v1alpha1.DRClusterConfig{}
	require.NoError(h.t, agent.Get(h.t.Context(), client.ObjectKey{Name: cluster}, config))
	was := config.DeepCopy()
	id := map[string]string{"ramendr.openshift.io/storageid": cluster}
	config.Status = v1alpha1.DRClusterConfigStatus{ClusterID: "id-" + cluster, Classes: []v1alpha1.ClassFact{
		{Kind: v1alpha1.KindStorageClass, Name: "fast", Provisioner: "csi", Labels: id},
		{Kind: v1alpha1.KindVolumeSnapshotClass, Name: "snap", Provisioner: "csi", Labels: id},
	}}
	require.NoError(h.t, agent.Status().Patch(h.t.Context(), config, client.MergeFrom(was)))
}

// withdraw is what the mirror of a cluster does with Secrets whose wishes are deleted, and tells in its lease.
func (h *hub) withdraw(cluster string) {
	h.t.Helper()
	list := &corev1.SecretList{}
	require.NoError(h.t, h.Client.List(h.t.Context(), list, client.InNamespace("outbox-"+cluster)))
	var uids []string
	for _, s := range list.Items {
		assert.NotNil(h.t, s.DeletionTimestamp, s.Name)
		uids = append(uids, string(s.UID))
	}
	require.Len(h.t, uids, 2)
	h.renew(cluster, map[string]string{exchange.AnnotationWithdrawn: strings.Join(uids, ",")})
}

// renew is what the mirror of a cluster tells in its lease, besides who it is.
func (h *hub) renew(cluster string, annotations map[string]string) {
	h.t.Helper()
	agent, err := client.New(h.as("inbox-"+cluster, "mirror"), client.Options{Scheme: h.Scheme})
	require.NoError(h.t, err)
	annotations[exchange.AnnotationSpokeID] = "id-" + cluster
	lease := coordinationv1ac.Lease(exchange.LeaseName, "inbox-"+cluster).WithAnnotations(annotations)
	require.NoError(h.t, agent.Apply(h.t.Context(), lease, client.FieldOwner("mirror")))
}

// leave takes dr2 away, step by step.
func (h *hub) leave(t *testing.T) {
	ctx := t.Context()
	dr2 := &v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: "dr2"}}
	h.renew("dr2", map[string]string{})
	require.Eventually(t, func() bool {
		return h.Client.Get(ctx, client.ObjectKeyFromObject(dr2), dr2) == nil && dr2.Status.ClusterID == "id-dr2"
	}, within, often, "who it is is not recorded")
	require.NoError(t, h.Client.Delete(ctx, dr2))
	h.cluster("dr2", "DeletionBlocked", "ListedByDRPolicy")
	require.NoError(t, h.Client.Delete(ctx, &v1alpha1.DRPolicy{ObjectMeta: metav1.ObjectMeta{Name: "dr-5m"}}))
	h.cluster("dr2", "DeletionBlocked", "RemovingSecrets")
	h.withdraw("dr2")
	h.cluster("dr2", "DeletionBlocked", "RemovingNamespaces")
	require.Eventually(t, func() bool {
		config := &v1alpha1.DRClusterConfig{}
		return h.Client.Get(ctx, client.ObjectKey{Name: "dr1"}, config) == nil && len(config.Spec.ReplicationSchedules) == 0
	}, within, often, "the last schedule stays with dr1")
	for _, name := range []string{"outbox-dr2", "inbox-dr2"} { // what a namespace controller does
		ns := &corev1.Namespace{}
		require.Eventually(t, func() bool {
			return h.Client.Get(ctx, client.ObjectKey{Name: name}, ns) == nil && !ns.DeletionTimestamp.IsZero()
		}, within, often)
		require.NoError(t, h.Client.DeleteAllOf(ctx, &rbacv1.RoleBinding{}, client.InNamespace(name))) // also the rights of hubctrl there
		ns.Spec.Finalizers = nil
		require.NoError(t, h.Client.SubResource("finalize").Update(ctx, ns))
	}
	require.Eventually(t, func() bool {
		return apierrors.IsNotFound(h.Client.Get(ctx, client.ObjectKeyFromObject(dr2), dr2))
	}, within, often, "the DRCluster stays")
	assert.True(t, apierrors.IsNotFound(h.Client.Get(ctx, client.ObjectKey{Name: "dr2"}, &v1alpha1.DRClusterConfig{})))
	assert.True(t, apierrors.IsNotFound(h.Client.Get(ctx, client.ObjectKey{Name: "ramen-mirror-cluster-dr2"}, &rbacv1.ClusterRole{})))
	assert.True(t, apierrors.IsNotFound(h.Client.Get(ctx, client.ObjectKey{Name: "ramen-mirror-cluster-dr2"}, &rbacv1.ClusterRoleBinding{})))
}
