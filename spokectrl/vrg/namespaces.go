// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// houses describes the namespaces of the group, and reports whether one is being deleted. Its claims may go before the group
// does, or without it.
func houses(ctx context.Context, reader client.Reader, namespaces []string) (traits []v1alpha1.NamespaceTraits, pruned bool, err error) {
	for _, name := range namespaces {
		ns := &corev1.Namespace{}
		is := v1alpha1.NamespaceTraits{Name: name}
		switch err := reader.Get(ctx, client.ObjectKey{Name: name}, ns); {
		case apierrors.IsNotFound(err):
			is.Absent = true
		case err != nil:
			return nil, false, fmt.Errorf("read Namespace %s: %w", name, err)
		default:
			is = exchange.TraitsOf(ns)
			pruned = pruned || ns.DeletionTimestamp != nil
		}
		if len(traits) < exchange.MaxNamespaces {
			traits = append(traits, is)
		}
	}
	return traits, pruned, nil
}

// housing lets pass what matters of a namespace: that it is being deleted, or not any more, and what is reported of it.
func housing() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		DeleteFunc: func(event.DeleteEvent) bool { return true },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, isBefore := e.ObjectOld.(*corev1.Namespace)
			now, isNow := e.ObjectNew.(*corev1.Namespace)
			if !isBefore || !isNow || (before.DeletionTimestamp == nil) != (now.DeletionTimestamp == nil) {
				return true
			}
			return !equality.Semantic.DeepEqual(exchange.TraitsOf(before), exchange.TraitsOf(now))
		},
	}
}
