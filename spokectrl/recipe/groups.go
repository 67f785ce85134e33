// SPDX-License-Identifier: Apache-2.0

package recipe

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// group resolves one group. Without namespaces it is about those of the application, and never about all of a cluster.
func (r *resolver) group(path string, g *v1alpha1.RecipeGroup) *Group {
	out := &Group{
		Name:          g.Name,
		Of:            g.Name,
		Namespaces:    slices.Clone(g.IncludedNamespaces),
		Included:      g.IncludedResourceTypes,
		Excluded:      g.ExcludedResourceTypes,
		Selector:      g.LabelSelector,
		ClusterScoped: g.IncludeClusterResources != nil && *g.IncludeClusterResources,
		Essential:     g.Essential == nil || *g.Essential,
		Overwrite:     g.RestoreOverwriteResources != nil && *g.RestoreOverwriteResources,
		Status:        g.RestoreStatus,
	}
	if g.BackupRef != "" {
		out.Of = g.BackupRef
	}
	if len(out.Namespaces) == 0 {
		out.Namespaces = slices.Clone(r.app.Namespaces)
	}
	for _, ns := range g.IncludedNamespaces {
		r.namespace(path+".includedNamespaces", ns)
	}
	r.selector(path+".labelSelector", g.LabelSelector)
	for field, set := range map[string]bool{
		"parent": g.Parent != "", "nameSelector": g.NameSelector != "", "selectResource": g.SelectResource != "",
		"includedNamespacesByLabel": g.IncludedNamespacesByLabel != nil, "excludedNamespaces": len(g.ExcludedNamespaces) > 0,
	} {
		if set {
			r.note(path+"."+field, "it has no effect", "remove it, and use labelSelector and includedNamespaces")
		}
	}
	slices.SortFunc(r.notes, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// namespace refuses what is not of the application: who may write a Recipe could reach everybody's objects otherwise.
func (r *resolver) namespace(path, name string) {
	switch {
	case slices.Contains(r.app.Namespaces, name):
	case name == "":
		r.add(path, "it is empty", "name a namespace of the application: "+strings.Join(r.app.Namespaces, ", "))
	default:
		r.add(path, fmt.Sprintf("namespace %q is not of the application, whose namespaces are %s", name, strings.Join(r.app.Namespaces, ", ")),
			"name one of these, or add it to protectedNamespaces of the DRPlacementControl")
	}
}

func (r *resolver) selector(path string, s *metav1.LabelSelector) {
	if _, err := metav1.LabelSelectorAsSelector(s); err != nil {
		r.add(path, err.Error(), "correct the selector")
	}
}
