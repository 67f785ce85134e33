// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"fmt"
	"sync"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// later starts watches when their CustomResourceDefinitions are established. A watch that was started goes on when its
// definition is deleted: it starts to deliver again when the definition returns.
type later struct {
	cache      cache.Cache
	controller controller.Controller
	kinds      map[string]optional // by name of the definition

	mu      sync.Mutex
	started map[string]bool
}

type optional struct {
	kind client.Object
	wake handler.MapFunc
}

// Reconcile starts the watch of one definition.
func (l *later) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := l.cache.Get(ctx, types.NamespacedName{Name: req.Name}, crd); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !established(crd) {
		return reconcile.Result{}, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started[req.Name] {
		return reconcile.Result{}, nil
	}
	o := l.kinds[req.Name]
	log.FromContext(ctx).Info("Watching an optional API")
	if err := l.controller.Watch(source.Kind(l.cache, o.kind, handler.EnqueueRequestsFromMapFunc(o.wake))); err != nil {
		return reconcile.Result{}, fmt.Errorf("watch %s: %w", req.Name, err)
	}
	if l.started == nil {
		l.started = map[string]bool{}
	}
	l.started[req.Name] = true
	return reconcile.Result{}, nil
}

func established(crd *apiextensionsv1.CustomResourceDefinition) bool {
	for _, c := range crd.Status.Conditions {
		if c.Type == apiextensionsv1.Established {
			return c.Status == apiextensionsv1.ConditionTrue
		}
	}
	return false
}
