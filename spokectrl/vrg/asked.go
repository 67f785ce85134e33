// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"time"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
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

// objectsWant is what the group asks for, as far as it does not depend on what a pass did.
func (f *facts) objectsWant() cycle.Want {
	w := cycle.Want{
		Group: f.id, Term: f.term, Profiles: f.profiles(), Readers: f.term.Trust.Signers, Namespaces: volumes.Namespaces(f.vrg),
		Skip: f.vrg.Annotations[cycle.AnnotationSkip] == exchange.FormatEpoch(f.term.Epoch), Interval: captureInterval,
	}
	kop := f.vrg.Spec.KubeObjectProtection
	switch {
	case !f.objectsAsked(), f.group.Role != plan.Primary, f.group.Ending, f.group.Severed, kop.RecipeRef != nil && kop.RecipeRef.Name != "":
		return w
	case f.group.Pruned, f.group.FinalSync:
		w.Mode = cycle.Pause // what is left of an application that leaves is none
	default:
		w.Mode = cycle.Idle
	}
	w.Selector = kop.KubeObjectSelector
	if f.vrg.Spec.PrepareForFinalSync && !f.vrg.Spec.RunFinalSync && !f.group.SentAway && !f.objectsDue() && len(f.profiles()) > 0 {
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
