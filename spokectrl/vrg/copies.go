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
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
	"github.com/ramendr/ramen-direct/spokectrl/volumes"
)

// copied is where a volume is received.
type copied struct {
	provider.Destination
	by provider.Receiver
}

// restoring is the next step of a destination.
type restoring struct {
	provider.Restoring
	of provider.Destination
}

// remain is a volume of an earlier term as primary, whose claim is gone or has another volume.
type remain struct {
	pv       *corev1.PersistentVolume
	claim    client.ObjectKey
	lacking  bool // there is no claim of that name that has a volume, or it leaves
	usurped  bool // the claim of that name has a volume that nobody restored: it may be empty
	outdated bool
}

// observeCopies reads what the techniques receive here, and what they left here.
func (r observer) observeCopies(ctx context.Context, reader client.Reader, f *facts, group provider.Group, users volumes.Users) error {
	for _, by := range r.Providers.Receivers() {
		found, err := by.Destinations(ctx, reader, group)
		if err != nil {
			return fmt.Errorf("%s: %w", by.Name(), err)
		}
		for _, d := range found {
			if err := r.complete(ctx, reader, f, &d, users); err != nil {
				return err
			}
			f.copies = append(f.copies, copied{Destination: d, by: by})
			fact := plan.Copy{Wanted: d.Wanted, There: len(d.Objects) > 0, Able: d.Refusal == nil, Exact: d.Exact, Stale: d.Stale}
			fact.Needed = f.group.Role == plan.Primary && d.Claim != nil && d.Claim.Status.Phase != corev1.ClaimBound
			for i := range f.volumes {
				v := &f.volumes[i]
				if !is(d.Volume, v.item.Namespace, v.item.Name) || v.provider == nil || v.provider.Name() != by.Name() {
					continue
				}
				fact.Sending = v.state.Replica != plan.ReplicaAbsent && v.state.Replica != plan.ReplicaForeign
				f.group.Volumes[i].Receiving = fact.There
			}
			f.group.Copies = append(f.group.Copies, fact)
		}
	}
	return r.observeRemains(ctx, reader, f)
}

func is(p v1alpha1.ProtectedPVC, namespace, name string) bool {
	return p.Namespace == namespace && p.Name == name
}

