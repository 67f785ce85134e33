// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/apiserver"
)

const (
	hubctrl    = "system:serviceaccount:ramen-system:hubctrl"
	agent      = "system:serviceaccount:inbox-dr1:mirror"
	otherAgent = "system:serviceaccount:inbox-dr2:mirror"
	impostor   = "system:serviceaccount:default:hubctrl"
	admin      = "alice"
	editor     = "bob" // may write everything, but not decide who else may
	emptier    = "system:serviceaccount:kube-system:namespace-controller"
	collector  = "system:serviceaccount:kube-system:generic-garbage-collector"

	breakGlass = "exchange.ramendr.openshift.io/break-glass"

	// An API server takes a moment to apply a policy.
	patience = 30 * time.Second
	tick     = 100 * time.Millisecond
)

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

// hub is an API server on which everybody has the right to write everywhere: what is refused, the policy refuses.
type hub struct {
	*apiserver.Server
	t *testing.T
}

func startHub(t *testing.T) *hub {
	t.Helper()
	h := &hub{Server: apiserver.Start(t), t: t}
	for _, cluster := range []string{"dr1", "dr2"} {
		for _, box := range []string{"outbox", "inbox"} {
			h.create(h.Client, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: box + "-" + cluster, Labels: map[string]string{
				"ramendr.openshift.io/exchange": box, "ramendr.openshift.io/cluster": cluster}}})
		}
	}
	everything := []rbacv1.PolicyRule{{APIGroups: []string{"", "ramendr.openshift.io", "coordination.k8s.io"}, Resources: []string{"*"}, Verbs: []string{"*"}}}
	h.create(h.Client, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "writer"}, Rules: everything})
	var writers []rbacv1.Subject
	for _, user := range []string{hubctrl, agent, otherAgent, impostor, editor, emptier, collector, "system:kube-controller-manager"} {
		writers = append(writers, rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: "User", Name: user})
	}
	bind := func(role string, subjects ...rbacv1.Subject) {
		h.create(h.Client, &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "test-" + role}, Subjects: subjects,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}})
	}
	bind("writer", writers...)
	bind("cluster-admin", rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: "User", Name: admin})
	h.Kubectl(t, "apply", "-k", "config/admission")
	require.Eventually(t, func() bool { // an API server takes a moment to apply a policy
		return apierrors.IsForbidden(h.as(editor).Create(t.Context(), wish("outbox-dr1", "probe"), client.DryRunAll))
	}, 30*time.Second, 100*time.Millisecond, "the policy is not applied")
	return h
}

func (h *hub) create(c client.Client, o client.Object) {
	h.t.Helper()
	require.NoError(h.t, c.Create(h.t.Context(), o))
}

func (h *hub) as(user string) client.Client {
	h.t.Helper()
	cfg := rest.CopyConfig(h.Admin)
	cfg.Impersonate.UserName = user
	if parts := strings.Split(user, ":"); len(parts) == 4 {
		cfg.Impersonate.Groups = []string{"system:serviceaccounts", "system:serviceaccounts:" + parts[2], "system:authenticated"}
	}
	c, err := client.New(cfg, client.Options{Scheme: h.Scheme})
	require.NoError(h.t, err)
	return c
}

func wish(namespace, name string) *v1alpha1.VolumeReplicationGroup {
	return &v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.VolumeReplicationGroupSpec{ReplicationState: v1alpha1.Secondary, S3Profiles: []string{"s3"}}}
}

func secret(namespace, name string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}

func lease(namespace, name string) *coordinationv1.Lease {
	return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}

