// SPDX-License-Identifier: Apache-2.0

// Command hubctrl runs on the hub: it carries out what users ask of DRPlacementControls, DRPolicies and DRClusters.
// It never talks to another cluster: its world is its own objects, the outboxes, the inboxes and their leases.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/drcluster"
	"github.com/ramendr/ramen-direct/hubctrl/drpc"
	"github.com/ramendr/ramen-direct/hubctrl/drpolicy"
	"github.com/ramendr/ramen-direct/hubctrl/links"
	"github.com/ramendr/ramen-direct/hubctrl/maintenance"
	"github.com/ramendr/ramen-direct/hubctrl/metrics"
	"github.com/ramendr/ramen-direct/internal/boot"
	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/s3"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

const leaderID = "hubctrl.ramendr.openshift.io"

func main() {
	fs := flag.NewFlagSet("hubctrl", flag.ContinueOnError)
	budget := links.NewBudget(links.MaxKept)
	os.Exit(boot.Run(leaderID, fs, func(boot.Flags) (manager.Options, error) { return options(budget) }, func(mgr manager.Manager, f boot.Flags) error {
		return setup(mgr, f, budget)
	}))
}

func options(budget *links.Budget) (manager.Options, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme, apiextensionsv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return manager.Options{}, fmt.Errorf("build scheme: %w", err)
		}
	}
	return manager.Options{
		Scheme: scheme,
		Cache: cache.Options{
			DefaultTransform: cache.TransformStripManagedFields(),
			ByObject: map[client.Object]cache.ByObject{
				// Of all leases of the hub only those of the mirrors.
				&coordinationv1.Lease{}: {Field: fields.OneTermEqualSelector("metadata.name", exchange.LeaseName)},
				// Of all reports as much as there is room for.
				&v1alpha1.VolumeReplicationGroup{}: {Transform: func(o any) (any, error) {
					stripped, err := cache.TransformStripManagedFields()(o)
					if err != nil {
						return nil, fmt.Errorf("strip managed fields: %w", err)
					}
					return budget.Transform(stripped)
				}},
				// And of all quotas those of the inboxes.
				&corev1.ResourceQuota{}: {Field: fields.OneTermEqualSelector("metadata.name", exchange.ServiceAccount)},
			},
		},
		Client: client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}}}},
	}, nil
}

// setup builds the graph.
func setup(mgr manager.Manager, f boot.Flags, budget *links.Budget) error {
	system := &corev1.Namespace{}
	if err := mgr.GetAPIReader().Get(context.Background(), client.ObjectKey{Name: metav1.NamespaceSystem}, system); err != nil {
		return fmt.Errorf("find the id of this hub: %w", err)
	}
	origin, now := string(system.UID), clock.RealClock{}
	watched, err := links.Setup(mgr, now, budget)
	if err != nil {
		return err
	}
	if err := maintenance.Setup(mgr, now); err != nil {
		return err
	}
	if err := drcluster.Setup(mgr, drcluster.Options{
		Namespace: f.Namespace, Origin: origin, Open: store.Reusing(s3.Open), Links: watched, Apart: watched.Apart, Wake: watched.Changes(), Clock: now,
	}); err != nil {
		return err
	}
	if err := drpolicy.Setup(mgr, drpolicy.Options{Clock: now}); err != nil {
		return err
	}
	operations := metrics.NewOperations()
	for _, c := range []prometheus.Collector{operations, metrics.NewCollector(mgr.GetClient(), watched, now, mgr.Elected())} {
		if err := ctrlmetrics.Registry.Register(c); err != nil {
			return fmt.Errorf("register metrics: %w", err)
		}
	}
	return drpc.Setup(mgr, drpc.Options{
		Namespace: f.Namespace, Origin: origin, Links: watched, Changed: watched.Changes(), Absences: watched.Absences(), Operations: operations, Clock: now,
	})
}