// complete finds out what the cluster has of the volume that a destination receives.
func (r observer) complete(ctx context.Context, reader client.Reader, f *facts, d *provider.Destination, users volumes.Users) error {
	if f.group.Role != plan.Primary || f.group.Ending {
		return nil // only a restore asks for it
	}
	item, err := volumes.Lookup(ctx, reader, d.Volume.Namespace, d.Volume.Name)
	if err != nil {
		return err
	}
	d.Claim, d.PV = item.Claim, item.PV
	d.Ours = item.PV != nil && volumes.Kept(item.PV) && volumes.Owned(f.vrg, item.PV)
	if use, by := users.Of(item); use != plan.UseFree {
		d.Used = by
	}
	if d.Inlet != "" {
		inlet, err := volumes.Lookup(ctx, reader, d.Volume.Namespace, d.Inlet)
		if err != nil {
			return err
		}
		if d.InletPV = inlet.PV; d.InletPV != nil && volumes.Kept(d.InletPV) && volumes.Owned(f.vrg, d.InletPV) {
			of, _ := capsule.ClaimOf(d.InletPV.Annotations[volumes.AnnotationClaim])
			d.Handed = is(d.Volume, of.Namespace, of.Name)
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

func (r observer) observeRemains(ctx context.Context, reader client.Reader, f *facts) error {
	list := &corev1.PersistentVolumeList{}
	if err := reader.List(ctx, list, client.MatchingLabels(volumes.OwnerLabels(f.vrg))); err != nil {
		return fmt.Errorf("list PersistentVolumes: %w", err)
	}
	for i := range list.Items {
		pv := &list.Items[i]
		if pv.Spec.ClaimRef == nil || pv.Annotations[volumes.AnnotationClaim] == "" {
			continue
		}
		m := remain{pv: pv, claim: client.ObjectKey{Namespace: pv.Spec.ClaimRef.Namespace, Name: pv.Spec.ClaimRef.Name}}
		if of, ok := capsule.ClaimOf(pv.Annotations[volumes.AnnotationClaim]); ok {
			m.claim = of // it may still be bound to the claim that received it
		}
		item, err := volumes.Lookup(ctx, reader, m.claim.Namespace, m.claim.Name)
		if err != nil {
			return err
		}
		claim := item.Claim
		leaves := claim != nil && claim.DeletionTimestamp != nil
		if claim != nil && claim.Spec.VolumeName == pv.Name && (!leaves || f.group.Role != plan.Primary || f.group.Restore == plan.RestoreDone || f.group.Ending) {
			continue
		}
		restored := claim != nil && claim.Annotations[v1alpha1.AnnotationRestored] != ""
		m.lacking = claim == nil || leaves || claim.Spec.VolumeName == "" && !restored
		if claim != nil && claim.Spec.VolumeName != "" && claim.Spec.VolumeName != pv.Name && f.group.Role == plan.Primary {
			m.usurped = !leaves && !restored
			m.outdated = restored && claim.Status.Phase == corev1.ClaimBound
		}
		for _, c := range f.copies {
			m.outdated = m.outdated || f.group.Role == plan.Secondary && is(c.Volume, m.claim.Namespace, m.claim.Name) && c.Received && !c.Stale
		}
		f.remains = append(f.remains, m)
	}
	// The newest first: of several it is the one to restore.
	slices.SortFunc(f.remains, func(a, b remain) int {
		if c := b.pv.CreationTimestamp.Compare(a.pv.CreationTimestamp.Time); c != 0 {
			return c
		}
		return strings.Compare(a.pv.Name, b.pv.Name)
	})
	for _, m := range f.remains {
		f.group.Remains = append(f.group.Remains, plan.Remain{Outdated: m.outdated})
	}
	return nil
}

// restoreCopies says what the restore needs next of what was received. done are the claims that it needs nothing for.
func restoreCopies(f *facts, group provider.Group) (restore, map[client.ObjectKey]bool) {
	out, done := restore{state: plan.RestoreComplete}, map[client.ObjectKey]bool{}
	var messages, conflicts []string
	ready, all := 0, 0
	for _, c := range f.copies {
		if len(c.Objects) == 0 || !group.Covers(c.Volume.Namespace) {
			continue
		}
		all++
		next := c.by.Restore(group, c.Destination)
		done[client.ObjectKey{Namespace: c.Volume.Namespace, Name: c.Volume.Name}] = next.Done
		out.copies = append(out.copies, restoring{next, c.Destination})
		switch {
		case next.Done:
			ready++
		case next.Blocked:
			conflicts = append(conflicts, next.Message)
		default:
			messages = append(messages, next.Message)
		}
	}
	switch {
	case len(conflicts) > 0:
		out.state, out.message = plan.RestoreConflict, bounded.Messages(conflicts)
	case ready < all:
		out.state = plan.RestoreMissing
		out.message = fmt.Sprintf("%d of %d volumes are made from what was received; %s", ready, all, bounded.Messages(messages))
	case all > 0:
		out.message = fmt.Sprintf("%d volumes are made from what was received", all)
	default:
		out.message = nothingToRestore
	}
	return out, done
}

// remaining are the pairs of an earlier term whose claims are lacking, and are not being made from what was received.
func (f *facts) remaining(done map[client.ObjectKey]bool) ([]capsule.Pair, error) {
	var out []capsule.Pair
	seen := map[client.ObjectKey]bool{}
	for _, m := range f.remains {
		received, there := done[m.claim]
		if !m.lacking && !m.usurped || seen[m.claim] || there && !received {
			continue
		}
		seen[m.claim] = true
		pair, err := capsule.PairOf(m.pv, m.pv.Annotations[volumes.AnnotationClaim])
		if err != nil {
			return nil, err
		}
		out = append(out, pair)
	}
	return out, nil
}

func (r actor) actOnCopy(ctx context.Context, f *facts, i int, k plan.Kind) error {
	c := f.copies[i]
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
	if err := r.house(ctx, f, c.Volume.Namespace); err != nil {
		return err
	}
	intents, err := c.by.Receive(f.provided, c.Destination)
	if err != nil {
		return explained("receive claim "+c.Volume.Name, err)
	}
	return explained("receive claim "+c.Volume.Name, r.apply(ctx, intents))
}

// leave ends a destination, but not the objects with data.
func (r actor) leave(ctx context.Context, c copied) error {
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
			err = client.IgnoreNotFound(r.Client.Patch(ctx, o, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(ownerSpec)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r actor) apply(ctx context.Context, intents []apply.Intent) error {
	a := apply.New(r.Client, ownerSpec)
	for _, intent := range intents {
		if err := a.Mine(ctx, r.Live, intent); err != nil {
			return err
		}
	}
	return nil
}

// rebuildCopy takes the next step from a destination to a claim.
func (r actor) rebuildCopy(ctx context.Context, f *facts, next restoring) error {
	if next.Hand != nil {
		text, err := capsule.ClaimText(next.Hand)
		if err != nil {
			return err
		}
		return explained(next.Message, apply.New(r.Client, ownerSpec).Owned(ctx, volumes.RetainWithClaim(f.vrg, next.of.InletPV, capsule.OriginalPolicy(next.of.InletPV), text)))
	}
	if err := r.apply(ctx, next.Intents); err != nil {
		return explained(next.Message, err)
	}
	if next.Create != nil {
		if err := r.Client.Create(ctx, next.Create, client.FieldOwner(ownerSpec)); err != nil && !apierrors.IsAlreadyExists(err) {
			return explained(next.Message, err)
		}
	}
	if next.Delete != nil {
		return explained(next.Message, r.remove(ctx, next.Delete))
	}
	return nil
}

// abandon lets a volume of an earlier term go: to its original policy if newer data took its place, else as it is.
func (r actor) abandon(ctx context.Context, m remain) error {
	policy := corev1.PersistentVolumeReclaimRetain
	if m.outdated {
		policy = capsule.OriginalPolicy(m.pv)
	}
	log.FromContext(ctx).Info("Releasing a volume of an earlier term", "PersistentVolume", m.pv.Name, "policy", policy)
	return explained("let PersistentVolume "+m.pv.Name+" go", apply.New(r.Client, ownerSpec).Owned(ctx, volumes.GiveUp(m.pv, policy)))
}
