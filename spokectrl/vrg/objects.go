// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/snapshot"
	"github.com/ramendr/ramen-direct/spokectrl/status"
)

// What is done for Kubernetes objects comes after everything that is done for volumes, and holds none of that back.

// objectsMode is what may be done in this pass.
func objectsMode(s status.Pass) cycle.Mode {
	steady := s.Facts.Restore == plan.RestoreDone && s.Mute == nil && len(s.Profiles()) > 0
	stored := s.Facts.Archived || s.Done.Stores != nil && !s.Done.Stores.All(s.Profiles())
	due := s.ObjectsDue()
	want := s.ObjectsWant()
	_, trouble := want.Resolved()
	switch {
	case steady && due && s.DataReady().Status == metav1.ConditionTrue:
		return cycle.Restore
	case steady && !due && stored && trouble == nil:
		return cycle.Capture
	default:
		return cycle.Idle
	}
}

// stopObjects ends what is not wanted any more, before anything is done to the volumes and stores of the group.
func stopObjects(ctx context.Context, r *Reconciler, f *snapshot.Snapshot) {
	if w := f.ObjectsWant(); r.Objects != nil && (w.Mode == cycle.Off || w.Mode == cycle.Pause) {
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
func tendObjects(ctx context.Context, r actor, s status.Pass) status.Objects {
	out := status.Objects{Want: s.ObjectsWant(), Due: s.ObjectsDue(), None: r.Objects == nil, Now: r.Clock.Now()}
	if out.None || s.Done.Released {
		return out
	}
	if out.Want.Mode == cycle.Idle {
		out.Want.Mode = objectsMode(s)
	}
	out.Is = r.Objects.Tend(ctx, out.Want)
	if out.Due && out.Is.Restored != nil {
		if out.Err = r.applyMarks(ctx, s.Snapshot, s.Facts.Held, s.VRG.Annotations[snapshot.AnnotationRestored], ""); out.Err == nil && out.Is.Restored.Lacks() {
			r.warn(s.VRG, reasonObjects, out.Is.Restored.String())
		}
	}
	if text := out.Is.Attempted(); out.Due && text != "" && text != out.Want.Attempted {
		out.Err = r.applyAttempted(ctx, s.Snapshot, s.Facts.Held, s.VRG.Annotations[snapshot.AnnotationRestored], s.VRG.Annotations[snapshot.AnnotationObjects], text)
	}
	return out
}

// reasonObjects is the reason of the event about a restore that has something to tell.
const reasonObjects = "KubeObjectsRestored"

// again says when something is due that nothing else wakes us for.
func again(o status.Objects, now time.Time) error {
	if o.Err != nil || o.Is.Next.IsZero() {
		return o.Err
	}
	return &outcome.Waiting{Reason: "KubeObjects", Message: "the next capture or restore of Kubernetes objects", After: max(o.Is.Next.Sub(now), time.Millisecond)}
}

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
