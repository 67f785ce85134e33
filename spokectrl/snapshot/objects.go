// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"cmp"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
	"github.com/ramendr/ramen-direct/spokectrl/volumes"
)

// captureInterval is the time from one capture to the next, if nobody says anything else.
const captureInterval = 5 * time.Minute

// shortestInterval keeps a group from capturing without a rest.
const shortestInterval = time.Second

// ObjectsAsked says that somebody wants objects to be captured.
func (s *Snapshot) ObjectsAsked() bool { return s.VRG.Spec.KubeObjectProtection != nil && !s.NoObjects }

// ObjectsNote is AnnotationObjects when the volumes are restored.
func (s *Snapshot) ObjectsNote() string {
	if !s.ObjectsAsked() {
		return ""
	}
	return exchange.FormatEpoch(s.Term.Epoch)
}

// RecipeOf names the Recipe of a group; its name is empty if it has none.
func RecipeOf(vrg *v1alpha1.VolumeReplicationGroup) types.NamespacedName {
	kop := vrg.Spec.KubeObjectProtection
	if kop == nil || kop.RecipeRef == nil {
		return types.NamespacedName{}
	}
	return types.NamespacedName{Namespace: cmp.Or(kop.RecipeRef.Namespace, vrg.Namespace), Name: kop.RecipeRef.Name}
}

// Followed is the Recipe of a group as it is here.
type Followed struct {
	Spec *v1alpha1.RecipeSpec
	Err  error // why there is none
}

// ObjectsWant is what the group asks for, as far as it does not depend on what a pass did.
func (s *Snapshot) ObjectsWant() cycle.Want {
	w := cycle.Want{
		Group: s.ID, Term: s.Term, Profiles: s.Profiles(), Readers: s.Term.Trust.Signers,
		App:  recipe.Application{Namespaces: volumes.Namespaces(s.VRG)},
		Skip: s.VRG.Annotations[cycle.AnnotationSkip] == exchange.FormatEpoch(s.Term.Epoch), Interval: captureInterval,
		SkipUndo: s.VRG.Annotations[cycle.AnnotationSkipUndo], Attempted: s.VRG.Annotations[AnnotationAttempted],
	}
	kop := s.VRG.Spec.KubeObjectProtection
	switch {
	case !s.ObjectsAsked(), s.Facts.Role != plan.Primary, s.Facts.Ending, s.Facts.Severed:
		return w
	case s.Facts.Pruned, s.Facts.FinalSync:
		w.Mode = cycle.Pause // what is left of an application that leaves is none
	default:
		w.Mode = cycle.Idle
	}
	w.App.Selector, w.App.Parameters = kop.KubeObjectSelector, kop.RecipeParameters
	if key := RecipeOf(s.VRG); key.Name != "" {
		w.Recipe, w.Spec, w.Unread = "Recipe "+key.String(), s.Recipe.Spec, s.Recipe.Err
	}
	if _, trouble := w.Resolved(); trouble == nil && s.VRG.Spec.PrepareForFinalSync && !s.VRG.Spec.RunFinalSync && !s.Facts.SentAway && !s.ObjectsDue() && len(s.Profiles()) > 0 {
		w.For = s.VRG.Generation
	}
	if kop.CaptureInterval != nil {
		w.Interval = max(kop.CaptureInterval.Duration, shortestInterval)
	}
	return w
}

// ObjectsDue says that objects are still to be restored in this epoch.
func (s *Snapshot) ObjectsDue() bool {
	return s.VRG.Annotations[AnnotationObjects] == exchange.FormatEpoch(s.Term.Epoch)
}
