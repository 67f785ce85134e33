// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/spokectrl/objects"
)

const definition = `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: widgets.%[1]s}, spec: {group: %[1]s, scope: Namespaced, names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList},
  versions: [{name: v1, served: true, storage: true, subresources: {status: {}}, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}`

// define has the API server serve Widgets of a group.
func (s Subject) define(t *testing.T, group string) *unstructured.Unstructured {
	t.Helper()
	crd := s.make(t, "", fmt.Sprintf(definition, group))[0]
	gvk := schema.GroupVersionKind{Group: group, Version: "v1", Kind: "WidgetList"}
	require.Eventually(t, func() bool {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(gvk)
		return s.Client.List(t.Context(), list) == nil
	}, time.Minute, 50*time.Millisecond, "Widgets have to be served")
	return crd
}

const application = `{apiVersion: v1, kind: ServiceAccount, metadata: {name: web}, imagePullSecrets: [{name: pull}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: web}, rules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: web}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: web}, subjects: [{kind: ServiceAccount, name: web, namespace: "${NS}"}]}
---
{apiVersion: v1, kind: Secret, metadata: {name: password, finalizers: [example.com/kept]}, data: {password: c2VjcmV0}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: config, labels: {app: web}, annotations: {note: kept}}, data: {a: b}}
---
{apiVersion: v1, kind: Service, metadata: {name: plain}, spec: {selector: {app: web}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: headless}, spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: allocated}, spec: {type: NodePort, selector: {app: web}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: chosen}, spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, nodePort: 30123}]}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 2, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}}}
---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {serviceName: headless, selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: {containers: [{name: db, image: db}]}}, volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]}}
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web}, spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: load}, spec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: load, image: load}]}}}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: web}, spec: {podSelector: {}, policyTypes: [Ingress]}}
---
{apiVersion: widgets.example.com/v1, kind: Widget, metadata: {name: parent}, spec: {size: 3}}`

// others are objects that no capture of an application has.
const others = `{apiVersion: v1, kind: ConfigMap, metadata: {name: kube-root-ca.crt}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: excluded, labels: {velero.io/exclude-from-backup: "true"}}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: default}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
---
{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: leader}}
---
{apiVersion: v1, kind: Event, metadata: {name: something}, involvedObject: {namespace: "${NS}"}, reason: A, message: b, type: Normal}`

