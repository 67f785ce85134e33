// SPDX-License-Identifier: Apache-2.0

package drcluster_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

func TestTheKeysOfAllProfilesOfAPolicyGoToEachOfItsClusters(t *testing.T) {
	w := newWorld(t)
	w.mustReconcile()
	for _, name := range []string{"keys-dr1", "keys-dr2"} {
		s := &corev1.Secret{}
		require.True(t, w.get(s, "outbox-dr1", "spoke-system."+name))
		assert.Equal(t, map[string]string{
			"exchange.ramendr.openshift.io/namespace": "spoke-system",
			"exchange.ramendr.openshift.io/name":      name,
			"exchange.ramendr.openshift.io/origin":    "hub-uid",
		}, s.Annotations)
		assert.Equal(t, "true", s.Labels["ramendr.openshift.io/created-by-ramen"])
		assert.Equal(t, map[string][]byte{"AWS_ACCESS_KEY_ID": []byte("id"), "AWS_SECRET_ACCESS_KEY": []byte("key")}, s.Data,
			"the keys and nothing else")
	}
}

func TestVeleroGetsTheKeysInItsOwnForm(t *testing.T) {
	wish := func(w *world) *corev1.Secret {
		s := &corev1.Secret{}
		if !w.get(s, "outbox-dr1", "backup.vkeys-dr2") || !s.DeletionTimestamp.IsZero() {
			return nil
		}
		return s
	}
	w := newWorld(t, configMap(config+"kubeObjectProtection: {veleroNamespaceName: backup}\n"))
	w.mustReconcile()
	s := wish(w)
	require.NotNil(t, s)
	assert.Equal(t, map[string]string{
		"exchange.ramendr.openshift.io/namespace": "backup",
		"exchange.ramendr.openshift.io/name":      "vkeys-dr2",
		"exchange.ramendr.openshift.io/origin":    "hub-uid",
	}, s.Annotations)
	assert.Equal(t, map[string][]byte{"ramengenerated": []byte("[default]\n  aws_access_key_id = id\n  aws_secret_access_key = key\n")}, s.Data)
	w.writes = 0
	w.mustReconcile()
	assert.Zero(t, w.writes)

	for name, text := range map[string]string{
		"no longer configured": config,
		"turned off":           config + "kubeObjectProtection: {veleroNamespaceName: backup, disabled: true}\n",
	} {
		w.update(configMap(text))
		w.mustReconcile()
		assert.Nil(t, wish(w), name)
		assert.True(t, w.wishes("spoke-system.keys-dr2"), "the cluster's own stay")
		w.update(configMap(config + "kubeObjectProtection: {veleroNamespaceName: backup}\n"))
		w.mustReconcile()
		require.NotNil(t, wish(w))
	}
}

func TestChangedKeysReachTheOutbox(t *testing.T) {
	w := newWorld(t)
	w.mustReconcile()
	changed := secret("keys-dr2")
	changed.Data["AWS_ACCESS_KEY_ID"] = []byte("new")
	w.update(changed)
	w.mustReconcile()
	s := &corev1.Secret{}
	require.True(t, w.get(s, "outbox-dr1", "spoke-system.keys-dr2"))
	assert.Equal(t, "new", string(s.Data["AWS_ACCESS_KEY_ID"]))
}

func TestKeysGoAwayOnlyForAKnownReason(t *testing.T) {
	off := strings.Replace(config, "namespaceName: spoke-system", "namespaceName: spoke-system\n  s3SecretDistributionEnabled: false", 1)
	for name, tc := range map[string]struct {
		change func(w *world)
		stay   bool
	}{
		"no policy needs them":      {change: func(w *world) { w.delete(policy("policy", "")) }},
		"distribution is off":       {change: func(w *world) { w.update(configMap(off)) }},
		"nothing changed":           {change: func(*world) {}, stay: true},
		"the Secret is gone":        {change: func(w *world) { w.delete(secret("keys-dr2")) }, stay: true},
		"the profile is gone":       {change: func(w *world) { w.update(configMap("s3StoreProfiles: []")) }, stay: true},
		"the configuration is gone": {change: func(w *world) { w.delete(configMap("")) }, stay: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.mustReconcile()
			preSharedKey := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "outbox-dr1", Name: "app.drpc-vs-secret"}}
			require.NoError(t, w.client.Create(t.Context(), preSharedKey))
			tc.change(w)
			w.mustReconcile()
			assert.Equal(t, tc.stay, w.wishes("spoke-system.keys-dr2"))
			assert.True(t, w.wishes("app.drpc-vs-secret"), "Secrets of others stay")
		})
	}
}

func TestOnlyThePeersKeysAreMissing(t *testing.T) {
	w := newWorld(t)
	w.delete(secret("keys-dr2"))
	w.mustReconcile()
	assert.True(t, w.wishes("spoke-system.keys-dr1"))
	assert.Equal(t, "Succeeded", w.condition("Validated").Reason, "dr2 says what is wrong with dr2")
}

func TestAPolicyThatIsBeingDeletedAsksForNothing(t *testing.T) {
	leaving := policy("policy", "5m")
	leaving.Finalizers = []string{"drpolicies.ramendr.openshift.io/ramen"}
	w := newWorld(t, leaving)
	w.delete(leaving)
	w.mustReconcile()
	list := &corev1.SecretList{}
	require.NoError(t, w.client.List(t.Context(), list, client.InNamespace("outbox-dr1")))
	assert.Empty(t, list.Items)
	c := &v1alpha1.DRClusterConfig{}
	require.True(t, w.get(c, "", "dr1"))
	assert.Empty(t, c.Spec.ReplicationSchedules)
}
