// SPDX-License-Identifier: Apache-2.0

package guard_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoac "k8s.io/client-go/applyconfigurations"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/api/v1alpha1/applyconfiguration"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/tests/gitops/guard"
)

// silent is a test that notes that it failed.
type silent struct {
	testing.TB
	failed bool
}

func (s *silent) Errorf(string, ...any) { s.failed = true }

func TestWhatIsTheUsersIsGuarded(t *testing.T) {
	object := func() *v1alpha1.DRPolicy {
		return &v1alpha1.DRPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p", UID: "uid"}}
	}
	intent := func(fields ...string) apply.Intent {
		u := &unstructured.Unstructured{}
		u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("DRPolicy"))
		u.SetName("p")
		_ = unstructured.SetNestedField(u.Object, "1h", fields...)
		return apply.Untyped(u)
	}
	patch := func(kind types.PatchType, text string) func(client.Client) error {
		return func(c client.Client) error {
			return c.Patch(t.Context(), object(), client.RawPatch(kind, []byte(text)))
		}
	}
	for name, tc := range map[string]struct {
		do      func(client.Client) error
		allowed bool
	}{
		"a finalizer is put on": {func(c client.Client) error {
			p := object()
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(p), p); err != nil {
				return err
			}
			return apply.Hold(t.Context(), c, p, "a/b")
		}, true},
		"the status is applied": {func(c client.Client) error {
			p := object()
			p.Status.Async.PeerClasses = []v1alpha1.PeerClass{{StorageClassName: "fast"}}
			_, err := apply.New(c, "us").ChangedStatus(t.Context(), object(), p)
			return err
		}, true},
		// Of an update of the status an API server takes nothing else; the version that was read is its precondition.
		"the status is replaced": {func(c client.Client) error {
			p := object()
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(p), p); err != nil {
				return err
			}
			p.Status.Async.PeerClasses = []v1alpha1.PeerClass{{StorageClassName: "fast"}}
			return apply.New(c, "us").ReplaceStatus(t.Context(), p)
		}, true},
		"an object of ours is applied whole": {func(c client.Client) error {
			u := &unstructured.Unstructured{}
			u.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMap"))
			u.SetNamespace("ns")
			u.SetName("m")
			return apply.New(c, "us").Owned(t.Context(), apply.Untyped(u))
		}, true},
		"the spec is applied": {func(c client.Client) error {
			return apply.New(c, "us").Owned(t.Context(), intent("spec", "schedulingInterval"))
		}, false},
		"a label is applied": {func(c client.Client) error {
			return apply.New(c, "us").Owned(t.Context(), intent("metadata", "labels", "a"))
		}, false},
		"a spec hides in a status": {func(c client.Client) error {
			return apply.New(c, "us").Status(t.Context(), intent("spec", "schedulingInterval"))
		}, false},
		"the spec is patched":        {patch(types.JSONPatchType, `[{"op":"replace","path":"/spec/schedulingInterval","value":"1h"}]`), false},
		"an annotation is patched":   {patch(types.JSONPatchType, `[{"op":"add","path":"/metadata/annotations","value":{"a":"b"}}]`), false},
		"a patch that is not a list": {patch(types.MergePatchType, `{"metadata":{"finalizers":["a/b"]}}`), false},
		"it is updated":              {func(c client.Client) error { return c.Update(t.Context(), object()) }, false},
		"its scale is updated":       {func(c client.Client) error { return c.SubResource("scale").Update(t.Context(), object()) }, false},
		"it is deleted":              {func(c client.Client) error { return c.Delete(t.Context(), object()) }, false},
		"another is created": {func(c client.Client) error {
			return c.Create(t.Context(), &v1alpha1.DRPolicy{ObjectMeta: metav1.ObjectMeta{Name: "q"}})
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := runtime.NewScheme()
			require.NoError(t, v1alpha1.AddToScheme(s))
			require.NoError(t, corev1.AddToScheme(s))
			judge := &silent{TB: t}
			err := tc.do(guard.Client(judge, fake.NewClientBuilder().WithScheme(s).
				WithTypeConverters(applyconfiguration.NewTypeConverter(s), clientgoac.NewTypeConverter(s)).
				WithStatusSubresource(&v1alpha1.DRPolicy{}).WithObjects(object()).Build()))
			assert.Equal(t, !tc.allowed, judge.failed)
			if tc.allowed {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, "DRPolicy")
			}
		})
	}
}
