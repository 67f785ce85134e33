// SPDX-License-Identifier: Apache-2.0

// Package snapshot serves the CSI snapshot contract for the volumes of the lab's storage: what the snapshot controller and
// its sidecar do together, as it looks through the API. It promises that a snapshot that is ready has all its bytes, that a
// snapshot goes after its bytes, and that bytes that a claim is being made from stay until the claim is bound.
//
// As in the real world, a claim that is not bound, or that is being deleted, is not snapshotted: the snapshot shows an
// error and is tried again. Contents that somebody else made (spec.source.volumeSnapshotContentName) are not served.
package snapshot

import (
	"context"
	"fmt"
	"time"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// retryAfter is when something that failed is tried again.
const retryAfter = 500 * time.Millisecond

// Marks of the snapshot controller.
const (
	boundFinalizer   = "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection"
	contentFinalizer = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection"
	defaultClass     = "snapshot.storage.kubernetes.io/is-default-class"
)

// Definitions are the CustomResourceDefinitions without which nothing can be served.
func Definitions() []string {
	return []string{
		"volumesnapshots.snapshot.storage.k8s.io",
		"volumesnapshotclasses.snapshot.storage.k8s.io",
		"volumesnapshotcontents.snapshot.storage.k8s.io",
	}
}

// SourceOf is the snapshot that a claim is to be made from; ok is false if it is not to be made from one.
func SourceOf(pvc *corev1.PersistentVolumeClaim) (key client.ObjectKey, ok bool) {
	from := pvc.Spec.DataSource
	if from == nil || from.Kind != "VolumeSnapshot" || from.APIGroup == nil || *from.APIGroup != "snapshot.storage.k8s.io" {
		return client.ObjectKey{}, false
	}
	return client.ObjectKey{Namespace: pvc.Namespace, Name: from.Name}, true
}

// Restorable is the name of the snapshot in the store, and the least size of a volume that is made from it; an error if it
// is not ready.
func Restorable(ctx context.Context, r client.Reader, vs *snapshotv1.VolumeSnapshot) (name string, size resource.Quantity, err error) {
	st := vs.Status
	if st == nil || st.ReadyToUse == nil || !*st.ReadyToUse || st.BoundVolumeSnapshotContentName == nil {
		return "", size, fmt.Errorf("snapshot %s is not ready to use", vs.Name)
	}
	content := &snapshotv1.VolumeSnapshotContent{}
	if err := r.Get(ctx, client.ObjectKey{Name: *st.BoundVolumeSnapshotContentName}, content); err != nil {
		return "", size, fmt.Errorf("read VolumeSnapshotContent: %w", err)
	}
	if content.Status == nil || content.Status.SnapshotHandle == nil {
		return "", size, fmt.Errorf("the content of snapshot %s has no handle", vs.Name)
	}
	if st.RestoreSize != nil {
		size = *st.RestoreSize
	}
	return *content.Status.SnapshotHandle, size, nil
}
