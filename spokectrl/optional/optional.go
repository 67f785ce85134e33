// SPDX-License-Identifier: Apache-2.0

// Package optional watches kinds whose APIs a cluster may lack, or get later. It promises that a missing API stops
// nothing, and that a watch starts when its CustomResourceDefinition is established.
package optional

import (
	"context"
	"fmt"
	"sync"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// Kind is a kind to watch, and whom its events wake.
type Kind struct {
	Object client.Object
	Wake   handler.MapFunc
}

// Watch lets c watch kinds, by the names of their definitions, as soon as the cluster serves them. A watch that was
// started goes on when its definition is deleted: it delivers again when the definition returns.
func Watch(mgr manager.Manager, name string, c controller.Controller, kinds map[string]Kind) error {
	err := ctrl.NewControllerManagedBy(mgr).
		Named(name+"-optional").
		For(&apiextensionsv1.CustomResourceDefinition{}, builder.WithPredicates(predicate.NewPredicateFuncs(func(o client.Object) bool {
			_, known := kinds[o.GetName()]
			return known
		}))).
		Complete(&starter{cache: mgr.GetCache(), controller: c, kinds: kinds, started: map[string]bool{}})
	if err != nil {
		return fmt.Errorf("build controller of optional APIs: %w", err)
	}
	return nil
}

type starter struct {
	cache      cache.Cache
	controller controller.Controller
	kinds      map[string]Kind

	mu      sync.Mutex
	started map[string]bool
}

// Reconcile starts the watch of one definition.
func (s *starter) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := s.cache.Get(ctx, types.NamespacedName{Name: req.Name}, crd); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !Established(crd) {
		return reconcile.Result{}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started[req.Name] {
		return reconcile.Result{}, nil
	}
	k := s.kinds[req.Name]
	log.FromContext(ctx).Info("Watching an optional API")
	if err := s.controller.Watch(source.Kind(s.cache, k.Object, handler.EnqueueRequestsFromMapFunc(k.Wake))); err != nil {
		return reconcile.Result{}, fmt.Errorf("watch %s: %w", req.Name, err)
	}
	s.started[req.Name] = true
	return reconcile.Result{}, nil
}

// Established reports whether obj is a CustomResourceDefinition whose API is served.
func Established(obj client.Object) bool {
	crd, ok := obj.(*apiextensionsv1.CustomResourceDefinition)
	if !ok {
		return false
	}
	for _, c := range crd.Status.Conditions {
		if c.Type == apiextensionsv1.Established {
			return c.Status == apiextensionsv1.ConditionTrue
		}
	}
	return false
}
