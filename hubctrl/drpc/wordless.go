// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/outcome"
)

// reasonDefinition is why a deletion ends no protection that came with that of the definition.
const reasonDefinition = "DefinitionDeleted"

// wordless refuses to end the protection by drpc if it is deleted because its definition is: then Kubernetes deletes each object
// of the kind, and nobody has said anything about this one (I6). The definition is read past the cache: it was being deleted
// before the object was.
func wordless(ctx context.Context, live client.Reader, drpc *v1alpha1.DRPlacementControl) error {
	if drpc.DeletionTimestamp == nil {
		return nil
	}
	definition := &apiextensionsv1.CustomResourceDefinition{}
	name := "drplacementcontrols." + v1alpha1.GroupVersion.Group
	switch err := live.Get(ctx, client.ObjectKey{Name: name}, definition); {
	case apierrors.IsNotFound(err):
		return nil // no object outlives its definition: drpc is gone too, and nothing is written over it
	case err != nil:
		return fmt.Errorf("read CustomResourceDefinition %s: %w", name, err)
	case definition.DeletionTimestamp == nil:
		return nil
	}
	return &outcome.Refused{Reason: reasonDefinition, Err: fmt.Errorf("the DRPlacementControl is deleted because its definition %s is: the protection of the application is not ended by that. "+
		"To keep it, remove the finalizers of all DRPlacementControls and of the wishes in the outboxes, install the hub again and apply the DRPlacementControls again; "+
		"to end it, do that too, and delete the DRPlacementControl then", name)}
}
