// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/actors"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

// storeDR1 is the S3 profile of dr1, and the Secret with its keys.
const storeDR1 = "s3-dr1"

// TestTroubleWithAStoreIsToldAndHeals: whatever is wrong with one object store, the DRCluster names it, data goes on
// being replicated, nothing is lost, and when it is repaired all is well without further action.
func TestTroubleWithAStoreIsToldAndHeals(t *testing.T) {
	l := shared.Lab(t)
	a := protected(t, l, "store-trouble", lab.DR1)
	hub := l.Cluster(lab.Hub).Client
	key := client.ObjectKey{Namespace: lab.Namespace, Name: storeDR1}
	healthy := &corev1.Secret{}
	require.NoError(t, hub.Get(t.Context(), key, healthy))

	t.Run("the Secret is missing", func(t *testing.T) {
		require.NoError(t, hub.Delete(t.Context(), healthy.DeepCopy()))
		requireValidated(t, l, lab.DR1, metav1.ConditionFalse, "SecretNotFound", "there is no Secret ramen-system/s3-dr1: create it with the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
		requireValidated(t, l, lab.DR2, metav1.ConditionTrue, "Succeeded", "")
		for _, spoke := range lab.Spokes() {
			copied := &corev1.Secret{}
			require.NoError(t, l.Cluster(spoke).Client.Get(t.Context(), key, copied), "%s keeps its keys", spoke)
			assert.Equal(t, healthy.Data, copied.Data)
		}
		require.NoError(t, a.GoesOn(t.Context(), lab.DR1))
		again := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}, Data: healthy.Data}
		require.NoError(t, hub.Create(t.Context(), again))
		requireValidated(t, l, lab.DR1, metav1.ConditionTrue, "Succeeded", "")
	})
	t.Run("the key is wrong", func(t *testing.T) {
		setKey(t, hub, key, []byte("not the secret key"))
		requireValidated(t, l, lab.DR1, metav1.ConditionFalse, "AccessDenied", storeDR1)
		for _, spoke := range lab.Spokes() {
			require.EventuallyWithT(t, func(c *assert.CollectT) {
				copied := &corev1.Secret{}
				require.NoError(c, l.Cluster(spoke).Client.Get(t.Context(), key, copied))
				assert.Equal(c, "not the secret key", string(copied.Data["AWS_SECRET_ACCESS_KEY"]))
			}, patience, tick, "%s gets the new keys", spoke)
		}
		changeClaim(a, lab.DR1, "wrong-key")
		requireNotStored(a, "AccessDenied")
		setKey(t, hub, key, healthy.Data["AWS_SECRET_ACCESS_KEY"])
		requireValidated(t, l, lab.DR1, metav1.ConditionTrue, "Succeeded", "")
		requireStored(a)
	})
	t.Run("the bucket is missing", func(t *testing.T) {
		restore := setBucket(t, hub, lab.DR1, "no-such-bucket")
		requireValidated(t, l, lab.DR1, metav1.ConditionFalse, "s3BucketNotFound", "no-such-bucket")
		require.NoError(t, a.GoesOn(t.Context(), lab.DR1))
		restore()
		requireValidated(t, l, lab.DR1, metav1.ConditionTrue, "Succeeded", "")
	})
	t.Run("the store is down", func(t *testing.T) {
		require.NoError(t, l.Fault(storeDR1, faultproxy.Cut))
		// A bucket that answered is believed for minutes; a hub that has just started asks at once.
		require.NoError(t, l.Kill("hubctrl"))
		changeClaim(a, lab.DR1, "store-down")
		requireNotStored(a, "Unreachable")
		requireValidated(t, l, lab.DR1, metav1.ConditionFalse, "s3ConnectionFailed", storeDR1)
		requireValidated(t, l, lab.DR2, metav1.ConditionTrue, "Succeeded", "")
		require.NoError(t, l.Heal(storeDR1))
		requireStored(a)
		requireValidated(t, l, lab.DR1, metav1.ConditionTrue, "Succeeded", "")
	})
	moved, err := a.Relocate(t.Context(), lab.DR2)
	require.NoError(t, err)
	assert.Zero(t, moved.Loss.Records)
}

