// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// counted is a reader of n groups, each in a namespace of its own, and of one that spans two of them.
func counted(tb testing.TB, n int) (r client.Client, lookups, read *int) {
	tb.Helper()
	scheme, err := Scheme()
	require.NoError(tb, err)
	lookups, read = new(int), new(int)
	objects := []client.Object{&v1alpha1.VolumeReplicationGroup{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ramen-ops", Name: "wide"},
		Spec: v1alpha1.VolumeReplicationGroupSpec{
			ProtectedNamespaces: []string{"app-1", "app-2"}, PVCSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "wide"}},
		},
	}}
	for i := range n {
		objects = append(objects, &v1alpha1.VolumeReplicationGroup{
			ObjectMeta: metav1.ObjectMeta{Namespace: fmt.Sprintf("app-%d", i), Name: "group"},
			Spec:       v1alpha1.VolumeReplicationGroupSpec{PVCSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "x"}}},
		})
	}
	base := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithIndex(&v1alpha1.VolumeReplicationGroup{}, indexNamespaces, namespacesOf).Build()
	return interceptor.NewClient(base, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			*lookups++
			err := c.List(ctx, list, opts...)
			*read += meta.LenList(list)
			return err
		},
	}), lookups, read
}

func claimIn(namespace, app string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "data", Labels: map[string]string{"app": app}}}
}

func TestAClaimsEventCostsOneLookup(t *testing.T) {
	r, lookups, read := counted(t, 1000)
	found := wake{reader: r}.byClaim(t.Context(), claimIn("app-7", "x"))
	assert.Equal(t, "app-7/group", found[0].String())
	assert.Equal(t, []int{1, 1, 1}, []int{len(found), *lookups, *read}, "found, lookups, groups looked at")

	found = wake{reader: r}.byClaim(t.Context(), claimIn("app-2", "wide"))
	assert.Equal(t, "ramen-ops/wide", found[0].String())
	assert.Len(t, found, 1)
}

func TestAClaimThatIsCoveredNoMoreStillWakesItsGroup(t *testing.T) {
	r, _, _ := counted(t, 3)
	claim := claimIn("elsewhere", "wide")
	claim.Labels[v1alpha1.LabelOwnerNamespace], claim.Labels[v1alpha1.LabelOwnerName] = "ramen-ops", "wide"
	found := wake{reader: r}.byClaim(t.Context(), claim)
	require.Len(t, found, 1)
	assert.Equal(t, "ramen-ops/wide", found[0].String())
}

// TestAVolumeWhoseClaimRefIsClearedWakesItsGroup : its labels still say whose it is.
func TestAVolumeWhoseClaimRefIsClearedWakesItsGroup(t *testing.T) {
	pv := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv", Labels: map[string]string{
		v1alpha1.LabelOwnerNamespace: "shop", v1alpha1.LabelOwnerName: "db",
	}}}
	assert.Equal(t, []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: "shop", Name: "db"}}}, wake{}.byVolume(t.Context(), pv))
}
