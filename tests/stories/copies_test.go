// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"testing"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
)

// TestACopiedVolumeGoesThereAndBack: each move makes another volume of what was received. Nothing is lost by the relocates,
// at most an interval by the failover, and no volume of an earlier term is left.
func TestACopiedVolumeGoesThereAndBack(t *testing.T) { thereAndBack(t, "copied", true) }

// TestAReceivedVolumeBecomesTheClaims: the same, by the copy method Direct. No move makes another volume but the failover.
func TestAReceivedVolumeBecomesTheClaims(t *testing.T) {
	l := shared.Lab(t)
	for _, cluster := range lab.Spokes() {
		t.Cleanup(copyBy(t, l, cluster, volsyncv1.CopyMethodDirect))
	}
	thereAndBack(t, "direct", false)
}

// copyBy configures a cluster's copy method; undo takes that back.
func copyBy(t *testing.T, l *lab.Lab, cluster string, method volsyncv1.CopyMethodType) (undo func()) {
	t.Helper()
	c := l.Cluster(cluster).Client
	key := client.ObjectKey{Namespace: lab.Namespace, Name: ramenconfig.SpokeConfigMap}
	cm := &corev1.ConfigMap{}
	require.NoError(t, c.Get(t.Context(), key, cm))
	was := cm.Data[ramenconfig.Key]
	var config map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(was), &config))
	copies, _ := config["volSync"].(map[string]any)
	if copies == nil {
		copies = map[string]any{}
	}
	copies["destinationCopyMethod"] = string(method)
	config["volSync"] = copies
	text, err := yaml.Marshal(config)
	require.NoError(t, err)
	set := func(text string) {
		ctx := cleanupContext(t)
		require.NoError(t, c.Get(ctx, key, cm))
		cm.Data[ramenconfig.Key] = text
		require.NoError(t, c.Update(ctx, cm))
	}
	set(string(text))
	return func() { set(was) }
}

// thereAndBack relocates, fails over and relocates again. cloned says whether a relocate makes a volume of an image.
func thereAndBack(t *testing.T, name string, cloned bool) {
	t.Helper()
	l := shared.Lab(t)
	a := enter(t, l, name)
	a.App.Class = lab.SnapshotStorageClass
	ctx := t.Context()
	require.NoError(t, a.Protect(ctx, lab.DR1))
	for _, to := range []string{lab.DR2, lab.DR1} {
		moved, err := a.Relocate(ctx, to)
		require.NoError(t, err)
		t.Logf("to %s: %s", to, moved.Loss)
		claim, err := a.App.Claim(ctx, to)
		require.NoError(t, err)
		assert.Equal(t, cloned, claim.Spec.DataSource != nil, "the claim was made from an image")
	}
	moved, err := a.FailoverWithout(ctx, lab.DR2, faultproxy.BlackHole)
	require.NoError(t, err)
	t.Logf("failover: %s", moved.Loss)
	_, err = a.Return(ctx, lab.DR1)
	require.NoError(t, err)
	_, err = a.Relocate(ctx, lab.DR1)
	require.NoError(t, err)
	only := func(cluster string, claims ...string) {
		t.Helper()
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			assert.ElementsMatch(c, claims, volumesOf(c, t, l, cluster, a.App.Namespace))
		}, patience, tick, "volumes on %s", cluster)
	}
	only(lab.DR1, name)
	only(lab.DR2, name+"-received")
	_, err = a.Disable(ctx)
	require.NoError(t, err)
	only(lab.DR2)
}

// volumesOf are the claims that the PersistentVolumes of a namespace are for.
func volumesOf(c *assert.CollectT, t *testing.T, l *lab.Lab, cluster, namespace string) []string {
	t.Helper()
	list := &corev1.PersistentVolumeList{}
	require.NoError(c, l.Cluster(cluster).Client.List(t.Context(), list))
	var out []string
	for _, pv := range list.Items {
		if pv.Spec.ClaimRef != nil && pv.Spec.ClaimRef.Namespace == namespace {
			out = append(out, pv.Spec.ClaimRef.Name)
			t.Logf("%s: %s for %s, %s, %s, %v", cluster, pv.Name, pv.Spec.ClaimRef.Name, pv.Status.Phase, pv.Spec.PersistentVolumeReclaimPolicy, pv.Labels)
		}
	}
	return out
}

// TestAVolumeThatCannotBeCopiedSaysSo by name, while others are protected, and goes on as soon as it can be.
func TestAVolumeThatCannotBeCopiedSaysSo(t *testing.T) {
	l := shared.Lab(t)
	ctx, dr1 := t.Context(), l.Cluster(lab.DR1).Client
	class := &snapshotv1.VolumeSnapshotClass{}
	require.NoError(t, dr1.Get(ctx, client.ObjectKey{Name: lab.VolumeSnapshotClass}, class))
	require.NoError(t, dr1.Delete(ctx, class))
	again := func() {
		fresh := &snapshotv1.VolumeSnapshotClass{
			ObjectMeta: metav1.ObjectMeta{Name: class.Name, Labels: class.Labels}, Driver: class.Driver, DeletionPolicy: class.DeletionPolicy,
		}
		require.NoError(t, client.IgnoreAlreadyExists(dr1.Create(cleanupContext(t), fresh)))
	}
	t.Cleanup(again)
	other := enter(t, l, "replicated")
	a := enter(t, l, "uncopied")
	a.App.Class = lab.SnapshotStorageClass
	require.NoError(t, a.App.Protect(ctx, lab.DR1))
	require.NoError(t, other.Protect(ctx, lab.DR1))
	require.Eventually(t, func() bool {
		group := &v1alpha1.VolumeReplicationGroup{}
		if dr1.Get(ctx, a.App.Key(), group) != nil {
			return false
		}
		c := meta.FindStatusCondition(group.Status.Conditions, v1alpha1.VRGDataReady)
		return c != nil && c.Status == metav1.ConditionFalse && c.Reason == "Error" &&
			assert.Regexp(quiet{}, `claim uncopied: there is no VolumeSnapshotClass of driver "lab.csi.ramendr.io"`, c.Message)
	}, patience, tick)
	again()
	require.NoError(t, a.Begin(ctx, lab.DR1))
}

// quiet leaves the report to the caller.
type quiet struct{}

func (quiet) Errorf(string, ...any) {}
