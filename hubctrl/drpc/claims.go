// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Two applications are rivals if they overlap; see there. To find the rivals of one without looking at all, each is indexed by
// what it may claim, whatever the configuration says about where it is; what is found is compared exactly.
const (
	claimGroup = "group" // a group on the clusters, <namespace>/<name>
	claimAny   = "any"   // PVCs of a namespace
	claimWhole = "whole" // perhaps all PVCs of a namespace
	claimSome  = "some"  // PVCs of a namespace, by a selector
)

// indexClaim finds the DRPlacementControls, and the wishes, that may claim something.
const indexClaim = "claim"

func claim(kind string, of any) string { return fmt.Sprintf("%s:%v", kind, of) }

// claimant is what an application protects, by its wishes, or is to protect, by its object. The two differ if somebody changed
// the object: an application has one group for life.
type claimant struct {
	drpc     client.ObjectKey
	group    client.ObjectKey
	selector *metav1.LabelSelector
	listed   []string // namespaces
}

// asking is what an object says that it protects.
func asking(drpc *v1alpha1.DRPlacementControl) claimant {
	return claimant{client.ObjectKeyFromObject(drpc), exchange.GroupOf(drpc), &drpc.Spec.PVCSelector, drpc.Spec.ProtectedNamespaces}
}

// wishing is what a wish says that is protected; false: it is none, or a tombstone.
func wishing(o *v1alpha1.VolumeReplicationGroup) (claimant, bool) {
	cluster, boxed := exchange.ClusterOf(o.Namespace)
	if !boxed || o.Namespace != exchange.Outbox(cluster) || o.DeletionTimestamp != nil {
		return claimant{}, false
	}
	group, err := exchange.Target(o)
	drpc, owned := keyOf(o.Annotations[exchange.AnnotationDRPC])
	return claimant{drpc, group, &o.Spec.PVCSelector, o.Spec.ProtectedNamespaces}, err == nil && owned
}

// keyOf reads <namespace>/<name>.
func keyOf(text string) (client.ObjectKey, bool) {
	ns, name, ok := strings.Cut(text, "/")
	return client.ObjectKey{Namespace: ns, Name: name}, ok && ns != "" && name != ""
}

// claims are the index of a DRPlacementControl, or of a wish.
func claims(o client.Object) []string {
	var c claimant
	switch o := o.(type) {
	case *v1alpha1.DRPlacementControl:
		c = asking(o)
	case *v1alpha1.VolumeReplicationGroup:
		var ok bool
		if c, ok = wishing(o); !ok {
			return nil
		}
	default:
		return nil
	}
	out := []string{claim(claimGroup, c.group), claim(claimAny, c.group.Namespace), claim(claimSome, bySelector(c.group.Namespace, c.selector))}
	if all(c.selector) {
		out = append(out, claim(claimWhole, c.group.Namespace))
	}
	for _, ns := range c.listed {
		if ns != c.group.Namespace {
			out = append(out, claim(claimAny, ns))
		}
		if ns != c.group.Namespace || !all(c.selector) {
			out = append(out, claim(claimWhole, ns))
		}
	}
	return out
}

// contested is what a rival of c would claim.
func (c claimant) contested(config *ramenconfig.Config) []string {
	out := []string{claim(claimGroup, c.group)}
	for _, ns := range c.namespaces(config) {
		if c.spans(config) || all(c.selector) {
			out = append(out, claim(claimAny, ns))
		} else {
			out = append(out, claim(claimWhole, ns), claim(claimSome, bySelector(ns, c.selector)))
		}
	}
	return out
}

func bySelector(namespace string, selector *metav1.LabelSelector) string {
	return namespace + "/" + metav1.FormatLabelSelector(selector)
}

// all reports whether a selector selects every PVC.
func all(s *metav1.LabelSelector) bool {
	return len(s.MatchLabels) == 0 && len(s.MatchExpressions) == 0
}

// spans reports whether an application is one of several namespaces: its object, and its group on the clusters, lie in
// the namespace that the configuration reserves for such. While that is not known, what it lists tells.
func (c claimant) spans(config *ramenconfig.Config) bool {
	if config == nil {
		return len(c.listed) > 0
	}
	return c.drpc.Namespace == config.RamenOpsNamespace
}

// namespaces are those whose PVCs an application may select.
func (c claimant) namespaces(config *ramenconfig.Config) []string {
	if c.spans(config) {
		return c.listed
	}
	return []string{c.group.Namespace}
}

// overlap says what two applications would both protect, were they on one cluster; empty: nothing for sure. Selectors are
// compared only where the answer is certain; of others, the volumes that are reported tell more: see taken.
func overlap(mine, other claimant, config *ramenconfig.Config) string {
	if mine.group == other.group {
		return fmt.Sprintf("DRPlacementControl %s protects %s already: rename or delete one of the two", other.drpc, mine.group)
	}
	var both []string
	for _, ns := range mine.namespaces(config) {
		if slices.Contains(other.namespaces(config), ns) {
			both = append(both, ns)
		}
	}
	switch {
	case both == nil:
		return ""
	case mine.spans(config) || other.spans(config):
		return fmt.Sprintf("DRPlacementControl %s protects namespace %s already: take it out of spec.protectedNamespaces of one of the two, or delete one", other.drpc, both[0])
	case selectSame(mine.selector, other.selector):
		return fmt.Sprintf("DRPlacementControl %s selects the same PVCs of namespace %s already: delete one of the two, or create it again with a spec.pvcSelector that selects others", other.drpc, both[0])
	default:
		return ""
	}
}
