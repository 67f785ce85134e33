// SPDX-License-Identifier: Apache-2.0

package volsync

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	volsyncv1alpha1 "github.com/backube/volsync/api/v1alpha1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/tests/lab/storage/binding"
	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
	"github.com/ramendr/ramen-direct/tests/lab/storage/mover"
)

// destination obeys ReplicationDestinations.
type destination struct{ site }

// Reconcile reads live, as that of a source does.
func (r *destination) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	address := Address(r.cluster, req.NamespacedName)
	rd := &volsyncv1alpha1.ReplicationDestination{}
	err := r.live.Get(ctx, req.NamespacedName, rd)
	if apierrors.IsNotFound(err) || err == nil && (rd.DeletionTimestamp != nil || rd.Spec.RsyncTLS == nil) {
		return reconcile.Result{}, r.destinations.Remove(address)
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("read destination: %w", err)
	}
	after := rd.DeepCopy()
	if after.Status == nil {
		after.Status = &volsyncv1alpha1.ReplicationDestinationStatus{}
	}
	again, done, err := r.obey(ctx, address, after)
	switch {
	case errors.Is(err, errWait):
		r.show(after, true, volsyncv1alpha1.SynchronizingReasonSync, "the image of what was received is being made")
	case apierrors.IsConflict(err):
		return reconcile.Result{RequeueAfter: retryAfter}, nil
	case err != nil:
		// A mover that runs outlives its Secret.
		if !errors.As(err, new(errKey)) {
			if err := r.destinations.Remove(address); err != nil {
				return reconcile.Result{}, err
			}
		}
		r.show(after, false, volsyncv1alpha1.SynchronizingReasonError, err.Error())
		again = retryAfter
		if errors.As(err, new(errMissing)) {
			again = 0 // it wakes us
		}
	}
	if _, err := r.apply.ChangedStatus(ctx, rd, after); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if done != nil {
		if err := done(); err != nil {
			return reconcile.Result{}, err
		}
	}
	return reconcile.Result{RequeueAfter: again}, nil
}

func (r *destination) show(rd *volsyncv1alpha1.ReplicationDestination, is bool, reason, message string) {
	status := metav1.ConditionFalse
	if is {
		status = metav1.ConditionTrue
	}
	rd.Status.Conditions = show(rd.Status.Conditions, r.clock.Now(), rd.Generation, status, reason, message)
}

// obey goes on by one step and tells in the status of rd how that went. done is what has to wait until that is written.
func (r *destination) obey(ctx context.Context, address string, rd *volsyncv1alpha1.ReplicationDestination) (again time.Duration, done func() error, err error) {
	if err := r.relinquish(ctx, rd); err != nil {
		return 0, nil, err
	}
	pvc, err := r.claim(ctx, rd)
	if err != nil {
		return 0, nil, err
	}
	key, err := r.key(ctx, rd.Namespace, rd.Spec.RsyncTLS.KeySecret)
	if err != nil {
		return 0, nil, err
	}
	handle, err := r.handle(ctx, pvc)
	if err != nil {
		return 0, nil, err
	}
	rd.Status.RsyncTLS = &volsyncv1alpha1.ReplicationDestinationRsyncTLSStatus{Address: &address, KeySecret: rd.Spec.RsyncTLS.KeySecret}
	job, err := jobOf(rd)
	if err != nil {
		return 0, nil, err
	}
	to := mover.Destination{Address: address, Object: client.ObjectKeyFromObject(rd), Owner: string(rd.UID), Handle: handle, Job: job, Key: key}
	st, err := r.store.Describe(ctx, handle)
	if err != nil {
		return 0, nil, err
	}
	if got := st.Received; got != nil && got.For == to.Owner {
		if err := r.destinations.Set(to); err != nil {
			return 0, nil, err
		}
		done, err = r.keep(ctx, rd, pvc, got, handle)
		return 0, done, err
	}
	t, err := destinationTrigger(rd).when(history{last: rd.Status.LastSyncTime, manual: rd.Status.LastManualSync}, r.clock.Now(), r.speed)
	if err != nil {
		return 0, nil, err
	}
	to.Open = t.due && !rd.Spec.Paused
	if err := r.destinations.Set(to); err != nil {
		return 0, nil, err
	}
	rd.Status.NextSyncTime = nil
	if !t.next.IsZero() {
		rd.Status.NextSyncTime = seconds(t.next)
		again = max(t.next.Sub(r.clock.Now()), 0)
	}
	switch {
	case !t.due:
		r.show(rd, false, t.reason, says(t.reason))
		return again, nil, nil
	case rd.Spec.Paused:
		r.show(rd, true, volsyncv1alpha1.SynchronizingReasonSync, "the synchronization is paused")
	default:
		r.show(rd, true, volsyncv1alpha1.SynchronizingReasonSync, "a synchronization is awaited")
	}
	if rd.Status.LastSyncStartTime == nil {
		rd.Status.LastSyncStartTime = seconds(r.clock.Now())
	}
	return 0, nil, nil
}

