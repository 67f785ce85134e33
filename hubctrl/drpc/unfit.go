// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// unfit says what is wrong with where an object is and which namespaces it names; nil: nothing, or nothing for sure.
func (r *Reconciler) unfit(ctx context.Context, w *world) (flaw, err error) {
	cluster, boxed := exchange.ClusterOf(w.drpc.Namespace)
	if boxed {
		switch err = r.client.Get(ctx, client.ObjectKey{Name: cluster}, &v1alpha1.DRCluster{}); {
		case apierrors.IsNotFound(err):
			boxed = false
		case err != nil:
			return nil, fmt.Errorf("read DRCluster %s: %w", cluster, err)
		}
	}
	problems := validation.IsDNS1123Label(w.group.Namespace)
	switch {
	case boxed:
		return &outcome.Refused{Reason: "InvalidSpec", Err: fmt.Errorf(
			"namespace %s is reserved for the exchange with cluster %s: make the DRPlacementControl in the namespace of the application", w.drpc.Namespace, cluster)}, nil
	case len(w.drpc.Name) > validation.LabelValueMaxLength: // it was made before the API server refused such
		return &outcome.Refused{Reason: "InvalidSpec", Err: fmt.Errorf(
			"the name of the DRPlacementControl has %d characters, and becomes the value of label %s on the volumes, which takes %d: make it again with a shorter name",
			len(w.drpc.Name), v1alpha1.LabelOwnerName, validation.LabelValueMaxLength)}, nil
	case len(problems) > 0:
		return &outcome.Refused{Reason: "InvalidSpec", Err: fmt.Errorf(
			"annotation %s is %q, which can't be the name of a namespace: %s", v1alpha1.AnnotationAppNamespace, w.group.Namespace, problems[0])}, nil
	default:
		return misplaced(w.drpc, w.config), nil
	}
}
