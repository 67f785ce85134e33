// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
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
