// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
	"github.com/ramendr/ramen-direct/spokectrl/snapshot"
	"github.com/ramendr/ramen-direct/spokectrl/volumes"
)

// observeCopies reads what the techniques receive here, and what they left here.
func (r observer) observeCopies(ctx context.Context, reader client.Reader, f *snapshot.Snapshot, group provider.Group, users volumes.Users) error {
	for _, by := range r.Providers.Receivers() {
		found, err := by.Destinations(ctx, reader, group)
		if err != nil {
			return fmt.Errorf("%s: %w", by.Name(), err)
		}
		for _, d := range found {
			if err := r.complete(ctx, reader, f, &d, users); err != nil {
				return err
			}
			f.Copies = append(f.Copies, snapshot.Copy{Destination: d, By: by})
			fact := plan.Copy{Wanted: d.Wanted, There: len(d.Objects) > 0, Able: d.Refusal == nil, Exact: d.Exact, Stale: d.Stale}
			fact.Needed = f.Facts.Role == plan.Primary && d.Claim != nil && d.Claim.Status.Phase != corev1.ClaimBound
			for i := range f.Volumes {
				v := &f.Volumes[i]
				if !snapshot.Is(d.Volume, v.Item.Namespace, v.Item.Name) || v.Provider == nil || v.Provider.Name() != by.Name() {
					continue
				}
				fact.Sending = v.State.Replica != plan.ReplicaAbsent && v.State.Replica != plan.ReplicaForeign
				f.Facts.Volumes[i].Receiving = fact.There
			}
			f.Facts.Copies = append(f.Facts.Copies, fact)
		}
	}
	return r.observeRemains(ctx, reader, f)
}

// complete finds out what the cluster has of the volume that a destination receives.
func (r observer) complete(ctx context.Context, reader client.Reader, f *snapshot.Snapshot, d *provider.Destination, users volumes.Users) error {
	if f.Facts.Role != plan.Primary || f.Facts.Ending {
		return nil // only a restore asks for it
	}
	item, err := volumes.Lookup(ctx, reader, d.Volume.Namespace, d.Volume.Name)
	if err != nil {
		return err
	}
	d.Claim, d.PV = item.Claim, item.PV
	d.Ours = item.PV != nil && volumes.Kept(item.PV) && volumes.Owned(f.VRG, item.PV)
	if use, by := users.Of(item); use != plan.UseFree {
		d.Used = by
	}
	if d.Inlet != "" {
		inlet, err := volumes.Lookup(ctx, reader, d.Volume.Namespace, d.Inlet)
		if err != nil {
			return err
		}
		if d.InletPV = inlet.PV; d.InletPV != nil && volumes.Kept(d.InletPV) && volumes.Owned(f.VRG, d.InletPV) {
			of, _ := capsule.ClaimOf(d.InletPV.Annotations[volumes.AnnotationClaim])
			d.Handed = snapshot.Is(d.Volume, of.Namespace, of.Name)
		}
		if use, by := users.Of(inlet); use != plan.UseFree {
			d.Busy = by
		}
	}
	class := &storagev1.StorageClass{}
	if d.Volume.StorageClassName != nil {
		if err := reader.Get(ctx, client.ObjectKey{Name: *d.Volume.StorageClassName}, class); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("read StorageClass %s: %w", *d.Volume.StorageClassName, err)
		}
	}
	d.Late = class.VolumeBindingMode != nil && *class.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer
	return nil
}

// observeRemains finds the retained volumes of the group that no claim of the group has any more.
func (r observer) observeRemains(ctx context.Context, reader client.Reader, f *snapshot.Snapshot) error {
	list := &corev1.PersistentVolumeList{}
	if err := reader.List(ctx, list, client.MatchingLabels(volumes.OwnerLabels(f.VRG))); err != nil {
		return fmt.Errorf("list PersistentVolumes: %w", err)
	}
	for i := range list.Items {
		m, remains, err := observeRemain(ctx, reader, f, &list.Items[i])
		if err != nil {
			return err
		}
		if remains {
			f.Remains = append(f.Remains, m)
		}
	}
	// The newest first: of several it is the one to restore.
	slices.SortFunc(f.Remains, func(a, b snapshot.Remain) int {
		if c := b.PV.CreationTimestamp.Compare(a.PV.CreationTimestamp.Time); c != 0 {
			return c
		}
		return strings.Compare(a.PV.Name, b.PV.Name)
	})
	for _, m := range f.Remains {
		f.Facts.Remains = append(f.Facts.Remains, plan.Remain{Outdated: m.Outdated, Stranded: m.Stranded})
	}
	return nil
}

