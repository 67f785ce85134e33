// SPDX-License-Identifier: Apache-2.0

package volsync

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	volsyncv1alpha1 "github.com/backube/volsync/api/v1alpha1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
	"github.com/ramendr/ramen-direct/tests/lab/storage/mover"
)

// source obeys ReplicationSources.
type source struct {
	site
	peer mover.Receiver
}

// errWait means that something is on its way that wakes us.
var errWait = errors.New("not yet")

// errSend is why bytes did not arrive. The synchronization goes on: its movers try again.
type errSend struct{ error }

func (e errSend) Unwrap() error { return e.error }

// Reconcile reads live: a status that is written from an old one would undo what came in between.
func (r *source) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	rs := &volsyncv1alpha1.ReplicationSource{}
	if err := r.live.Get(ctx, req.NamespacedName, rs); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if rs.DeletionTimestamp != nil || rs.Spec.RsyncTLS == nil {
		return reconcile.Result{}, nil
	}
	after := rs.DeepCopy()
	if after.Status == nil {
		after.Status = &volsyncv1alpha1.ReplicationSourceStatus{}
	}
	again, err := r.obey(ctx, after)
	if err != nil {
		return reconcile.Result{}, err
	}
	if _, err := r.apply.ChangedStatus(ctx, rs, after); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	return reconcile.Result{RequeueAfter: again}, nil
}

// obey goes on by one step and tells in the status of rs how that went.
func (r *source) obey(ctx context.Context, rs *volsyncv1alpha1.ReplicationSource) (again time.Duration, err error) {
	if rs.Status.LastSyncStartTime == nil {
		return r.begin(rs), nil
	}
	if rs.Spec.Paused {
		r.show(rs, true, volsyncv1alpha1.SynchronizingReasonSync, "the synchronization is paused")
		return 0, nil
	}
	err = r.synchronize(ctx, rs)
	var unsent errSend
	switch {
	case err == nil:
		return r.end(ctx, rs)
	case errors.Is(err, errWait):
		r.show(rs, true, volsyncv1alpha1.SynchronizingReasonSync, "the synchronization is in progress")
		return 0, nil
	case apierrors.IsConflict(err):
		return retryAfter, nil
	case errors.As(err, &unsent):
		r.show(rs, true, volsyncv1alpha1.SynchronizingReasonError, err.Error())
		rs.Status.LatestMoverStatus = &volsyncv1alpha1.MoverStatus{Result: volsyncv1alpha1.MoverResultFailed, Logs: err.Error()}
	default:
		r.show(rs, false, volsyncv1alpha1.SynchronizingReasonError, err.Error())
	}
	return retryAfter, nil
}

func (r *source) show(rs *volsyncv1alpha1.ReplicationSource, is bool, reason, message string) {
	status := metav1.ConditionFalse
	if is {
		status = metav1.ConditionTrue
	}
	rs.Status.Conditions = show(rs.Status.Conditions, r.clock.Now(), rs.Generation, status, reason, message)
}

func triggerOf(rs *volsyncv1alpha1.ReplicationSource) trigger {
	if rs.Spec.Trigger == nil {
		return trigger{}
	}
	return trigger{manual: rs.Spec.Trigger.Manual, schedule: ptr.Deref(rs.Spec.Trigger.Schedule, "")}
}

// begin starts a synchronization if it is time.
func (r *source) begin(rs *volsyncv1alpha1.ReplicationSource) (again time.Duration) {
	st, now := rs.Status, r.clock.Now()
	t, err := triggerOf(rs).when(history{last: st.LastSyncTime, manual: st.LastManualSync}, now, r.speed)
	if err != nil {
		r.show(rs, false, volsyncv1alpha1.SynchronizingReasonError, err.Error())
		return 0
	}
	st.NextSyncTime = nil
	if !t.next.IsZero() {
		st.NextSyncTime = seconds(t.next)
	}
	if t.due {
		st.LastSyncStartTime = seconds(now)
		r.show(rs, true, volsyncv1alpha1.SynchronizingReasonSync, "the synchronization is in progress")
		return 0 // the new status wakes us
	}
	r.show(rs, false, t.reason, says(t.reason))
	if t.next.IsZero() {
		return 0
	}
	return max(t.next.Sub(now), time.Millisecond)
}

// synchronize sends the volume as it was at one time.
func (r *source) synchronize(ctx context.Context, rs *volsyncv1alpha1.ReplicationSource) error {
	spec := rs.Spec.RsyncTLS
	key, err := r.key(ctx, rs.Namespace, spec.KeySecret)
	if err != nil {
		return err
	}
	address := ptr.Deref(spec.Address, "")
	if address == "" {
		return errors.New("spec.rsyncTLS.address is missing")
	}
	pvc := &corev1.PersistentVolumeClaim{}
	switch err := r.client.Get(ctx, client.ObjectKey{Namespace: rs.Namespace, Name: rs.Spec.SourcePVC}, pvc); {
	case apierrors.IsNotFound(err):
		return missing("claim %s is missing", rs.Spec.SourcePVC)
	case err != nil:
		return fmt.Errorf("read claim: %w", err)
	}
	if err := usable(pvc); err != nil {
		return err
	}
	fill, err := r.content(ctx, rs, pvc)
	if err != nil {
		return err
	}
	to := r.peer
	if strings.HasSuffix(address, suffix(r.cluster)) {
		to = r.destinations
	}
	pass, err := mover.Send(ctx, to, address, key, fill, func(ctx context.Context) error { return r.still(ctx, rs) })
	if err != nil {
		return errSend{err}
	}
	r.events.Eventf(rs, nil, corev1.EventTypeNormal, "Sent", "Synchronize", "%d files with %d bytes in %s", pass.Files, pass.Bytes, pass.Duration)
	rs.Status.LatestMoverStatus = &volsyncv1alpha1.MoverStatus{
		Result: volsyncv1alpha1.MoverResultSuccessful,
		Logs:   fmt.Sprintf("%d files, %d bytes", pass.Files, pass.Bytes),
	}
	return nil
}

