// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"fmt"
	"slices"
	"strings"

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
)

// restore is what the stores remember, compared with what is here.
type restore struct {
	state   plan.Restore
	message string
	unread  bool   // what the stores say may change without anything that wakes us: try again later
	reason  string // of a conflict, if it has one of its own
	moves   []move
	copies  []restoring
}

// move is what the restore of one pair needs next.
type move struct {
	kind capsule.Move
	pair capsule.Pair
	here capsule.Here
}

// observeRestore compares what is here with all that may have to be restored: what the stores remember, what techniques
// received, and what remains of an earlier term. It reads live: a restore that trusts a cache would find conflicts with
// what it has just made.
func (r observer) observeRestore(ctx context.Context, f *facts, group provider.Group) restore {
	stored := r.observeStored(ctx, f, group)
	received, done := restoreCopies(f, group)
	pairs, err := f.remaining(done)
	if err != nil {
		return restore{state: plan.RestoreConflict, message: err.Error()}
	}
	return combined(stored, received, r.compare(ctx, group, pairs, "what remains here"))
}

// combined is the worst of several parts. Only what is not complete is told, if anything is not.
func combined(parts ...restore) restore {
	rank := func(s plan.Restore) int {
		return slices.Index([]plan.Restore{plan.RestoreComplete, plan.RestoreMissing, plan.RestoreConflict, plan.RestoreUnknown}, s)
	}
	out := restore{state: plan.RestoreComplete}
	for _, p := range parts {
		if rank(p.state) > rank(out.state) {
			out.state = p.state
		}
	}
	var messages []string
	for i, p := range parts {
		out.unread = out.unread || p.unread
		if p.state == plan.RestoreConflict && p.reason != "" {
			out.reason = p.reason
		}
		out.moves, out.copies = append(out.moves, p.moves...), append(out.copies, p.copies...)
		told := p.message != "" && (p.state != plan.RestoreComplete || out.state == plan.RestoreComplete)
		if told && (i == 0 || p.message != nothingToRestore) {
			messages = append(messages, p.message)
		}
	}
	out.message = strings.Join(messages, "; ")
	return out
}

const nothingToRestore = "nothing to restore"

func (r observer) observeStored(ctx context.Context, f *facts, group provider.Group) restore {
	profiles := f.profiles()
	stores := plan.Stores{Asked: len(profiles) > 0, GivenUp: len(f.without()) > 0, Stored: f.term.Trust.Stored, GoesOn: f.goesOn()}
	var newest archive.Newest
	if stores.Asked {
		newest = r.Archive.Newest(ctx, f.id, profiles, f.term.Trust)
		stores.Answer = answer(newest.Answer)
	}
	if _, counted := f.vrg.Annotations[exchange.AnnotationEpoch]; counted && newest.Manifest != nil {
		stores.Overtaken = newest.Manifest.Epoch > f.term.Epoch
	}
	gate := stores.Gate()
	out := restore{state: gate.Restore()}
	switch gate {
	case plan.GateOpen:
		out.message = nothingToRestore
	case plan.GateNoStore:
		out.message = "nothing to restore: spec.s3Profiles names no store"
	case plan.GateForlorn:
		out.reason, out.message = exchange.ReasonStoresEmpty, f.messageForlorn()
	case plan.GateEmptied:
		out.reason, out.unread, out.message = exchange.ReasonStoresEmpty, true, f.emptied(profiles)
	case plan.GateUnread:
		out.unread, out.message = true, fmt.Sprintf("it is not known whether there is something to restore: %v", newest.Problems.Err())
	case plan.GateNotBelieved:
		out.reason, out.unread, out.message = exchange.ReasonNotBelieved, true, newest.Problems.Err().Error()
	case plan.GateOvertaken:
		out.message = fmt.Sprintf("profile %s holds epoch %d, written by cluster %s, and this group is at epoch %d: it was promoted elsewhere since",
			newest.Profile, newest.Manifest.Epoch, newest.Manifest.Cluster, f.term.Epoch)
	case plan.GateCompare:
		out = r.compare(ctx, group, newest.Pairs, "profile "+newest.Profile)
		if !f.term.Trust.Vouched(newest.Manifest) {
			out.message += "; " + unvouched
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
func (r observer) compare(ctx context.Context, group provider.Group, pairs []capsule.Pair, from string) restore {
	out := restore{state: plan.RestoreComplete}
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
			return restore{state: plan.RestoreUnknown, unread: true, message: err.Error()}
		}
		kind, why := capsule.Compare(pair, here)
		out.moves = append(out.moves, move{kind: kind, pair: pair, here: here})
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
		out.state, out.message = plan.RestoreConflict, bounded.Messages(conflicts)
	case missing > 0:
		out.state = plan.RestoreMissing
		out.message = fmt.Sprintf("%d of %d volumes are restored from %s", all-missing, all, from)
		if len(waits) > 0 {
			out.message += "; " + bounded.Messages(waits)
		}
	case all == 0:
		out.message = nothingToRestore
	default:
		out.message = fmt.Sprintf("%d volumes are restored from %s", all, from)
	}
	if len(strange) > 0 {
		out.message += fmt.Sprintf("; %s describes claims outside of the group's namespaces, which are left alone: %s", from, bounded.Messages(strange))
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
