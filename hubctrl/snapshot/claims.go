// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Two applications are rivals if they overlap; see there. To find the rivals of one without looking at all, each is indexed by
// what it may claim, whatever the configuration says about where it is; what is found is compared exactly.
const (
	ClaimGroup = "group" // a group on the clusters, <namespace>/<name>
	claimAny   = "any"   // PVCs of a namespace
	claimWhole = "whole" // perhaps all PVCs of a namespace
	claimSome  = "some"  // PVCs of a namespace, by a selector
)

// Claim is an entry of the index.
func Claim(kind string, of any) string { return fmt.Sprintf("%s:%v", kind, of) }

// Claimant is what an application protects, by its wishes, or is to protect, by its object. The two differ if somebody changed
// the object: an application has one group for life.
type Claimant struct {
	Drpc     types.NamespacedName
	Group    types.NamespacedName
	Selector *metav1.LabelSelector
	listed   []string // namespaces
}

// Asking is what an object says that it protects.
func Asking(drpc *v1alpha1.DRPlacementControl) Claimant {
	return Claimant{NameOf(drpc), exchange.GroupOf(drpc), &drpc.Spec.PVCSelector, drpc.Spec.ProtectedNamespaces}
}

// Wishing is what a wish says that is protected; false: it is none, or a tombstone.
func Wishing(o *v1alpha1.VolumeReplicationGroup) (Claimant, bool) {
	cluster, boxed := exchange.ClusterOf(o.Namespace)
	if !boxed || o.Namespace != exchange.Outbox(cluster) || o.DeletionTimestamp != nil {
		return Claimant{}, false
	}
	group, err := exchange.Target(o)
	drpc, owned := KeyOf(o.Annotations[exchange.AnnotationDRPC])
	return Claimant{drpc, group, &o.Spec.PVCSelector, o.Spec.ProtectedNamespaces}, err == nil && owned
}

// KeyOf reads <namespace>/<name>.
func KeyOf(text string) (types.NamespacedName, bool) {
	ns, name, ok := strings.Cut(text, "/")
	return types.NamespacedName{Namespace: ns, Name: name}, ok && ns != "" && name != ""
}

// Index is what a DRPlacementControl, or a wish, is found by.
func (c Claimant) Index() []string {
	out := []string{Claim(ClaimGroup, c.Group), Claim(claimAny, c.Group.Namespace), Claim(claimSome, bySelector(c.Group.Namespace, c.Selector))}
	if SelectsAll(c.Selector) {
		out = append(out, Claim(claimWhole, c.Group.Namespace))
	}
	for _, ns := range c.listed {
		if ns != c.Group.Namespace {
			out = append(out, Claim(claimAny, ns))
		}
		if ns != c.Group.Namespace || !SelectsAll(c.Selector) {
			out = append(out, Claim(claimWhole, ns))
		}
	}
	return out
}

// Contested is what a rival of c would claim.
func (c Claimant) Contested(config *ramenconfig.Config) []string {
	out := []string{Claim(ClaimGroup, c.Group)}
	for _, ns := range c.Namespaces(config) {
		if c.spans(config) || SelectsAll(c.Selector) {
			out = append(out, Claim(claimAny, ns))
		} else {
			out = append(out, Claim(claimWhole, ns), Claim(claimSome, bySelector(ns, c.Selector)))
		}
	}
	return out
}

func bySelector(namespace string, selector *metav1.LabelSelector) string {
	return namespace + "/" + metav1.FormatLabelSelector(selector)
}

// SelectsAll reports whether a selector selects every PVC.
func SelectsAll(s *metav1.LabelSelector) bool {
	return len(s.MatchLabels) == 0 && len(s.MatchExpressions) == 0
}

// spans reports whether an application is one of several namespaces: its object, and its group on the clusters, lie in
// the namespace that the configuration reserves for such. While that is not known, what it lists tells.
func (c Claimant) spans(config *ramenconfig.Config) bool {
	if config == nil {
		return len(c.listed) > 0
	}
	return c.Drpc.Namespace == config.RamenOpsNamespace
}

// Namespaces are those whose PVCs an application may select.
func (c Claimant) Namespaces(config *ramenconfig.Config) []string {
	if c.spans(config) {
		return c.listed
	}
	return []string{c.Group.Namespace}
}

// Overlap says what two applications would both protect, were they on one cluster; empty: nothing for sure. Selectors are
// compared only where the answer is certain; of others, the volumes that are reported tell more: see taken.
func Overlap(mine, other Claimant, config *ramenconfig.Config) string {
	if mine.Group == other.Group {
		return fmt.Sprintf("DRPlacementControl %s protects %s already: rename or delete one of the two", other.Drpc, mine.Group)
	}
	var both []string
	for _, ns := range mine.Namespaces(config) {
		if slices.Contains(other.Namespaces(config), ns) {
			both = append(both, ns)
		}
	}
	switch {
	case both == nil:
		return ""
	case mine.spans(config) || other.spans(config):
		return fmt.Sprintf("DRPlacementControl %s protects namespace %s already: take it out of spec.protectedNamespaces of one of the two, or delete one", other.Drpc, both[0])
	case selectSame(mine.Selector, other.Selector):
		return fmt.Sprintf("DRPlacementControl %s selects the same PVCs of namespace %s already: delete one of the two, or create it again with a spec.pvcSelector that selects others", other.Drpc, both[0])
	default:
		return ""
	}
}

// selectSame reports whether all PVCs that one of the selectors selects are certain to be selected by the other.
func selectSame(a, b *metav1.LabelSelector) bool {
	return SelectsAll(a) || SelectsAll(b) || equality.Semantic.DeepEqual(a, b)
}
