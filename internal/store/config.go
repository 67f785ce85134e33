// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/internal/ramenconfig"
)

// Keys of the Secret of a profile.
const (
	SecretKeyAccess = "AWS_ACCESS_KEY_ID"
	SecretKeySecret = "AWS_SECRET_ACCESS_KEY"
)

// FromProfile is what is needed to open the store of a profile. The Secret is read from the namespace that the profile
// names, else from operatorNamespace. An error is an *Error: the Secret or the key that is missing is named.
func FromProfile(ctx context.Context, r client.Reader, operatorNamespace string, p ramenconfig.S3StoreProfile) (Config, error) {
	fail := func(reason Reason, err error) (Config, error) {
		return Config{}, &Error{Profile: p.S3ProfileName, Reason: reason, Err: err}
	}
	key := SecretOf(p, operatorNamespace)
	if key.Name == "" {
		return fail(ReasonBadProfile, errors.New("s3SecretRef.name is empty: name the Secret with the keys of the store"))
	}
	secret := &corev1.Secret{}
	switch err := r.Get(ctx, key, secret); {
	case apierrors.IsNotFound(err):
		return fail(ReasonSecretNotFound, fmt.Errorf("there is no Secret %s: create it with the keys %s and %s", key, SecretKeyAccess, SecretKeySecret))
	case err != nil:
		return fail(ReasonError, fmt.Errorf("read Secret %s: %w", key, err))
	}
	for _, k := range []string{SecretKeyAccess, SecretKeySecret} {
		if len(secret.Data[k]) == 0 {
			return fail(ReasonSecretNotFound, fmt.Errorf("the Secret %s has no key %s, or it is empty", key, k))
		}
	}
	cfg := Config{
		Profile:   p.S3ProfileName,
		Endpoint:  p.S3CompatibleEndpoint,
		Bucket:    p.S3Bucket,
		Region:    p.S3Region,
		AccessKey: string(secret.Data[SecretKeyAccess]),
		SecretKey: string(secret.Data[SecretKeySecret]),
		CA:        p.CACertificates,
	}
	return cfg, cfg.Validate()
}

// SecretOf is where the Secret of a profile is: in the namespace that the profile names, else in operatorNamespace.
func SecretOf(p ramenconfig.S3StoreProfile, operatorNamespace string) client.ObjectKey {
	key := client.ObjectKey{Namespace: p.S3SecretRef.Namespace, Name: p.S3SecretRef.Name}
	if key.Namespace == "" {
		key.Namespace = operatorNamespace
	}
	return key
}

// Validate finds what can be found wrong without asking the store: an *Error with ReasonBadProfile.
func (c Config) Validate() error {
	bad := func(format string, args ...any) error {
		return &Error{Profile: c.Profile, Reason: ReasonBadProfile, Err: fmt.Errorf(format, args...)}
	}
	u, err := url.Parse(c.Endpoint)
	switch {
	case err != nil:
		return bad("s3CompatibleEndpoint is no URL: %w", err)
	case u.Scheme != "http" && u.Scheme != "https":
		return bad("s3CompatibleEndpoint %q must start with https:// or http://", c.Endpoint)
	case u.Host == "":
		return bad("s3CompatibleEndpoint %q names no host", c.Endpoint)
	case u.Path != "" && u.Path != "/":
		return bad("s3CompatibleEndpoint %q must have no path: the bucket belongs into s3Bucket", c.Endpoint)
	case c.Bucket == "":
		return bad("s3Bucket is empty: name the bucket")
	default:
		return nil
	}
}

// Reusing is open with a memory: as long as the Config of a profile stays the same, so does its Store, and with it the
// Store's connections.
func Reusing(open Opener) Opener {
	type opened struct {
		cfg   Config
		store Store
	}
	var mu sync.Mutex
	last := map[string]opened{}
	return func(cfg Config) (Store, error) {
		mu.Lock()
		defer mu.Unlock()
		if o, ok := last[cfg.Profile]; ok && reflect.DeepEqual(o.cfg, cfg) {
			return o.store, nil
		}
		s, err := open(cfg)
		if err != nil {
			return nil, err
		}
		last[cfg.Profile] = opened{cfg: cfg, store: s}
		return s, nil
	}
}
