// SPDX-License-Identifier: Apache-2.0

package drcluster

import (
	"context"
	"errors"
	"fmt"
	"slices"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// A Secret that the hub handed to a cluster leaves it when its wish is deleted. The wish stays as a tombstone until the lease says
// that the cluster has no copy of it any more: a cluster that is away removes its copy when it returns (X6).

// reasonWithdrawing : a DRCluster that is being deleted waits for its cluster to remove what the hub handed to it.
const reasonWithdrawing = "RemovingSecrets"

// all are the Secrets in the outbox of a cluster that are wishes. It reads live: Secrets are not cached.
func (w *secretWishes) all(ctx context.Context, cluster string) ([]corev1.Secret, error) {
	list := &corev1.SecretList{}
	if err := w.live.List(ctx, list, client.InNamespace(exchange.Outbox(cluster))); err != nil {
		return nil, fmt.Errorf("list Secrets in the outbox of cluster %s: %w", cluster, err)
	}
	return slices.DeleteFunc(list.Items, func(s corev1.Secret) bool { return !slices.Contains(s.Finalizers, exchange.FinalizerWish) }), nil
}

// dropWithdrawn drops the tombstones of Secrets that the cluster has removed, also those that an application wished.
func (w *secretWishes) dropWithdrawn(ctx context.Context, cluster string, gone map[types.UID]bool) error {
	if len(gone) == 0 {
		return nil
	}
	wishes, err := w.all(ctx, cluster)
	if err != nil {
		return err
	}
	var errs []error
	for i := range wishes {
		if s := &wishes[i]; !s.DeletionTimestamp.IsZero() && gone[s.UID] {
			errs = append(errs, apply.Release(ctx, w.client, s, exchange.FinalizerWish))
		}
	}
	return errors.Join(errs...)
}

// handOver leaves the keys on the cluster to somebody else, who is to distribute them from now on: without its finalizer a wish
// goes at once, and a wish that is missing deletes nothing.
func (w *secretWishes) handOver(ctx context.Context, have []corev1.Secret) error {
	var errs []error
	for i := range have {
		s := &have[i]
		if err := apply.Release(ctx, w.client, s, exchange.FinalizerWish); err != nil {
			errs = append(errs, err)
		} else if s.DeletionTimestamp.IsZero() {
			errs = append(errs, apply.Delete(ctx, w.client, s))
		}
	}
	return errors.Join(errs...)
}

// revive drops the tombstone of keys that are wanted again, so that they can be wished again. The copy changes hands.
func (w *secretWishes) revive(ctx context.Context, have []corev1.Secret, name string) error {
	for i := range have {
		if s := &have[i]; s.Name == name && !s.DeletionTimestamp.IsZero() {
			return apply.Release(ctx, w.client, s, exchange.FinalizerWish)
		}
	}
	return nil
}

// profilesInUse are the S3 profiles that the groups of a cluster use, also those that are being removed: to end, they need their
// stores.
func (w *secretWishes) profilesInUse(ctx context.Context, cluster string) ([]string, error) {
	list := &v1alpha1.VolumeReplicationGroupList{}
	if err := w.client.List(ctx, list, client.InNamespace(exchange.Outbox(cluster)), client.UnsafeDisableDeepCopy); err != nil { // nothing is changed
		return nil, fmt.Errorf("list wishes in the outbox of cluster %s: %w", cluster, err)
	}
	var out []string
	for i := range list.Items {
		for _, p := range list.Items[i].Spec.S3Profiles {
			if p != noStore && !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	return out, nil
}

// withdraw takes back what the hub handed to a cluster whose DRCluster is being deleted. A cluster that does not obey any more, since
// it is lost, keeps it.
func (w *secretWishes) withdraw(ctx context.Context, dc *v1alpha1.DRCluster, obeys bool) error {
	wishes, err := w.all(ctx, dc.Name)
	if apierrors.IsForbidden(err) {
		// The right to list them is in the outbox itself, and goes with it.
		if going, other := w.going(ctx, dc.Name); other != nil || going {
			return other
		}
	}
	if err != nil || len(wishes) == 0 {
		return err
	}
	lease := &coordinationv1.Lease{}
	if err := w.client.Get(ctx, client.ObjectKey{Namespace: exchange.Inbox(dc.Name), Name: exchange.LeaseName}, lease); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("read the lease of cluster %s: %w", dc.Name, err)
	}
	gone := exchange.Withdrawn(lease, dc.Status.ClusterID)
	var remain []corev1.Secret
	for i := range wishes {
		s := &wishes[i]
		if s.DeletionTimestamp.IsZero() {
			if err := apply.Delete(ctx, w.client, s.DeepCopy()); err != nil {
				return err
			}
		}
		if obeys && !gone[s.UID] {
			remain = append(remain, *s)
			continue
		}
		if !gone[s.UID] {
			log.FromContext(ctx).Info("Leaving a Secret on a cluster that can't be heard", "cluster", dc.Name, "wish", s.Name)
		}
		if err := w.forgetSecret(ctx, s); err != nil {
			return err
		}
	}
	if remain == nil {
		return nil
	}
	return &outcome.Waiting{Reason: reasonWithdrawing, Message: fmt.Sprintf(
		"waiting until cluster %s has removed the Secrets that it was given: %s. If it can't, delete them there, or stop its mirror to leave them",
		dc.Name, joined(remain, func(s corev1.Secret) string {
			return s.Annotations[exchange.AnnotationNamespace] + "/" + s.Annotations[exchange.AnnotationName]
		}))}
}

// going reports whether the outbox of a cluster is gone, or is being deleted.
func (w *secretWishes) going(ctx context.Context, cluster string) (bool, error) {
	ns := &corev1.Namespace{}
	switch err := w.live.Get(ctx, client.ObjectKey{Name: exchange.Outbox(cluster)}, ns); {
	case apierrors.IsNotFound(err):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("read namespace %s: %w", exchange.Outbox(cluster), err)
	default:
		return !ns.DeletionTimestamp.IsZero(), nil
	}
}

// forgetSecret takes the finalizer off a wish that is being deleted, in its newest version.
func (w *secretWishes) forgetSecret(ctx context.Context, s *corev1.Secret) error {
	is := &corev1.Secret{}
	if err := w.live.Get(ctx, client.ObjectKeyFromObject(s), is); err != nil {
		return client.IgnoreNotFound(err)
	}
	return apply.Release(ctx, w.client, is, exchange.FinalizerWish)
}
