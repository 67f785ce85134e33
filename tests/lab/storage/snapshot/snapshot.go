// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"errors"
	"fmt"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// snapshotter obeys VolumeSnapshots.
type snapshotter struct {
	client client.Client
	live   client.Reader // past the cache: content that was just made must be seen
	apply  apply.Applier
	events events.EventRecorder
	clock  clock.PassiveClock
	store  *engine.Store
	driver string
}

// errForeign means that another driver is responsible.
var errForeign = errors.New("another driver's")

// Reconcile makes content and bytes of a snapshot, and reports. Content that is on its way is left alone.
func (r *snapshotter) Reconcile(ctx context.Context, vs *snapshotv1.VolumeSnapshot) (reconcile.Result, error) {
	if vs.DeletionTimestamp != nil {
		return r.end(ctx, vs)
	}
	if vs.Spec.Source.PersistentVolumeClaimName == nil || ptr.Deref(ready(vs.Status), false) {
		return reconcile.Result{}, nil
	}
	after := vs.DeepCopy()
	var again reconcile.Result
	switch err := r.make(ctx, vs, after); {
	case errors.Is(err, errForeign):
		return reconcile.Result{}, nil
	case apierrors.IsConflict(err) || apierrors.IsInvalid(err):
		// Of what was read, something is old.
		return reconcile.Result{RequeueAfter: retryAfter}, nil
	case err != nil:
		r.fail(after, err)
		again.RequeueAfter = retryAfter
	}
	if _, err := r.apply.ChangedStatus(ctx, vs, after); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	return again, nil
}

func ready(status *snapshotv1.VolumeSnapshotStatus) *bool {
	if status == nil {
		return nil
	}
	return status.ReadyToUse
}

// fail keeps the time of a failure that is the same again.
func (r *snapshotter) fail(vs *snapshotv1.VolumeSnapshot, err error) {
	if vs.Status == nil {
		vs.Status = &snapshotv1.VolumeSnapshotStatus{}
	}
	vs.Status.ReadyToUse = new(false)
	if was := vs.Status.Error; was == nil || ptr.Deref(was.Message, "") != err.Error() {
		r.events.Eventf(vs, nil, corev1.EventTypeWarning, "SnapshotCreationFailed", "Snapshot", "%s", err)
		vs.Status.Error = &snapshotv1.VolumeSnapshotError{Time: new(metav1.NewTime(r.clock.Now())), Message: new(err.Error())}
	}
}

func (r *snapshotter) make(ctx context.Context, vs, after *snapshotv1.VolumeSnapshot) error {
	class, err := r.class(ctx, vs)
	if err != nil {
		return err
	}
	name := "snapshot-" + string(vs.UID)
	pv, err := r.volume(ctx, vs, name)
	if err != nil {
		return err
	}
	if err := apply.Hold(ctx, r.client, vs, boundFinalizer); err != nil {
		return err
	}
	content, err := r.content(ctx, vs, class, pv)
	if err != nil {
		return err
	}
	made, err := r.store.Snapshot(ctx, pv.Spec.CSI.VolumeHandle, name)
	if err != nil {
		return err
	}
	size := pv.Spec.Capacity[corev1.ResourceStorage]
	if err := r.reportContent(ctx, content, name, made, size); err != nil {
		return err
	}
	after.Status = &snapshotv1.VolumeSnapshotStatus{
		BoundVolumeSnapshotContentName: &content.Name,
		CreationTime:                   new(metav1.NewTime(made.Created)),
		ReadyToUse:                     new(true),
		RestoreSize:                    &size,
	}
	r.events.Eventf(vs, nil, corev1.EventTypeNormal, "SnapshotReady", "Snapshot", "%d files with %d bytes are safe", made.Files, made.Bytes)
	return nil
}

func contentName(vs *snapshotv1.VolumeSnapshot) string { return "snapcontent-" + string(vs.UID) }

// class is the one that is named, or the default one.
func (r *snapshotter) class(ctx context.Context, vs *snapshotv1.VolumeSnapshot) (*snapshotv1.VolumeSnapshotClass, error) {
	if name := ptr.Deref(vs.Spec.VolumeSnapshotClassName, ""); name != "" {
		class := &snapshotv1.VolumeSnapshotClass{}
		if err := r.client.Get(ctx, client.ObjectKey{Name: name}, class); err != nil {
			return nil, fmt.Errorf("read VolumeSnapshotClass: %v", err) //nolint:errorlint // a class that is not there is a finding, not a race
		}
		if class.Driver != r.driver {
			return nil, errForeign
		}
		return class, nil
	}
	classes := &snapshotv1.VolumeSnapshotClassList{}
	if err := r.client.List(ctx, classes); err != nil {
		return nil, fmt.Errorf("list VolumeSnapshotClasses: %w", err)
	}
	for i := range classes.Items {
		if c := &classes.Items[i]; c.Driver == r.driver && c.Annotations[defaultClass] == "true" {
			return c, nil
		}
	}
	return nil, errors.New("no VolumeSnapshotClass is named, and there is no default one")
}

