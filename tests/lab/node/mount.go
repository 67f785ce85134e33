// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/tests/lab/storage"
	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// mount takes all volumes of a Pod that are claims, or none. The error is what the Pod waits for.
func (r *reconciler) mount(ctx context.Context, pod *corev1.Pod) (map[string]*engine.Mount, error) {
	mounts := map[string]*engine.Mount{}
	for _, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim == nil {
			continue
		}
		m, err := r.mountClaim(ctx, pod, v.PersistentVolumeClaim.ClaimName)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("volume %s: %w", v.Name, err), unmount(mounts))
		}
		mounts[v.Name] = m
	}
	return mounts, nil
}

func (r *reconciler) mountClaim(ctx context.Context, pod *corev1.Pod, claim string) (*engine.Mount, error) {
	var pvc corev1.PersistentVolumeClaim
	if err := r.client.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: claim}, &pvc); err != nil {
		return nil, fmt.Errorf("read claim: %w", err)
	}
	if pvc.Status.Phase != corev1.ClaimBound || pvc.Spec.VolumeName == "" {
		return nil, fmt.Errorf("claim %s is not bound", claim)
	}
	// A claim on its way out must not be taken into use, or it would never go.
	if pvc.DeletionTimestamp != nil {
		return nil, fmt.Errorf("claim %s is being deleted", claim)
	}
	var pv corev1.PersistentVolume
	if err := r.client.Get(ctx, client.ObjectKey{Name: pvc.Spec.VolumeName}, &pv); err != nil {
		return nil, fmt.Errorf("read volume: %w", err)
	}
	if pv.Spec.CSI == nil || pv.Spec.CSI.Driver != storage.Driver {
		return nil, fmt.Errorf("volume %s is not of driver %s", pv.Name, storage.Driver)
	}
	return r.store.Mount(ctx, pv.Spec.CSI.VolumeHandle, "pod "+pod.Namespace+"/"+pod.Name)
}
