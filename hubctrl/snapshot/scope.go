// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Which volumes a group protects is said by the object that it was made for. An object that was created again, or that a
// backup brought back, may select others: then what the group protects would lose its protection at once, and nobody asked for
// that (I9). The group keeps its selection until the user's word.

// Scope is which PVCs a group protects.
type Scope struct {
	Selector   metav1.LabelSelector
	Namespaces []string
}

// ScopeOf is what a group with this spec protects.
func ScopeOf(spec *v1alpha1.VolumeReplicationGroupSpec) Scope {
	return Scope{spec.PVCSelector, spec.ProtectedNamespaces}
}

func (s Scope) same(o Scope) bool {
	sameSelector := SelectsAll(&s.Selector) && SelectsAll(&o.Selector) || equality.Semantic.DeepEqual(s.Selector, o.Selector)
	return sameSelector && slices.Equal(slices.Sorted(slices.Values(s.Namespaces)), slices.Sorted(slices.Values(o.Namespaces)))
}

// WantedScope is what the object selects.
func WantedScope(w *Snapshot) Scope {
	return Scope{w.DRPC.Spec.PVCSelector, w.DRPC.Spec.ProtectedNamespaces}
}

// KeptScope is what the group on a side protects and goes on to protect, although the object selects something else; nil: what the
// object selects is protected.
func (w *Snapshot) KeptScope(s plan.Side) *Scope {
	for _, at := range []*Side{w.At(s), w.At(s.Peer())} {
		if at.Wish == nil {
			continue
		}
		uid := string(w.DRPC.UID)
		others := at.Wish.Annotations[v1alpha1.AnnotationDRPCUID] != uid
		if others && at.Wish.DeletionTimestamp != nil {
			continue // an earlier protection, which was ended
		}
		was := ScopeOf(&at.Wish.Spec)
		if !others && at.Wish.Annotations[exchange.AnnotationScopeKept] != uid || !ScopeDiffers(w, was) {
			return nil
		}
		return &was
	}
	return nil
}

// ScopeDiffers reports whether the object selects something else than was, and the user has not accepted that.
func ScopeDiffers(w *Snapshot, was Scope) bool {
	return !was.same(WantedScope(w)) && !w.SelectionAccepted
}

// ObserveScope says that the object selects something else than is protected.
func ObserveScope(w *Snapshot) {
	if w.Facts.Deleting {
		return
	}
	at := plan.First
	if h := w.Facts.Home(); h.Named() {
		at = h
	}
	kept := w.KeptScope(at)
	if kept == nil {
		at = at.Peer()
		if kept = w.KeptScope(at); kept == nil {
			return
		}
	}
	if w.Flaw != nil {
		return
	}
	w.Flaw = RefuseSpec("the DRPlacementControl was created again, or comes from a backup, and selects PVCs %s, but VolumeReplicationGroup %s protects those that match %s: it keeps them%s. "+
		"Create the DRPlacementControl again with that spec.pvcSelector and those spec.protectedNamespaces; or, to protect what it selects now, and nothing else: %s",
		WantedScope(w), w.Group, *kept, dropping(w, at), w.Accept(Word(lossSelection, w.At(at).Cluster, string(w.DRPC.UID))))
}

// String names a scope as users write it.
func (s Scope) String() string {
	selector := "any labels"
	if !SelectsAll(&s.Selector) {
		selector = metav1.FormatLabelSelector(&s.Selector)
	}
	if len(s.Namespaces) == 0 {
		return selector
	}
	return fmt.Sprintf("%s in %s", selector, strings.Join(s.Namespaces, ", "))
}

// dropping names the volumes that a side reports and that would lose their protection, as far as their labels tell.
func dropping(w *Snapshot, s plan.Side) string {
	at, wanted := w.At(s), WantedScope(w)
	selector, err := metav1.LabelSelectorAsSelector(&wanted.Selector)
	if err != nil || at.Report == nil {
		return ""
	}
	var names []string
	for i := range at.Report.Status.ProtectedPVCs {
		pvc := &at.Report.Status.ProtectedPVCs[i]
		elsewhere := len(wanted.Namespaces) > 0 && !slices.Contains(wanted.Namespaces, pvc.Namespace)
		if elsewhere || pvc.Labels != nil && !selector.Matches(labels.Set(pvc.Labels)) {
			names = append(names, pvc.Namespace+"/"+pvc.Name)
		}
	}
	if names == nil {
		return ""
	}
	return ", of which the DRPlacementControl leaves out " + bounded.Some(names)
}
