// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// kindSecret is the kind that changes hands without adopt-uid (X8).
const kindSecret = "Secret"

// Verb is what has to be done for a wish.
type Verb uint8

// Verbs.
const (
	// Nothing : the copy is as wished, or gone as wished, or going.
	Nothing Verb = iota
	// Create : apply Intent; there must be no object yet.
	Create
	// Update : apply Intent to the copy that was looked at, and to no other version of it.
	Update
	// Overwrite : replace the copy that was looked at, and no other version of it, by Intent.
	Overwrite
	// Mark : apply Intent, as ManagerEnd, to the copy that was looked at: it is going to be deleted for its wish (X14).
	Mark
	// Delete : delete the copy that was looked at.
	Delete
	// Refuse : nothing may be done; Reason and Message tell why.
	Refuse
)

// Reasons of a refusal. They become the reason of the wish's condition Applied.
const (
	// ReasonInvalidWish : the wish breaks the rules of the exchange.
	ReasonInvalidWish = "InvalidWish"
	// ReasonOwnedElsewhere : the object on the cluster belongs to another hub, to another wish, or to nobody (X6, X8).
	ReasonOwnedElsewhere = "OwnedElsewhere"
	// ReasonEpochRefused : the cluster has obeyed a later wish already (X9).
	ReasonEpochRefused = "EpochRefused"
	// ReasonOtherCluster : the wish was made for another cluster of this name (X13).
	ReasonOtherCluster = "OtherCluster"
	// ReasonDefinitionDeleted : the wish is deleted because its definition is (X6).
	ReasonDefinitionDeleted = "DefinitionDeleted"
	// ReasonTerminating : the object on the cluster is being deleted; the wish is applied when it is gone.
	ReasonTerminating = "CopyTerminating"
)

// Decision is what to do for a wish.
type Decision struct {
	Verb   Verb
	Intent *Object // Create, Update, Overwrite, Mark
	// Reason and Message of a refusal.
	Reason, Message string
	// Doubtful says that an outdated view of the wish would explain the situation as well: do nothing before the wish
	// was read from the API server and the decision is the same.
	Doubtful bool
}

// Place is what Decide has to know about a cluster.
type Place struct {
	// Pruned are the fields that its API server does not know.
	Pruned Paths
	// Identity of the cluster (X13).
	Identity string
	// Ended says that the cluster has seen the deletion of this wish before.
	Ended bool
	// Undefined says that the hub's definition of VolumeReplicationGroups is being deleted, or is gone.
	Undefined bool
}

// Decide tells what wish asks for, given the object that its target names: clone; nil: there is none.
func Decide(wish, clone *Object, on Place) Decision {
	target, err := exchange.Target(wish)
	if err != nil {
		return refuse(ReasonInvalidWish, "%v", err)
	}
	if want := exchange.ObjectName(target.Namespace, target.Name); wish.GetName() != want {
		return refuse(ReasonInvalidWish, "a wish for %s must be named %s", target, want)
	}
	if wish.GetDeletionTimestamp() != nil {
		return decideDeletion(wish, clone, on.Undefined)
	}
	if meant := exchange.MeantFor(wish); meant != "" && meant != on.Identity {
		return refuse(ReasonOtherCluster, "the wish was made for cluster %s, and this is cluster %s, which has taken over its name", meant, on.Identity)
	}
	if clone == nil && on.Ended {
		d := refuse(exchange.ReasonEnded, "this wish was deleted before, and the cluster has carried that out: the hub was restored from a backup. Nothing is created from it")
		d.Doubtful = true // so it is for a tombstone whose deletion the cache does not show yet
		return d
	}
	return decideApply(wish, clone, target, on.Pruned)
}

func decideDeletion(wish, clone *Object, undefined bool) Decision {
	if clone == nil {
		return Decision{Verb: Nothing}
	}
	uid, _ := wishOf(clone)
	going := clone.GetDeletionTimestamp() != nil
	switch {
	case uid != wish.GetUID() && going:
		return Decision{Verb: Nothing}
	case uid != wish.GetUID():
		return refuse(ReasonOwnedElsewhere, "the object on the cluster was not made from this wish; it is not deleted")
	case clone.GetKind() != kindSecret && clone.GetAnnotations()[exchange.AnnotationEndedBy] != string(uid):
		if undefined {
			return refuse(ReasonDefinitionDeleted, "the wish is deleted because its definition on the hub is, and not by the hub: the object on the cluster stays as it is. "+
				"Remove the finalizers of the wish, install the hub again, and apply the DRPlacementControls again")
		}
		// One that somebody else deletes is marked too: what holds it then lets its volumes go as the user wishes.
		return Decision{Verb: Mark, Intent: markOf(clone)}
	case going:
		return Decision{Verb: Nothing}
	default:
		return Decision{Verb: Delete}
	}
}

// markOf says on clone that its wish ends the protection.
func markOf(clone *Object) *Object {
	uid, _ := wishOf(clone)
	out := named(clone, clone.GetNamespace(), clone.GetName())
	out.SetAnnotations(map[string]string{exchange.AnnotationEndedBy: string(uid)})
	return out
}

