// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
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

// Place says whether an application is to run on this cluster, by its group as the API server has it now.
func Place(live client.Reader) func(context.Context, capsule.Group) (cycle.Place, error) {
	return func(ctx context.Context, g capsule.Group) (cycle.Place, error) {
		is := &v1alpha1.VolumeReplicationGroup{}
		err := live.Get(ctx, client.ObjectKey{Namespace: g.Namespace, Name: g.Name}, is)
		switch {
		case apierrors.IsNotFound(err):
			return cycle.Unprotected, nil
		case err != nil:
			return cycle.Elsewhere, fmt.Errorf("read VolumeReplicationGroup %s/%s: %w", g.Namespace, g.Name, err)
		case is.Spec.ReplicationState != v1alpha1.Primary, is.Spec.RunFinalSync, is.Status.PrepareForFinalSyncComplete:
			return cycle.Elsewhere, nil
		}
		// Before the claims are restored, a workload would make empty ones. That a volume is not ready later is no reason to wait.
		if c := meta.FindStatusCondition(is.Status.Conditions, v1alpha1.VRGClusterDataReady); c == nil || c.Status != metav1.ConditionTrue || c.ObservedGeneration != is.Generation {
			return cycle.Elsewhere, nil
		}
		return cycle.Here, nil
	}
}
