// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/spokectrl/objects"
)

// refused has a quota that is too small, and a namespace that permits no Pod as it is. Both answer as a right that is missing does, and
// are told as what they are. When the quota is raised the rest is made, and nothing that was made and went meanwhile.
func refused(t *testing.T, s Subject) {
	ns := s.namespace(t, "refused")
	made := s.make(t, ns, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}
---
{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {automountServiceAccountToken: false, containers: [{name: p, image: p}]}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: load}, spec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: load, image: load}]}}}}`)
	of := objects.Selection{Namespaces: []string{ns}}
	from, _ := capture(t, s.Engine, "refused", of)
	s.remove(t, made...)
	quota := s.make(t, ns, `{apiVersion: v1, kind: ResourceQuota, metadata: {name: small}, spec: {hard: {count/configmaps: "0"}}}`)[0]
	count := func(hard string) {
		t.Helper() // which a controller does elsewhere
		is := s.read(t, quota)
		is.Object["spec"] = map[string]any{"hard": map[string]any{"count/configmaps": hard}}
		require.NoError(t, s.Client.Update(t.Context(), is))
		is.Object["status"] = map[string]any{"hard": map[string]any{"count/configmaps": hard}, "used": map[string]any{"count/configmaps": "0"}}
		require.NoError(t, s.Client.Status().Update(t.Context(), is))
	}
	count("0")
	label := func(value string) {
		t.Helper()
		space := named("Namespace", "", ns)
		require.NoError(t, s.Client.Patch(t.Context(), space, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":`+value+`}}}`))))
	}
	label(`"restricted"`)

	request := objects.RestoreRequest{ID: "refused", From: from, Select: of}
	p := restore(t, s.Engine, request)
	assert.Equal(t, objects.Failed, p.State)
	require.ErrorContains(t, p.Err, "3 of 5 objects could not be made")
	assert.Empty(t, titles(p, objects.NotAllowed), "no right is missing")
	assert.Equal(t, []string{"ConfigMap refused/a", "ConfigMap refused/b", "Pod refused/p"}, titles(p, objects.NotMade))
	for _, f := range p.Findings.Of(objects.NotMade) {
		if f.Object == "Pod refused/p" {
			assert.Contains(t, f.What, "violates PodSecurity")
			assert.Contains(t, f.What, ": give the namespace a label pod-security.kubernetes.io/enforce that permits it")
			continue
		}
		assert.Contains(t, f.What, "exceeded quota: small")
		assert.Contains(t, f.What, ": raise that ResourceQuota, or delete what uses it up")
	}
	require.NotNil(t, s.read(t, made[3]), "the rest is made")
	require.Len(t, p.Lacking, 3)

	s.remove(t, made[3])
	request.Lacked = map[string]bool{}
	for _, mark := range p.Lacking {
		request.Lacked[mark] = true
	}
	count("9")
	label("null")
	s.Engine.Forget(group, "refused")
	require.EventuallyWithT(t, func(c *assert.CollectT) { // the API server may act on the quota before for a moment
		s.Engine.Forget(group, "refused")
		p = restore(t, s.Engine, request)
		assert.NoError(c, p.Err, "%v", p.Findings.List)
	}, time.Minute, 100*time.Millisecond)
	assert.Empty(t, p.Lacking)
	assert.Equal(t, []string{"Job refused/load"}, titles(p, objects.Gone))
	assert.Nil(t, s.read(t, made[3]), "a Job that ended does not run twice")
	for _, u := range made[:3] {
		assert.NotNil(t, s.read(t, u), u.GetName())
	}
}

// lateOwner has a Secret that a Deployment owns: it is made before that, and linked to it after.
func lateOwner(t *testing.T, s Subject) {
	ns := s.namespace(t, "late-owner")
	owner := s.make(t, ns, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}}}`)[0]
	owned := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret"}}
	owned.SetNamespace(ns)
	owned.SetName("owned")
	ref := metav1.OwnerReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "web", UID: owner.GetUID(), Controller: new(true), BlockOwnerDeletion: new(true)}
	owned.SetOwnerReferences([]metav1.OwnerReference{ref})
	require.NoError(t, s.Client.Create(t.Context(), owned))
	of := objects.Selection{Namespaces: []string{ns}}
	from, p := capture(t, s.Engine, "late-owner", of)
	require.Equal(t, 1, p.Counts["secrets"], "no controller of Kubernetes makes Secrets for Deployments")
	s.remove(t, owned, owner)
	p = restore(t, s.Engine, objects.RestoreRequest{ID: "late-owner", From: from, Select: of})
	require.NoError(t, p.Err)
	assert.Empty(t, p.Findings.List)
	is := s.read(t, owned).GetOwnerReferences()
	require.Len(t, is, 1)
	ref.UID = s.read(t, owner).GetUID()
	assert.Equal(t, ref, is[0])
}
