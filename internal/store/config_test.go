// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/mem"
)

func TestFromProfile(t *testing.T) {
	secret := func(namespace string, data map[string]string) *corev1.Secret {
		s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "keys"}, Data: map[string][]byte{}}
		for k, v := range data {
			s.Data[k] = []byte(v)
		}
		return s
	}
	both := map[string]string{"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"}
	for name, tc := range map[string]struct {
		secret *corev1.Secret
		change func(*ramenconfig.S3StoreProfile)
		want   store.Reason // empty: success
		says   string
	}{
		"the Secret is in the operator's namespace": {secret: secret("ramen-system", both)},
		"the Secret is in the namespace that the profile names": {
			secret: secret("elsewhere", both),
			change: func(p *ramenconfig.S3StoreProfile) { p.S3SecretRef.Namespace = "elsewhere" },
		},
		"the Secret is missing": {
			secret: secret("elsewhere", both), want: store.ReasonSecretNotFound, says: "there is no Secret ramen-system/keys",
		},
		"the access key is missing": {
			secret: secret("ramen-system", map[string]string{"AWS_SECRET_ACCESS_KEY": "key"}),
			want:   store.ReasonSecretNotFound, says: "ramen-system/keys has no key AWS_ACCESS_KEY_ID",
		},
		"the secret key is empty": {
			secret: secret("ramen-system", map[string]string{"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": ""}),
			want:   store.ReasonSecretNotFound, says: "ramen-system/keys has no key AWS_SECRET_ACCESS_KEY",
		},
		"the profile names no Secret": {
			secret: secret("ramen-system", both),
			change: func(p *ramenconfig.S3StoreProfile) { p.S3SecretRef.Name = "" },
			want:   store.ReasonBadProfile, says: "s3SecretRef.name is empty",
		},
		"the profile names no bucket": {
			secret: secret("ramen-system", both),
			change: func(p *ramenconfig.S3StoreProfile) { p.S3Bucket = "" },
			want:   store.ReasonBadProfile, says: "s3Bucket is empty",
		},
	} {
		t.Run(name, func(t *testing.T) {
			profile := ramenconfig.S3StoreProfile{
				S3ProfileName: "s3-dr1", S3Bucket: "dr1", S3CompatibleEndpoint: "https://s3.example.com", S3Region: "r",
				S3SecretRef: corev1.SecretReference{Name: "keys"}, CACertificates: []byte("pem"),
			}
			if tc.change != nil {
				tc.change(&profile)
			}
			cfg, err := store.FromProfile(t.Context(), fake.NewClientBuilder().WithObjects(tc.secret).Build(), "ramen-system", profile)
			if tc.want == "" {
				require.NoError(t, err)
				assert.Equal(t, store.Config{
					Profile: "s3-dr1", Endpoint: "https://s3.example.com", Bucket: "dr1", Region: "r",
					AccessKey: "id", SecretKey: "key", CA: []byte("pem"),
				}, cfg)
				return
			}
			require.Error(t, err)
			assert.Equal(t, tc.want, store.ReasonOf(err))
			assert.ErrorContains(t, err, "S3 profile s3-dr1")
			assert.ErrorContains(t, err, tc.says)
		})
	}
}

func TestReusingOpensAStoreAnewOnlyWhenItsConfigChanged(t *testing.T) {
	opened := 0
	refused := errors.New("refused")
	open := store.Reusing(func(cfg store.Config) (store.Store, error) {
		opened++
		if cfg.SecretKey == "bad" {
			return nil, refused
		}
		return mem.New().Open(cfg)
	})
	cfg := store.Config{Profile: "p", Endpoint: "https://s3.example.com", Bucket: "b", CA: []byte("one")}
	first, err := open(cfg)
	require.NoError(t, err)
	again, err := open(cfg)
	require.NoError(t, err)
	assert.Same(t, first, again)
	assert.Equal(t, 1, opened)

	cfg.CA = []byte("two")
	other, err := open(cfg)
	require.NoError(t, err)
	assert.NotSame(t, first, other)

	cfg.SecretKey = "bad"
	_, err = open(cfg)
	require.ErrorIs(t, err, refused)
	_, err = open(cfg)
	require.ErrorIs(t, err, refused, "a failure is not remembered")
	assert.Equal(t, 4, opened)
}
