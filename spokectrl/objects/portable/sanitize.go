// SPDX-License-Identifier: Apache-2.0

package portable

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// AnnotationRestored is on each object that a restore made, and says which restore. It is no label: a label may be selected by
// what the application has.
const AnnotationRestored = "objects.ramendr.openshift.io/restored"

// local are the fields of metadata that one cluster made up.
var local = []string{"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink",
	"deletionTimestamp", "deletionGracePeriodSeconds", "generateName", "ownerReferences"}

// sanitizers drop what one cluster made up of kinds that have more of it than metadata and status. They get the object as it
// was read: managed fields tell what a user set.
var sanitizers = map[schema.GroupKind]func(read *unstructured.Unstructured, out map[string]any){
	{Kind: "Service"}:                    service,
	{Kind: "Pod"}:                        pod,
	{Kind: "ServiceAccount"}:             serviceAccount,
	{Kind: "Secret"}:                     secret,
	{Group: "batch", Kind: "Job"}:        job,
	{Group: "apps", Kind: "StatefulSet"}: statefulSet,
	{Group: "apps", Kind: "Deployment"}:  deployment,
}

// Sanitize makes the item that is captured of an object as it was read, with its managed fields. The object stays as it is.
func Sanitize(resource string, read *unstructured.Unstructured) *Item {
	u := read.DeepCopy()
	it := &Item{Resource: resource, Object: u.Object, Status: u.Object["status"]}
	delete(u.Object, "status")
	meta, _ := u.Object["metadata"].(map[string]any)
	for _, ref := range u.GetOwnerReferences() {
		it.Owners = append(it.Owners, Owner{
			APIVersion: ref.APIVersion, Kind: ref.Kind, Name: ref.Name,
			Controller: ref.Controller != nil && *ref.Controller, Blocks: ref.BlockOwnerDeletion != nil && *ref.BlockOwnerDeletion,
		})
	}
	for _, key := range local {
		delete(meta, key)
	}
	if _, ours := u.GetAnnotations()[AnnotationRestored]; ours {
		u.SetAnnotations(foreign(u.GetAnnotations()))
	}
	if do := sanitizers[read.GroupVersionKind().GroupKind()]; do != nil {
		do(read, u.Object)
	}
	return it
}

// Namespace is what is captured of a namespace: its labels and annotations.
func Namespace(read *unstructured.Unstructured) *Item {
	out := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
	out.SetName(read.GetName())
	labels := maps.Clone(read.GetLabels())
	delete(labels, corev1.LabelMetadataName)
	if len(labels) > 0 {
		out.SetLabels(labels)
	}
	if a := foreign(read.GetAnnotations()); len(a) > 0 {
		out.SetAnnotations(a)
	}
	return &Item{Resource: "namespaces", Object: out.Object}
}

// foreign are annotations without ours.
func foreign(in map[string]string) map[string]string {
	out := maps.Clone(in)
	delete(out, AnnotationRestored)
	if len(out) == 0 {
		return nil
	}
	return out
}

func service(read *unstructured.Unstructured, out map[string]any) {
	spec, _ := out["spec"].(map[string]any)
	if spec == nil {
		return
	}
	if spec["clusterIP"] != "None" {
		delete(spec, "clusterIP")
		delete(spec, "clusterIPs")
	}
	set := setByUser(read)
	if !set.health {
		delete(spec, "healthCheckNodePort")
	}
	ports, _ := spec["ports"].([]any)
	for _, p := range ports {
		port, _ := p.(map[string]any)
		if number, ok := port["nodePort"]; ok && !set.nodePort(port, number) {
			delete(port, "nodePort")
		}
	}
}

// portsSet says which node ports of a Service a user has set, as opposed to the API server.
type portsSet struct {
	health  bool
	managed map[string]bool // by port and protocol
	applied map[string]bool // by number
}

func (s portsSet) nodePort(port map[string]any, number any) bool {
	protocol, _ := port["protocol"].(string)
	if protocol == "" {
		protocol = "TCP"
	}
	return s.managed[fmt.Sprint(port["port"], "/", protocol)] || s.applied[fmt.Sprint(number)]
}

