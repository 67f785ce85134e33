// SPDX-License-Identifier: Apache-2.0

package portable

import (
	"regexp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// neverTypes are types that are in no capture, by group and plural; * is all of the group. Volumes have the capsule, copies
// and snapshots belong to their storage, and the rest is what a cluster makes itself.
var neverTypes = map[string][]string{
	"":                                 {"bindings", "componentstatuses", "endpoints", "events", "namespaces", "nodes", "persistentvolumeclaims", "persistentvolumes"},
	"apps":                             {"controllerrevisions"},
	"coordination.k8s.io":              {"*"},
	"csiaddons.openshift.io":           {"*"},
	"custom.metrics.k8s.io":            {"*"},
	"discovery.k8s.io":                 {"endpointslices"},
	"events.k8s.io":                    {"*"},
	"external.metrics.k8s.io":          {"*"},
	"groupsnapshot.storage.k8s.io":     {"*"},
	"metrics.k8s.io":                   {"*"},
	"packages.operators.coreos.com":    {"*"},
	"ramendr.openshift.io":             {"drclusterconfigs", "drclusters", "drplacementcontrols", "drpolicies", "maintenancemodes", "volumereplicationgroups"},
	"replication.storage.openshift.io": {"*"},
	"snapshot.storage.k8s.io":          {"*"},
	"storage.k8s.io":                   {"csinodes", "csistoragecapacities", "volumeattachments"},
	"velero.io":                        {"*"},
	"volsync.backube":                  {"*"},
}

// NeverType reports whether no object of a type is captured.
func NeverType(r schema.GroupResource) bool {
	never := neverTypes[r.Group]
	return slices.Contains(never, "*") || slices.Contains(never, r.Resource)
}

const (
	labelExcluded    = "velero.io/exclude-from-backup"
	annotationMirror = "kubernetes.io/config.mirror"
	// annotationDockercfg is on the Secrets that OpenShift makes for each ServiceAccount.
	annotationDockercfg = "openshift.io/token-secret.name"
	annotationSA        = "kubernetes.io/service-account.name"
	annotationSAUID     = "kubernetes.io/service-account.uid"
	typeToken           = "kubernetes.io/service-account-token"
)

// Left says why an object is left out of a capture.
type Left string

// Reasons. Captured is none.
const (
	Captured   Left = ""
	Leaving    Left = "is being deleted"
	Excluded   Left = "has a label that excludes it"
	Made       Left = "is made by Kubernetes"
	Controlled Left = "is made by a controller that is no part of Kubernetes"
	Finished   Left = "has ended"
)

// madeBy are the kinds that controllers of Kubernetes make for objects of others, and make again. Endpoints, EndpointSlices,
// ControllerRevisions and claims are in no capture anyway.
var madeBy = map[schema.GroupKind][]schema.GroupKind{
	{Kind: "Pod"}: {
		{Group: "apps", Kind: "ReplicaSet"}, {Group: "apps", Kind: "StatefulSet"}, {Group: "apps", Kind: "DaemonSet"}, {Group: "batch", Kind: "Job"},
		{Kind: "ReplicationController"}, {Kind: "Node"},
	},
	{Group: "apps", Kind: "ReplicaSet"}:               {{Group: "apps", Kind: "Deployment"}},
	{Group: "batch", Kind: "Job"}:                     {{Group: "batch", Kind: "CronJob"}},
	{Group: "resource.k8s.io", Kind: "ResourceClaim"}: {{Kind: "Pod"}},
}

// makes reports whether Kubernetes makes objects of a kind for an owner, whenever one is gone.
func makes(owner, kind schema.GroupKind) bool { return slices.Contains(madeBy[kind], owner) }

// Judge says whether an object is captured. What an object of Kubernetes itself controls is, unless Kubernetes makes it. named says that a Recipe names its type: then one that a custom controller made is,
// too.
func Judge(u *unstructured.Unstructured, named bool) Left {
	labels, kind := u.GetLabels(), u.GroupVersionKind().GroupKind()
	switch {
	case u.GetDeletionTimestamp() != nil:
		return Leaving
	case labels[v1alpha1.LabelCreatedByRamen] == "true", labels[labelExcluded] == "true":
		return Excluded
	}
	if owner := metav1.GetControllerOf(u); owner != nil {
		gv, err := schema.ParseGroupVersion(owner.APIVersion)
		switch {
		case err == nil && makes(gv.WithKind(owner.Kind).GroupKind(), kind):
			return Made
		case err == nil && builtIn(gv.Group): // nothing makes it again
		case !named:
			return Controlled
		}
	}
	switch kind {
	case schema.GroupKind{Kind: "ConfigMap"}:
		if slices.Contains([]string{"kube-root-ca.crt", "openshift-service-ca.crt"}, u.GetName()) {
			return Made
		}
	case schema.GroupKind{Kind: "Service"}:
		if u.GetNamespace() == metav1.NamespaceDefault && u.GetName() == "kubernetes" {
			return Made
		}
	case schema.GroupKind{Kind: "ServiceAccount"}:
		if untouched(u) {
			return Made
		}
	case schema.GroupKind{Kind: "Secret"}:
		if madeToken(u) {
			return Made
		}
	case schema.GroupKind{Kind: "Pod"}:
		if _, mirror := u.GetAnnotations()[annotationMirror]; mirror {
			return Made
		}
		if phase, _, _ := unstructured.NestedString(u.Object, "status", "phase"); phase == "Succeeded" || phase == "Failed" {
			return Finished
		}
	case schema.GroupKind{Group: "batch", Kind: "Job"}:
		if ended(u) {
			return Finished
		}
	}
	return Captured
}

// untouched reports whether a ServiceAccount is the one of a new namespace.
func untouched(u *unstructured.Unstructured) bool {
	pull, _, _ := unstructured.NestedSlice(u.Object, "imagePullSecrets")
	_, automount := u.Object["automountServiceAccountToken"]
	kept := slices.ContainsFunc(pull, func(ref any) bool { return !isDockercfg(u.GetName(), ref) })
	return u.GetName() == "default" && len(u.GetLabels()) == 0 && len(foreign(u.GetAnnotations())) == 0 && !kept && !automount
}

var (
	madeTokenName = regexp.MustCompile(`^(.+)-token-[a-z0-9]{5}$`)
	dockercfgName = regexp.MustCompile(`^(.+)-dockercfg-[a-z0-9]{5}$`)
)

// madeToken reports whether a Secret was made for a ServiceAccount, as opposed to one that a user made to have a token.
func madeToken(u *unstructured.Unstructured) bool {
	kind, _, _ := unstructured.NestedString(u.Object, "type")
	if _, made := u.GetAnnotations()[annotationDockercfg]; made {
		return true
	}
	m := madeTokenName.FindStringSubmatch(u.GetName())
	return kind == typeToken && m != nil && m[1] == u.GetAnnotations()[annotationSA]
}

// isDockercfg reports whether a reference in the ServiceAccount account is to a Secret that OpenShift made for it.
func isDockercfg(account string, ref any) bool {
	fields, _ := ref.(map[string]any)
	name, _ := fields["name"].(string)
	m := dockercfgName.FindStringSubmatch(name)
	return m != nil && m[1] == account
}

func ended(u *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	return slices.ContainsFunc(conditions, func(c any) bool {
		fields, _ := c.(map[string]any)
		return (fields["type"] == "Complete" || fields["type"] == "Failed") && fields["status"] == "True"
	})
}
