// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

func TestAPlaceThatIsNoneIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*v1alpha1.DRPlacementControl)
		says string
	}{
		"a namespace that can't be one": {
			func(d *v1alpha1.DRPlacementControl) {
				d.Annotations["drplacementcontrol.ramendr.openshift.io/app-namespace"] = "Bad_NS"
			},
			`annotation drplacementcontrol.ramendr.openshift.io/app-namespace is "Bad_NS", which can't be the name of a namespace`,
		},
		"a name that fits into no label": {
			func(d *v1alpha1.DRPlacementControl) { d.Name = strings.Repeat("a", 64) },
			"the name of the DRPlacementControl has 64 characters, and becomes the value of label ramendr.openshift.io/owner-name on the volumes, which takes 63",
		},
		"the outbox of a cluster": {
			func(d *v1alpha1.DRPlacementControl) { d.Namespace = "outbox-dr1" },
			"namespace outbox-dr1 is reserved for the exchange with cluster dr1: make the DRPlacementControl in the namespace of the application",
		},
		"the inbox of a cluster": {
			func(d *v1alpha1.DRPlacementControl) { d.Namespace = "inbox-dr2" },
			"namespace inbox-dr2 is reserved for the exchange with cluster dr2",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDRPC(tc.edit)
			h := newHub(t, d)
			_, err := h.try(clientKey(d.Namespace, d.Name))
			require.Error(t, err)
			assert.Empty(t, h.wrote())
			s := h.shown(d).Status
			assert.True(t, meta.IsStatusConditionTrue(s.Conditions, "Stalled"))
			require.NotNil(t, s.Waiting)
			assert.Equal(t, "InvalidSpec", s.Waiting.Fact)
			assert.Contains(t, s.Waiting.Message, tc.says)
			assert.NotEmpty(t, s.Waiting.NextStep)
		})
	}
	t.Run("a namespace that only sounds like an outbox", func(t *testing.T) {
		d := newDRPC(func(d *v1alpha1.DRPlacementControl) { d.Namespace = "outbox-mail" })
		h := newHub(t, d)
		_, err := h.try(clientKey(d.Namespace, d.Name))
		require.NoError(t, err)
		assert.NotEmpty(t, h.wrote())
	})
}
