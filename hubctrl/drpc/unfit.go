// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// unfit says what is wrong with where an object is and which namespaces it names; nil: nothing, or nothing for sure.
func (r *observer) unfit(ctx context.Context, w *snapshot.Snapshot) (flaw, err error) {
	if cluster, err := r.boxOf(ctx, w.DRPC.Namespace); err != nil || cluster != "" {
		return snapshot.RefuseSpec("namespace %s is reserved for the exchange with cluster %s: make the DRPlacementControl in the namespace of the application", w.DRPC.Namespace, cluster), err
	}
	if length := len(w.DRPC.Name); length > validation.LabelValueMaxLength { // it was made before the API server refused such
		return snapshot.RefuseSpec("the name of the DRPlacementControl has %d characters, and becomes the value of label %s on the volumes, which takes %d: make it again with a shorter name",
			length, v1alpha1.LabelOwnerName, validation.LabelValueMaxLength), nil
	}
	for i, namespace := range places(w.DRPC)[1:] {
		field := "annotation " + v1alpha1.AnnotationAppNamespace
		if i > 0 {
			field = fmt.Sprintf("spec.protectedNamespaces[%d]", i-1)
		}
		if problems := validation.IsDNS1123Label(namespace); len(problems) > 0 {
			return snapshot.RefuseSpec("%s is %q, which can't be the name of a namespace: %s", field, namespace, problems[0]), nil
		}
		if cluster, err := r.boxOf(ctx, namespace); err != nil || cluster != "" {
			return snapshot.RefuseSpec("%s is %s, which is reserved for the exchange with cluster %s: name the namespace of the application", field, namespace, cluster), err
		}
	}
	return snapshot.Misplaced(w.DRPC, w.Config), nil
}

// places are the namespaces of a DRPlacementControl: its own, that of its application, and the others that it protects.
func places(drpc *v1alpha1.DRPlacementControl) []string {
	return append([]string{drpc.Namespace, exchange.GroupOf(drpc).Namespace}, drpc.Spec.ProtectedNamespaces...)
}

// boxOf is the cluster whose outbox or inbox a namespace is; empty: it is none.
func (r *observer) boxOf(ctx context.Context, namespace string) (string, error) {
	cluster, boxed := exchange.ClusterOf(namespace)
	if !boxed {
		return "", nil
	}
	switch err := r.client.Get(ctx, client.ObjectKey{Name: cluster}, &v1alpha1.DRCluster{}); {
	case apierrors.IsNotFound(err):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("read DRCluster %s: %w", cluster, err)
	default:
		return cluster, nil
	}
}