// jobOf is what the Job of a mover is made from: VolSync replaces it if any of that changes. Of its Secret that is the name.
func jobOf(rd *volsyncv1alpha1.ReplicationDestination) (string, error) {
	spec := rd.Spec.RsyncTLS
	text, err := json.Marshal([]any{spec.KeySecret, spec.DestinationPVC, spec.MoverConfig})
	if err != nil {
		return "", fmt.Errorf("encode what the mover is made from: %w", err)
	}
	return string(text), nil
}

func destinationTrigger(rd *volsyncv1alpha1.ReplicationDestination) trigger {
	if rd.Spec.Trigger == nil {
		return trigger{}
	}
	return trigger{manual: rd.Spec.Trigger.Manual, schedule: ptr.Deref(rd.Spec.Trigger.Schedule, "")}
}

// claim is the one that is named, or one of its own.
func (r *destination) claim(ctx context.Context, rd *volsyncv1alpha1.ReplicationDestination) (*corev1.PersistentVolumeClaim, error) {
	spec := rd.Spec.RsyncTLS
	name := ptr.Deref(spec.DestinationPVC, "")
	own := name == ""
	if own {
		name = "volsync-" + rd.Name + "-dst"
	}
	pvc := &corev1.PersistentVolumeClaim{}
	err := r.live.Get(ctx, client.ObjectKey{Namespace: rd.Namespace, Name: name}, pvc)
	if own && apierrors.IsNotFound(err) {
		if spec.Capacity == nil || len(spec.AccessModes) == 0 {
			return nil, missing("capacity and accessModes are needed without a destinationPVC")
		}
		pvc = &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Namespace: rd.Namespace, Name: name, Labels: labels(rd)},
			Spec: corev1.PersistentVolumeClaimSpec{
				AccessModes: spec.AccessModes, StorageClassName: spec.StorageClassName, VolumeMode: spec.VolumeMode,
				Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: *spec.Capacity}},
			},
		}
		r.own(rd, pvc)
		err = r.client.Create(ctx, pvc)
	}
	if apierrors.IsNotFound(err) {
		return nil, missing("claim %s is missing", name)
	}
	if err != nil {
		return nil, fmt.Errorf("destination: %w", err)
	}
	if own && !metav1.IsControlledBy(pvc, rd) {
		return nil, fmt.Errorf("claim %s belongs to somebody else", name)
	}
	// The Pod of a mover would be its first consumer.
	if _, err := binding.Select(ctx, r.client, pvc, r.cluster+"-node"); err != nil {
		return nil, err
	}
	return pvc, usable(pvc)
}

// keep makes what was received the latest image. It is acknowledged after the status tells of it.
func (r *destination) keep(ctx context.Context, rd *volsyncv1alpha1.ReplicationDestination, pvc *corev1.PersistentVolumeClaim,
	got *engine.Received, handle string,
) (done func() error, err error) {
	image, err := r.image(ctx, rd, pvc, got)
	if err != nil {
		return nil, err
	}
	st := rd.Status
	if !told(st, got) {
		at := r.clock.Now()
		st.LastSyncDuration = since(st.LastSyncStartTime, at)
		st.LastSyncTime, st.LastSyncStartTime, st.LastManualSync = seconds(at), nil, destinationTrigger(rd).manual
		st.LatestImage = image
		st.LatestMoverStatus = &volsyncv1alpha1.MoverStatus{Result: volsyncv1alpha1.MoverResultSuccessful, Logs: "received " + got.Token}
		r.show(rd, false, volsyncv1alpha1.SynchronizingReasonCleanup, "the synchronization is over")
	}
	return func() error {
		if err := r.prune(ctx, rd, image.Name); err != nil {
			return err
		}
		return r.store.Acknowledge(ctx, handle, got.Token)
	}, nil
}

