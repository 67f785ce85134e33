// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"time"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

// neighbors lets the stand-ins work once. Their writes do not count.
func (c *cluster) neighbors() {
	was, before := c.writes, c.before
	c.before = nil
	defer func() { c.before = before }()
	c.storage()
	c.binder()
	if c.writes > was {
		c.writes = was + 1
	}
}

// storage is a csi-addons whose storage is fast.
func (c *cluster) storage() {
	ctx := c.t.Context()
	list := &replicationv1.VolumeReplicationList{}
	require.NoError(c.t, c.client.List(ctx, list))
	for i := range list.Items {
		vr := &list.Items[i]
		if c.silent != nil && c.silent(vr.Name) {
			continue
		}
		if vr.DeletionTimestamp != nil && c.refuses && vr.Status.State == replicationv1.SecondaryState {
			continue // neither side is primary
		}
		if vr.DeletionTimestamp != nil {
			if controllerutil.RemoveFinalizer(vr, holder) {
				require.NoError(c.t, c.client.Update(ctx, vr))
				c.writes++
			}
			continue
		}
		if controllerutil.AddFinalizer(vr, holder) {
			require.NoError(c.t, c.client.Update(ctx, vr))
			c.writes++
		}
		c.answer(vr)
	}
}

// answer is the status of a volume that took its role and is in sync.
func (c *cluster) answer(vr *replicationv1.VolumeReplication) {
	want := replicationv1.PrimaryState
	reason := replicationv1.Promoted
	if vr.Spec.ReplicationState == replicationv1.Secondary {
		want, reason = replicationv1.SecondaryState, replicationv1.Demoted
	}
	if vr.Status.State == want {
		return
	}
	vr.Status = replicationv1.VolumeReplicationStatus{State: want, ObservedGeneration: vr.Generation}
	set(vr, "Completed", metav1.ConditionTrue, reason)
	set(vr, "Degraded", metav1.ConditionFalse, "Healthy")
	set(vr, "Resyncing", metav1.ConditionFalse, "NotResyncing")
	if want == replicationv1.PrimaryState {
		vr.Status.LastSyncTime = new(metav1.NewTime(c.clock.Now().Add(-30 * time.Second)))
		vr.Status.LastSyncBytes = new(int64(100))
		vr.Status.LastSyncDuration = &metav1.Duration{Duration: 2 * time.Second}
	}
	require.NoError(c.t, c.client.Status().Update(c.t.Context(), vr))
	c.writes++
}

func set(vr *replicationv1.VolumeReplication, kind string, status metav1.ConditionStatus, reason string) {
	meta.SetStatusCondition(&vr.Status.Conditions, metav1.Condition{Type: kind, Status: status, Reason: reason, ObservedGeneration: vr.Generation})
}

// binder is the PV controller of Kubernetes: it binds, releases and reclaims.
func (c *cluster) binder() {
	ctx := c.t.Context()
	pvs := &corev1.PersistentVolumeList{}
	require.NoError(c.t, c.client.List(ctx, pvs))
	for i := range pvs.Items {
		pv := &pvs.Items[i]
		pvc := &corev1.PersistentVolumeClaim{}
		err := c.client.Get(ctx, client.ObjectKey{Namespace: pv.Spec.ClaimRef.Namespace, Name: pv.Spec.ClaimRef.Name}, pvc)
		gone := apierrors.IsNotFound(err) || (pv.Spec.ClaimRef.UID != "" && pvc.UID != pv.Spec.ClaimRef.UID)
		switch {
		case gone && pv.Spec.ClaimRef.UID != "" && pv.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete:
			require.NoError(c.t, c.client.Delete(ctx, pv))
		case gone && pv.Spec.ClaimRef.UID != "" && pv.Status.Phase != corev1.VolumeReleased:
			pv.Status.Phase = corev1.VolumeReleased
			require.NoError(c.t, c.client.Status().Update(ctx, pv))
		case gone:
			continue
		case pvc.Status.Phase != corev1.ClaimBound && (pvc.Spec.VolumeName == "" || pvc.Spec.VolumeName == pv.Name):
			if pvc.Spec.VolumeName = pv.Name; pvc.UID == "" { // the fake client gives none
				pvc.UID = types.UID("uid-" + pv.Name)
			}
			require.NoError(c.t, c.client.Update(ctx, pvc))
			pvc.Status.Phase = corev1.ClaimBound
			require.NoError(c.t, c.client.Status().Update(ctx, pvc))
			pv.Spec.ClaimRef.UID = pvc.UID
			require.NoError(c.t, c.client.Update(ctx, pv))
			pv.Status.Phase = corev1.VolumeBound
			require.NoError(c.t, c.client.Status().Update(ctx, pv))
		default:
			continue
		}
		c.writes++
	}
}
