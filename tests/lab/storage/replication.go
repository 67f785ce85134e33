// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	replicationv1alpha1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// replicator obeys VolumeReplications.
type replicator struct {
	client client.Client
	live   client.Reader // past the cache: a Pod that just came must be seen
	apply  apply.Applier
	events events.EventRecorder
	clock  clock.PassiveClock
	store  *engine.Store
	peer   engine.Peer
	loop   *Loop
	speed  Speed
}

// source is the volume behind a VolumeReplication.
type source struct {
	pvc      *corev1.PersistentVolumeClaim
	handle   string
	interval time.Duration
}

// errForeign means that another driver is responsible.
var errForeign = errors.New("another driver's")

// Reconcile does what the spec says, as far as it can now, and reports.
func (r *replicator) Reconcile(ctx context.Context, vr *replicationv1alpha1.VolumeReplication) (reconcile.Result, error) {
	src, err := r.source(ctx, vr)
	if errors.Is(err, errForeign) {
		return reconcile.Result{}, nil
	}
	if vr.DeletionTimestamp != nil {
		return r.end(ctx, vr, src, err)
	}
	if err == nil {
		err = r.mark(ctx, vr, src.pvc)
		if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
			return reconcile.Result{RequeueAfter: retryAfter}, nil
		}
	}
	f, again := r.obey(ctx, vr, src, err)
	after := vr.DeepCopy()
	report(after, f, r.clock.Now())
	if _, err := r.apply.ChangedStatus(ctx, vr, after); err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{RequeueAfter: again}, nil
}

// obey carries out the spec. srcErr is why the volume behind it cannot be found, if it cannot.
func (r *replicator) obey(ctx context.Context, vr *replicationv1alpha1.VolumeReplication, src source, srcErr error) (finding, time.Duration) {
	if vr.Spec.ReplicationState == replicationv1alpha1.Primary {
		if srcErr != nil {
			return finding{is: promoteRefused, message: srcErr.Error()}, retryAfter
		}
		return r.primary(ctx, vr, src)
	}
	if srcErr != nil {
		return finding{is: demoteFailed, message: srcErr.Error()}, retryAfter
	}
	return r.secondary(ctx, vr, src)
}

func (r *replicator) primary(ctx context.Context, vr *replicationv1alpha1.VolumeReplication, src source) (finding, time.Duration) {
	done, err := r.store.Promote(ctx, src.handle, r.peer, false)
	if err != nil && r.store.Forces(err) {
		done, err = r.store.Promote(ctx, src.handle, r.peer, true)
	}
	if errors.Is(err, engine.ErrNoCopy) {
		return finding{is: promoteRefused, message: err.Error()}, retryAfter
	}
	if err == nil {
		err = r.store.Enable(ctx, src.handle, src.interval)
	}
	if err != nil {
		return finding{is: promoteFailed, message: err.Error()}, retryAfter
	}
	if done.Forced != "" {
		r.events.Eventf(vr, nil, corev1.EventTypeWarning, "ForcedPromotion", "Promote", "promoted by force: %s", done.Forced)
	}
	st, err := r.store.Describe(ctx, src.handle)
	if err != nil {
		return finding{is: promoteFailed, message: err.Error()}, retryAfter
	}
	f := finding{is: promoted, lastPass: st.LastPass}
	if failure := r.loop.Failure(src.handle); failure != nil {
		f.notReplicating, f.splitBrain = failure.Error(), errors.Is(failure, engine.ErrPeerPrimary)
	} else if late := lateness(st.LastPass, r.clock.Now()); late > 2*src.interval {
		f.notReplicating = "last copy began more than two intervals ago"
	}
	return f, max(min(src.interval/2, time.Minute), lookEvery)
}

func lateness(p *engine.Pass, now time.Time) time.Duration {
	if p == nil {
		return 0
	}
	return now.Sub(p.Start)
}