// told says that the status tells of it already: a crash came before it was acknowledged.
func told(st *volsyncv1alpha1.ReplicationDestinationStatus, got *engine.Received) bool {
	return st.LatestMoverStatus != nil && st.LatestMoverStatus.Logs == "received "+got.Token
}

func (r *destination) image(ctx context.Context, rd *volsyncv1alpha1.ReplicationDestination, pvc *corev1.PersistentVolumeClaim, got *engine.Received) (
	*corev1.TypedLocalObjectReference, error,
) {
	switch rd.Spec.RsyncTLS.CopyMethod {
	case volsyncv1alpha1.CopyMethodSnapshot:
	case volsyncv1alpha1.CopyMethodDirect, volsyncv1alpha1.CopyMethodNone:
		return &corev1.TypedLocalObjectReference{APIGroup: new(""), Kind: "PersistentVolumeClaim", Name: pvc.Name}, nil
	default:
		return nil, fmt.Errorf("copyMethod %q is not served", rd.Spec.RsyncTLS.CopyMethod)
	}
	name := fmt.Sprintf("volsync-%s-dst-%s%03d", rd.Name, got.At.UTC().Format("20060102150405"), got.At.Nanosecond()/int(time.Millisecond))
	vs := &snapshotv1.VolumeSnapshot{}
	err := r.live.Get(ctx, client.ObjectKey{Namespace: rd.Namespace, Name: name}, vs)
	if apierrors.IsNotFound(err) {
		vs = r.intent(rd, name, pvc.Name, rd.Spec.RsyncTLS.VolumeSnapshotClassName)
		if err = r.client.Create(ctx, vs); err == nil {
			return nil, errWait
		}
	}
	if err != nil {
		return nil, fmt.Errorf("make image: %w", err)
	}
	if _, err := restorable(ctx, r.live, vs); err != nil {
		return nil, err
	}
	return &corev1.TypedLocalObjectReference{APIGroup: new(snapshotv1.GroupName), Kind: "VolumeSnapshot", Name: name}, nil
}

// images are the snapshots that were made for rd and not given up.
func (r *destination) images(ctx context.Context, rd *volsyncv1alpha1.ReplicationDestination) ([]snapshotv1.VolumeSnapshot, error) {
	list := &snapshotv1.VolumeSnapshotList{}
	if err := r.live.List(ctx, list, client.InNamespace(rd.Namespace), client.MatchingLabels(labels(rd))); err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	return list.Items, nil
}

// relinquish gives up the images that somebody wants to keep.
func (r *destination) relinquish(ctx context.Context, rd *volsyncv1alpha1.ReplicationDestination) error {
	images, err := r.images(ctx, rd)
	if err != nil {
		return err
	}
	for i := range images {
		vs := &images[i]
		if _, keep := vs.Labels[labelDoNotDelete]; !keep || vs.DeletionTimestamp != nil {
			continue
		}
		delete(vs.Labels, labelCreatedBy)
		delete(vs.Labels, labelCleanup)
		var others []metav1.OwnerReference
		for _, owner := range vs.OwnerReferences {
			if owner.UID != rd.UID {
				others = append(others, owner)
			}
		}
		vs.OwnerReferences = others
		if err := r.client.Update(ctx, vs); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("give up image %s: %w", vs.Name, err)
		}
	}
	return nil
}

// prune deletes the images before the latest one. One that was marked since it was read stays, and is given up next.
func (r *destination) prune(ctx context.Context, rd *volsyncv1alpha1.ReplicationDestination, latest string) error {
	images, err := r.images(ctx, rd)
	if err != nil {
		return err
	}
	for i := range images {
		vs := &images[i]
		if _, keep := vs.Labels[labelDoNotDelete]; keep || vs.Name == latest || vs.DeletionTimestamp != nil {
			continue
		}
		err := r.client.Delete(ctx, vs, client.Preconditions{UID: &vs.UID, ResourceVersion: &vs.ResourceVersion})
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete image %s: %w", vs.Name, err)
		}
	}
	return nil
}
