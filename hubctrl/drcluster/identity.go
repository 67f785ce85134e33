// SPDX-License-Identifier: Apache-2.0

package drcluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// remakeAfter is how long the hub leaves away what was deleted of an agent's identity in order to take its access back. API
// servers believe a token for ten seconds more. An agent that used them to ask for another token must find nothing to bind
// it to.
const remakeAfter = time.Minute

const reasonIdentity = "AgentIdentityDeleted"

// identity is what the inbox holds of the agent's identity.
type identity struct {
	account bool      // the ServiceAccount exists
	bound   types.UID // of the Secret that its tokens are bound to; empty: there is none
	err     error     // why it is not known
}

func (i identity) complete() bool { return i.account && i.bound != "" }

// identityOf reads live: nothing here is cached.
func (r *Reconciler) identityOf(ctx context.Context, cluster string) identity {
	inbox := exchange.Inbox(cluster)
	// Before there is the namespace there is no right in it, and nothing to read.
	switch err := r.live.Get(ctx, client.ObjectKey{Name: inbox}, &corev1.Namespace{}); {
	case apierrors.IsNotFound(err):
		return identity{}
	case err != nil:
		return identity{err: fmt.Errorf("read namespace %s: %w", inbox, err)}
	}
	var out identity
	switch err := r.live.Get(ctx, client.ObjectKey{Namespace: inbox, Name: exchange.ServiceAccount}, &corev1.ServiceAccount{}); {
	case err == nil:
		out.account = true
	case !apierrors.IsNotFound(err):
		return identity{err: fmt.Errorf("read ServiceAccount %s/%s: %w", inbox, exchange.ServiceAccount, err)}
	}
	secret := &corev1.Secret{}
	switch err := r.live.Get(ctx, client.ObjectKey{Namespace: inbox, Name: exchange.SecretCredential}, secret); {
	case err == nil:
		out.bound = secret.UID
	case !apierrors.IsNotFound(err):
		return identity{err: fmt.Errorf("read Secret %s/%s: %w", inbox, exchange.SecretCredential, err)}
	}
	return out
}

// keepIdentity makes what is missing of the agent's identity: at once for a new cluster, remakeAfter later where it was
// deleted. waits says that the latter is not over.
func (r *Reconciler) keepIdentity(ctx context.Context, cluster string, now seen) (waits *outcome.Waiting, err error) {
	is, inbox := now.identity, exchange.Inbox(cluster)
	if is.err != nil {
		return nil, is.err
	}
	existed := is.account || is.bound != "" || now.lease != nil
	if wait := r.deleted.wait(cluster, existed && !is.complete()); wait > 0 {
		return &outcome.Waiting{Reason: reasonIdentity, After: wait, Message: fmt.Sprintf(
			"ServiceAccount %s or Secret %s was deleted in namespace %s: waiting until API servers accept no earlier token", exchange.ServiceAccount, exchange.SecretCredential, inbox)}, nil
	}
	// The Secret comes first: who waits for the ServiceAccount may ask for a token at once.
	if is.bound == "" {
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: inbox, Name: exchange.SecretCredential, Labels: created()},
			Type:       corev1.SecretTypeOpaque,
			Immutable:  new(true),
		}
		if err := r.client.Create(ctx, secret); err != nil && !apierrors.IsAlreadyExists(err) {
			return nil, fmt.Errorf("make Secret %s/%s: %w", inbox, exchange.SecretCredential, err)
		}
	}
	r.deleted.forget(cluster) // whatever is deleted from now on is deleted again
	if _, err := r.apply.Kept(ctx, r.live, corev1ac.ServiceAccount(exchange.ServiceAccount, inbox).WithLabels(created())); err != nil {
		return nil, fmt.Errorf("keep ServiceAccount %s/%s: %w", inbox, exchange.ServiceAccount, err)
	}
	return nil, nil
}

// deletions remembers since when something is missing that was there. It is safe for concurrent use. A hub that restarts
// waits once more.
type deletions struct {
	clock clock.PassiveClock
	mu    sync.Mutex
	since map[string]time.Time
}

// wait is how long what cluster misses is still to be left away; missing: something is.
func (d *deletions) wait(cluster string, missing bool) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !missing {
		delete(d.since, cluster)
		return 0
	}
	now := d.clock.Now()
	if _, known := d.since[cluster]; !known {
		d.since[cluster] = now
	}
	return d.since[cluster].Add(remakeAfter).Sub(now)
}

// forget is for a cluster that leaves.
func (d *deletions) forget(cluster string) { d.wait(cluster, false) }
