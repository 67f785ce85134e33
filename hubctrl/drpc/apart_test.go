// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"context"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/drpc"
	hublinks "github.com/ramendr/ramen-direct/hubctrl/links"
)

// full is a cache that has no room for any report.
type full struct {
	client.Reader
	budget *hublinks.Budget
}

func (f full) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	err := f.Reader.Get(ctx, key, o, opts...)
	if group, ok := o.(*v1alpha1.VolumeReplicationGroup); ok && err == nil {
		kept, _ := f.budget.Transform(group.DeepCopy())
		*group = *kept.(*v1alpha1.VolumeReplicationGroup)
	}
	return err
}

// List finds by what is kept of a report, as an index of a cache does.
func (f full) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	asked := client.ListOptions{}
	asked.ApplyOptions(opts)
	groups, ok := list.(*v1alpha1.VolumeReplicationGroupList)
	if !ok || asked.FieldSelector == nil {
		return f.Reader.List(ctx, list, opts...)
	}
	value, byVolume := asked.FieldSelector.RequiresExactMatch("volume")
	if !byVolume {
		return f.Reader.List(ctx, list, opts...)
	}
	all := v1alpha1.VolumeReplicationGroupList{}
	if err := f.Reader.List(ctx, &all); err != nil {
		return err
	}
	groups.Items = nil
	for i := range all.Items {
		kept, _ := f.budget.Transform(&all.Items[i])
		if slices.Contains(drpc.VolumeKeys(kept.(client.Object)), value) {
			groups.Items = append(groups.Items, *kept.(*v1alpha1.VolumeReplicationGroup))
		}
	}
	return nil
}

// TestX16_AVolumeOfAReportThatIsNotKeptIsTaken: what is kept of it tells by which labels it may have the volume.
func TestX16_AVolumeOfAReportThatIsNotKeptIsTaken(t *testing.T) {
	h := deployed(t)
	h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) {
		s.ProtectedPVCs[0].Labels = map[string]string{"app": "db", "tier": "data"}
	})
	h.r.ReadBy(func(cache client.Reader) client.Reader { return full{cache, hublinks.NewBudget(0)} })
	second := func(name string, edit func(*metav1.LabelSelector)) error {
		d := younger(newDRPC(func(d *v1alpha1.DRPlacementControl) {
			d.Name, d.UID, d.Spec.PVCSelector = name, types.UID(name), metav1.LabelSelector{}
			edit(&d.Spec.PVCSelector)
		}))
		h.put(d)
		_, err := h.try(client.ObjectKeyFromObject(d))
		return err
	}
	require.ErrorContains(t, second("by-label", func(s *metav1.LabelSelector) { s.MatchLabels = map[string]string{"tier": "data"} }), "protects PVC shop/data on dr1, and this one selects it too")
	require.ErrorContains(t, second("by-expression", func(s *metav1.LabelSelector) {
		s.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "tier", Operator: metav1.LabelSelectorOpExists}}
	}), "protects PVC shop/data on dr1, and this one selects it too")
	require.NoError(t, second("apart", func(s *metav1.LabelSelector) { s.MatchLabels = map[string]string{"tier": "logs"} }))
}

// TestX16_AReportThatIsNotKeptCounts : it is read when it is needed, so that nothing that the user sees depends on what the hub has room for.
func TestX16_AReportThatIsNotKeptCounts(t *testing.T) {
	h := deployed(t)
	h.pass()
	before := h.drpc().Status
	require.NotEmpty(t, before.Conditions)
	h.r.ReadBy(func(cache client.Reader) client.Reader { return full{cache, hublinks.NewBudget(0)} })
	h.pass()
	assert.Empty(t, h.wrote())
	assert.Equal(t, before, h.drpc().Status)
}