func observeRemain(ctx context.Context, reader client.Reader, f *snapshot.Snapshot, pv *corev1.PersistentVolume) (m snapshot.Remain, remains bool, err error) {
	m.PV = pv
	copied := pv.Annotations[volumes.AnnotationClaim] != ""
	switch ref := pv.Spec.ClaimRef; {
	case f.Facts.Ending && f.Gives(pv), !f.Facts.Ending && (ref == nil || !copied && !mayBeStranded(f, pv)):
		return m, false, nil
	case ref == nil:
		return m, true, nil
	default:
		m.Claim = client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}
	}
	if of, ok := capsule.ClaimOf(pv.Annotations[volumes.AnnotationClaim]); ok {
		m.Claim = of // it may still be bound to the claim that received it
	}
	item, err := volumes.Lookup(ctx, reader, m.Claim.Namespace, m.Claim.Name)
	if err != nil {
		return m, false, err
	}
	claim := item.Claim
	leaves := claim != nil && claim.DeletionTimestamp != nil
	has := claim != nil && claim.Spec.VolumeName == pv.Name
	m.Bound = has && !leaves
	switch {
	case f.Facts.Ending && has && claim.Labels[v1alpha1.LabelOwnerName] != "" && !volumes.Owned(f.VRG, claim):
		return m, false, nil // it is another group's by now
	case f.Facts.Ending && !copied:
		return m, true, nil
	case !copied:
		m.Stranded = !m.Bound
		return m, m.Stranded, nil
	case has && !f.Facts.Ending && (!leaves || f.Facts.Role != plan.Primary || f.Facts.Restore == plan.RestoreDone):
		return m, false, nil
	}
	restored := claim != nil && (capsule.Restored(claim) || slices.ContainsFunc(f.Copies, func(c snapshot.Copy) bool {
		return snapshot.Is(c.Volume, claim.Namespace, claim.Name) && c.By.Made(c.Destination)
	}))
	m.Lacking = claim == nil || leaves || claim.Spec.VolumeName == "" && !restored
	if claim != nil && claim.Spec.VolumeName != "" && !has && f.Facts.Role == plan.Primary {
		m.Usurped = !leaves && !restored
		m.Outdated = restored && claim.Status.Phase == corev1.ClaimBound
	}
	for _, c := range f.Copies {
		m.Outdated = m.Outdated || f.Facts.Role == plan.Secondary && snapshot.Is(c.Volume, m.Claim.Namespace, m.Claim.Name) && c.Received && !c.Stale
	}
	return m, true, nil
}

func (r actor) actOnCopy(ctx context.Context, f *snapshot.Snapshot, i int, k plan.Kind) error {
	c := f.Copies[i]
	logger := log.FromContext(ctx).WithValues("PersistentVolumeClaim", c.Volume.Name)
	switch k { //nolint:exhaustive // the others are no steps of a copy
	case plan.Dismiss:
		logger.Info("Removing what received the volume")
		return explained("remove what received claim "+c.Volume.Name, r.remove(ctx, c.Objects...))
	case plan.Leave:
		logger.Info("Leaving what was received to the user", "claim", c.Inlet)
		return explained("end what received claim "+c.Volume.Name, r.leave(ctx, c))
	}
	logger.Info("Receiving the volume")
	if err := r.ensureNamespace(ctx, f, c.Volume.Namespace); err != nil {
		return err
	}
	intents, err := c.By.Receive(f.Provided, c.Destination)
	if err != nil {
		return explained("receive claim "+c.Volume.Name, err)
	}
	return explained("receive claim "+c.Volume.Name, r.apply(ctx, intents))
}

// leave ends a destination, but not the objects with data.
func (r actor) leave(ctx context.Context, c snapshot.Copy) error {
	labels := map[string]any{}
	for _, key := range c.Marks {
		labels[key] = nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": labels}})
	if err != nil {
		return fmt.Errorf("encode patch: %w", err)
	}
	for _, o := range c.Objects {
		if !slices.Contains(c.Holds, o) {
			err = r.remove(ctx, o)
		} else {
			err = client.IgnoreNotFound(r.Client.Patch(ctx, o, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(fieldOwnerSpec)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r actor) apply(ctx context.Context, intents []apply.Intent) error {
	a := apply.New(r.Client, fieldOwnerSpec)
	for _, intent := range intents {
		if err := a.Mine(ctx, r.Live, intent); err != nil {
			return err
		}
	}
	return nil
}

// restoreCopy takes the next step from a destination to a claim.
func (r actor) restoreCopy(ctx context.Context, f *snapshot.Snapshot, next snapshot.Restoring) error {
	if next.Hand != nil {
		text, err := capsule.ClaimText(next.Hand)
		if err != nil {
			return err
		}
		return explained(next.Message, apply.New(r.Client, fieldOwnerSpec).Owned(ctx, volumes.RetainWithClaim(f.VRG, next.Of.InletPV, capsule.OriginalPolicy(next.Of.InletPV), text)))
	}
	if err := r.apply(ctx, next.Intents); err != nil {
		return explained(next.Message, err)
	}
	if next.Create != nil {
		if err := r.Client.Create(ctx, next.Create, client.FieldOwner(fieldOwnerSpec)); err != nil && !apierrors.IsAlreadyExists(err) {
			return explained(next.Message, err)
		}
	}
	if next.Delete != nil {
		return explained(next.Message, r.remove(ctx, next.Delete))
	}
	return nil
}

// abandon lets a volume go that no claim of the group has: to its original policy if newer data took its place, or if a claim has it, else
// as it is.
func (r actor) abandon(ctx context.Context, f *snapshot.Snapshot, m snapshot.Remain) error {
	switch {
	case !volumes.Kept(m.PV): // somebody decided otherwise since
		return giveUp(ctx, r, m.PV, m.PV.Spec.PersistentVolumeReclaimPolicy)
	case m.Outdated, m.Bound, m.Stranded && !f.Facts.Ending:
		return giveUp(ctx, r, m.PV, capsule.OriginalPolicy(m.PV))
	default:
		return giveUp(ctx, r, m.PV, corev1.PersistentVolumeReclaimRetain)
	}
}
