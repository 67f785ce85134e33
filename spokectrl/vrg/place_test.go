// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/vrg"
)

// Pods are started only where the group is Primary, has its claims, and does not leave.
func TestWhereAnApplicationIsToRun(t *testing.T) {
	scheme := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	for name, tc := range map[string]struct {
		change func(*v1alpha1.VolumeReplicationGroup)
		want   cycle.Place
	}{
		"Primary, with its claims":          {func(*v1alpha1.VolumeReplicationGroup) {}, cycle.Here},
		"a volume of it is not ready":       {func(g *v1alpha1.VolumeReplicationGroup) { g.Status.State = v1alpha1.UnknownState }, cycle.Here},
		"it is about to be told to leave":   {func(g *v1alpha1.VolumeReplicationGroup) { g.Spec.PrepareForFinalSync = true }, cycle.Here},
		"Secondary":                         {func(g *v1alpha1.VolumeReplicationGroup) { g.Spec.ReplicationState = v1alpha1.Secondary }, cycle.Elsewhere},
		"it is told to leave":               {func(g *v1alpha1.VolumeReplicationGroup) { g.Status.PrepareForFinalSyncComplete = true }, cycle.Elsewhere},
		"its last changes are taken along":  {func(g *v1alpha1.VolumeReplicationGroup) { g.Spec.RunFinalSync = true }, cycle.Elsewhere},
		"its claims are not restored":       {func(g *v1alpha1.VolumeReplicationGroup) { g.Status.Conditions[0].Status = metav1.ConditionFalse }, cycle.Elsewhere},
		"what is said of them is of before": {func(g *v1alpha1.VolumeReplicationGroup) { g.Status.Conditions[0].ObservedGeneration = 1 }, cycle.Elsewhere},
		"nothing is said yet":               {func(g *v1alpha1.VolumeReplicationGroup) { g.Status.Conditions = nil }, cycle.Elsewhere},
	} {
		g := &v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "g", Generation: 2}}
		g.Spec.ReplicationState, g.Status.State = v1alpha1.Primary, v1alpha1.PrimaryState
		g.Status.Conditions = []metav1.Condition{{Type: v1alpha1.VRGClusterDataReady, Status: metav1.ConditionTrue, ObservedGeneration: 2}}
		tc.change(g)
		is, err := vrg.Place(fake.NewClientBuilder().WithScheme(scheme).WithObjects(g).Build())(t.Context(), capsule.Group{Namespace: ns, Name: "g"})
		require.NoError(t, err)
		assert.Equal(t, tc.want, is, name)
	}
	none := fake.NewClientBuilder().WithScheme(scheme).Build()
	is, err := vrg.Place(none)(t.Context(), capsule.Group{Namespace: ns, Name: "g"})
	require.NoError(t, err)
	assert.Equal(t, cycle.Unprotected, is)
	deaf := fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(interceptor.Funcs{
		Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return errors.New("there is no API server")
		},
	}).Build()
	_, err = vrg.Place(deaf)(t.Context(), capsule.Group{Namespace: ns, Name: "g"})
	require.ErrorContains(t, err, "read VolumeReplicationGroup app/g: there is no API server")
}
