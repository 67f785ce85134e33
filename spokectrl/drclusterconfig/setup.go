// SPDX-License-Identifier: Apache-2.0

package drclusterconfig

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/rewind"
	"github.com/ramendr/ramen-direct/spokectrl/optional"
)

// Every wakes every DRClusterConfig, of which a cluster has one.
func Every(reader client.Reader) handler.MapFunc {
	return func(ctx context.Context, _ client.Object) []reconcile.Request {
		list := &v1alpha1.DRClusterConfigList{}
		if err := reader.List(ctx, list); err != nil {
			return nil
		}
		out := make([]reconcile.Request, 0, len(list.Items))
		for i := range list.Items {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
		return out
	}
}

// Setup adds the controller to a manager. A class of any kind wakes it, as soon as its API is served.
func Setup(mgr manager.Manager, o Options) error {
	d, err := discovery.NewDiscoveryClientForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return fmt.Errorf("build discovery client: %w", err)
	}
	r := &Reconciler{Options: o, Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Version: d.ServerVersion}
	every := Every(mgr.GetClient())
	kinds := map[string]optional.Kind{}
	for _, s := range sources() {
		if s.optionalName == "" {
			continue
		}
		class := &metav1.PartialObjectMetadata{}
		class.SetGroupVersionKind(s.gvk)
		kinds[s.optionalName+"."+s.gvk.Group] = optional.Kind{Object: class, Wake: every}
	}
	all := handler.EnqueueRequestsFromMapFunc(every)
	c, err := ctrl.NewControllerManagedBy(mgr).
		Named("drclusterconfig").
		For(&v1alpha1.DRClusterConfig{}, builder.WithPredicates(rewind.Changed())).
		Watches(&storagev1.StorageClass{}, all).
		Watches(&corev1.ConfigMap{}, all).
		Build(r)
	if err != nil {
		return fmt.Errorf("build controller of DRClusterConfig: %w", err)
	}
	return optional.Watch(mgr, "drclusterconfig", c, kinds)
}
