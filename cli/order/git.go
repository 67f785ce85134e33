// SPDX-License-Identifier: Apache-2.0

package order

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
)

// tracking are labels and annotations by which tools mark objects that they take from a Git repository, and the tools.
var tracking = map[string]string{
	"argocd.argoproj.io/tracking-id":     "Argo CD",
	"argocd.argoproj.io/instance":        "Argo CD",
	"kustomize.toolkit.fluxcd.io/name":   "Flux",
	"helm.toolkit.fluxcd.io/name":        "Flux",
	"objectset.rio.cattle.io/owner-name": "Fleet",
	"configmanagement.gke.io/token":      "Config Sync",
	"configsync.gke.io/resource-id":      "Config Sync",
	"kapp.k14s.io/app":                   "kapp",
}

// managers are the field managers of such tools.
var managers = map[string]string{
	"argocd-controller": "Argo CD", "argocd-application-controller": "Argo CD",
	"kustomize-controller": "Flux", "helm-controller": "Flux", "fleetagent": "Fleet",
}

// git refuses to write fields that a tool takes from a Git repository: it would write them back. It says what to commit.
func git(o *view.Order, drpc *v1alpha1.DRPlacementControl, evenIfGit bool) {
	tool := owner(drpc)
	if tool == "" || o.Already != "" {
		return
	}
	o.Git = &view.Git{Tool: tool, Commit: Fragment(drpc.Namespace, drpc.Name, o.Spec)}
	if evenIfGit {
		o.Warnings = append(o.Warnings, tool+" takes this object from a Git repository, and may undo the change within seconds")
		return
	}
	o.Refusals = append(o.Refusals, view.Refusal{Guard: view.GuardGit,
		Message: tool + " takes this object from a Git repository, and would undo the change: commit it there, or write it all the same with --even-if-git"})
}

// owner is the tool to which the spec belongs, or that marks the object as its own; empty: none.
func owner(o metav1.Object) string {
	for _, m := range o.GetManagedFields() {
		tool, ok := managers[m.Manager]
		if !ok || m.Subresource != "" || m.FieldsV1 == nil {
			continue
		}
		var set struct {
			Spec map[string]any `json:"f:spec"`
		}
		if json.Unmarshal(m.FieldsV1.GetRawBytes(), &set) == nil && set.Spec != nil {
			return tool
		}
	}
	for _, marks := range []map[string]string{o.GetLabels(), o.GetAnnotations()} {
		for _, key := range slices.Sorted(maps.Keys(marks)) {
			if tool := tracking[key]; tool != "" {
				return tool
			}
		}
	}
	return ""
}

// Fragment is the part of a manifest that sets fields of the spec.
func Fragment(namespace, name string, spec map[string]string) string {
	raw, err := yaml.Marshal(map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(), "kind": "DRPlacementControl",
		"metadata": map[string]string{"namespace": namespace, "name": name}, "spec": spec,
	})
	if err != nil {
		return "" // strings can be written
	}
	return strings.TrimSpace(string(raw)) + "\n"
}
