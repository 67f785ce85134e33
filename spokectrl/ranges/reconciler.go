// SPDX-License-Identifier: Apache-2.0

package ranges

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/internal/rewind"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/spokectrl/volumes"
)

// fieldOwnerRanges owns the ranges of namespaces.
const fieldOwnerRanges = "ramen-spokectrl-ranges"

// Reconciler sets ranges.
type Reconciler struct {
	Client client.Client
	Live   client.Reader // past the cache: a Pod that just came must be seen
	// Vacancies wakes us when a namespace has no Pods any more.
	Vacancies Awaiter
}

// Awaiter wakes a group when one of some namespaces has no Pods any more. The last call for a group counts.
type Awaiter interface {
	Await(ctx context.Context, group types.NamespacedName, namespaces []string)
}

// namespace is what one look at a namespace found.
type namespace struct {
	there, leaving bool
	ours           bool // it was created for the protection of volumes
	occupied       bool // a Pod is in it
	has, wants     map[string]string
}

// verdict is what to do about a namespace.
type verdict uint8

const (
	leave verdict = iota
	later         // it is looked at again when its Pods are gone
	set
)

// decide says what to do about a namespace.
func decide(h namespace) verdict {
	differs := false
	for key, value := range h.wants {
		differs = differs || h.has[key] != value
	}
	switch {
	case !differs, !h.there, h.leaving, !h.ours:
		return leave
	case h.occupied:
		return later
	default:
		return set
	}
}

// Reconcile looks at the namespaces of a group.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	group := &v1alpha1.VolumeReplicationGroup{}
	if err := r.Client.Get(ctx, req.NamespacedName, group); client.IgnoreNotFound(err) != nil {
		return reconcile.Result{}, fmt.Errorf("read VolumeReplicationGroup %s: %w", req, err)
	}
	var occupied []string
	var errs []error
	wants := exchange.ReadRanges(group.Annotations[v1alpha1.AnnotationNamespaceRanges])
	for _, name := range houses(group) {
		ns := &corev1.Namespace{}
		h, err := r.observe(ctx, name, ns, wants[name])
		if err != nil {
			errs = append(errs, err)
			continue
		}
		switch decide(h) {
		case leave:
		case later:
			occupied = append(occupied, name)
		case set:
			log.FromContext(ctx).Info("Setting the ranges of a namespace", "Namespace", name)
			intent := corev1ac.Namespace(name).WithUID(ns.UID).WithAnnotations(h.wants)
			if err := apply.New(r.Client, fieldOwnerRanges).Owned(ctx, intent); err != nil {
				errs = append(errs, fmt.Errorf("set the ranges of Namespace %s: %w", name, err))
			}
		}
	}
	r.Vacancies.Await(ctx, req.NamespacedName, occupied)
	return reconcile.Result{}, errors.Join(errs...)
}

// houses are the namespaces whose ranges are ours to set; none of a group that is gone.
func houses(group *v1alpha1.VolumeReplicationGroup) []string {
	if group.Spec.ReplicationState != v1alpha1.Secondary || group.DeletionTimestamp != nil || !group.Spec.RetainNamespaceSCCAcrossPeers {
		return nil
	}
	return volumes.Namespaces(group)
}

// observe looks at one namespace. Pods are asked for only if it is to be changed otherwise.
func (r *Reconciler) observe(ctx context.Context, name string, ns *corev1.Namespace, wants map[string]string) (namespace, error) {
	h := namespace{wants: wants}
	switch err := r.Client.Get(ctx, client.ObjectKey{Name: name}, ns); {
	case apierrors.IsNotFound(err):
		return h, nil
	case err != nil:
		return h, fmt.Errorf("read Namespace %s: %w", name, err)
	}
	h.there, h.leaving, h.has = true, ns.DeletionTimestamp != nil, ns.Annotations
	h.ours = ns.Labels[v1alpha1.LabelCreatedByRamen] == "true"
	if decide(h) != set {
		return h, nil
	}
	pods := &corev1.PodList{}
	if err := r.Live.List(ctx, pods, client.InNamespace(name), client.Limit(1)); err != nil {
		return h, fmt.Errorf("list Pods of Namespace %s: %w", name, err)
	}
	h.occupied = len(pods.Items) > 0
	return h, nil
}

// Setup adds the controller to a manager.
func Setup(mgr manager.Manager) error {
	r := &Reconciler{Client: mgr.GetClient(), Live: mgr.GetAPIReader()}
	groups := func(ctx context.Context, ns client.Object) []reconcile.Request {
		list := &v1alpha1.VolumeReplicationGroupList{}
		if err := mgr.GetClient().List(ctx, list, client.UnsafeDisableDeepCopy); err != nil { // nothing is changed
			return nil
		}
		var out []reconcile.Request
		for i := range list.Items {
			if g := &list.Items[i]; asks(g) && slices.Contains(volumes.Namespaces(g), ns.GetName()) {
				out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(g)})
			}
		}
		return out
	}
	pods, err := client.NewWithWatch(mgr.GetConfig(), client.Options{HTTPClient: mgr.GetHTTPClient(), Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper()})
	if err != nil {
		return fmt.Errorf("watch Pods: %w", err)
	}
	v := newVacancies(pods)
	r.Vacancies = v
	if err := mgr.Add(v); err != nil {
		return fmt.Errorf("watch Pods: %w", err)
	}
	if err := ctrl.NewControllerManagedBy(mgr).
		Named("ranges").
		For(&v1alpha1.VolumeReplicationGroup{}, builder.WithPredicates(predicate.And(
			asking(), predicate.Or(rewind.Changed(), predicate.AnnotationChangedPredicate{})))).
		Watches(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(groups), builder.WithPredicates(changed())).
		WatchesRawSource(source.Channel(v.found, &handler.EnqueueRequestForObject{})).
		Complete(r); err != nil {
		return fmt.Errorf("build controller of the ranges of namespaces: %w", err)
	}
	return nil
}

// asks reports whether a group asks for ranges.
func asks(group client.Object) bool {
	return group.GetAnnotations()[v1alpha1.AnnotationNamespaceRanges] != ""
}

// asking lets pass a group that asks for ranges, and one that does so no more: nothing is awaited for it then.
func asking() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(e event.CreateEvent) bool { return asks(e.Object) },
		UpdateFunc:  func(e event.UpdateEvent) bool { return asks(e.ObjectOld) || asks(e.ObjectNew) },
		DeleteFunc:  func(e event.DeleteEvent) bool { return asks(e.Object) },
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

// changed lets pass a namespace that is new, and one whose ranges changed.
func changed() predicate.Predicate {
	of := func(o client.Object) map[string]string {
		if ns, ok := o.(*corev1.Namespace); ok {
			return exchange.TraitsOf(ns).Annotations
		}
		return nil
	}
	return predicate.Funcs{
		DeleteFunc: func(event.DeleteEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return !equality.Semantic.DeepEqual(of(e.ObjectOld), of(e.ObjectNew))
		},
	}
}
