// SPDX-License-Identifier: Apache-2.0

package portable

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Item is one object of a capture.
type Item struct {
	// Resource is the plural of the type.
	Resource string `json:"resource"`
	// Object is what a restore creates: without status, owners, and what the cluster made up.
	Object map[string]any `json:"object"`
	// Owners are those that the object had, by kind and name: their UIDs are of one cluster.
	Owners []Owner `json:"owners,omitempty"`
	// Status is for types whose status is restored.
	Status any `json:"status,omitempty"`
}

// Owner is an owner of an object.
type Owner struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	Controller bool   `json:"controller,omitempty"`
	Blocks     bool   `json:"blocks,omitempty"` // the deletion of the owner waits for the object
}

// Unstructured is the object for a client.
func (it *Item) Unstructured() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: it.Object}
}

// GVR names the type of the object.
func (it *Item) GVR() schema.GroupVersionResource {
	return it.Unstructured().GroupVersionKind().GroupVersion().WithResource(it.Resource)
}

// Title names the object for users.
func (it *Item) Title() string {
	u := it.Unstructured()
	return Title(u.GroupVersionKind().GroupKind(), u.GetNamespace(), u.GetName())
}

// Title names an object for users: Service shop/web, or Widget.example.com shop/one.
func Title(kind schema.GroupKind, namespace, name string) string {
	k := kind.Kind
	if !builtIn(kind.Group) {
		k = kind.String()
	}
	if namespace != "" {
		name = namespace + "/" + name
	}
	return k + " " + name
}

// builtInGroups are those of Kubernetes itself. Others end in k8s.io, too, and are served by definitions.
var builtInGroups = []string{"", "apps", "batch", "autoscaling", "policy", "extensions", "admissionregistration.k8s.io", "apiextensions.k8s.io",
	"apiregistration.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io",
	"events.k8s.io", "flowcontrol.apiserver.k8s.io", "internal.apiserver.k8s.io", "networking.k8s.io", "node.k8s.io", "rbac.authorization.k8s.io",
	"resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io", "storagemigration.k8s.io"}

func builtIn(group string) bool { return slices.Contains(builtInGroups, group) }
