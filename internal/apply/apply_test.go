// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/api/v1alpha1/applyconfiguration"
	"github.com/ramendr/ramen-direct/internal/apply"
)

func TestOwnedTakesFieldsBack(t *testing.T) {
	c := fake.NewClientBuilder().Build()
	ours, theirs := apply.New(c, "ours"), apply.New(c, "theirs")
	intent := func(value string) apply.Intent {
		return corev1ac.ConfigMap("m", "ns").WithData(map[string]string{"a": value})
	}
	value := func() string {
		m := &corev1.ConfigMap{}
		require.NoError(t, c.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "m"}, m))
		return m.Data["a"]
	}
	require.NoError(t, ours.Owned(t.Context(), intent("1")))
	require.NoError(t, theirs.Owned(t.Context(), intent("2")))
	assert.Equal(t, "2", value())
}

// policies returns a client that counts the status writes, and a policy in it.
func policies(t *testing.T) (client.Client, *v1alpha1.DRPolicy, *int) {
	t.Helper()
	s := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(s))
	writes := new(int)
	p := &v1alpha1.DRPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p", UID: "uid"}}
	p.Spec.SchedulingInterval = "5m"
	c := fake.NewClientBuilder().WithScheme(s).WithTypeConverters(applyconfiguration.NewTypeConverter(s)).
		WithStatusSubresource(&v1alpha1.DRPolicy{}).WithObjects(p).
		WithInterceptorFuncs(interceptor.Funcs{
			SubResourceApply: func(ctx context.Context, c client.Client, sub string, intent runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
				*writes++
				return c.SubResource(sub).Apply(ctx, intent, opts...)
			},
		}).Build()
	return c, p, writes
}

func TestAnUnchangedStatusIsNotSent(t *testing.T) {
	c, before, writes := policies(t)
	a := apply.New(c, "status")
	sent, err := a.ChangedStatus(t.Context(), before, before.DeepCopy())
	require.NoError(t, err)
	assert.False(t, sent)
	assert.Zero(t, *writes)

	after := before.DeepCopy()
	after.Spec.SchedulingInterval = "1h" // no business of a status
	after.Status.Async.PeerClasses = []v1alpha1.PeerClass{{StorageClassName: "fast"}}
	sent, err = a.ChangedStatus(t.Context(), before, after)
	require.NoError(t, err)
	assert.True(t, sent)
	now := &v1alpha1.DRPolicy{}
	require.NoError(t, c.Get(t.Context(), client.ObjectKey{Name: "p"}, now))
	assert.Equal(t, after.Status, now.Status)
	assert.Equal(t, "5m", now.Spec.SchedulingInterval)

	empty := now.DeepCopy()
	empty.Status = v1alpha1.DRPolicyStatus{}
	_, err = a.ChangedStatus(t.Context(), now, empty)
	require.NoError(t, err)
	require.NoError(t, c.Get(t.Context(), client.ObjectKey{Name: "p"}, now))
	assert.Empty(t, now.Status.Async.PeerClasses, "what an intent leaves out is given up")
}

func TestAStatusDoesNotMakeADeletedObjectAnew(t *testing.T) {
	c, before, _ := policies(t)
	require.NoError(t, c.Delete(t.Context(), before.DeepCopy()))
	after := before.DeepCopy()
	after.Status.Async.PeerClasses = []v1alpha1.PeerClass{{StorageClassName: "fast"}}
	_, err := apply.New(c, "status").ChangedStatus(t.Context(), before, after)
	require.ErrorContains(t, err, "apply status as status: ")
	assert.True(t, apierrors.IsNotFound(c.Get(t.Context(), client.ObjectKey{Name: "p"}, &v1alpha1.DRPolicy{})))
}