// verbs are all ways to write an object.
var verbs = map[string]func(ctx context.Context, c client.Client, o client.Object) error{
	"create": func(ctx context.Context, c client.Client, o client.Object) error {
		fresh := o.DeepCopyObject().(client.Object)
		fresh.SetResourceVersion("")
		fresh.SetName("another")
		return c.Create(ctx, fresh, client.DryRunAll)
	},
	"update": func(ctx context.Context, c client.Client, o client.Object) error {
		o.SetLabels(map[string]string{"a": "b"})
		return c.Update(ctx, o, client.DryRunAll)
	},
	"patch": func(ctx context.Context, c client.Client, o client.Object) error {
		return c.Patch(ctx, o, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"a":"b"}}}`)), client.DryRunAll)
	},
	"delete": func(ctx context.Context, c client.Client, o client.Object) error {
		return c.Delete(ctx, o, client.DryRunAll)
	},
	"deletecollection": func(ctx context.Context, c client.Client, o client.Object) error {
		return c.DeleteAllOf(ctx, o, client.InNamespace(o.GetNamespace()), client.DryRunAll)
	},
	"status": func(ctx context.Context, c client.Client, o client.Object) error {
		vrg := o.(*v1alpha1.VolumeReplicationGroup)
		vrg.Status.State = v1alpha1.PrimaryState
		return c.Status().Update(ctx, vrg, client.DryRunAll)
	},
}

func TestX1_OnlyThoseWhoMayWriteInTheExchange(t *testing.T) {
	h := startHub(t)
	everybody := []string{hubctrl, agent, otherAgent, impostor, admin, editor, emptier, collector}
	places := map[string]struct {
		object func() client.Object
		writer string // of all but the status
		status string // of the status; empty: there is none
	}{
		"a wish":               {func() client.Object { return wish("outbox-dr1", "o") }, hubctrl, agent},
		"a Secret wish":        {func() client.Object { return secret("outbox-dr1", "o") }, hubctrl, ""},
		"a lease of nobody":    {func() client.Object { return lease("outbox-dr1", "o") }, hubctrl, ""},
		"a report":             {func() client.Object { return wish("inbox-dr1", "o") }, agent, agent},
		"the lease":            {func() client.Object { return lease("inbox-dr1", "o") }, agent, ""},
		"a wish of dr2":        {func() client.Object { return wish("outbox-dr2", "o") }, hubctrl, otherAgent},
		"a report of dr2":      {func() client.Object { return wish("inbox-dr2", "o") }, otherAgent, otherAgent},
		"a VRG elsewhere":      {func() client.Object { return wish("default", "o") }, "", ""},
		"a Secret elsewhere":   {func() client.Object { return secret("default", "o") }, "", ""},
		"a Secret in an inbox": {func() client.Object { return secret("inbox-dr1", "o") }, "", ""},
	}
	for name, place := range places {
		o := place.object()
		if place.writer == "" {
			h.create(h.Client, o)
			place.status = ""
		} else {
			h.create(h.as(place.writer), o)
		}
		for verb, write := range verbs {
			if _, vrg := o.(*v1alpha1.VolumeReplicationGroup); verb == "status" && !vrg {
				continue
			}
			for _, user := range everybody {
				writer := place.writer
				if verb == "status" && writer != "" {
					writer = place.status
				}
				want := writer == "" || user == writer || user == emptier || user == collector
				now := place.object()
				require.NoError(t, h.Client.Get(t.Context(), client.ObjectKeyFromObject(now), now))
				err := write(t.Context(), h.as(user), now)
				if want {
					assert.NoError(t, err, "%s: %s by %s", name, verb, user)
					continue
				}
				if assert.True(t, apierrors.IsForbidden(err), "%s: %s by %s: %v", name, verb, user, err) {
					assert.Contains(t, err.Error(), "only "+writer+" writes", "%s: %s by %s", name, verb, user)
				}
			}
		}
	}
	t.Run("an administrator breaks the glass", h.breaksTheGlass)
	t.Run("a namespace is emptied", h.empties)
	t.Run("a group that nobody answers", func(t *testing.T) { testMisplaced(t, h) })
}

func (h *hub) breaksTheGlass(t *testing.T) {
	ctx := t.Context()
	h.create(h.as(hubctrl), wish("outbox-dr1", "stuck"))
	annotate := func(user, reason string) error {
		w := wish("outbox-dr1", "stuck")
		require.NoError(t, h.Client.Get(ctx, client.ObjectKeyFromObject(w), w))
		w.Annotations = map[string]string{breakGlass: reason}
		return h.as(user).Update(ctx, w)
	}
	assert.True(t, apierrors.IsForbidden(annotate(editor, "I may not")), "who can't remove the policy can't break the glass")
	assert.True(t, apierrors.IsForbidden(annotate(admin, "")), "without a reason")
	assert.True(t, apierrors.IsForbidden(h.as(admin).Delete(ctx, wish("outbox-dr1", "stuck"))), "before the glass is broken")
	require.NoError(t, annotate(admin, "the cluster is gone for good"))
	assert.True(t, apierrors.IsForbidden(h.as(editor).Delete(ctx, wish("outbox-dr1", "stuck"))), "for others it is whole")
	require.NoError(t, h.as(hubctrl).Patch(ctx, wish("outbox-dr1", "stuck"), client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"runFinalSync":true}}`))))
	whole := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"annotations":{"`+breakGlass+`":null}}}`))
	assert.True(t, apierrors.IsForbidden(h.as(editor).Patch(ctx, wish("outbox-dr1", "stuck"), whole, client.DryRunAll)), "for others it is whole")
	require.NoError(t, h.as(admin).Patch(ctx, wish("outbox-dr1", "stuck"), whole), "and can be made whole again")
	assert.True(t, apierrors.IsForbidden(h.as(admin).Delete(ctx, wish("outbox-dr1", "stuck"))), "then it is")
	require.NoError(t, annotate(admin, "the cluster is gone for good"))
	require.NoError(t, h.as(admin).Delete(ctx, wish("outbox-dr1", "stuck")))
}

func (h *hub) empties(t *testing.T) {
	ctx := t.Context()
	for _, o := range []client.Object{&v1alpha1.VolumeReplicationGroup{}, &corev1.Secret{}, &coordinationv1.Lease{}} {
		for _, box := range []string{"outbox-dr1", "inbox-dr1"} {
			require.NoError(t, h.as(emptier).DeleteAllOf(ctx, o, client.InNamespace(box)), box)
		}
	}
	list := &v1alpha1.VolumeReplicationGroupList{}
	require.NoError(t, h.Client.List(ctx, list, client.InNamespace("inbox-dr1")))
	assert.Empty(t, list.Items)
}
