// SPDX-License-Identifier: Apache-2.0

package volsync_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/spokectrl/provider/volsync"
)

// TestTheInletCanBeWritten, whatever the application does with the volume. The claim that is restored from it is as the source's.
func TestTheInletCanBeWritten(t *testing.T) {
	type modes = []corev1.PersistentVolumeAccessMode
	for name, tc := range map[string]struct{ source, inlet modes }{
		"read by many":             {modes{corev1.ReadOnlyMany}, modes{corev1.ReadWriteOnce}},
		"written by many":          {modes{corev1.ReadWriteMany}, modes{corev1.ReadWriteMany}},
		"written by one, or read":  {modes{corev1.ReadOnlyMany, corev1.ReadWriteOnce}, modes{corev1.ReadOnlyMany, corev1.ReadWriteOnce}},
		"written by one Pod alone": {modes{corev1.ReadWriteOncePod}, modes{corev1.ReadWriteOncePod}},
	} {
		t.Run(name, func(t *testing.T) {
			s := receiving(t)
			s.g.VolSync.RDSpec[0].ProtectedPVC.Name = "other"
			s.g.VolSync.RDSpec[0].ProtectedPVC.AccessModes = tc.source
			found, err := volsync.Provider{}.Destinations(t.Context(), s.c, s.g)
			require.NoError(t, err)
			for _, d := range found {
				if d.Volume.Name != "other" {
					continue
				}
				intents, err := volsync.Provider{}.Receive(s.g, d)
				require.NoError(t, err)
				for _, i := range intents {
					require.NoError(t, apply.New(s.c, "test").Owned(t.Context(), i))
				}
			}
			inlet := &corev1.PersistentVolumeClaim{}
			require.NoError(t, s.c.Get(t.Context(), client.ObjectKey{Namespace: "app", Name: "other-received"}, inlet))
			assert.Equal(t, tc.inlet, inlet.Spec.AccessModes)
		})
	}
}
