// SPDX-License-Identifier: Apache-2.0

package wish

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

// What the clusters of an application store of it is signed by the one that stores it, so that who can write to a bucket can't
// place a volume on a cluster. Each cluster makes its key itself and tells the public half; the hub tells both clusters of both,
// as soon as the Primary says that everything is stored. From then on a cluster restores nothing else, and takes empty stores
// for a loss. What the clusters were told is in their copies, and a hub that has lost its memory recalls it from there.

// maxSigners is how many keys a wish names: those of both clusters, and while what is stored may be signed by earlier ones,
// those too.
const maxSigners = 4

// signers is the value of AnnotationSigners of the wish that wr asks for; empty: it has none.
func signers(w *snapshot.Snapshot, wr plan.Write) string {
	var told, known []string
	for _, s := range []plan.Side{plan.First, plan.Second} {
		at := w.At(s)
		if at.Report != nil && exchange.From(at.Identity, at.Report) && capsule.IsPublic(at.Report.Status.SigningKey) {
			told = append(told, at.Report.Status.SigningKey)
		}
	}
	home := w.Facts.Home()
	switch {
	case beginsAnyhow(w, wr):
		return ""
	case home.Named() && stored(w, home) && !capsule.IsPublic(w.At(home).Report.Status.SigningKey):
		return "" // its version does not sign
	case home.Named() && stored(w, home):
		return listed(told)
	}
	for _, s := range recalling(w, wr) {
		if at := w.At(s); at.Wish != nil && at.Wish.DeletionTimestamp == nil {
			known = append(known, signersOf(at.Wish)...)
		}
	}
	for _, s := range recalling(w, wr) {
		if at := w.At(s); at.Report != nil && at.Believable && (at.Wish == nil || at.Wish.DeletionTimestamp == nil && snapshot.Ours(at)) {
			known = append(known, signersOf(at.Report)...)
		}
	}
	if known == nil {
		return ""
	}
	return listed(append(told, known...))
}

// beginsAnyhow reports whether a Primary begins with what it finds in the stores, no matter who stored it, by the user's word.
func beginsAnyhow(w *snapshot.Snapshot, wr plan.Write) bool {
	return wr.Role == plan.Primary && wr.For == plan.Failover && w.Facts.Accepted && !stored(w, wr.Side)
}

// clusterKeys is the value of AnnotationClusterKeys; empty: not both keys were ever known, or it does not matter who signed. What was
// told once stays: that a cluster says nothing at the moment, or has another key since, does not make what it signed another hub's.
func clusterKeys(w *snapshot.Snapshot, wr plan.Write) string {
	if beginsAnyhow(w, wr) {
		return ""
	}
	var now, former []string
	for _, s := range []plan.Side{plan.First, plan.Second} {
		at := w.At(s)
		if at.Key != "" {
			now = append(now, at.Key)
		}
		if at.Wish != nil {
			former = append(former, keysIn(at.Wish, v1alpha1.AnnotationClusterKeys)...)
		}
		if at.Report != nil && at.Believable {
			former = append(former, keysIn(at.Report, v1alpha1.AnnotationClusterKeys)...)
		}
	}
	if len(now) < 2 && former == nil {
		return ""
	}
	return listed(append(now, former...))
}

// recalling are the sides whose wishes and copies say who signed what the wish is about: both, for a Secondary and for one that is
// promoted; for a Primary that stays one its own. A Primary whose wish is made again after somebody deleted it, and its cluster
// obeyed, is not known to be stored: its group emptied the stores as it ended.
func recalling(w *snapshot.Snapshot, wr plan.Write) []plan.Side {
	at := w.At(wr.Side)
	switch {
	case wr.Role == plan.Secondary, wr.Promote && at.Wish != nil && snapshot.RoleOf(&at.Wish.Spec) == plan.Secondary:
		return []plan.Side{plan.First, plan.Second}
	case at.Wish == nil && wr.Kind == plan.PutWish:
		return nil
	default:
		return []plan.Side{wr.Side}
	}
}

// stored reports whether a side is Primary by what it was told last, and says that all stores hold what they should.
func stored(w *snapshot.Snapshot, s plan.Side) bool {
	at := w.At(s)
	return at.Wish != nil && at.Wish.DeletionTimestamp == nil && !snapshot.Former(at) && snapshot.RoleOf(&at.Wish.Spec) == plan.Primary &&
		exchange.Answers(at.Wish, at.Report) && exchange.Condition(at.Report, v1alpha1.VRGClusterDataProtected).Status == metav1.ConditionTrue
}

// signersOf are the keys that a wish or a report names.
func signersOf(group *v1alpha1.VolumeReplicationGroup) []string {
	return keysIn(group, v1alpha1.AnnotationSigners)
}

func keysIn(group *v1alpha1.VolumeReplicationGroup, annotation string) []string {
	keys := strings.FieldsFunc(group.Annotations[annotation], func(c rune) bool { return c == ',' })
	return slices.DeleteFunc(keys, func(key string) bool { return !capsule.IsPublic(key) })
}

// listed is a list of keys as text: of many the first ones, each once, and always in the same order.
func listed(keys []string) string {
	var out []string
	for _, key := range keys {
		if !slices.Contains(out, key) && len(out) < maxSigners {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}
