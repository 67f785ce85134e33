// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
	"github.com/ramendr/ramen-direct/spokectrl/snapshot"
)

// observeRestore compares what is here with all that may have to be restored: what the stores remember, what techniques
// received, and what remains of an earlier term. It reads live: a restore that trusts a cache would find conflicts with
// what it has just made.
func (r observer) observeRestore(ctx context.Context, f *snapshot.Snapshot, group provider.Group) snapshot.Restore {
	stored := r.observeStored(ctx, f, group)
	received, done := snapshot.RestoreCopies(f, group)
	pairs, err := f.Remaining(done)
	if err != nil {
		return snapshot.Restore{State: plan.RestoreConflict, Message: err.Error()}
	}
	return snapshot.Combined(stored, received, r.compare(ctx, group, pairs, "what remains here"))
}

func (r observer) observeStored(ctx context.Context, f *snapshot.Snapshot, group provider.Group) snapshot.Restore {
	profiles := f.Profiles()
	stores := plan.Stores{Asked: len(profiles) > 0, GivenUp: len(f.Without()) > 0, Stored: f.Term.Trust.Stored, GoesOn: f.WasPrimary()}
	var newest archive.Newest
	if stores.Asked {
		newest = r.Archive.Newest(ctx, f.ID, profiles, f.Term.Trust)
		stores.Answer = answer(newest.Answer)
	}
	if _, counted := f.VRG.Annotations[exchange.AnnotationEpoch]; counted && newest.Manifest != nil {
		stores.Overtaken = newest.Manifest.Epoch > f.Term.Epoch
	}
	gate := stores.Gate()
	out := snapshot.Restore{State: gate.Restore()}
	switch gate {
	case plan.GateOpen:
		out.Message = snapshot.NothingToRestore
	case plan.GateNoStore:
		out.Message = "nothing to restore: spec.s3Profiles names no store"
	case plan.GateForlorn:
		out.Reason, out.Message = exchange.ReasonStoresEmpty, f.MessageForlorn()
	case plan.GateEmptied:
		out.Reason, out.Unread, out.Message = exchange.ReasonStoresEmpty, true, f.Emptied(profiles)
	case plan.GateUnread:
		out.Unread, out.Message = true, fmt.Sprintf("it is not known whether there is something to restore: %v", newest.Problems.Err())
	case plan.GateNotBelieved:
		out.Reason, out.Unread, out.Message = exchange.ReasonNotBelieved, true, newest.Problems.Err().Error()
	case plan.GateOvertaken:
		out.Message = fmt.Sprintf("profile %s holds epoch %d, written by cluster %s, and this group is at epoch %d: it was promoted elsewhere since",
			newest.Profile, newest.Manifest.Epoch, newest.Manifest.Cluster, f.Term.Epoch)
	case plan.GateCompare:
		out = r.compare(ctx, group, capsule.Arrived(newest.Pairs, newest.Manifest.Cluster, f.Term.Cluster), "profile "+newest.Profile)
		if !f.Term.Trust.Vouched(newest.Manifest) {
			out.Message += "; " + unvouched
		}
	}
	return out
}

// answer is what the plan calls an answer of the stores.
func answer(a archive.Answer) plan.Answer {
	switch a {
	case archive.Nothing:
		return plan.AnswerNothing
	case archive.Found:
		return plan.AnswerFound
	case archive.Refused:
		return plan.AnswerRefused
	case archive.Unknown:
	}
	return plan.AnswerUnknown
}

// compare leaves out claims in namespaces that are not of the group: one was taken off its list since, or somebody who can
// write to the store would like to have them there.
func (r observer) compare(ctx context.Context, group provider.Group, pairs []capsule.Pair, from string) snapshot.Restore {
	out := snapshot.Restore{State: plan.RestoreComplete}
	var conflicts, waits, strange []string
	missing, all := 0, 0
	for _, pair := range pairs {
		if !group.Covers(pair.PVC.Namespace) {
			strange = append(strange, pair.PVC.Namespace+"/"+pair.PVC.Name)
			continue
		}
		all++
		here, err := r.here(ctx, pair)
		if err != nil {
			return snapshot.Restore{State: plan.RestoreUnknown, Unread: true, Message: err.Error()}
		}
		kind, why := capsule.Compare(pair, here)
		out.Moves = append(out.Moves, snapshot.Move{Kind: kind, Pair: pair, Here: here})
		switch kind {
		case capsule.Present:
		case capsule.Conflict:
			conflicts = append(conflicts, why)
		case capsule.Wait:
			waits = append(waits, why)
			missing++
		case capsule.CreatePV, capsule.KeepPV, capsule.FreePV, capsule.CreateClaim, capsule.GrowClaim:
			missing++
		}
	}
	switch {
	case len(conflicts) > 0:
		out.State, out.Message = plan.RestoreConflict, bounded.Messages(conflicts)
	case missing > 0:
		out.State = plan.RestoreMissing
		out.Message = fmt.Sprintf("%d of %d volumes are restored from %s", all-missing, all, from)
		if len(waits) > 0 {
			out.Message += "; " + bounded.Messages(waits)
		}
	case all == 0:
		out.Message = snapshot.NothingToRestore
	default:
		out.Message = fmt.Sprintf("%d volumes are restored from %s", all, from)
	}
	if len(strange) > 0 {
		out.Message += fmt.Sprintf("; %s describes claims outside of the group's namespaces, which are left alone: %s", from, bounded.Messages(strange))
	}
	return out
}

// here reads what the cluster has of a pair.
func (r observer) here(ctx context.Context, pair capsule.Pair) (capsule.Here, error) {
	var h capsule.Here
	pv, pvc, class := &corev1.PersistentVolume{}, &corev1.PersistentVolumeClaim{}, &storagev1.StorageClass{}
	found, err := read(ctx, r.Live, client.ObjectKey{Name: pair.PV.Name}, pv)
	if err != nil {
		return h, err
	}
	if found {
		h.PV = pv
	}
	if found, err = read(ctx, r.Live, client.ObjectKeyFromObject(pair.PVC), pvc); err != nil {
		return h, err
	}
	if found {
		h.PVC = pvc
	}
	if name := pair.PV.Spec.StorageClassName; name != "" {
		if found, err = read(ctx, r.Live, client.ObjectKey{Name: name}, class); err != nil {
			return h, err
		}
		if found {
			h.Class = class
		}
	}
	return h, nil
}

// read reads an object from live; false: there is none.
func read(ctx context.Context, live client.Reader, key client.ObjectKey, obj client.Object) (bool, error) {
	switch err := live.Get(ctx, key, obj); {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read %T %s: %w", obj, key, err)
	default:
		return true, nil
	}
}
