// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"fmt"
	"slices"
	"sync"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// contract is a part of the driver that needs kinds that a cluster may lack.
type contract struct {
	client client.Client
	kinds  []string // names of CustomResourceDefinitions
	add    func() error

	mu    sync.Mutex
	added bool
}

// whenServed calls add once, as soon as the cluster serves all kinds.
func whenServed(mgr ctrl.Manager, name string, kinds []string, add func() error) error {
	err := ctrl.NewControllerManagedBy(mgr).Named(name+"-served").
		For(&apiextensionsv1.CustomResourceDefinition{}, builder.WithPredicates(predicate.NewPredicateFuncs(func(o client.Object) bool {
			return slices.Contains(kinds, o.GetName())
		}))).
		Complete(&contract{client: mgr.GetClient(), kinds: kinds, add: add})
	if err != nil {
		return fmt.Errorf("wait for %s: %w", name, err)
	}
	return nil
}

// Reconcile looks at all definitions whenever one of them changes.
func (c *contract) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.added {
		return reconcile.Result{}, nil
	}
	for _, name := range c.kinds {
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := c.client.Get(ctx, client.ObjectKey{Name: name}, crd); err != nil {
			return reconcile.Result{}, client.IgnoreNotFound(err)
		}
		if !established(crd) {
			return reconcile.Result{}, nil
		}
	}
	log.FromContext(ctx).Info("The kinds of an optional contract are served", "kinds", c.kinds)
	if err := c.add(); err != nil {
		return reconcile.Result{}, err
	}
	c.added = true
	return reconcile.Result{}, nil
}

func established(crd *apiextensionsv1.CustomResourceDefinition) bool {
	return slices.ContainsFunc(crd.Status.Conditions, func(c apiextensionsv1.CustomResourceDefinitionCondition) bool {
		return c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue
	})
}
