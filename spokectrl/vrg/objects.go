// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// What is done for Kubernetes objects comes after everything that is done for volumes, and holds none of that back.

// Messages of KubeObjectsReady.
const (
	messageNoObjects = "this program does not capture Kubernetes objects: deploy them from their source, such as Git"
	messageNoStores  = "spec.s3Profiles names no store: add one to the policy's clusters"
	messageNotStored = "the Kubernetes objects are captured when the metadata of the volumes is stored: see ClusterDataProtected"
)

// objects is what a pass found out about the Kubernetes objects of a group, and did.
type objects struct {
	want cycle.Want
	is   cycle.Standing
	due  bool // the restore is not noted as done
	none bool // this program captures none
	now  time.Time
	err  error // why it could not be noted that all is restored
}

// objectsMode is what may be done in this pass.
func objectsMode(s pass) cycle.Mode {
	steady := s.group.Restore == plan.RestoreDone && s.mute == nil && len(s.profiles()) > 0
	stored := s.group.Archived || s.done.stores != nil && !s.done.stores.All(s.profiles())
	due := s.objectsDue()
	want := s.objectsWant()
	_, trouble := want.Resolved()
	switch {
	case steady && due && s.dataReady().Status == metav1.ConditionTrue:
		return cycle.Restore
	case steady && !due && stored && trouble == nil:
		return cycle.Capture
	default:
		return cycle.Idle
	}
}

// stopObjects ends what is not wanted any more, before anything is done to the volumes and stores of the group.
func stopObjects(ctx context.Context, r *Reconciler, f *facts) {
	if w := f.objectsWant(); r.Objects != nil && (w.Mode == cycle.Off || w.Mode == cycle.Pause) {
		r.Objects.Tend(ctx, w)
	}
}

// endObjects ends what runs for a group that is gone.
func endObjects(ctx context.Context, r *Reconciler, key client.ObjectKey) {
	if r.Objects != nil {
		r.Objects.Tend(ctx, cycle.Want{Group: capsule.Group{Namespace: key.Namespace, Name: key.Name}})
	}
}

// tendObjects has done what is due, and notes that a restore is done.
func tendObjects(ctx context.Context, r actor, s pass) objects {
	out := objects{want: s.objectsWant(), due: s.objectsDue(), none: r.Objects == nil, now: r.Clock.Now()}
	if out.none || s.done.released {
		return out
	}
	if out.want.Mode == cycle.Idle {
		out.want.Mode = objectsMode(s)
	}
	out.is = r.Objects.Tend(ctx, out.want)
	if out.due && out.is.Restored != nil {
		if out.err = r.own(ctx, s.facts, s.group.Held, s.vrg.Annotations[AnnotationRestored], ""); out.err == nil && out.is.Restored.Lacks() {
			r.warn(s.vrg, reasonObjects, out.is.Restored.String())
		}
	}
	return out
}

// reasonObjects is the reason of the event about a restore that has something to tell.
const reasonObjects = "KubeObjectsRestored"

// again says when something is due that nothing else wakes us for.
func again(o objects, now time.Time) error {
	if o.err != nil || o.is.Next.IsZero() {
		return o.err
	}
	return &outcome.Waiting{Reason: "KubeObjects", Message: "the next capture or restore of Kubernetes objects", After: max(o.is.Next.Sub(now), time.Millisecond)}
}

// ready is condition KubeObjectsReady.
func (o objects) ready(s pass) provider.Finding {
	finding := func(f cycle.Finding) provider.Finding {
		return provider.Finding{Status: f.Status, Reason: f.Reason, Message: f.Message}
	}
	_, trouble := o.want.Resolved()
	rests := !o.due && (o.want.Mode == cycle.Pause || s.group.Restore == plan.RestoreDone) // nothing is to be restored
	switch {
	case s.vrg.Spec.KubeObjectProtection == nil:
		return yes(reasonUnused, "not asked for")
	case s.noObjects:
		return yes(reasonUnused, "turned off by kubeObjectProtection.disabled in ConfigMap "+ramenconfig.SpokeConfigMap)
	case s.group.Role != plan.Primary || s.group.Ending:
		return yes(reasonUnused, "nothing to capture or restore in this role")
	case o.none:
		return no(provider.ReasonNotSupported, messageNoObjects)
	case o.want.Mode == cycle.Pause && s.group.Pruned:
		return no(reasonInterrupted, messagePruned)
	case trouble != nil && rests:
		return no(provider.ReasonNotSupported, trouble.Error())
	case o.is.Unread(&o.want, o.now) && rests && earlier(s.vrg) != nil:
		return *earlier(s.vrg)
	case o.want.Mode == cycle.Pause:
		return finding(cycle.OfPause(&o.want, &o.is))
	case o.due && o.want.Mode != cycle.Restore, s.group.Restore != plan.RestoreDone:
		return no(provider.ReasonProgressing, s.volumesFirst())
	case o.due:
		return finding(cycle.OfRestore(&o.want, &o.is))
	case len(s.profiles()) == 0:
		return no(cycle.ReasonNotCaptured, messageNoStores)
	case o.is.Last == nil && o.want.Mode != cycle.Capture:
		return no(cycle.ReasonNotCaptured, messageNotStored)
	default:
		return finding(cycle.OfCaptures(&o.want, &o.is, o.now))
	}
}

// earlier is what the process before this one said about captures; nil: it knew of none.
func earlier(vrg *v1alpha1.VolumeReplicationGroup) *provider.Finding {
	c := meta.FindStatusCondition(vrg.Status.Conditions, v1alpha1.VRGKubeObjectsReady)
	if c == nil || vrg.Status.KubeObjectProtection.CaptureToRecoverFrom == nil {
		return nil
	}
	return &provider.Finding{Status: c.Status, Reason: c.Reason, Message: c.Message}
}

// volumesFirst says what the restore of the objects waits for.
func (s pass) volumesFirst() string {
	if ready := s.dataReady(); ready.Status != metav1.ConditionTrue {
		return "the volumes come before the Kubernetes objects: " + ready.Message
	}
	return "the Kubernetes objects are restored as soon as the restore of the volumes is noted"
}

// status says which capture would be restored.
func (o objects) status(was *v1alpha1.VolumeReplicationGroup) v1alpha1.KubeObjectProtectionStatus {
	var out v1alpha1.KubeObjectProtectionStatus
	switch last := o.is.Last; {
	case o.want.Mode == cycle.Off:
	case last == nil:
		out.CaptureToRecoverFrom = was.Status.KubeObjectProtection.CaptureToRecoverFrom // it is not looked up yet
	default:
		out.CaptureToRecoverFrom = &v1alpha1.KubeObjectsCaptureIdentifier{
			Number: last.Pointer.Slot, StartTime: stamp(last.Pointer.Start), EndTime: stamp(last.Pointer.End),
			StartGeneration: last.Pointer.Generation,
		}
	}
	return out
}

// stamp is a time as a status has it.
func stamp(t time.Time) *metav1.Time { return new(metav1.NewTime(t.Truncate(time.Second))) }

// objectsSource wakes the groups of which more is known than before.
func objectsSource(w *cycle.Worker) source.Source {
	return source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		if w == nil {
			return nil
		}
		w.OnChange(func(g capsule.Group) {
			queue.Add(reconcile.Request{NamespacedName: client.ObjectKey{Namespace: g.Namespace, Name: g.Name}})
		})
		return nil
	})
}

// closing ends what runs when the manager stops.
func closing(w *cycle.Worker) manager.Runnable {
	return manager.RunnableFunc(func(ctx context.Context) error {
		<-ctx.Done()
		w.Close()
		return nil
	})
}
