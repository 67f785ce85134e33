// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/tests/lab"
)

// TestVolumesComeAndGo while the application runs, with storage that replicates and with volumes that VolSync copies: a
// claim is added, one is not selected any more, one is deleted. What leaves keeps no mark; what stays is protected
// throughout and moves without a loss.
func TestVolumesComeAndGo(t *testing.T) {
	calm(t)
	for _, class := range testlayer.Drawn(t, []string{lab.StorageClass, lab.SnapshotStorageClass}, 1, "spokectrl/plan TestEveryReachableStateIsSafeAndLive") {
		name := "coming-" + class
		t.Run(class, func(t *testing.T) {
			calm(t)
			l := shared.Lab(t)
			a := enter(t, l, name)
			a.App.Class = class
			ctx, c := t.Context(), l.Cluster(lab.DR1).Client
			require.NoError(t, a.Protect(ctx, lab.DR1))
			claims := func(want ...string) {
				t.Helper()
				require.EventuallyWithT(t, func(ct *assert.CollectT) {
					group := &v1alpha1.VolumeReplicationGroup{}
					require.NoError(ct, c.Get(ctx, a.App.DRPC(), group))
					var has []string
					for _, p := range group.Status.ProtectedPVCs {
						if meta.IsStatusConditionTrue(p.Conditions, v1alpha1.VRGDataReady) && p.LastSyncTime != nil {
							has = append(has, p.Name)
						}
					}
					assert.ElementsMatch(ct, want, has)
					assert.Len(ct, group.Status.ProtectedPVCs, len(want))
				}, patience, tick)
			}
			add := func(claim string) *corev1.PersistentVolumeClaim {
				t.Helper()
				pvc := &corev1.PersistentVolumeClaim{
					ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: claim, Labels: map[string]string{"app": name}},
					Spec: corev1.PersistentVolumeClaimSpec{
						AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: &class,
						Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
					},
				}
				require.NoError(t, c.Create(ctx, pvc))
				return pvc
			}
			kept, gone := add("kept"), add("gone")
			claims(name, "kept", "gone")

			patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"app":null}}}`))
			require.NoError(t, c.Patch(ctx, kept, patch))
			claims(name, "gone")
			require.EventuallyWithT(t, func(ct *assert.CollectT) {
				require.NoError(ct, c.Get(ctx, client.ObjectKeyFromObject(kept), kept))
				pv := &corev1.PersistentVolume{}
				require.NoError(ct, c.Get(ctx, client.ObjectKey{Name: kept.Spec.VolumeName}, pv))
				assert.Equal(ct, corev1.PersistentVolumeReclaimDelete, pv.Spec.PersistentVolumeReclaimPolicy)
				for _, o := range []client.Object{kept, pv} {
					assert.Empty(ct, oursOf(o), "%T %s", o, o.GetName())
				}
			}, patience, tick, "what is not selected is let go")

			require.NoError(t, c.Delete(ctx, gone))
			claims(name)
			require.EventuallyWithT(t, func(ct *assert.CollectT) {
				assert.Empty(ct, volumesFor(ct, t, c, name, "gone"), "its volume goes with it, as without DR")
				for _, cluster := range lab.Spokes() {
					peer := l.Cluster(cluster).Client
					assert.Empty(ct, volumesFor(ct, t, peer, name, "gone-received"), cluster)
					assert.Empty(ct, volumesFor(ct, t, peer, name, "kept-received"), cluster)
				}
			}, patience, tick)

			_, err := a.Relocate(ctx, lab.DR2)
			require.NoError(t, err)
			_, err = a.Disable(ctx)
			require.NoError(t, err)
			require.NoError(t, c.Delete(ctx, kept))
		})
	}
}

// oursOf are the marks of ours on an object.
func oursOf(o client.Object) []string {
	out := slices.Clone(o.GetFinalizers())
	for k := range o.GetLabels() {
		out = append(out, k)
	}
	for k := range o.GetAnnotations() {
		out = append(out, k)
	}
	return slices.DeleteFunc(out, func(k string) bool { return !strings.Contains(k, "ramendr.openshift.io") })
}

func volumesFor(ct *assert.CollectT, t *testing.T, c client.Client, namespace, claim string) []string {
	t.Helper()
	list := &corev1.PersistentVolumeList{}
	require.NoError(ct, c.List(t.Context(), list))
	var out []string
	for _, pv := range list.Items {
		if ref := pv.Spec.ClaimRef; ref != nil && ref.Namespace == namespace && ref.Name == claim {
			out = append(out, pv.Name)
		}
	}
	return out
}