func decideApply(wish, clone *Object, target types.NamespacedName, pruned Paths) Decision {
	epoch, err := exchange.EpochOf(wish)
	if err != nil {
		return refuse(ReasonInvalidWish, "%v", err)
	}
	origin := wish.GetAnnotations()[exchange.AnnotationOrigin]
	if origin == "" {
		return refuse(ReasonInvalidWish, "the wish has no annotation %s", exchange.AnnotationOrigin)
	}
	intent := pruned.Without(CopyOf(wish, target))
	if clone == nil {
		// A copy that was there before and is gone: perhaps its wish is gone too.
		return Decision{Verb: Create, Intent: intent, Doubtful: delivered(wish)}
	}
	uid, generation := wishOf(clone)
	doubtful := uid != wish.GetUID() || generation > wish.GetGeneration()
	d := decideUpdate(wish, clone, intent, origin, epoch)
	d.Doubtful = doubtful
	return d
}

func decideUpdate(wish, clone, intent *Object, origin string, epoch int64) Decision {
	adopted := wish.GetAnnotations()[exchange.AnnotationAdoptUID] == string(clone.GetUID())
	owner := clone.GetAnnotations()[exchange.AnnotationOrigin]
	former := formerOrigins(clone)
	meant, was := wish.GetAnnotations()[v1alpha1.AnnotationDestinationCluster], clone.GetAnnotations()[v1alpha1.AnnotationDestinationCluster]
	switch {
	case adopted:
	case meant != "" && was != "" && meant != was:
		return refuse(ReasonOwnedElsewhere, "the object on the cluster was made for the DRCluster %s, and this wish is for the DRCluster %s; to take it over, set annotation %s to its UID %s",
			was, meant, exchange.AnnotationAdoptUID, clone.GetUID())
	case owner == origin:
	case wish.GetKind() == kindSecret && owner != "" && !slices.Contains(former, origin):
		former = append(former, owner)
	case wish.GetKind() == kindSecret:
		return refuse(ReasonOwnedElsewhere, "%s; it is left alone: delete it on the cluster to have this one there", whose(owner))
	case owner == "":
		return refuse(ReasonOwnedElsewhere, "the object on the cluster was not made by a mirror; to take it over, set annotation %s to its UID %s",
			exchange.AnnotationAdoptUID, clone.GetUID())
	default:
		return refuse(ReasonOwnedElsewhere, "the object on the cluster belongs to the hub %s; to take it over, set annotation %s to its UID %s",
			owner, exchange.AnnotationAdoptUID, clone.GetUID())
	}
	if len(former) > 0 {
		annotations := intent.GetAnnotations()
		annotations[exchange.AnnotationFormerOrigins] = strings.Join(former, ",")
		intent.SetAnnotations(annotations)
	}
	obeyed, err := exchange.EpochOf(clone)
	if err != nil {
		return refuse(ReasonEpochRefused, "the epoch that the cluster has applied is unknown: %v", err)
	}
	if epoch < obeyed {
		return refuse(ReasonEpochRefused, "the cluster has applied epoch %d; this wish has epoch %d", obeyed, epoch)
	}
	// Within an epoch the generation orders the wishes. A hub that was restored from a backup shows an older one.
	if uid, generation := wishOf(clone); uid == wish.GetUID() && epoch == obeyed && wish.GetGeneration() < generation && !restamps(intent, clone) {
		return refuse(ReasonEpochRefused, "the cluster has applied generation %d of this wish in epoch %d; this is generation %d and asks for something else: raise the epoch to have it applied",
			generation, epoch, wish.GetGeneration())
	}
	if clone.GetDeletionTimestamp() != nil {
		return refuse(ReasonTerminating, "the object on the cluster is being deleted; the wish is applied when it is gone")
	}
	if whole := overwrite(intent, clone); whole != nil {
		return Decision{Verb: Overwrite, Intent: whole}
	}
	if Satisfied(intent, clone, ManagerCopy, "") {
		return Decision{Verb: Nothing}
	}
	return Decision{Verb: Update, Intent: intent}
}

// formerOrigins are the hubs that a copy was taken over from, the latest last.
func formerOrigins(clone *Object) []string {
	text := clone.GetAnnotations()[exchange.AnnotationFormerOrigins]
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// whose tells whose a Secret is that can't be taken over.
func whose(owner string) string {
	if owner == "" {
		return "a Secret of this name is on the cluster already, and no mirror made it"
	}
	return "the hub " + owner + " has taken the Secret over from this hub"
}

// restamps reports whether applying intent to clone would change nothing but the generation that the copy is stamped
// with. Then a hub that was restored from a backup wishes what is; it must get an answer, and nothing is undone.
func restamps(intent, clone *Object) bool {
	same := intent.DeepCopy()
	annotations := same.GetAnnotations()
	annotations[exchange.AnnotationWishGeneration] = clone.GetAnnotations()[exchange.AnnotationWishGeneration]
	same.SetAnnotations(annotations)
	return overwrite(same, clone) == nil && Satisfied(same, clone, ManagerCopy, "")
}

func refuse(reason, format string, args ...any) Decision {
	return Decision{Verb: Refuse, Reason: reason, Message: fmt.Sprintf(format, args...)}
}