// setByUser reads who set what: the API server allocates a port after it notes which fields a request set.
func setByUser(read *unstructured.Unstructured) portsSet {
	out := portsSet{managed: map[string]bool{}, applied: map[string]bool{}}
	for _, entry := range read.GetManagedFields() {
		var fields struct {
			Spec struct {
				Health *struct{}                  `json:"f:healthCheckNodePort"`
				Ports  map[string]json.RawMessage `json:"f:ports"`
			} `json:"f:spec"`
		}
		if entry.FieldsV1 == nil || entry.Subresource != "" || json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields) != nil {
			continue
		}
		out.health = out.health || fields.Spec.Health != nil
		for key, value := range fields.Spec.Ports {
			var of struct {
				Port     json.Number `json:"port"`
				Protocol string      `json:"protocol"`
			}
			var has map[string]json.RawMessage
			text, isKey := strings.CutPrefix(key, "k:")
			if !isKey || json.Unmarshal([]byte(text), &of) != nil || json.Unmarshal(value, &has) != nil {
				continue
			}
			if _, set := has["f:nodePort"]; set {
				out.managed[of.Port.String()+"/"+of.Protocol] = true
			}
		}
	}
	var applied struct {
		Spec struct {
			HealthCheckNodePort json.Number
			Ports               []struct{ NodePort json.Number }
		}
	}
	if json.Unmarshal([]byte(read.GetAnnotations()[corev1.LastAppliedConfigAnnotation]), &applied) == nil {
		out.health = out.health || applied.Spec.HealthCheckNodePort != "" && applied.Spec.HealthCheckNodePort != "0"
		for _, p := range applied.Spec.Ports {
			out.applied[p.NodePort.String()] = true
		}
	}
	return out
}

// injected starts the names of the volumes that the API server adds to each Pod.
const injected = "kube-api-access-"

func isInjected(v any) bool {
	fields, _ := v.(map[string]any)
	name, _ := fields["name"].(string)
	return strings.HasPrefix(name, injected)
}

func pod(_ *unstructured.Unstructured, out map[string]any) {
	spec, _ := out["spec"].(map[string]any)
	for _, key := range []string{"nodeName", "priority", "preemptionPolicy", "ephemeralContainers"} {
		delete(spec, key)
	}
	without(spec, "volumes", isInjected)
	for _, kind := range []string{"containers", "initContainers"} {
		list, _ := spec[kind].([]any)
		for _, c := range list {
			if container, ok := c.(map[string]any); ok {
				without(container, "volumeMounts", isInjected)
			}
		}
	}
}

// without removes items of a list, and the list if none is left.
func without(of map[string]any, key string, drop func(any) bool) {
	list, ok := of[key].([]any)
	if !ok {
		return
	}
	if list = slices.DeleteFunc(list, drop); len(list) == 0 {
		delete(of, key)
		return
	}
	of[key] = list
}

func serviceAccount(read *unstructured.Unstructured, out map[string]any) {
	delete(out, "secrets")
	without(out, "imagePullSecrets", func(ref any) bool { return isDockercfg(read.GetName(), ref) })
}

// secret drops the token of one that a user made to have a token: the other cluster fills it in.
func secret(_ *unstructured.Unstructured, out map[string]any) {
	if out["type"] != typeToken {
		return
	}
	u := &unstructured.Unstructured{Object: out}
	annotations := u.GetAnnotations()
	delete(annotations, annotationSAUID)
	u.SetAnnotations(annotations)
	data, _ := out["data"].(map[string]any)
	for _, key := range []string{"token", "ca.crt", "namespace"} {
		delete(data, key)
	}
	if len(data) == 0 {
		delete(out, "data")
	}
}

// job drops the selector, unless a user made it, and the labels that it is made of.
func job(_ *unstructured.Unstructured, out map[string]any) {
	if manual, _, _ := unstructured.NestedBool(out, "spec", "manualSelector"); manual {
		return
	}
	unstructured.RemoveNestedField(out, "spec", "selector")
	for _, at := range [][]string{{"metadata"}, {"spec", "template", "metadata"}} {
		meta, _, _ := unstructured.NestedFieldNoCopy(out, at...)
		fields, _ := meta.(map[string]any)
		labels, _ := fields["labels"].(map[string]any)
		delete(labels, "controller-uid")
		delete(labels, "batch.kubernetes.io/controller-uid")
		if labels != nil && len(labels) == 0 {
			delete(fields, "labels")
		}
	}
}

// deployment drops the count of its revisions, which is of the ReplicaSets of one cluster.
func deployment(_ *unstructured.Unstructured, out map[string]any) {
	u := &unstructured.Unstructured{Object: out}
	annotations := u.GetAnnotations()
	delete(annotations, "deployment.kubernetes.io/revision")
	if len(annotations) == 0 {
		unstructured.RemoveNestedField(out, "metadata", "annotations")
		return
	}
	u.SetAnnotations(annotations)
}

func statefulSet(_ *unstructured.Unstructured, out map[string]any) {
	templates, _, _ := unstructured.NestedFieldNoCopy(out, "spec", "volumeClaimTemplates")
	list, _ := templates.([]any)
	for _, t := range list {
		if claim, ok := t.(map[string]any); ok {
			delete(claim, "status")
		}
	}
}
