// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Detail reads everything about one application.
func (h *Hub) Detail(ctx context.Context, key client.ObjectKey) (*view.Detail, error) {
	s, err := h.Look(ctx, Selection{Namespace: key.Namespace, Names: []string{key.Name}})
	if err != nil {
		return nil, err
	}
	d := &view.Detail{Snapshot: *s}
	drpc := &d.Applications[0]
	group := exchange.GroupOf(drpc)
	for _, cluster := range clustersOf(d) {
		side := view.Side{Cluster: cluster, DRCluster: &v1alpha1.DRCluster{}, Wish: &v1alpha1.VolumeReplicationGroup{}, Report: &v1alpha1.VolumeReplicationGroup{}}
		name := exchange.ObjectName(group.Namespace, group.Name)
		if ok, err := h.find(ctx, d, client.ObjectKey{Name: cluster}, side.DRCluster, "DRClusters"); err != nil {
			return nil, err
		} else if !ok {
			side.DRCluster = nil
		}
		for _, box := range []struct {
			namespace string
			into      **v1alpha1.VolumeReplicationGroup
		}{{exchange.Outbox(cluster), &side.Wish}, {exchange.Inbox(cluster), &side.Report}} {
			before := len(d.Notes)
			ok, err := h.find(ctx, d, client.ObjectKey{Namespace: box.namespace, Name: name}, *box.into, "VolumeReplicationGroups in "+box.namespace)
			if err != nil {
				return nil, err
			}
			if !ok {
				*box.into = nil
				side.Unread = side.Unread || len(d.Notes) > before
			}
		}
		d.Sides = append(d.Sides, side)
	}
	d.Now = h.clock.Now()
	return d, nil
}

// clustersOf are the clusters of the policy, or, if the user may not read it, those that the status names.
func clustersOf(d *view.Detail) []string {
	drpc := &d.Applications[0]
	if p, ok := d.Policies[drpc.Spec.DRPolicyRef.Name]; ok {
		return p.Spec.DRClusters
	}
	var out []string
	for _, decision := range drpc.Status.Decisions {
		out = append(out, decision.ClusterName)
	}
	if w := drpc.Status.Waiting; w != nil && w.Cluster != "" && !slices.Contains(out, w.Cluster) {
		out = append(out, w.Cluster)
	}
	return out
}

// find reads an object that may be absent; a lack of rights is noted.
func (h *Hub) find(ctx context.Context, d *view.Detail, key client.ObjectKey, into client.Object, what string) (bool, error) {
	err := h.Get(ctx, key, into)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return h.try(err, &d.Snapshot, what, "what lies there")
}

// Key is the key of an application.
func Key(namespace, name string) client.ObjectKey {
	return client.ObjectKey{Namespace: namespace, Name: name}
}

// Names are the names of the applications of a namespace.
func (h *Hub) Names(ctx context.Context, namespace string) ([]string, error) {
	all, err := h.applications(ctx, Selection{Namespace: namespace})
	if err != nil {
		return nil, err
	}
	var out []string
	for i := range all {
		out = append(out, all[i].Name)
	}
	return out, nil
}
