// SPDX-License-Identifier: Apache-2.0

// Package signing keeps the key that a cluster signs stored metadata with. It promises that the key is made once, in a Secret
// of the operator's namespace, that it never leaves the cluster, and that nothing of it is logged or told but its public half.
package signing

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

const (
	// SecretName is the name of the Secret with the key. Without it another key is made when the operator starts.
	SecretName = "ramen-signing-key"
	// SecretKey is the key in the Secret: PEM, PKCS #8.
	SecretKey = "key.pem"

	owner = "spokectrl-signing"
)

// Keeper reads the key, or makes it. It is safe for concurrent use.
type Keeper struct {
	Client    client.Client // writes
	Live      client.Reader // reads from the API server
	Namespace string        // of the operator

	mu   sync.Mutex
	made capsule.Key
}

// Key is the key of this cluster. It stays the same for the life of the process.
func (k *Keeper) Key(ctx context.Context) (capsule.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.made.Public() != "" {
		return k.made, nil
	}
	key, err := k.read(ctx)
	if apierrors.IsNotFound(err) {
		key, err = k.make(ctx)
	}
	if err != nil {
		return capsule.Key{}, fmt.Errorf("the key that signs stored metadata, in Secret %s/%s: %w", k.Namespace, SecretName, err)
	}
	k.made = key
	return key, nil
}

func (k *Keeper) read(ctx context.Context) (capsule.Key, error) {
	secret := &corev1.Secret{}
	if err := k.Live.Get(ctx, client.ObjectKey{Namespace: k.Namespace, Name: SecretName}, secret); err != nil {
		return capsule.Key{}, fmt.Errorf("read it: %w", err)
	}
	return capsule.ParseKey(secret.Data[SecretKey])
}

// make makes the key, unless another replica was faster.
func (k *Keeper) make(ctx context.Context) (capsule.Key, error) {
	key, err := capsule.NewKey()
	if err != nil {
		return key, err
	}
	text, err := key.PEM()
	if err != nil {
		return key, err
	}
	log.FromContext(ctx).Info("Making the key that signs stored metadata", "Secret", SecretName, "public", key.Public())
	err = k.Client.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: k.Namespace, Name: SecretName},
		Type:       corev1.SecretTypeOpaque,
		Data:       map[string][]byte{SecretKey: text},
	}, client.FieldOwner(owner))
	if apierrors.IsAlreadyExists(err) {
		return k.read(ctx)
	}
	if err != nil {
		return capsule.Key{}, fmt.Errorf("make it: %w", err)
	}
	return key, nil
}
