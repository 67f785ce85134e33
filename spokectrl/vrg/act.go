// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	ramenac "github.com/ramendr/ramen-direct/api/v1alpha1/applyconfiguration/api/v1alpha1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/snapshot"
	"github.com/ramendr/ramen-direct/spokectrl/status"
	"github.com/ramendr/ramen-direct/spokectrl/volumes"
)

// errStores means that stores could not be emptied. It is reported, and tried again after a while.
var errStores = errors.New("object stores are not emptied")

func (r actor) act(ctx context.Context, f *snapshot.Snapshot, p plan.Plan) status.Done {
	done := status.Done{Volumes: map[int]error{}, Copies: map[int]error{}, Remains: map[int]error{}}
	for _, s := range p.Writes {
		switch {
		case s.Kind == plan.Receive || s.Kind == plan.Dismiss || s.Kind == plan.Leave:
			done.Copies[s.Volume] = r.actOnCopy(ctx, f, s.Volume, s.Kind)
			continue
		case s.Kind == plan.Abandon:
			done.Remains[s.Volume] = r.abandon(ctx, f, f.Remains[s.Volume])
			continue
		case s.Volume != plan.GroupWrite:
			if done.Volumes[s.Volume] == nil {
				done.Volumes[s.Volume] = r.actOnVolume(ctx, f, s.Volume, s.Kind)
			}
			continue
		}
		if (s.Kind == plan.DeleteStored || s.Kind == plan.RemoveFinalizer) && errors.Join(done.All()...) != nil {
			return done // releasing the group now would forget what failed, and a claim would keep our finalizer
		}
		if err := r.actOnGroup(ctx, f, s.Kind, &done); err != nil {
			if !errors.Is(err, errStores) {
				done.Group = err
			}
			return done
		}
	}
	return done
}

func (r actor) actOnGroup(ctx context.Context, f *snapshot.Snapshot, k plan.Kind, done *status.Done) error {
	switch k {
	case plan.AddFinalizer:
		return r.applyMarks(ctx, f, true, f.VRG.Annotations[snapshot.AnnotationRestored], f.VRG.Annotations[snapshot.AnnotationObjects])
	case plan.ClearRestored:
		if f.Facts.Role == plan.Secondary {
			return r.applyMarks(ctx, f, true, snapshot.Released, "")
		}
		return r.applyMarks(ctx, f, true, "", "")
	case plan.Sever:
		return r.applyMarks(ctx, f, true, snapshot.Severed, "")
	case plan.MarkRestored:
		return r.applyMarks(ctx, f, true, exchange.FormatEpoch(f.Term.Epoch), f.ObjectsNote())
	case plan.SendAway:
		return r.applyMarks(ctx, f, true, exchange.FormatEpoch(f.Term.Epoch)+snapshot.SentAway, "")
	case plan.RemoveFinalizer:
		log.FromContext(ctx).Info("Releasing the group", "interrupted", f.Facts.Interrupted)
		if f.Facts.Interrupted {
			r.warn(f.VRG, status.ReasonInterrupted, status.MessageInterrupted)
		}
		if err := r.release(ctx, f); err != nil {
			return err
		}
		done.Released = true
	case plan.RestoreClaims:
		return r.restoreClaims(ctx, f)
	case plan.Upload:
		done.Stores = storing(f, f.Profiles(), func() archive.Problems { return r.Archive.Sync(ctx, f.ID, f.Profiles(), f.Term, f.Content) })
	case plan.Add:
		done.Stores = storing(f, f.Profiles(), func() archive.Problems { return r.Archive.Add(ctx, f.ID, f.Profiles(), f.Term, f.Content) })
	case plan.DeleteStored:
		log.FromContext(ctx).Info("Emptying the object stores")
		done.Stores = r.Archive.Empty(ctx, f.ID, f.Profiles(), f.Term)
		if done.Stores.Err() != nil {
			return errStores
		}
	case plan.Retain, plan.Mark, plan.Promote, plan.Seal, plan.Demote, plan.Release, plan.Rejoin, plan.DeleteReplica, plan.RestoreReclaimPolicy, plan.LeaveRetained, plan.RemoveClaimFinalizer, plan.Unmark,
		plan.Receive, plan.Dismiss, plan.Leave, plan.Abandon:
	}
	return nil
}

