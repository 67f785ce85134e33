// SPDX-License-Identifier: Apache-2.0

package maintenance

import (
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/rewind"
	"github.com/ramendr/ramen-direct/spokectrl/drclusterconfig"
)

// Setup adds the controller to a manager.
func Setup(mgr manager.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).
		Named("drclusterconfig-modes").
		For(&v1alpha1.DRClusterConfig{}, builder.WithPredicates(rewind.Changed())).
		Watches(&v1alpha1.MaintenanceMode{}, handler.EnqueueRequestsFromMapFunc(drclusterconfig.Every(mgr.GetClient()))).
		Complete(&Reconciler{Client: mgr.GetClient(), Live: mgr.GetAPIReader()})
	if err != nil {
		return fmt.Errorf("build controller of MaintenanceModes: %w", err)
	}
	return nil
}
