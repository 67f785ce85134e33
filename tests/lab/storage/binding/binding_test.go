// SPDX-License-Identifier: Apache-2.0

package binding_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ramendr/ramen-direct/tests/lab/storage/binding"
)

func TestAClaimWaitsAsItsClassSays(t *testing.T) {
	late := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "late"}, VolumeBindingMode: new(storagev1.VolumeBindingWaitForFirstConsumer)}
	soon := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "soon"}, VolumeBindingMode: new(storagev1.VolumeBindingImmediate)}
	for name, tc := range map[string]struct {
		class    *storagev1.StorageClass
		node     string // that was selected before
		volume   string
		waits    bool // the consumer
		selected string
	}{
		"its consumer selects a node":            {class: late, waits: true, selected: "n"},
		"one was selected: it is being made":     {class: late, node: "m", waits: true, selected: "m"},
		"it names its volume":                    {class: late, volume: "pv"},
		"its class does not wait":                {class: soon},
		"its class waits, and it has its volume": {class: late, node: "m", volume: "pv", selected: "m"},
	} {
		t.Run(name, func(t *testing.T) {
			pvc := &corev1.PersistentVolumeClaim{
				ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: "data"},
				Spec:       corev1.PersistentVolumeClaimSpec{StorageClassName: &tc.class.Name, VolumeName: tc.volume},
			}
			if tc.node != "" {
				pvc.Annotations = map[string]string{binding.SelectedNode: tc.node}
			}
			c := fake.NewClientBuilder().WithObjects(tc.class, pvc).Build()
			require.NoError(t, c.Get(t.Context(), client.ObjectKeyFromObject(pvc), pvc))
			assert.Equal(t, tc.class == late && tc.node == "", binding.Waits(pvc, tc.class))
			waits, err := binding.Select(t.Context(), c, pvc, "n")
			require.NoError(t, err)
			assert.Equal(t, tc.waits, waits)
			require.NoError(t, c.Get(t.Context(), client.ObjectKeyFromObject(pvc), pvc))
			assert.Equal(t, tc.selected, pvc.Annotations[binding.SelectedNode])
		})
	}
}