// applyMarks writes all that is ours in the group's metadata: our finalizer, AnnotationRestored and AnnotationObjects, if not empty. With
// the latter AnnotationAttempted stays.
func (r actor) applyMarks(ctx context.Context, f *snapshot.Snapshot, held bool, note, objects string) error {
	return r.applyAttempted(ctx, f, held, note, objects, f.VRG.Annotations[snapshot.AnnotationAttempted])
}

func (r actor) applyAttempted(ctx context.Context, f *snapshot.Snapshot, held bool, note, objects, attempted string) error {
	intent := ramenac.VolumeReplicationGroup(f.VRG.Name, f.VRG.Namespace).WithUID(f.VRG.UID)
	if held {
		intent.WithFinalizers(v1alpha1.VRGFinalizer)
	}
	if note != "" {
		intent.WithAnnotations(map[string]string{snapshot.AnnotationRestored: note})
	}
	if objects != "" {
		intent.WithAnnotations(map[string]string{snapshot.AnnotationObjects: objects})
		if attempted != "" {
			intent.WithAnnotations(map[string]string{snapshot.AnnotationAttempted: attempted})
		}
	}
	if err := apply.New(r.Client, fieldOwnerSpec).Owned(ctx, intent); err != nil {
		return fmt.Errorf("mark the group: %w", err)
	}
	return nil
}

func (r actor) actOnVolume(ctx context.Context, f *snapshot.Snapshot, i int, k plan.Kind) error {
	v := &f.Volumes[i]
	a := apply.New(r.Client, fieldOwnerSpec)
	logger := log.FromContext(ctx).WithValues("PersistentVolumeClaim", v.Item.Name)
	switch k {
	case plan.Retain:
		if v.Item.PV == nil {
			return nil // nothing that could be lost
		}
		if err := a.Owned(ctx, retain(f.VRG, v)); err != nil {
			return explained("retain PersistentVolume "+v.Item.PV.Name, err)
		}
		if volumes.Demoted(v.Item.PV) && !v.Item.Demoted() {
			return stripVolume(ctx, r, v.Item.PV, nil, []string{v1alpha1.AnnotationVRReleased})
		}
		return nil
	case plan.RestoreReclaimPolicy:
		return giveUp(ctx, r, v.Item.PV, capsule.OriginalPolicy(v.Item.PV))
	case plan.LeaveRetained:
		if v.Item.PV == nil {
			return nil
		}
		return giveUp(ctx, r, v.Item.PV, corev1.PersistentVolumeReclaimRetain)
	case plan.Mark:
		return explained("mark claim "+v.Item.Name, r.mark(ctx, f, v, f.Facts.Volumes[i].Sealed))
	case plan.Seal:
		return explained("mark claim "+v.Item.Name, r.mark(ctx, f, v, true))
	case plan.RemoveClaimFinalizer:
		return explained("take the finalizer off claim "+v.Item.Name, r.takeOff(ctx, f, v.Item.Claim, volumes.Loosen(f.VRG, v.Item.Claim, f.Facts.Volumes[i].Sealed), false))
	case plan.Release:
		return explained("mark claim "+v.Item.Name, a.Owned(ctx, volumes.Release(f.VRG, v.Item.Claim, finalizer(v), f.Facts.Volumes[i].Sealed)))
	case plan.Unmark:
		logger.Info("Releasing the claim")
		return explained("unmark claim "+v.Item.Name, r.takeOff(ctx, f, v.Item.Claim, volumes.Unmark(v.Item.Claim), true))
	case plan.Promote:
		logger.Info("Setting the role of the replica", "role", "primary", "was", v.State.Told)
		return r.tell(ctx, a, v, plan.Primary)
	case plan.Rejoin:
		logger.Info("Asking the storage to replicate the volume from here again")
		return r.tell(ctx, a, v, plan.Primary)
	case plan.Demote:
		logger.Info("Setting the role of the replica", "role", "secondary", "was", v.State.Told)
		return r.tell(ctx, a, v, plan.Secondary)
	case plan.DeleteReplica:
		logger.Info("Deleting the replica")
		return explained("delete the replica of claim "+v.Item.Name, r.remove(ctx, v.Provider.Leftovers(v.State)...))
	case plan.AddFinalizer, plan.RestoreClaims, plan.MarkRestored, plan.SendAway, plan.ClearRestored, plan.Sever, plan.Upload, plan.Add, plan.DeleteStored, plan.RemoveFinalizer,
		plan.Receive, plan.Dismiss, plan.Leave, plan.Abandon:
	}
	return nil
}

