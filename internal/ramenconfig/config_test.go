// SPDX-License-Identifier: Apache-2.0

package ramenconfig_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ramendr/ramen-direct/internal/ramenconfig"
)

const whole = `
apiVersion: ramendr.openshift.io/v1alpha1
kind: RamenConfig
ramenControllerType: dr-hub
leaderElection: {leaderElect: true}
maxConcurrentReconciles: 7
drClusterOperator:
  s3SecretDistributionEnabled: false
  channelName: alpha
  namespaceName: dr-system
kubeObjectProtection: {veleroNamespaceName: velero}
volSync: {disabled: true}
s3StoreProfiles:
- s3ProfileName: one
  s3Bucket: bucket
  s3CompatibleEndpoint: https://s3.example.com
  s3Region: east
  s3SecretRef: {name: keys, namespace: ramen-system}
  veleroNamespaceSecretKeyRef: {name: v, key: k}
  caCertificates: Y2E=
- s3ProfileName: two
`

func TestParseReadsRamensFormat(t *testing.T) {
	cfg, err := ramenconfig.Parse([]byte(whole))
	require.NoError(t, err)
	assert.Empty(t, cfg.Unknown)
	assert.Equal(t, 7, cfg.MaxConcurrentReconciles)
	assert.Equal(t, "dr-system", cfg.DrClusterOperator.NamespaceName)
	assert.Equal(t, "velero", cfg.KubeObjectProtection.VeleroNamespaceName)
	assert.Equal(t, "ramen-ops", cfg.RamenOpsNamespace)
	assert.False(t, ramenconfig.Enabled(cfg.DrClusterOperator.S3SecretDistributionEnabled), "an explicit false stays false")
	assert.True(t, ramenconfig.Enabled(cfg.VolumeUnprotectionEnabled), "what is absent is on")
	assert.True(t, ramenconfig.On(cfg.VolSync.Disabled))
	assert.False(t, ramenconfig.On(cfg.KubeObjectProtection.Disabled))
	p, err := cfg.Profile("one")
	require.NoError(t, err)
	assert.Equal(t, ramenconfig.S3StoreProfile{
		S3ProfileName: "one", S3Bucket: "bucket", S3CompatibleEndpoint: "https://s3.example.com", S3Region: "east",
		S3SecretRef: corev1.SecretReference{Name: "keys", Namespace: "ramen-system"}, CACertificates: []byte("ca"),
	}, p)
	_, err = cfg.Profile("three")
	require.EqualError(t, err, `s3StoreProfiles has no profile "three" (it has: one, two)`)
}

func TestParseDefaults(t *testing.T) {
	cfg, err := ramenconfig.Parse(nil)
	require.NoError(t, err)
	assert.Equal(t, "ramen-ops", cfg.RamenOpsNamespace)
	assert.Equal(t, "ramen-system", cfg.DrClusterOperator.NamespaceName)
	assert.Empty(t, cfg.Unknown)
}

func TestParseReportsWhatItDoesNotKnow(t *testing.T) {
	cfg, err := ramenconfig.Parse([]byte(`
s3StoreProfile: []
s3StoreProfiles:
- {s3ProfileName: one, s3BUCKET: b}
- {s3ProfileName: two, s3Buckett: b, s3SecretRef: {nam: keys}}
volSync: {disable: true}
maxConcurrentReconciles: 1
`))
	require.NoError(t, err)
	assert.Equal(t, []string{"s3StoreProfile", "s3StoreProfiles[1].s3Buckett", "s3StoreProfiles[1].s3SecretRef.nam", "volSync.disable"}, cfg.Unknown)
	assert.Equal(t, "b", cfg.S3StoreProfiles[0].S3Bucket, "the decoder does not care for case")
}

func TestParseNamesTheMistake(t *testing.T) {
	for text, want := range map[string]string{
		"s3StoreProfiles: 3":               "not a RamenConfig",
		"maxConcurrentReconciles: many":    "not a RamenConfig",
		"a: b: c":                          "not a RamenConfig",
		"s3StoreProfiles: [{s3Bucket: b}]": "s3StoreProfiles[0].s3ProfileName is empty: name the profile",
		"s3StoreProfiles: [{s3ProfileName: a}, {s3ProfileName: a}]": `s3StoreProfiles[1].s3ProfileName "a" is used twice: names must differ`,
	} {
		_, err := ramenconfig.Parse([]byte(text))
		require.ErrorContains(t, err, want, text)
	}
}

func TestLoadNamesTheConfigMap(t *testing.T) {
	boom := errors.New("the API server is down")
	for name, tc := range map[string]struct {
		data    map[string]string
		fail    error
		want    string
		missing bool
	}{
		"no ConfigMap":     {nil, nil, "ConfigMap ns/cfg: configuration not found", true},
		"no key":           {map[string]string{"other": ""}, nil, "ConfigMap ns/cfg has no key ramen_manager_config.yaml: configuration not found", true},
		"not readable":     {nil, boom, "read ConfigMap ns/cfg: the API server is down", false},
		"not a config":     {map[string]string{"ramen_manager_config.yaml": "[]"}, nil, "ConfigMap ns/cfg, key ramen_manager_config.yaml: not a RamenConfig", false},
		"a config to read": {map[string]string{"ramen_manager_config.yaml": whole}, nil, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			b := fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{
				Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
					if tc.fail != nil {
						return tc.fail
					}
					return c.Get(ctx, key, o, opts...)
				},
			})
			if tc.data != nil {
				b = b.WithObjects(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "cfg"}, Data: tc.data})
			}
			cfg, err := ramenconfig.Load(t.Context(), b.Build(), "ns", "cfg")
			if tc.want == "" {
				require.NoError(t, err)
				assert.Len(t, cfg.S3StoreProfiles, 2)
				return
			}
			require.ErrorContains(t, err, tc.want)
			assert.Equal(t, tc.missing, errors.Is(err, ramenconfig.ErrNotFound))
		})
	}
}

func TestAChangedConfigurationIsReadAgain(t *testing.T) {
	c := fake.NewClientBuilder().Build()
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ramen-system", Name: ramenconfig.HubConfigMap}}
	require.NoError(t, c.Create(t.Context(), cm))
	for _, namespace := range []string{"one", "one", "two", "one"} {
		cm.Data = map[string]string{ramenconfig.Key: "ramenOpsNamespace: " + namespace}
		require.NoError(t, c.Update(t.Context(), cm))
		cfg, err := ramenconfig.Load(t.Context(), c, cm.Namespace, cm.Name)
		require.NoError(t, err)
		require.Equal(t, namespace, cfg.RamenOpsNamespace)
	}
	cm.Data[ramenconfig.Key] = "ramenOpsNamespace: ["
	require.NoError(t, c.Update(t.Context(), cm))
	for range 2 {
		_, err := ramenconfig.Load(t.Context(), c, cm.Namespace, cm.Name)
		require.ErrorContains(t, err, "not a RamenConfig")
	}
}