func comesBack(t *testing.T, s Subject) {
	ns := s.namespace(t, "shop")
	s.define(t, "widgets.example.com")
	made := s.make(t, ns, application)
	parent := made[len(made)-1]
	parent.Object["status"] = map[string]any{"phase": "Ready"}
	require.NoError(t, s.Client.Status().Update(t.Context(), parent))
	owned := func(name string, of *unstructured.Unstructured, controller bool) *unstructured.Unstructured {
		u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "widgets.example.com/v1", "kind": "Widget"}}
		u.SetNamespace(ns)
		u.SetName(name)
		ref := metav1.OwnerReference{APIVersion: of.GetAPIVersion(), Kind: of.GetKind(), Name: of.GetName(), UID: of.GetUID()}
		if controller {
			ref.Controller = new(true)
		}
		u.SetOwnerReferences([]metav1.OwnerReference{ref})
		require.NoError(t, s.Client.Create(t.Context(), u))
		return u
	}
	child := owned("child", parent, false)
	made = append(made, child)
	controlled := owned("controlled", parent, true)
	gone := append(s.make(t, ns, others), controlled)

	of := objects.Selection{Namespaces: []string{ns}, Excluded: []string{"networkpolicies.networking.k8s.io"}}
	from, p := capture(t, s.Engine, "back", of)
	assert.Equal(t, len(made), p.Objects, "the application and its namespace, without the excluded type: %v", p.Counts)
	assert.Contains(t, titles(p, objects.LeftOut), "Widget.widgets.example.com shop/controlled")

	before := map[string]*unstructured.Unstructured{}
	for _, u := range made {
		before[u.GetKind()+u.GetName()] = s.read(t, u)
	}
	s.remove(t, append(made, gone...)...)
	space := &unstructured.Unstructured{}
	space.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "Namespace"})
	space.SetName(ns)
	require.NoError(t, s.Client.Patch(t.Context(), space, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"team":null,"own":"yes"}}}`))))

	p = restore(t, s.Engine, objects.RestoreRequest{ID: "back", From: from, Select: of, Status: &objects.Selection{Included: []string{"widget"}}})
	require.NoError(t, p.Err, "%v", p.Findings.List)
	assert.Equal(t, p.Of, p.Objects)
	for _, u := range made {
		is, was := s.read(t, u), before[u.GetKind()+u.GetName()]
		if u.GetKind() == "NetworkPolicy" {
			assert.Nil(t, is, "an excluded type")
			continue
		}
		if assert.NotNil(t, is, "%s %s", u.GetKind(), u.GetName()) {
			assert.Equal(t, comparable(was), comparable(is), "%s %s", u.GetKind(), u.GetName())
			assert.Equal(t, was.GetFinalizers(), is.GetFinalizers())
		}
	}
	for _, u := range gone {
		assert.Nil(t, s.read(t, u), "%s %s is no part of the application", u.GetKind(), u.GetName())
	}
	assert.Equal(t, s.read(t, parent).GetUID(), s.read(t, child).GetOwnerReferences()[0].UID, "an owner is the one that is here")
	assert.Equal(t, "Ready", s.read(t, parent).Object["status"].(map[string]any)["phase"], "its type was named")
	assert.Equal(t, int64(30123), port(s.read(t, named("Service", ns, "chosen")))["nodePort"], "a port that a user chose")
	labels := s.read(t, space).GetLabels()
	assert.Equal(t, "shop", labels["team"], "what the namespace lacks is added")
	assert.Equal(t, "yes", labels["own"], "and what it has stays")

	p = restore(t, s.Engine, objects.RestoreRequest{ID: "again", From: from, Select: of})
	require.NoError(t, p.Err)
	assert.Empty(t, p.Findings.List, "a restore over itself has nothing to tell")
}

// comparable is what of an object an application can tell: without what is of one cluster or of one moment.
func comparable(u *unstructured.Unstructured) map[string]any {
	out := u.DeepCopy().Object
	spec, _ := out["spec"].(map[string]any)
	if u.GetKind() == "Service" && spec["clusterIP"] != "None" {
		delete(spec, "clusterIP")
		delete(spec, "clusterIPs")
	}
	if u.GetName() == "allocated" {
		delete(port(&unstructured.Unstructured{Object: out}), "nodePort")
	}
	if u.GetKind() == "Job" {
		delete(spec, "selector")
		unstructured.RemoveNestedField(out, "spec", "template", "metadata", "labels")
		u = &unstructured.Unstructured{Object: map[string]any{}}
	}
	annotations := u.GetAnnotations()
	for key := range annotations {
		if key != "note" {
			delete(annotations, key)
		}
	}
	if len(annotations) == 0 {
		annotations = nil
	}
	out["metadata"] = map[string]any{"labels": u.GetLabels(), "annotations": annotations}
	delete(out, "status")
	return out
}

func port(u *unstructured.Unstructured) map[string]any {
	ports, _, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", "ports")
	return ports.([]any)[0].(map[string]any)
}

func named(kind, namespace, name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": kind}}
	u.SetNamespace(namespace)
	u.SetName(name)
	return u
}

// existing has objects in the way of a restore: one that differs, an equal one, one that can't be changed, and an account.
func existing(t *testing.T, s Subject, ns string) *store {
	t.Helper()
	made := s.make(t, ns, `{apiVersion: v1, kind: ConfigMap, metadata: {name: differs}, data: {a: captured}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: equal}, data: {a: b}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: fixed}, immutable: true, data: {a: captured}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: default}, imagePullSecrets: [{name: mine}]}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: absent}}`)
	from, _ := capture(t, s.Engine, ns, objects.Selection{Namespaces: []string{ns}})
	s.remove(t, made...)
	s.make(t, ns, `{apiVersion: v1, kind: ConfigMap, metadata: {name: differs}, data: {a: here, more: here}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: equal}, data: {a: b}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: fixed}, immutable: true, data: {a: here}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: default, labels: {own: "yes"}}, imagePullSecrets: [{name: theirs}]}`)
	return from
}

func keeps(t *testing.T, s Subject) {
	ns := s.namespace(t, "keeps")
	from := existing(t, s, ns)
	p := restore(t, s.Engine, objects.RestoreRequest{ID: "keeps", From: from, Select: objects.Selection{Namespaces: []string{ns}}})
	require.NoError(t, p.Err, "what is kept is nothing that is missing")
	assert.Equal(t, []string{"ConfigMap keeps/differs", "ConfigMap keeps/fixed"}, titles(p, objects.Kept))
	assert.Equal(t, map[string]any{"a": "here", "more": "here"}, s.read(t, named("ConfigMap", ns, "differs")).Object["data"])
	assert.NotNil(t, s.read(t, named("ConfigMap", ns, "absent")))
	account := s.read(t, named("ServiceAccount", ns, "default"))
	assert.ElementsMatch(t, []any{map[string]any{"name": "mine"}, map[string]any{"name": "theirs"}}, account.Object["imagePullSecrets"], "an account is merged")
	assert.Equal(t, "yes", account.GetLabels()["own"])

	changed := s.read(t, named("ConfigMap", ns, "absent"))
	changed.Object["data"] = map[string]any{"a": "by the application"}
	require.NoError(t, s.Client.Update(t.Context(), changed))
	s.Engine.Forget(group, "keeps")
	p = restore(t, s.Engine, objects.RestoreRequest{ID: "keeps", From: from, Overwrite: true, Select: objects.Selection{Namespaces: []string{ns}, Included: []string{"cm"}}})
	require.NoError(t, p.Err)
	assert.Equal(t, map[string]any{"a": "by the application"}, s.read(t, changed).Object["data"], "what an earlier attempt made may have changed since")
}

func overwrites(t *testing.T, s Subject) {
	ns := s.namespace(t, "overwrites")
	from := existing(t, s, ns)
	p := restore(t, s.Engine, objects.RestoreRequest{ID: "overwrites", From: from, Overwrite: true, Select: objects.Selection{Namespaces: []string{ns}}})
	require.NoError(t, p.Err)
	assert.Equal(t, []string{"ConfigMap overwrites/fixed"}, titles(p, objects.Kept), "what can't be changed is named")
	assert.Equal(t, map[string]any{"a": "captured", "more": "here"}, s.read(t, named("ConfigMap", ns, "differs")).Object["data"], "the captured fields, and no others")
	assert.Equal(t, map[string]any{"a": "here"}, s.read(t, named("ConfigMap", ns, "fixed")).Object["data"])
}

func notServed(t *testing.T, s Subject) {
	ns := s.namespace(t, "not-served")
	crd := s.define(t, "gone.example.com")
	made := s.make(t, ns, "{apiVersion: gone.example.com/v1, kind: Widget, metadata: {name: a}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
	from, _ := capture(t, s.Engine, "not-served", objects.Selection{Namespaces: []string{ns}})
	s.remove(t, made...)
	s.remove(t, crd)
	require.Eventually(t, func() bool {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(schema.GroupVersionKind{Group: "gone.example.com", Version: "v1", Kind: "WidgetList"})
		err := s.Client.List(t.Context(), list)
		return err != nil && (meta.IsNoMatchError(err) || client.IgnoreNotFound(err) == nil)
	}, time.Minute, 50*time.Millisecond, "Widgets must not be served")
	// Discovery follows a moment later.
	var p objects.Progress
	require.Eventually(t, func() bool {
		s.Engine.Forget(group, "not-served")
		p = restore(t, s.Engine, objects.RestoreRequest{ID: "not-served", From: from, Select: objects.Selection{Namespaces: []string{ns}}})
		return len(titles(p, objects.NotServed)) == 1
	}, time.Minute, 100*time.Millisecond, "the type has to be told")
	assert.Equal(t, objects.Failed, p.State)
	assert.Equal(t, []string{"Widget.gone.example.com not-served/a"}, titles(p, objects.NotServed))
	assert.NotNil(t, s.read(t, made[1]), "the rest is made")
}

func rights(t *testing.T, s Subject) {
	ns := s.namespace(t, "rights")
	made := s.make(t, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\n{apiVersion: v1, kind: Secret, metadata: {name: a}}")
	of := objects.Selection{Namespaces: []string{ns}, Included: []string{"ConfigMap", "secrets"}}
	_, p := capture(t, s.Poor, "rights", of)
	assert.Equal(t, []string{"secrets in namespace rights"}, titles(p, objects.NotAllowed))
	assert.Equal(t, 1, p.Counts["configmaps"])

	from, _ := capture(t, s.Engine, "rights", of)
	s.remove(t, made...)
	p = restore(t, s.Poor, objects.RestoreRequest{ID: "rights", From: from, Select: of})
	assert.Equal(t, objects.Failed, p.State)
	require.ErrorContains(t, p.Err, "1 of 3 objects could not be made")
	assert.Equal(t, []string{"Secret rights/a"}, titles(p, objects.NotAllowed))
	assert.NotNil(t, s.read(t, made[0]), "what is allowed is made")
}