// retain is what keeps the PV of a volume. What no store describes remembers its claim itself.
func retain(vrg *v1alpha1.VolumeReplicationGroup, v *snapshot.Volume) apply.Intent {
	original := capsule.OriginalPolicy(v.Item.PV)
	if v.Claim == "" {
		return volumes.Retain(vrg, v.Item.PV, original, v.Item.Demoted(), volumes.Peer{Handle: v.State.PeerHandle, Said: v.State.PeerHandleSaid})
	}
	return volumes.RetainWithClaim(vrg, v.Item.PV, original, v.Claim)
}

// finalizer is the one by which a claim is held.
func finalizer(v *snapshot.Volume) string {
	if v.State.Copied {
		return v1alpha1.PVCVolSyncFinalizer
	}
	return v1alpha1.PVCVolRepFinalizer
}

func (r actor) tell(ctx context.Context, a apply.Applier, v *snapshot.Volume, role plan.Role) error {
	intents, err := v.Provider.Intents(v.View, v.State, role)
	if err != nil {
		return err
	}
	for _, intent := range intents {
		// What Ramen or an older version made names its group, and need not say who made it.
		if err := a.Mine(ctx, r.Live, intent, v1alpha1.LabelCreatedByRamen); err != nil {
			err = explained("tell the replica of claim "+v.Item.Name, err)
			if v.State.Copied {
				return err
			}
			return &status.Untold{Absent: v.State.Replica == plan.ReplicaAbsent, Err: err}
		}
	}
	return nil
}

func (r actor) remove(ctx context.Context, objects ...client.Object) error {
	for _, obj := range objects {
		if obj.GetDeletionTimestamp() != nil {
			continue
		}
		// With the UID: one of the same name that was made since is not ours to delete.
		if err := r.Client.Delete(ctx, obj, client.Preconditions{UID: new(obj.GetUID())}); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete %T %s: %w", obj, obj.GetName(), err)
		}
	}
	return nil
}

// restoreClaims creates what is missing. Each pair goes on its own; what fails is tried again.
func (r actor) restoreClaims(ctx context.Context, f *snapshot.Snapshot) error {
	var errs []error
	for _, m := range f.Restore.Moves {
		if err := r.restoreClaim(ctx, f, m); err != nil {
			errs = append(errs, fmt.Errorf("restore claim %s/%s: %w", m.Pair.PVC.Namespace, m.Pair.PVC.Name, err))
		}
	}
	for _, next := range f.Restore.Copies {
		errs = append(errs, r.restoreCopy(ctx, f, next))
	}
	return severalOf(errs)
}

// ensureNamespace makes the namespace of a claim, unless there is one: the workload may be deployed only once its claims are there.
func (r actor) ensureNamespace(ctx context.Context, f *snapshot.Snapshot, namespace string) error {
	ns := &corev1.Namespace{}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: namespace}, ns); !apierrors.IsNotFound(err) {
		return explained("read Namespace "+namespace, err)
	}
	log.FromContext(ctx).Info("Creating the namespace of a claim", "Namespace", namespace)
	ns.Labels = map[string]string{v1alpha1.LabelCreatedByRamen: "true"}
	ns.Name, ns.Annotations = namespace, exchange.ReadRanges(f.VRG.Annotations[v1alpha1.AnnotationNamespaceRanges])[namespace]
	if err := r.Client.Create(ctx, ns, client.FieldOwner(fieldOwnerSpec)); err != nil && !apierrors.IsAlreadyExists(err) {
		return explained("create Namespace "+namespace, err)
	}
	return nil
}

