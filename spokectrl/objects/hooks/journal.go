// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects/steps"
)

// SecretName is the name of the Secret with the records. It is a Secret since commands may hold some, and lies in the operator's
// namespace since who may write it says what hooks run; it outlives the groups.
const SecretName = "ramen-hooks"

// longestRecord is how many bytes a record may have: an API server takes 1 MiB for all of them.
const longestRecord = 20 << 10

// Journal keeps records in a Secret. There is one writer; it is safe for concurrent use.
type Journal struct {
	Client    client.Client // writes
	Live      client.Reader // reads from the API server
	Namespace string        // of the operator

	mu sync.Mutex
	is *corev1.Secret // as it was written last; nil: not read yet, or to be read again
}

// Load reads all records.
func (j *Journal) Load(ctx context.Context) ([]steps.Record, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.read(ctx); err != nil {
		return nil, err
	}
	var out []steps.Record
	for key, text := range j.is.Data {
		var r steps.Record
		err := json.Unmarshal(text, &r)
		if err == nil && slices.ContainsFunc(r.Undo, func(u steps.Undo) bool { return u.With == nil }) {
			err = errors.New("it does not say what undoes an operation")
		}
		if err != nil {
			// Somebody changed it. That must not hold back all other groups.
			log.FromContext(ctx).Error(err, "Key is no record: undo by hand what it says, and delete it", "Secret", SecretName, "key", key)
			continue
		}
		out = append(out, r)
	}
	return out, nil
}

// Write writes a record down, in place of the one of its group.
func (j *Journal) Write(ctx context.Context, r steps.Record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode a record: %w", err)
	}
	if n := len(text); n > longestRecord {
		return fmt.Errorf("the record of it has %d bytes, and may have %d: shorten the names of the hooks and operations, and the commands that undo others", n, longestRecord)
	}
	return j.change(ctx, r.Group, text)
}

// Drop forgets the record of a group.
func (j *Journal) Drop(ctx context.Context, g capsule.Group) error { return j.change(ctx, g, nil) }

// Holds reports whether an attempt is still written down. Who removes its key from the Secret has it given up.
func (j *Journal) Holds(ctx context.Context, r steps.Record) (bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.read(ctx); err != nil {
		return false, err
	}
	for _, key := range keysOf(r.Group) {
		var is steps.Record
		if text, ok := j.is.Data[key]; ok && json.Unmarshal(text, &is) == nil && is.Attempt == r.Attempt {
			return true, nil
		}
	}
	return false, nil
}

func (j *Journal) read(ctx context.Context) error {
	is := &corev1.Secret{}
	err := j.Live.Get(ctx, client.ObjectKey{Namespace: j.Namespace, Name: SecretName}, is)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("read Secret %s/%s: %w", j.Namespace, SecretName, err)
	}
	j.is = is
	return nil
}

// change writes one key, and reads the Secret again if it is not as it was written last.
func (j *Journal) change(ctx context.Context, g capsule.Group, text []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	keys := keysOf(g)
	key, earlier := keys[0], keys[1:]
	for tries := 3; ; tries-- {
		if j.is == nil {
			if err := j.read(ctx); err != nil {
				return err
			}
		}
		has := func(key string) bool { _, is := j.is.Data[key]; return is }
		if bytes.Equal(j.is.Data[key], text) && !slices.ContainsFunc(earlier, has) {
			return nil
		}
		next := j.is.DeepCopy()
		if next.Data == nil {
			next.Data = map[string][]byte{}
		}
		if next.Data[key] = text; text == nil {
			delete(next.Data, key)
		}
		for _, key := range earlier {
			delete(next.Data, key)
		}
		err := j.put(ctx, next)
		if err == nil {
			j.is = next
			return nil
		}
		j.is = nil
		if apierrors.IsForbidden(err) {
			return fmt.Errorf("write Secret %s/%s: %w: apply config/spoke of this version to this cluster", j.Namespace, SecretName, err)
		}
		if tries == 1 || !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) && !apierrors.IsNotFound(err) {
			return fmt.Errorf("write Secret %s/%s: %w", j.Namespace, SecretName, err)
		}
	}
}

func (j *Journal) put(ctx context.Context, s *corev1.Secret) error {
	if s.ResourceVersion == "" {
		s.ObjectMeta = metav1.ObjectMeta{Namespace: j.Namespace, Name: SecretName}
		s.Type = corev1.SecretTypeOpaque
		return j.Client.Create(ctx, s, client.FieldOwner("spokectrl-hooks")) //nolint:wrapcheck // the caller names it
	}
	return j.Client.Update(ctx, s, client.FieldOwner("spokectrl-hooks")) //nolint:wrapcheck // the caller names it
}

// longestKey is how long a key of a Secret may be.
const longestKey = 253

// KeyOf is the key of a group's record: namespace.name, by which a person finds it, and a hash of that if it is too long for a key.
func KeyOf(g capsule.Group) string { return keysOf(g)[0] }

// keysOf are the keys that a group's record may have, that of this version first.
func keysOf(g capsule.Group) []string {
	sum := sha256.Sum256([]byte(g.Namespace + "/" + g.Name))
	hash := hex.EncodeToString(sum[:16])
	if key := g.Namespace + "." + g.Name; len(key) <= longestKey {
		return []string{key, hash}
	}
	return []string{hash}
}
