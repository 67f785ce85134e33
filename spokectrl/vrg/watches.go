// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"cmp"
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/optional"
	"github.com/ramendr/ramen-direct/spokectrl/provider/volsync"
	"github.com/ramendr/ramen-direct/spokectrl/snapshot"
	"github.com/ramendr/ramen-direct/spokectrl/volumes"
)

// wake finds the groups that an event concerns. Of an update both the old and the new object are asked, so that a group
// hears of a claim that it no longer selects.
type wake struct{ reader client.Reader }

// indexNamespaces is the index of groups by the namespaces whose claims they may select.
const indexNamespaces = "namespaces"

func namespacesOf(obj client.Object) []string {
	if g, ok := obj.(*v1alpha1.VolumeReplicationGroup); ok {
		return volumes.Namespaces(g)
	}
	return nil
}

func covering(namespace string) client.ListOption {
	return client.MatchingFields{indexNamespaces: namespace}
}

// find lists the groups that concern accepts, of those that opts select.
func (w wake) find(ctx context.Context, concern func(*v1alpha1.VolumeReplicationGroup) bool, opts ...client.ListOption) []reconcile.Request {
	list := &v1alpha1.VolumeReplicationGroupList{}
	if err := w.reader.List(ctx, list, append(opts, client.UnsafeDisableDeepCopy)...); err != nil { // nothing is changed
		log.FromContext(ctx).Error(err, "Could not list groups to wake")
		return nil
	}
	var out []reconcile.Request
	for i := range list.Items {
		if concern(&list.Items[i]) {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return out
}

func anyGroup(*v1alpha1.VolumeReplicationGroup) bool { return true }

func (w wake) all(ctx context.Context, _ client.Object) []reconcile.Request {
	return w.find(ctx, anyGroup)
}

func (w wake) byClaim(ctx context.Context, claim client.Object) []reconcile.Request {
	if of := w.byOwnerLabels(ctx, claim); of != nil && claim.GetLabels()[v1alpha1.LabelCreatedByRamen] != "" {
		return of // no volume of the application
	}
	found := w.find(ctx, func(g *v1alpha1.VolumeReplicationGroup) bool {
		selector, err := volumes.Selector(g)
		if err != nil {
			return false
		}
		selected, marked := volumes.Belongs(g, selector, claim)
		return selected || marked
	}, covering(claim.GetNamespace()))
	// The group may cover the claim's namespace no more, and has to let it go.
	return append(found, w.byOwnerLabels(ctx, claim)...)
}

func (w wake) byNamespace(ctx context.Context, ns client.Object) []reconcile.Request {
	return w.find(ctx, anyGroup, covering(ns.GetName()))
}

// byName is for what uses a claim. One that is gone, or of no group, may still be what a group waits for.
func (w wake) byName(ctx context.Context, namespace, name string) []reconcile.Request {
	claim := &corev1.PersistentVolumeClaim{}
	key := client.ObjectKey{Namespace: namespace, Name: name}
	if err := w.reader.Get(ctx, key, claim); client.IgnoreNotFound(err) != nil {
		log.FromContext(ctx).Error(err, "Could not read a claim to wake its group", "PersistentVolumeClaim", key)
	} else if err == nil {
		if found := w.byClaim(ctx, claim); len(found) > 0 {
			return found
		}
	}
	return w.find(ctx, anyGroup, covering(namespace))
}

func (w wake) byVolume(ctx context.Context, obj client.Object) []reconcile.Request {
	pv, ok := obj.(*corev1.PersistentVolume)
	if !ok {
		return nil
	}
	out := w.byOwnerLabels(ctx, pv) // also if somebody cleared the claimRef
	if claim := pv.Spec.ClaimRef; claim != nil {
		out = append(out, w.byName(ctx, claim.Namespace, claim.Name)...)
	}
	return out
}

func (w wake) byPod(ctx context.Context, obj client.Object) []reconcile.Request {
	pod, ok := obj.(*corev1.Pod)
	if !ok {
		return nil
	}
	var out []reconcile.Request
	for _, claim := range volumes.Claims(pod) {
		out = append(out, w.byName(ctx, pod.Namespace, claim)...)
	}
	return out
}

func (w wake) byAttachment(ctx context.Context, obj client.Object) []reconcile.Request {
	a, ok := obj.(*storagev1.VolumeAttachment)
	if !ok || a.Spec.Source.PersistentVolumeName == nil {
		return nil
	}
	pv := &corev1.PersistentVolume{}
	if err := w.reader.Get(ctx, client.ObjectKey{Name: *a.Spec.Source.PersistentVolumeName}, pv); err != nil {
		return nil
	}
	return w.byVolume(ctx, pv)
}

// byOwnerLabels is for objects that carry the labels of their group.
func (w wake) byOwnerLabels(_ context.Context, obj client.Object) []reconcile.Request {
	l := obj.GetLabels()
	key := types.NamespacedName{
		Namespace: cmp.Or(l[v1alpha1.LabelOwnerNamespace], l[volsync.LabelOwnerNamespace]),
		Name:      cmp.Or(l[v1alpha1.LabelOwnerName], l[volsync.LabelOwnerName]),
	}
	if key.Namespace == "" || key.Name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: key}}
}

// byRecipe wakes the groups that are captured by a Recipe.
func (w wake) byRecipe(ctx context.Context, obj client.Object) []reconcile.Request {
	return w.find(ctx, func(g *v1alpha1.VolumeReplicationGroup) bool {
		return snapshot.RecipeOf(g) == client.ObjectKeyFromObject(obj)
	})
}

// served lets a definition's event pass only if one of the APIs in kinds comes or goes.
func served(kinds map[string]optional.Kind) predicate.Predicate {
	known := func(o client.Object) bool { _, ok := kinds[o.GetName()]; return ok }
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return known(e.Object) },
		DeleteFunc: func(e event.DeleteEvent) bool { return known(e.Object) },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return known(e.ObjectNew) && optional.Established(e.ObjectOld) != optional.Established(e.ObjectNew)
		},
	}
}

// usage lets a Pod's event pass only if it changes which claims are in use.
func usage() predicate.Predicate {
	uses := func(obj client.Object) []string {
		if pod, ok := obj.(*corev1.Pod); ok {
			return volumes.ClaimsOf(pod)
		}
		return nil
	}
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return len(uses(e.Object)) > 0 },
		DeleteFunc: func(e event.DeleteEvent) bool { return len(uses(e.Object)) > 0 },
		UpdateFunc: func(e event.UpdateEvent) bool { return !slices.Equal(uses(e.ObjectOld), uses(e.ObjectNew)) },
	}
}
