// SPDX-License-Identifier: Apache-2.0

package drcluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Reasons of the condition DeletionBlocked.
const (
	reasonListed   = "ListedByDRPolicy"
	reasonWished   = "WishesRemain"
	reasonGroups   = "RemovingGroups"
	reasonRemoving = "RemovingNamespaces"
)

const (
	// recheck is how soon that is looked at again which no watch wakes.
	recheck = 30 * time.Second
	// recheckNamespaces is for namespaces that go: a watch tells, this is for the case that it does not.
	recheckNamespaces = 5 * time.Second
)

// removal gives up what the hub holds for clusters.
type removal struct {
	client  client.Client
	live    client.Reader
	links   LinkReader
	secrets *secretWishes
}

// blocked says what still needs a cluster that is being deleted; nil: nothing. It reads live: the cache may not show yet
// who needs it.
func (r *removal) blocked(ctx context.Context, cluster string) (*outcome.Waiting, error) {
	policies, err := policiesNaming(ctx, r.live, cluster)
	if err != nil {
		return nil, err
	}
	if len(policies) > 0 {
		return &outcome.Waiting{
			Reason:  reasonListed,
			Message: "delete the DRPolicies that list this cluster first: " + joined(policies, func(p v1alpha1.DRPolicy) string { return p.Name }),
		}, nil
	}
	wishes, err := r.wishes(ctx, cluster)
	if err != nil {
		return nil, err
	}
	alive := slices.DeleteFunc(wishes, func(w v1alpha1.VolumeReplicationGroup) bool { return !w.DeletionTimestamp.IsZero() })
	if len(alive) > 0 {
		return &outcome.Waiting{
			Reason: reasonWished,
			Message: fmt.Sprintf("namespace %s holds wishes of protected applications, delete their DRPlacementControls first: %s",
				exchange.Outbox(cluster), joined(alive, func(w v1alpha1.VolumeReplicationGroup) string { return w.Name })),
			After: recheck,
		}, nil
	}
	return nil, nil
}

func joined[T any](list []T, name func(T) string) string {
	var names []string
	for _, item := range list {
		names = append(names, name(item))
	}
	slices.Sort(names)
	return bounded.List(names, ", ")
}

func (r *removal) wishes(ctx context.Context, cluster string) ([]v1alpha1.VolumeReplicationGroup, error) {
	list := &v1alpha1.VolumeReplicationGroupList{}
	if err := r.live.List(ctx, list, client.InNamespace(exchange.Outbox(cluster))); err != nil {
		return nil, fmt.Errorf("list wishes in the outbox of cluster %s: %w", cluster, err)
	}
	return list.Items, nil
}

// remove gives up what the hub holds for a cluster. A crash after any step is harmless: the next pass starts over and finds less.
func (r *removal) remove(ctx context.Context, dc *v1alpha1.DRCluster) error {
	obeys := mayObey(dc, r.links.Link(dc.Name))
	if obeys {
		if err := r.awaitGroups(ctx, dc.Name); err != nil {
			return err
		}
	}
	if err := r.dropTombstones(ctx, dc.Name); err != nil {
		return err
	}
	if err := r.secrets.withdraw(ctx, dc, obeys); err != nil {
		return err
	}
	for _, o := range leftovers(dc.Name) {
		if err := r.client.Delete(ctx, o); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete %T %s: %w", o, o.GetName(), err)
		}
	}
	return r.removeNamespaces(ctx, dc.Name)
}

// mayObey reports whether a cluster may still do what is wished: not if it was never there, or is lost. A hub that has just started
// does not know yet; but where no cluster was ever recorded, none obeys (X13).
func mayObey(dc *v1alpha1.DRCluster, link exchange.Link) bool {
	return link.State == exchange.LinkLive || link.State == exchange.LinkConnecting && dc.Status.ClusterID != ""
}

// awaitGroups waits for the groups that a cluster is removing: they need their stores, whose keys go next.
func (r *removal) awaitGroups(ctx context.Context, cluster string) error {
	ending, err := r.wishes(ctx, cluster)
	if err != nil || len(ending) == 0 {
		return err
	}
	reports := &v1alpha1.VolumeReplicationGroupList{}
	if err := r.live.List(ctx, reports, client.InNamespace(exchange.Inbox(cluster))); err != nil {
		return fmt.Errorf("list reports in the inbox of cluster %s: %w", cluster, err)
	}
	remain := slices.DeleteFunc(ending, func(w v1alpha1.VolumeReplicationGroup) bool {
		return !slices.ContainsFunc(reports.Items, func(report v1alpha1.VolumeReplicationGroup) bool { return report.Name == w.Name })
	})
	if len(remain) == 0 {
		return nil
	}
	return &outcome.Waiting{Reason: reasonGroups, After: recheck, Message: fmt.Sprintf(
		"waiting until cluster %s has removed the VolumeReplicationGroups %s. If it can't, stop its mirror to leave them", cluster,
		joined(remain, func(w v1alpha1.VolumeReplicationGroup) string { return w.Name }))}
}

// leftovers are the cluster-scoped objects of the cluster. The agent's rights go first.
func leftovers(cluster string) []client.Object {
	name := metav1.ObjectMeta{Name: agentRole(cluster)}
	return []client.Object{
		&rbacv1.ClusterRoleBinding{ObjectMeta: name},
		&rbacv1.ClusterRole{ObjectMeta: name},
		&v1alpha1.DRClusterConfig{ObjectMeta: metav1.ObjectMeta{Name: cluster}},
	}
}

// dropTombstones takes the exchange's finalizer off the wishes that are being deleted: nobody will obey them any more
// (X6).
func (r *removal) dropTombstones(ctx context.Context, cluster string) error {
	wishes, err := r.wishes(ctx, cluster)
	if err != nil {
		return err
	}
	for i := range wishes {
		w := &wishes[i]
		if w.DeletionTimestamp.IsZero() {
			continue
		}
		log.FromContext(ctx).Info("Dropping a tombstone", "VolumeReplicationGroup", client.ObjectKeyFromObject(w))
		if err := apply.Release(ctx, r.client, w, exchange.FinalizerWish); err != nil {
			return err
		}
	}
	return nil
}

// removeNamespaces deletes the outbox, then the inbox, and waits until both are gone: a DRCluster of the same name would
// find them terminating. Namespaces that are not of the exchange stay.
func (r *removal) removeNamespaces(ctx context.Context, cluster string) error {
	var remain []string
	for _, name := range []string{exchange.Outbox(cluster), exchange.Inbox(cluster)} {
		ns := &corev1.Namespace{}
		err := r.live.Get(ctx, client.ObjectKey{Name: name}, ns)
		switch {
		case apierrors.IsNotFound(err):
			continue
		case err != nil:
			return fmt.Errorf("read namespace %s: %w", name, err)
		case ns.Labels[exchange.LabelCluster] != cluster:
			continue
		}
		if ns.DeletionTimestamp.IsZero() {
			err := r.client.Delete(ctx, ns, client.Preconditions{UID: &ns.UID})
			if client.IgnoreNotFound(err) != nil {
				return fmt.Errorf("delete namespace %s: %w", name, err)
			}
		}
		remain = append(remain, name)
	}
	if remain != nil {
		return &outcome.Waiting{Reason: reasonRemoving, Message: "waiting until namespaces are gone: " + strings.Join(remain, ", "), After: recheckNamespaces}
	}
	return nil
}
