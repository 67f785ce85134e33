// SPDX-License-Identifier: Apache-2.0

package lab_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

// TestAWorkloadRunsOnItsVolume takes all parts of a cluster: the real controllers make the Pod of a Deployment and bind
// its claim, the lab's driver makes the volume, the lab's node runs the Pod.
func TestAWorkloadRunsOnItsVolume(t *testing.T) {
	testlayer.Slow(t, "tests/stories TestApplicationsGoThroughTheDemo")
	l := labtest.Start(t, lab.Options{Restart: true, Intervals: map[string]time.Duration{"1m": time.Second}})
	require.NoError(t, l.Install(t.Context()))
	require.NoError(t, l.StartStorage(t.Context()))
	c := l.Cluster(lab.DR1).Client
	labels := map[string]string{"app": "journal"}
	require.NoError(t, c.Create(t.Context(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "data"},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: ptr.To(lab.StorageClass),
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}))
	require.NoError(t, c.Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "journal"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					Containers: []corev1.Container{{
						Name: "writer", Image: "lab/writer", VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/data"}},
					}},
					Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
						PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"},
					}}},
				},
			},
		},
	}))
	require.Eventually(t, func() bool {
		var d appsv1.Deployment
		err := c.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "journal"}, &d)
		return err == nil && d.Status.AvailableReplicas == 1
	}, time.Minute, 100*time.Millisecond, "the Pod runs")
	journals, err := filepath.Glob(filepath.Join(l.DataDir(), lab.DR1, "volumes", "*", "*", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, journals, "its records are in files")
}