// restoreClaim takes a pair all the way: the steps fall through, as a claim without its volume is nothing.
func (r actor) restoreClaim(ctx context.Context, f *snapshot.Snapshot, m snapshot.Move) error {
	log.FromContext(ctx).V(1).Info("Restoring", "PersistentVolumeClaim", m.Pair.PVC.Name, "move", m.Kind)
	pv := m.Here.PV
	switch m.Kind {
	case capsule.Present, capsule.Conflict, capsule.Wait:
		return nil
	case capsule.CreatePV:
		pv = capsule.NewPV(m.Pair, m.Here.Class)
		if err := r.Client.Create(ctx, pv, client.FieldOwner(fieldOwnerSpec)); err != nil {
			return explained("create PersistentVolume "+pv.Name, err)
		}
		fallthrough
	case capsule.KeepPV:
		if err := apply.New(r.Client, fieldOwnerSpec).Owned(ctx, volumes.Retain(f.VRG, pv, capsule.OriginalPolicy(m.Pair.PV), false, volumes.Peer{})); err != nil {
			return explained("retain PersistentVolume "+pv.Name, err)
		}
	case capsule.FreePV:
		if err := r.freePV(ctx, pv, m.Pair); err != nil {
			return err
		}
	case capsule.GrowClaim:
		return r.growClaim(ctx, m.Here.PVC, m.Pair.PVC)
	case capsule.CreateClaim:
	}
	if m.Here.PVC != nil {
		return nil
	}
	if err := r.ensureNamespace(ctx, f, m.Pair.PVC.Namespace); err != nil {
		return err
	}
	err := r.Client.Create(ctx, capsule.NewPVC(m.Pair), client.FieldOwner(fieldOwnerSpec))
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return explained("create PersistentVolumeClaim "+m.Pair.PVC.Name, err)
	}
	return nil
}

// freePV lets a retained PV be bound to its claim, with the size that the volume has by now. The patch tests what it replaces: were
// the volume bound to another claim by now, it fails.
func (r actor) freePV(ctx context.Context, pv *corev1.PersistentVolume, stored capsule.Pair) error {
	ops := []map[string]any{
		{"op": "test", "path": "/metadata/uid", "value": pv.UID},
		{"op": "test", "path": "/spec/claimRef", "value": pv.Spec.ClaimRef},
		{"op": "replace", "path": "/spec/claimRef", "value": corev1.ObjectReference{
			APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: stored.PVC.Namespace, Name: stored.PVC.Name}},
	}
	if capacity := capsule.Grown(stored.PV, pv); capacity != nil {
		ops = append(ops, map[string]any{"op": "add", "path": "/spec/capacity", "value": capacity})
	}
	patch, err := json.Marshal(ops)
	if err != nil {
		return fmt.Errorf("encode patch: %w", err)
	}
	err = r.Client.Patch(ctx, pv.DeepCopy(), client.RawPatch(types.JSONPatchType, patch), client.FieldOwner(fieldOwnerSpec))
	return explained("free PersistentVolume "+pv.Name, err)
}

// growClaim asks for the size of the stored claim. The volume has it already where the storage replicates sizes; the CSI driver's
// resizer brings PersistentVolume and file system in line.
func (r actor) growClaim(ctx context.Context, claim, stored *corev1.PersistentVolumeClaim) error {
	size := stored.Spec.Resources.Requests[corev1.ResourceStorage]
	what := fmt.Sprintf("grow PersistentVolumeClaim %s/%s to %s, the size that it had on the peer", claim.Namespace, claim.Name, size.String())
	log.FromContext(ctx).Info("Growing a claim", "PersistentVolumeClaim", claim.Name, "size", size.String())
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/uid", "value": claim.UID},
		{"op": "replace", "path": "/spec/resources/requests/storage", "value": size.String()},
	})
	if err != nil {
		return fmt.Errorf("encode patch: %w", err)
	}
	return explained(what, r.Client.Patch(ctx, claim.DeepCopy(), client.RawPatch(types.JSONPatchType, patch), client.FieldOwner(fieldOwnerSpec)))
}

func explained(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
