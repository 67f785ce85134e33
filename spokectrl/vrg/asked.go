// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
	"github.com/ramendr/ramen-direct/spokectrl/volumes"
)

// What a group asks for its Kubernetes objects.

// captureInterval is the time from one capture to the next, if nobody says anything else.
const captureInterval = 5 * time.Minute

// shortestInterval keeps a group from capturing without a rest.
const shortestInterval = time.Second

// objectsAsked says that somebody wants objects to be captured.
func (f *facts) objectsAsked() bool { return f.vrg.Spec.KubeObjectProtection != nil && !f.noObjects }

// objectsNote is AnnotationObjects when the volumes are restored.
func (f *facts) objectsNote() string {
	if !f.objectsAsked() {
		return ""
	}
	return exchange.FormatEpoch(f.term.Epoch)
}

// noObjects reports whether the configuration turns captures off. Not if it can't be read.
func noObjects(ctx context.Context, r *Reconciler, vrg *v1alpha1.VolumeReplicationGroup) bool {
	if vrg.Spec.KubeObjectProtection == nil {
		return false
	}
	cfg, err := ramenconfig.Load(ctx, r.Client, r.Namespace, ramenconfig.SpokeConfigMap)
	return err == nil && ramenconfig.On(cfg.KubeObjectProtection.Disabled)
}

// recipeOf names the Recipe of a group; its name is empty if it has none.
func recipeOf(vrg *v1alpha1.VolumeReplicationGroup) client.ObjectKey {
	kop := vrg.Spec.KubeObjectProtection
	if kop == nil || kop.RecipeRef == nil {
		return client.ObjectKey{}
	}
	return client.ObjectKey{Namespace: cmp.Or(kop.RecipeRef.Namespace, vrg.Namespace), Name: kop.RecipeRef.Name}
}

// followed is the Recipe of a group as it is here.
type followed struct {
	spec *v1alpha1.RecipeSpec
	err  error // why there is none
}

// readRecipe reads the Recipe of a group. That there is none holds no volume back.
func readRecipe(ctx context.Context, r *Reconciler, vrg *v1alpha1.VolumeReplicationGroup) followed {
	key := recipeOf(vrg)
	if key.Name == "" || r.Objects == nil {
		return followed{}
	}
	is := &v1alpha1.Recipe{}
	switch err := r.Live.Get(ctx, key, is); {
	case meta.IsNoMatchError(err):
		return followed{err: errors.New("this cluster has no definition of Recipes: apply the definitions of this version to it")}
	case apierrors.IsNotFound(err):
		return followed{err: fmt.Errorf("there is no Recipe %s on this cluster: create it, or correct kubeObjectProtection.recipeRef", key)}
	case err != nil:
		return followed{err: fmt.Errorf("read Recipe %s: %w", key, err)}
	}
	return followed{spec: &is.Spec}
}

// objectsWant is what the group asks for, as far as it does not depend on what a pass did.
func (f *facts) objectsWant() cycle.Want {
	w := cycle.Want{
		Group: f.id, Term: f.term, Profiles: f.profiles(), Readers: f.term.Trust.Signers,
		App:  recipe.Application{Namespaces: volumes.Namespaces(f.vrg)},
		Skip: f.vrg.Annotations[cycle.AnnotationSkip] == exchange.FormatEpoch(f.term.Epoch), Interval: captureInterval,
	}
	kop := f.vrg.Spec.KubeObjectProtection
	switch {
	case !f.objectsAsked(), f.group.Role != plan.Primary, f.group.Ending, f.group.Severed:
		return w
	case f.group.Pruned, f.group.FinalSync:
		w.Mode = cycle.Pause // what is left of an application that leaves is none
	default:
		w.Mode = cycle.Idle
	}
	w.App.Selector, w.App.Parameters = kop.KubeObjectSelector, kop.RecipeParameters
	if key := recipeOf(f.vrg); key.Name != "" {
		w.Recipe, w.Spec, w.Unread = "Recipe "+key.String(), f.recipe.spec, f.recipe.err
	}
	if _, trouble := w.Resolved(); trouble == nil && f.vrg.Spec.PrepareForFinalSync && !f.vrg.Spec.RunFinalSync && !f.group.SentAway && !f.objectsDue() && len(f.profiles()) > 0 {
		w.For = f.vrg.Generation
	}
	if kop.CaptureInterval != nil {
		w.Interval = max(kop.CaptureInterval.Duration, shortestInterval)
	}
	return w
}

// objectsDue says that objects are still to be restored in this epoch.
func (f *facts) objectsDue() bool {
	return f.vrg.Annotations[AnnotationObjects] == exchange.FormatEpoch(f.term.Epoch)
}

// objectsFirst reports whether the objects are still to be captured before the application is told to leave: until then the group
// does not prepare for that.
func objectsFirst(r *Reconciler, f *facts) bool {
	w := f.objectsWant()
	if r.Objects == nil || w.For == 0 {
		return false
	}
	is := r.Objects.Look(w)
	return is.Awaits(&w, r.Clock.Now())
}
