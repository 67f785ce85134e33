// SPDX-License-Identifier: Apache-2.0

package drpc

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

// scope is which PVCs a group protects.
type scope struct {
	selector   metav1.LabelSelector
	namespaces []string
}

func scopeOf(spec *v1alpha1.VolumeReplicationGroupSpec) scope {
	return scope{spec.PVCSelector, spec.ProtectedNamespaces}
}

func (s scope) same(o scope) bool {
	sameSelector := all(&s.selector) && all(&o.selector) || equality.Semantic.DeepEqual(s.selector, o.selector)
	return sameSelector && slices.Equal(slices.Sorted(slices.Values(s.namespaces)), slices.Sorted(slices.Values(o.namespaces)))
}

// wanted is what the object selects.
func (w *world) wanted() scope {
	return scope{w.drpc.Spec.PVCSelector, w.drpc.Spec.ProtectedNamespaces}
}

// kept is what the group on a side protects and goes on to protect, although the object selects something else; nil: what the
// object selects is protected.
func (w *world) kept(s plan.Side) *scope {
	for _, at := range []*side{w.at(s), w.at(s.Peer())} {
		if at.wish == nil {
			continue
		}
		uid := string(w.drpc.UID)
		others := at.wish.Annotations[v1alpha1.AnnotationDRPCUID] != uid
		if others && at.wish.DeletionTimestamp != nil {
			continue // an earlier protection, which was ended
		}
		was := scopeOf(&at.wish.Spec)
		if !others && at.wish.Annotations[exchange.AnnotationScopeKept] != uid || !w.differs(was) {
			return nil
		}
		return &was
	}
	return nil
}

// differs reports whether the object selects something else than was, and the user has not accepted that.
func (w *world) differs(was scope) bool { return !was.same(w.wanted()) && !w.selectionAccepted }

// scopeFor is what the wish for a side selects.
func (w *world) scopeFor(s plan.Side) scope {
	if kept := w.kept(s); kept != nil {
		return *kept
	}
	out := w.wanted()
	out.namespaces = w.protectedNamespaces()
	return out
}

// observeScope says that the object selects something else than is protected.
func (w *world) observeScope() {
	if w.facts.Deleting {
		return
	}
	at := plan.First
	if h := w.facts.Home(); h.Named() {
		at = h
	}
	kept := w.kept(at)
	if kept == nil {
		at = at.Peer()
		if kept = w.kept(at); kept == nil {
			return
		}
	}
	if w.flaw != nil {
		return
	}
	w.flaw = refuseSpec("the DRPlacementControl was created again, or comes from a backup, and selects PVCs %s, but VolumeReplicationGroup %s protects those that match %s: it keeps them%s. "+
		"Create the DRPlacementControl again with that spec.pvcSelector and those spec.protectedNamespaces; or, to protect what it selects now, and nothing else: %s",
		w.wanted(), w.group, *kept, w.dropping(at), w.accept(word(lossSelection, w.at(at).cluster, string(w.drpc.UID))))
}

// String names a scope as users write it.
func (s scope) String() string {
	selector := "any labels"
	if !all(&s.selector) {
		selector = metav1.FormatLabelSelector(&s.selector)
	}
	if len(s.namespaces) == 0 {
		return selector
	}
	return fmt.Sprintf("%s in %s", selector, strings.Join(s.namespaces, ", "))
}

// dropping names the volumes that a side reports and that would lose their protection, as far as their labels tell.
func (w *world) dropping(s plan.Side) string {
	at, wanted := w.at(s), w.wanted()
	selector, err := metav1.LabelSelectorAsSelector(&wanted.selector)
	if err != nil || at.report == nil {
		return ""
	}
	var names []string
	for i := range at.report.Status.ProtectedPVCs {
		pvc := &at.report.Status.ProtectedPVCs[i]
		elsewhere := len(wanted.namespaces) > 0 && !slices.Contains(wanted.namespaces, pvc.Namespace)
		if elsewhere || pvc.Labels != nil && !selector.Matches(labels.Set(pvc.Labels)) {
			names = append(names, pvc.Namespace+"/"+pvc.Name)
		}
	}
	if names == nil {
		return ""
	}
	return ", of which the DRPlacementControl leaves out " + bounded.Some(names)
}
