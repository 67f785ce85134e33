// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/snapshot"
	"github.com/ramendr/ramen-direct/spokectrl/volumes"
)

// What an apply leaves out stays if another field manager has it, too, as after a restore from a backup, or where Ramen was
// before. Then a finalizer would hold a claim, or the group, for good.

// release takes our finalizer off the group.
func (r actor) release(ctx context.Context, f *snapshot.Snapshot) error {
	if err := r.applyMarks(ctx, f, false, "", ""); err != nil {
		return client.IgnoreNotFound(err)
	}
	group := &v1alpha1.VolumeReplicationGroup{}
	if found, err := read(ctx, r.Live, client.ObjectKeyFromObject(f.VRG), group); err != nil || !found || group.UID != f.VRG.UID {
		return err
	}
	return explained("release the group", apply.Release(ctx, r.Client, group, v1alpha1.VRGFinalizer))
}

// giveUp takes off a PersistentVolume what protection put there, by the intent the policy last, by which it is known that something is
// left. The handle of the peer may have come with the volume, and belongs to no field manager of ours then. One that nobody told us stays.
func giveUp(ctx context.Context, r actor, pv *corev1.PersistentVolume, policy corev1.PersistentVolumeReclaimPolicy) error {
	log.FromContext(ctx).Info("Giving a volume up", "PersistentVolume", pv.Name, "policy", policy)
	what := "give PersistentVolume " + pv.Name + " up"
	if pv.Annotations[v1alpha1.AnnotationPeerHandleSaid] != "" {
		if err := apply.Strip(ctx, r.Client, pv.DeepCopy(), nil, []string{v1alpha1.AnnotationPeerHandle, v1alpha1.AnnotationPeerHandleSaid}); err != nil {
			return explained(what, err)
		}
	}
	if err := client.IgnoreNotFound(apply.New(r.Client, fieldOwnerSpec).Owned(ctx, volumes.GiveUp(pv, policy))); err != nil {
		return explained(what, err)
	}
	labels, annotations := volumes.OfPV()
	return stripVolume(ctx, r, pv, labels, annotations)
}

// stripVolume takes labels and annotations off a PersistentVolume that another field manager has, too.
func stripVolume(ctx context.Context, r actor, pv *corev1.PersistentVolume, labels, annotations []string) error {
	now := &corev1.PersistentVolume{}
	if found, err := read(ctx, r.Live, client.ObjectKeyFromObject(pv), now); err != nil || !found || now.UID != pv.UID {
		return err
	}
	return explained("take marks off PersistentVolume "+pv.Name, apply.Strip(ctx, r.Client, now, labels, annotations))
}

// mark puts the marks of the group on a claim. The note that its volume was demoted goes, also if another manager has it, too: a
// manifest that was exported then brings it back.
func (r actor) mark(ctx context.Context, f *snapshot.Snapshot, v *snapshot.Volume, sealed bool) error {
	claim := v.Item.Claim
	if err := apply.New(r.Client, fieldOwnerSpec).Owned(ctx, volumes.Mark(f.VRG, claim, finalizer(v), sealed)); err != nil {
		return err
	}
	if claim.Annotations[v1alpha1.AnnotationVRReleased] == "" {
		return nil
	}
	now := &corev1.PersistentVolumeClaim{}
	if found, err := read(ctx, r.Live, client.ObjectKeyFromObject(claim), now); err != nil || !found || now.UID != claim.UID {
		return err
	}
	return apply.Strip(ctx, r.Client, now, nil, []string{v1alpha1.AnnotationVRReleased})
}

// noted are the annotations of a claim that end with its protection. That it was made by a restore ends where its volume is given up to
// the user, and is what a secondary knows of it until then.
func noted(f *snapshot.Snapshot) []string {
	out := []string{v1alpha1.AnnotationVRProtected, v1alpha1.AnnotationVRReleased}
	if f.Facts.Ending || f.Facts.Role == plan.Primary {
		out = append(out, v1alpha1.AnnotationRestored, capsule.AnnotationRestoredFrom)
	}
	return out
}

// takeOff applies intent, which names what stays of our marks on a claim, and takes off what is still there besides: the
// finalizers; with all, the labels and the annotations, too. Those go first: if that fails, the finalizer tells that something is left.
func (r actor) takeOff(ctx context.Context, f *snapshot.Snapshot, claim *corev1.PersistentVolumeClaim, intent apply.Intent, all bool) error {
	now := &corev1.PersistentVolumeClaim{}
	if all {
		if found, err := read(ctx, r.Live, client.ObjectKeyFromObject(claim), now); err != nil || !found || now.UID != claim.UID {
			return err
		}
		if owner := now.Labels[v1alpha1.LabelOwnerName]; owner == "" || volumes.Owned(f.VRG, now) {
			if err := apply.Strip(ctx, r.Client, now, []string{v1alpha1.LabelOwnerName, v1alpha1.LabelOwnerNamespace}, noted(f)); err != nil {
				return fmt.Errorf("take the labels off: %w", err)
			}
		}
	}
	if err := client.IgnoreNotFound(apply.New(r.Client, fieldOwnerSpec).Owned(ctx, intent)); err != nil {
		return fmt.Errorf("give the marks up: %w", err)
	}
	if found, err := read(ctx, r.Live, client.ObjectKeyFromObject(claim), now); err != nil || !found || now.UID != claim.UID {
		return err
	}
	for _, finalizer := range []string{v1alpha1.PVCVolRepFinalizer, v1alpha1.PVCVolSyncFinalizer} {
		if err := apply.Release(ctx, r.Client, now, finalizer); err != nil {
			return fmt.Errorf("take the finalizer off: %w", err)
		}
	}
	return nil
}