func (r *replicator) secondary(ctx context.Context, vr *replicationv1alpha1.VolumeReplication, src source) (finding, time.Duration) {
	st, err := r.store.Describe(ctx, src.handle)
	if err != nil {
		return finding{is: demoteFailed, message: err.Error()}, retryAfter
	}
	rejoins := vr.Spec.ReplicationState == replicationv1alpha1.Resync && st.Role == engine.Primary
	if rejoins && !r.store.Kind().Sessions() {
		return finding{is: resyncFailed, message: "volume is primary, demote it first"}, retryAfter
	}
	if st.Role == engine.Primary && !rejoins {
		if err := r.demote(ctx, src); err != nil {
			return finding{is: demoteFailed, message: err.Error()}, retryAfter
		}
		return finding{is: demoted}, lookEvery
	}
	autoResync := vr.Spec.AutoResync || vr.Spec.ReplicationState == replicationv1alpha1.Resync
	got, err := r.store.Resync(ctx, src.handle, r.peer, autoResync)
	switch got {
	case engine.InSync:
		return finding{is: inSync}, 0
	case engine.Following:
		return finding{is: resyncing}, retryAfter
	case engine.Resyncing:
		return finding{is: resyncFailed, message: err.Error()}, retryAfter
	case engine.Behind, engine.Diverged:
	}
	if errors.Is(err, engine.ErrNotFound) || errors.Is(err, engine.ErrWrongRole) {
		return finding{is: demoteFailed, message: err.Error()}, retryAfter
	}
	return finding{is: demoted, message: err.Error()}, retryAfter
}

// demote asks the API server too: a Pod that is about to mount the volume has not marked it yet.
func (r *replicator) demote(ctx context.Context, src source) error {
	var pods corev1.PodList
	if err := r.live.List(ctx, &pods, client.InNamespace(src.pvc.Namespace)); err != nil {
		return fmt.Errorf("list pods: %w", err)
	}
	for _, pod := range pods.Items {
		if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			continue
		}
		for _, v := range pod.Spec.Volumes {
			if v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == src.pvc.Name {
				return fmt.Errorf("%w by pod %s/%s", engine.ErrInUse, pod.Namespace, pod.Name)
			}
		}
	}
	return r.store.StepDown(ctx, src.handle, r.peer)
}

// end is the deletion. Class, claim and volume must still be there; without them the object stays, as it does with
// csi-addons, so that a wrong order of deletion shows in the lab and not at a customer's.
func (r *replicator) end(ctx context.Context, vr *replicationv1alpha1.VolumeReplication, src source, srcErr error) (reconcile.Result, error) {
	err := srcErr
	if err == nil && src.mine(vr) {
		err = r.disable(ctx, vr, src)
	}
	if err != nil {
		r.events.Eventf(vr, nil, corev1.EventTypeWarning, "DisableFailed", "Disable", "replication is not ended: %s", err)
		return reconcile.Result{RequeueAfter: retryAfter}, nil
	}
	if err := r.unmark(ctx, vr, src); err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
		return reconcile.Result{}, err
	}
	return reconcile.Result{}, nil
}

// disable goes on with a resync that was asked for, since nobody can ask for it after the end.
func (r *replicator) disable(ctx context.Context, vr *replicationv1alpha1.VolumeReplication, src source) error {
	st, err := r.store.Describe(ctx, src.handle)
	if err != nil || st.Role == engine.Absent {
		return err
	}
	if st.Unshipped {
		if _, err := r.store.Align(ctx, src.handle, r.peer, vr.Spec.AutoResync); err != nil {
			return err
		}
	}
	return r.store.End(ctx, src.handle, r.peer)
}

func setupReplication(mgr ctrl.Manager, r *replicator) error {
	if err := ctrl.NewControllerManagedBy(mgr).Named("replication").
		For(&replicationv1alpha1.VolumeReplication{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: 8}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r)); err != nil {
		return fmt.Errorf("add replication: %w", err)
	}
	return nil
}
