// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	hublinks "github.com/ramendr/ramen-direct/hubctrl/links"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Two selectors may differ and select one PVC all the same. Nobody can tell by the selectors alone; but a cluster reports the
// labels of what an application protects. A PVC that both select has two groups that want it: the one that has it protects it,
// and when that one moves away the other would take it.

// indexVolume finds the reports about volumes of a namespace, by each label that a volume has, and all of them.
const indexVolume = "volume"

// maxVolumeKeys bounds the index of one report.
const maxVolumeKeys = 4 * snapshot.MaxVolumes

// volumeKeys are the index of a report.
func volumeKeys(o client.Object) []string {
	report, ok := o.(*v1alpha1.VolumeReplicationGroup)
	if !ok {
		return nil
	}
	if cluster, boxed := exchange.ClusterOf(report.Namespace); !boxed || report.Namespace != exchange.Inbox(cluster) {
		return nil
	}
	seen := map[string]bool{}
	for i := range report.Status.ProtectedPVCs {
		pvc := &report.Status.ProtectedPVCs[i]
		seen[pvc.Namespace] = true
		for k, v := range pvc.Labels {
			seen[labeled(pvc.Namespace, k, v)] = true
		}
		if len(seen) > maxVolumeKeys {
			break
		}
	}
	out := make([]string, 0, len(seen))
	for key := range seen {
		out = append(out, key)
	}
	return out
}

func labeled(namespace, key, value string) string { return namespace + "/" + key + "=" + value }

// rarest is an entry of the index under which each volume lies that a selector selects in a namespace.
func rarest(namespace string, selector *metav1.LabelSelector) string {
	first := ""
	for key := range selector.MatchLabels {
		if first == "" || key < first {
			first = key
		}
	}
	if first == "" {
		return namespace
	}
	return labeled(namespace, first, selector.MatchLabels[first])
}

// taken says which volume that the application selects another one protects; empty: none is known. What a cluster reports is
// believed as far as the other application's own selector confirms it (X16).
func (r *observer) taken(ctx context.Context, w *snapshot.Snapshot) (text string, err error) {
	mine := snapshot.Asking(w.DRPC)
	mine.Group = w.Group
	var by client.ObjectKey
	defer func() { r.contests.note(mine.Drpc, by) }()
	selector, invalid := metav1.LabelSelectorAsSelector(mine.Selector)
	if invalid != nil || snapshot.SelectsAll(mine.Selector) {
		return "", nil
	}
	for _, ns := range mine.Namespaces(w.Config) {
		list := &v1alpha1.VolumeReplicationGroupList{}
		if err := r.client.List(ctx, list, client.MatchingFields{indexVolume: rarest(ns, mine.Selector)}, client.UnsafeDisableDeepCopy); err != nil {
			return "", fmt.Errorf("list reports about volumes of namespace %s: %w", ns, err)
		}
		for i := range list.Items {
			report := &list.Items[i]
			owner, owned := snapshot.KeyOf(report.Annotations[exchange.AnnotationDRPC])
			cluster, _ := exchange.ClusterOf(report.Namespace)
			if !owned || owner == mine.Drpc || !w.SideOf(cluster).Named() {
				continue
			}
			if report, err = hublinks.Whole(ctx, r.live, report); err != nil {
				return "", err
			}
			if report == nil {
				continue
			}
			for k := range report.Status.ProtectedPVCs {
				pvc := &report.Status.ProtectedPVCs[k]
				if pvc.Namespace != ns || pvc.Labels == nil || !selector.Matches(labels.Set(pvc.Labels)) {
					continue
				}
				theirs, err := r.selects(ctx, owner, w, pvc)
				if err != nil {
					return "", err
				}
				if theirs {
					by = owner
					return fmt.Sprintf("DRPlacementControl %s protects PVC %s/%s on %s, and this one selects it too: change its labels so that only one of them selects it, or create it again with a spec.pvcSelector that selects others",
						owner, pvc.Namespace, pvc.Name, cluster), nil
				}
			}
		}
	}
	return "", nil
}

// selects reports whether an application that exists selects a volume.
func (r *observer) selects(ctx context.Context, key client.ObjectKey, w *snapshot.Snapshot, pvc *v1alpha1.ProtectedPVC) (bool, error) {
	drpc := &v1alpha1.DRPlacementControl{}
	switch err := r.client.Get(ctx, key, drpc); {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read DRPlacementControl %s: %w", key, err)
	}
	protects, err := r.claimants(ctx, drpc)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(protects, func(c snapshot.Claimant) bool {
		selector, err := metav1.LabelSelectorAsSelector(c.Selector)
		return err == nil && slices.Contains(c.Namespaces(w.Config), pvc.Namespace) && selector.Matches(labels.Set(pvc.Labels))
	}), nil
}

// contests remember which application waits for another one to give a volume up: what is reported about that one wakes it.
type contests struct {
	mu sync.Mutex
	by map[client.ObjectKey]client.ObjectKey // who waits -> for whom
}

func newContests() *contests { return &contests{by: map[client.ObjectKey]client.ObjectKey{}} }

// note says for whom an application waits; empty: for nobody.
func (c *contests) note(who, by client.ObjectKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if by.Name == "" {
		delete(c.by, who)
		return
	}
	c.by[who] = by
}

// of are those that wait for an application.
func (c *contests) of(by client.ObjectKey) []client.ObjectKey {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []client.ObjectKey
	for who, other := range c.by {
		if other == by {
			out = append(out, who)
		}
	}
	return out
}

// claimants are what an application protects: by its wishes, or, if there are none, by its object.
func (r *observer) claimants(ctx context.Context, drpc *v1alpha1.DRPlacementControl) ([]snapshot.Claimant, error) {
	list := &v1alpha1.VolumeReplicationGroupList{}
	if err := r.client.List(ctx, list, client.MatchingFields{indexDRPC: client.ObjectKeyFromObject(drpc).String()}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list wishes: %w", err)
	}
	var out []snapshot.Claimant
	for i := range list.Items {
		if c, ok := snapshot.Wishing(&list.Items[i]); ok {
			out = append(out, c)
		}
	}
	if out == nil {
		return []snapshot.Claimant{snapshot.Asking(drpc)}, nil
	}
	return out, nil
}
