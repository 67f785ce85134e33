// SPDX-License-Identifier: Apache-2.0

package maintenance

import (
	"context"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/rewind"
)

// Setup adds the controller to a manager.
func Setup(mgr manager.Manager) error {
	every := func(ctx context.Context, _ client.Object) []reconcile.Request {
		list := &v1alpha1.DRClusterConfigList{}
		if err := mgr.GetClient().List(ctx, list); err != nil {
			return nil
		}
		out := make([]reconcile.Request, 0, len(list.Items))
		for i := range list.Items {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
		return out
	}
	err := ctrl.NewControllerManagedBy(mgr).
		Named("drclusterconfig-modes").
		For(&v1alpha1.DRClusterConfig{}, builder.WithPredicates(rewind.Changed())).
		Watches(&v1alpha1.MaintenanceMode{}, handler.EnqueueRequestsFromMapFunc(every)).
		Complete(&Reconciler{Client: mgr.GetClient(), Live: mgr.GetAPIReader()})
	if err != nil {
		return fmt.Errorf("build controller of MaintenanceModes: %w", err)
	}
	return nil
}
