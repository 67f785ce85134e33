// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/spokectrl/snapshot"
)

// What a group asks for its Kubernetes objects.

// noObjects reports whether the configuration turns captures off. Not if it can't be read.
func noObjects(ctx context.Context, r *Reconciler, vrg *v1alpha1.VolumeReplicationGroup) bool {
	if vrg.Spec.KubeObjectProtection == nil {
		return false
	}
	cfg, err := ramenconfig.Load(ctx, r.Client, r.Namespace, ramenconfig.SpokeConfigMap)
	return err == nil && ramenconfig.On(cfg.KubeObjectProtection.Disabled)
}

// readRecipe reads the Recipe of a group. That there is none holds no volume back.
func readRecipe(ctx context.Context, r *Reconciler, vrg *v1alpha1.VolumeReplicationGroup) snapshot.Followed {
	key := snapshot.RecipeOf(vrg)
	if key.Name == "" || r.Objects == nil {
		return snapshot.Followed{}
	}
	is := &v1alpha1.Recipe{}
	switch err := r.Live.Get(ctx, key, is); {
	case meta.IsNoMatchError(err):
		return snapshot.Followed{Err: errors.New("this cluster has no definition of Recipes: apply the definitions of this version to it")}
	case apierrors.IsNotFound(err):
		return snapshot.Followed{Err: fmt.Errorf("there is no Recipe %s on this cluster: create it, or correct kubeObjectProtection.recipeRef", key)}
	case err != nil:
		return snapshot.Followed{Err: fmt.Errorf("read Recipe %s: %w", key, err)}
	}
	return snapshot.Followed{Spec: &is.Spec}
}

// objectsFirst reports whether the objects are still to be captured before the application is told to leave: until then the group
// does not prepare for that.
func objectsFirst(r *Reconciler, f *snapshot.Snapshot) bool {
	w := f.ObjectsWant()
	if r.Objects == nil || w.For == 0 {
		return false
	}
	is := r.Objects.Look(w)
	return is.Awaits(&w, r.Clock.Now())
}
