// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// abandonedStores are the S3 profiles that a hub says the user gave up.
func abandonedStores(ctx context.Context, reader client.Reader) ([]string, error) {
	list := &v1alpha1.DRClusterConfigList{}
	if err := reader.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil { // nothing is changed
		return nil, fmt.Errorf("list DRClusterConfigs: %w", err)
	}
	var out []string
	for i := range list.Items {
		out = append(out, list.Items[i].Spec.AbandonedStores...)
	}
	return out, nil
}

// abandoning lets pass what changes which stores are given up.
func abandoning() predicate.Predicate {
	of := func(o client.Object) []string {
		if config, ok := o.(*v1alpha1.DRClusterConfig); ok {
			return config.Spec.AbandonedStores
		}
		return nil
	}
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return len(of(e.Object)) > 0 },
		DeleteFunc: func(e event.DeleteEvent) bool { return len(of(e.Object)) > 0 },
		UpdateFunc: func(e event.UpdateEvent) bool { return !slices.Equal(of(e.ObjectOld), of(e.ObjectNew)) },
	}
}
