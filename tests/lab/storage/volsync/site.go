// SPDX-License-Identifier: Apache-2.0

package volsync

import (
	"context"
	"fmt"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
	"github.com/ramendr/ramen-direct/tests/lab/storage/mover"
	"github.com/ramendr/ramen-direct/tests/lab/storage/snapshot"
)

// site is what both controllers of a cluster work with.
type site struct {
	client       client.Client
	live         client.Reader
	apply        apply.Applier
	events       events.EventRecorder
	clock        clock.PassiveClock
	store        *engine.Store
	destinations *mover.Destinations
	speed        Speed
	cluster      string
	driver       string
}

// errKey is about the shared key.
type errKey struct{ error }

func (e errKey) Unwrap() error { return e.error }

// key reads the shared key. It is never told to anybody.
func (s *site) key(ctx context.Context, namespace string, name *string) (string, error) {
	key, err := s.readKey(ctx, namespace, name)
	if err != nil {
		return "", errKey{err}
	}
	return key, nil
}

func (s *site) readKey(ctx context.Context, namespace string, name *string) (string, error) {
	if ptr.Deref(name, "") == "" {
		return "", missing("spec.rsyncTLS.keySecret is missing: keys are not generated here")
	}
	secret := &corev1.Secret{}
	err := s.live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: *name}, secret)
	switch {
	case apierrors.IsNotFound(err):
		return "", missing("secret %s is missing", *name)
	case err != nil:
		return "", fmt.Errorf("read key: %w", err)
	case len(secret.Data[keyName]) == 0:
		return "", missing("secret %s has no %s", *name, keyName)
	}
	return string(secret.Data[keyName]), nil
}

// handle is the volume behind a claim that is bound.
func (s *site) handle(ctx context.Context, pvc *corev1.PersistentVolumeClaim) (string, error) {
	pv := &corev1.PersistentVolume{}
	if err := s.client.Get(ctx, client.ObjectKey{Name: pvc.Spec.VolumeName}, pv); err != nil {
		return "", fmt.Errorf("read volume: %v", err) //nolint:errorlint // a volume that is not there is a finding, not a race
	}
	if pv.Spec.CSI == nil || pv.Spec.CSI.Driver != s.driver {
		return "", fmt.Errorf("volume %s is not of driver %s", pv.Name, s.driver)
	}
	return pv.Spec.CSI.VolumeHandle, nil
}

// intent is a snapshot that belongs to owner.
func (s *site) intent(owner client.Object, name, claim string, class *string) *snapshotv1.VolumeSnapshot {
	vs := &snapshotv1.VolumeSnapshot{
		ObjectMeta: metav1.ObjectMeta{Namespace: owner.GetNamespace(), Name: name, Labels: labels(owner)},
		Spec: snapshotv1.VolumeSnapshotSpec{
			VolumeSnapshotClassName: class,
			Source:                  snapshotv1.VolumeSnapshotSource{PersistentVolumeClaimName: &claim},
		},
	}
	s.own(owner, vs)
	return vs
}

// own lets the garbage collector remove an object after its owner.
func (s *site) own(owner, object client.Object) {
	// It fails only for what has an owner or is in another namespace.
	_ = controllerutil.SetControllerReference(owner, object, s.client.Scheme())
}

// restorable is the name of a snapshot in the store; errWait while it is being made.
func restorable(ctx context.Context, r client.Reader, vs *snapshotv1.VolumeSnapshot) (string, error) {
	if st := vs.Status; st != nil && st.Error != nil {
		return "", fmt.Errorf("snapshot %s: %s", vs.Name, ptr.Deref(st.Error.Message, "it failed"))
	}
	if vs.Status == nil || !ptr.Deref(vs.Status.ReadyToUse, false) {
		return "", errWait
	}
	name, _, err := snapshot.Restorable(ctx, r, vs)
	return name, err
}