// still says why what was sent must not count any more.
func (r *source) still(ctx context.Context, rs *volsyncv1alpha1.ReplicationSource) error {
	now := &volsyncv1alpha1.ReplicationSource{}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(rs), now); err != nil {
		return fmt.Errorf("read source: %w", err)
	}
	if now.UID != rs.UID || now.DeletionTimestamp != nil || now.Spec.Paused || now.Spec.RsyncTLS == nil {
		return errors.New("the source was deleted or paused in the middle of its synchronization")
	}
	return nil
}

// content is what is sent: the snapshot of this synchronization or, without a copy, the volume as it is.
func (r *source) content(ctx context.Context, rs *volsyncv1alpha1.ReplicationSource, pvc *corev1.PersistentVolumeClaim) (
	func(context.Context, engine.Staging) (engine.Pass, error), error,
) {
	switch rs.Spec.RsyncTLS.CopyMethod {
	case volsyncv1alpha1.CopyMethodSnapshot:
	case volsyncv1alpha1.CopyMethodDirect, volsyncv1alpha1.CopyMethodNone:
		handle, err := r.handle(ctx, pvc)
		return func(ctx context.Context, to engine.Staging) (engine.Pass, error) {
			return r.store.SendVolume(ctx, handle, to)
		}, err
	default:
		return nil, fmt.Errorf("copyMethod %q is not served", rs.Spec.RsyncTLS.CopyMethod)
	}
	want := r.intent(rs, copyName(rs), pvc.Name, rs.Spec.RsyncTLS.VolumeSnapshotClassName)
	vs := &snapshotv1.VolumeSnapshot{}
	err := r.live.Get(ctx, client.ObjectKeyFromObject(want), vs)
	switch {
	case apierrors.IsNotFound(err):
		if err := r.client.Create(ctx, want); err != nil {
			return nil, fmt.Errorf("create snapshot: %w", err)
		}
		return nil, errWait
	case err != nil:
		return nil, fmt.Errorf("read snapshot: %w", err)
	case vs.DeletionTimestamp != nil:
		return nil, errWait // it is of the synchronization before
	case !metav1.IsControlledBy(vs, rs):
		return nil, fmt.Errorf("snapshot %s belongs to somebody else", vs.Name)
	case ptr.Deref(vs.Spec.Source.PersistentVolumeClaimName, "") != pvc.Name:
		if err := r.client.Delete(ctx, vs); client.IgnoreNotFound(err) != nil {
			return nil, fmt.Errorf("delete snapshot: %w", err)
		}
		return nil, errWait
	}
	name, err := restorable(ctx, r.live, vs)
	return func(ctx context.Context, to engine.Staging) (engine.Pass, error) { return r.store.Send(ctx, name, to) }, err
}

// copyName is the snapshot of the synchronization that is in progress; between two there is none.
func copyName(rs *volsyncv1alpha1.ReplicationSource) string { return "volsync-" + rs.Name + "-src" }

// end takes the snapshot away before the status says that the synchronization is over: what is there later belongs to the
// next one. The trigger is read again: whatever its tag is now counts as done.
func (r *source) end(ctx context.Context, rs *volsyncv1alpha1.ReplicationSource) (again time.Duration, err error) {
	vs := &snapshotv1.VolumeSnapshot{ObjectMeta: metav1.ObjectMeta{Namespace: rs.Namespace, Name: copyName(rs)}}
	if err := r.client.Delete(ctx, vs); client.IgnoreNotFound(err) != nil {
		return 0, fmt.Errorf("delete snapshot: %w", err)
	}
	now := &volsyncv1alpha1.ReplicationSource{}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(rs), now); err != nil {
		return 0, client.IgnoreNotFound(err)
	}
	rs.Spec.Trigger, rs.Generation = now.Spec.Trigger, now.Generation
	st, at := rs.Status, r.clock.Now()
	st.LastSyncDuration = since(st.LastSyncStartTime, at)
	st.LastSyncTime, st.LastSyncStartTime, st.LastManualSync = seconds(at), nil, triggerOf(rs).manual
	t, err := triggerOf(rs).when(history{last: st.LastSyncTime, manual: st.LastManualSync}, at, r.speed)
	if err == nil && t.due {
		r.show(rs, false, volsyncv1alpha1.SynchronizingReasonCleanup, "the synchronization is over")
		return time.Millisecond, nil
	}
	return r.begin(rs), nil
}