// TestAFailoverNeedsNothingOfTheFailedSide, its object store least of all (I8).
func TestAFailoverNeedsNothingOfTheFailedSide(t *testing.T) {
	l := shared.Lab(t)
	a := protected(t, l, "store-lost", lab.DR1)
	require.NoError(t, l.Fault(storeDR1, faultproxy.BlackHole))
	moved, err := a.FailoverWithout(t.Context(), lab.DR2, faultproxy.BlackHole)
	require.NoError(t, err)
	t.Logf("%s in %s", moved.Loss, moved.Took.Round(time.Millisecond))
	require.NoError(t, a.Noticed(t.Context(), lab.DR1))
	require.NoError(t, l.Heal(storeDR1))
	_, err = a.Return(t.Context(), lab.DR1)
	require.NoError(t, err)
}

func requireValidated(t *testing.T, l *lab.Lab, cluster string, status metav1.ConditionStatus, reason, says string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		dc := &v1alpha1.DRCluster{}
		require.NoError(c, l.Cluster(lab.Hub).Client.Get(t.Context(), client.ObjectKey{Name: cluster}, dc))
		v := meta.FindStatusCondition(dc.Status.Conditions, v1alpha1.ConditionValidated)
		require.NotNil(c, v)
		assert.Equal(c, status, v.Status, v.Message)
		assert.Equal(c, reason, v.Reason, v.Message)
		assert.Contains(c, v.Message, says)
	}, patience, tick, "DRCluster %s says %s", cluster, reason)
}

// changeClaim makes something that has to be stored.
func changeClaim(a *actor, cluster, value string) {
	a.T.Helper()
	key := a.App.Key()
	_, err := labtest.Kubectl(a.T.Context(), a.Lab, cluster, "", "label", "pvc", "-n", key.Namespace, key.Name, "--overwrite", "story="+value)
	require.NoError(a.T, err)
}

// requireNotStored waits until both the group and its DRPlacementControl say that metadata is missing in the store of
// dr1 and why. Data is replicated all the same.
func requireNotStored(a *actor, why string) {
	a.T.Helper()
	a.Control("the store is named", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		stored := meta.FindStatusCondition(drpc.Status.ResourceConditions.Conditions, v1alpha1.VRGClusterDataProtected)
		require.NotNil(c, stored)
		assert.Equal(c, "UploadError", stored.Reason)
		assert.Contains(c, stored.Message, "S3 profile s3-dr1: "+why)
		assert.NotContains(c, stored.Message, "s3-dr2")
		assert.True(c, strings.HasPrefix(actors.Says(drpc, v1alpha1.ConditionProtected), "False/Error: cluster dr1: ClusterDataProtected: UploadError"), actors.Says(drpc, v1alpha1.ConditionProtected))
		assert.Equal(c, "True", actors.Says(drpc, v1alpha1.ConditionAvailable))
	})
	from := time.Now().Truncate(time.Second)
	a.Control("data is replicated all the same", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		synced := drpc.Status.LastGroupSyncTime
		assert.True(c, synced != nil && synced.After(from), "last synchronization at %s", synced)
	})
}

func requireStored(a *actor) {
	a.T.Helper()
	a.Control("everything is stored", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		assert.True(c, meta.IsStatusConditionTrue(drpc.Status.ResourceConditions.Conditions, v1alpha1.VRGClusterDataProtected))
		assert.Equal(c, "True", actors.Says(drpc, v1alpha1.ConditionProtected))
		assert.Equal(c, "True", actors.Says(drpc, v1alpha1.ConditionReady))
	})
}

func setKey(t *testing.T, hub client.Client, name client.ObjectKey, value []byte) {
	t.Helper()
	secret := &corev1.Secret{}
	require.NoError(t, hub.Get(t.Context(), name, secret))
	secret.Data["AWS_SECRET_ACCESS_KEY"] = value
	require.NoError(t, hub.Update(t.Context(), secret))
}

// setBucket changes, on the hub, the bucket of a cluster's profile.
func setBucket(t *testing.T, hub client.Client, cluster, bucket string) (restore func()) {
	t.Helper()
	change := func(from, to string) {
		config := configMap(ramenconfig.HubConfigMap)
		require.NoError(t, hub.Get(t.Context(), client.ObjectKeyFromObject(config), config))
		text := config.Data[ramenconfig.Key]
		require.Contains(t, text, "s3Bucket: "+from+"\n")
		config.Data[ramenconfig.Key] = strings.Replace(text, "s3Bucket: "+from+"\n", "s3Bucket: "+to+"\n", 1)
		require.NoError(t, hub.Update(t.Context(), config))
	}
	change(cluster, bucket)
	return func() { change(bucket, cluster) }
}

func configMap(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: lab.Namespace, Name: name}}
}
