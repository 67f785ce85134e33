// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/tests/lab"
)

// TestClaimsThatWaitForTheirFirstConsumer, as those of most clouds do: one is there before its workload, and both techniques
// take the application to the other cluster, by a failover and by a relocate, and back.
func TestClaimsThatWaitForTheirFirstConsumer(t *testing.T) {
	calm(t)
	l := shared.Lab(t)
	for _, class := range testlayer.Drawn(t, []string{lab.WaitingStorageClass, lab.WaitingSnapshotStorageClass}, 1, "spokectrl/vrg TestAClaimThatWaitsForItsFirstPod") {
		name := "waiting-" + class
		t.Run(class, func(t *testing.T) {
			calm(t)
			a := enter(t, l, name)
			a.App.Class = class
			ctx := t.Context()
			dr1 := l.Cluster(lab.DR1).Client
			require.NoError(t, dr1.Create(ctx, a.App.Home()))
			claim := &corev1.PersistentVolumeClaim{
				ObjectMeta: metav1.ObjectMeta{Namespace: a.App.Namespace, Name: a.App.Name, Labels: map[string]string{"app": a.App.Name}},
				Spec: corev1.PersistentVolumeClaimSpec{
					AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: &class,
					Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
				},
			}
			require.NoError(t, dr1.Create(ctx, claim))
			require.NoError(t, a.Protect(ctx, lab.DR1))

			a.Ask(failoverTo(lab.DR2))
			a.Settled(v1alpha1.FailedOver, lab.DR2)
			require.NoError(t, a.GoesOn(ctx, lab.DR2))
			for _, to := range []string{lab.DR1, lab.DR2} {
				moved, err := a.Relocate(ctx, to)
				require.NoError(t, err)
				assert.Zero(t, moved.Loss.Records)
			}
		})
	}
}