// volume is behind the claim. A claim on its way out is refused, unless the bytes are there already.
func (r *snapshotter) volume(ctx context.Context, vs *snapshotv1.VolumeSnapshot, name string) (*corev1.PersistentVolume, error) {
	var pvc corev1.PersistentVolumeClaim
	if err := r.client.Get(ctx, client.ObjectKey{Namespace: vs.Namespace, Name: *vs.Spec.Source.PersistentVolumeClaimName}, &pvc); err != nil {
		return nil, fmt.Errorf("read claim: %v", err) //nolint:errorlint // as above
	}
	if pvc.Spec.VolumeName == "" || pvc.Status.Phase != corev1.ClaimBound {
		return nil, fmt.Errorf("claim %s is not bound", pvc.Name)
	}
	if _, err := r.store.DescribeSnapshot(name); err != nil && pvc.DeletionTimestamp != nil {
		return nil, fmt.Errorf("claim %s is being deleted", pvc.Name)
	}
	var pv corev1.PersistentVolume
	if err := r.client.Get(ctx, client.ObjectKey{Name: pvc.Spec.VolumeName}, &pv); err != nil {
		return nil, fmt.Errorf("read volume: %v", err) //nolint:errorlint // as above
	}
	if pv.Spec.CSI == nil || pv.Spec.CSI.Driver != r.driver {
		return nil, fmt.Errorf("volume %s is not of driver %s", pv.Name, r.driver)
	}
	return &pv, nil
}

func (r *snapshotter) content(ctx context.Context, vs *snapshotv1.VolumeSnapshot, class *snapshotv1.VolumeSnapshotClass, pv *corev1.PersistentVolume) (*snapshotv1.VolumeSnapshotContent, error) {
	content := &snapshotv1.VolumeSnapshotContent{
		ObjectMeta: metav1.ObjectMeta{Name: contentName(vs), Finalizers: []string{contentFinalizer}},
		Spec: snapshotv1.VolumeSnapshotContentSpec{
			VolumeSnapshotRef: corev1.ObjectReference{
				APIVersion: snapshotv1.SchemeGroupVersion.String(), Kind: "VolumeSnapshot",
				Namespace: vs.Namespace, Name: vs.Name, UID: vs.UID, ResourceVersion: vs.ResourceVersion,
			},
			DeletionPolicy:          class.DeletionPolicy,
			Driver:                  r.driver,
			VolumeSnapshotClassName: &class.Name,
			Source:                  snapshotv1.VolumeSnapshotContentSource{VolumeHandle: &pv.Spec.CSI.VolumeHandle},
			SourceVolumeMode:        pv.Spec.VolumeMode,
		},
	}
	err := r.client.Create(ctx, content)
	if apierrors.IsAlreadyExists(err) {
		err = r.live.Get(ctx, client.ObjectKey{Name: content.Name}, content)
	}
	if err != nil {
		return nil, fmt.Errorf("create VolumeSnapshotContent: %w", err)
	}
	return content, nil
}

func (r *snapshotter) reportContent(ctx context.Context, content *snapshotv1.VolumeSnapshotContent, name string, made engine.Snapshot, size resource.Quantity) error {
	after := content.DeepCopy()
	after.Status = &snapshotv1.VolumeSnapshotContentStatus{
		SnapshotHandle: &name,
		CreationTime:   new(made.Created.UnixNano()),
		RestoreSize:    new(size.Value()),
		ReadyToUse:     new(true),
	}
	_, err := r.apply.ChangedStatus(ctx, content, after)
	return err
}

// end is the deletion: first the claims that are being made from it, then the content, then the snapshot.
func (r *snapshotter) end(ctx context.Context, vs *snapshotv1.VolumeSnapshot) (reconcile.Result, error) {
	if !controlled(vs) {
		return reconcile.Result{}, nil
	}
	var claims corev1.PersistentVolumeClaimList
	if err := r.client.List(ctx, &claims, client.InNamespace(vs.Namespace)); err != nil {
		return reconcile.Result{}, fmt.Errorf("list claims: %w", err)
	}
	for i := range claims.Items {
		pvc := &claims.Items[i]
		if from, ok := SourceOf(pvc); ok && from.Name == vs.Name && pvc.Status.Phase == corev1.ClaimPending && pvc.DeletionTimestamp == nil {
			return reconcile.Result{}, nil // it wakes us when it is bound
		}
	}
	content := &snapshotv1.VolumeSnapshotContent{}
	switch err := r.client.Get(ctx, client.ObjectKey{Name: contentName(vs)}, content); {
	case apierrors.IsNotFound(err):
	case err != nil:
		return reconcile.Result{}, fmt.Errorf("read VolumeSnapshotContent: %w", err)
	case content.Spec.DeletionPolicy == snapshotv1.VolumeSnapshotContentRetain:
	case content.DeletionTimestamp == nil:
		if err := r.client.Delete(ctx, content, client.Preconditions{UID: &content.UID}); client.IgnoreNotFound(err) != nil {
			return reconcile.Result{}, fmt.Errorf("delete VolumeSnapshotContent: %w", err)
		}
		return reconcile.Result{}, nil
	default:
		return reconcile.Result{}, nil // it wakes us when it is gone
	}
	return reconcile.Result{}, client.IgnoreNotFound(apply.Release(ctx, r.client, vs, boundFinalizer))
}
