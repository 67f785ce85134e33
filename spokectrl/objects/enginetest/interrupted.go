// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ramendr/ramen-direct/spokectrl/objects"
)

// interrupted ends the process at each write of a restore, before the API server gets it and after. The next process completes the
// restore, and takes nothing that the one before it made for something of others.
func interrupted(t *testing.T, s Subject) {
	s.define(t, "dying.example.com")
	ns := s.namespace(t, "dying")
	made := s.make(t, ns, `{apiVersion: v1, kind: ConfigMap, metadata: {name: config}, data: {a: b}}
---
{apiVersion: dying.example.com/v1, kind: Widget, metadata: {name: parent}}`)
	parent := made[1]
	parent.Object["status"] = map[string]any{"phase": "Ready"}
	require.NoError(t, s.Client.Status().Update(t.Context(), parent))
	child := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "dying.example.com/v1", "kind": "Widget"}}
	child.SetNamespace(ns)
	child.SetName("child")
	child.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: parent.GetAPIVersion(), Kind: parent.GetKind(), Name: parent.GetName(), UID: parent.GetUID()}})
	require.NoError(t, s.Client.Create(t.Context(), child))
	made = append(made, child)
	of := objects.Selection{Namespaces: []string{ns}}
	from, _ := capture(t, s.Engine, "dying", of)

	died := 0
	for writes := 0; ; writes++ {
		require.Less(t, writes, 50)
		for _, late := range []bool{false, true} {
			s.remove(t, made...)
			id := fmt.Sprintf("dying/%d/%v", writes, late)
			request := objects.RestoreRequest{ID: id, From: from, Select: of, Status: &objects.Selection{Included: []string{"widget"}}}
			if p := restore(t, s.Dying(writes, late), request); p.State == objects.Done {
				require.Greater(t, died, 2*len(made), "each object costs a write")
				return
			}
			died++
			p := restore(t, s.Engine, request)
			require.NoError(t, p.Err, id)
			assert.Empty(t, p.Findings.List, "%s: nothing is taken for that of others", id)
			for _, u := range made {
				assert.NotNil(t, s.read(t, u), "%s: %s %s", id, u.GetKind(), u.GetName())
			}
			is := s.read(t, parent)
			assert.Equal(t, map[string]any{"phase": "Ready"}, is.Object["status"], id)
			assert.Equal(t, is.GetUID(), s.read(t, child).GetOwnerReferences()[0].UID, id)
			require.False(t, t.Failed())
		}
	}
}

// orphaned has an owner come after what it owns, as by the groups of a Recipe, or since it could not be made before: the link is made
// up for.
func orphaned(t *testing.T, s Subject) {
	ns := s.namespace(t, "orphaned")
	owner := s.make(t, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: owner}}")[0]
	owned := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret"}}
	owned.SetNamespace(ns)
	owned.SetName("owned")
	owned.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "owner", UID: owner.GetUID()}})
	require.NoError(t, s.Client.Create(t.Context(), owned))
	of := objects.Selection{Namespaces: []string{ns}}
	from, _ := capture(t, s.Engine, "orphaned", of)
	s.remove(t, owned, owner)
	first := of
	first.Included = []string{"secrets"}
	p := restore(t, s.Engine, objects.RestoreRequest{ID: "orphaned", Step: "1", From: from, Select: first})
	require.NoError(t, p.Err)
	assert.Equal(t, []string{"Secret orphaned/owned"}, titles(p, objects.OwnerGone))
	assert.Empty(t, s.read(t, owned).GetOwnerReferences())
	linked := func() {
		t.Helper()
		require.NoError(t, p.Err)
		assert.Empty(t, p.Findings.List)
		refs := s.read(t, owned).GetOwnerReferences()
		require.Len(t, refs, 1)
		assert.Equal(t, s.read(t, owner).GetUID(), refs[0].UID)
	}
	p = restore(t, s.Engine, objects.RestoreRequest{ID: "orphaned", Step: "2", From: from, Select: of})
	linked()

	s.remove(t, owned, owner)
	s.Engine.Forget(group, "orphaned")
	restore(t, s.Engine, objects.RestoreRequest{ID: "orphaned", Step: "1", From: from, Select: first})
	second := of
	second.Included = []string{"configmaps"}
	restore(t, s.Engine, objects.RestoreRequest{ID: "orphaned", Step: "2", From: from, Select: second})
	s.Engine.Forget(group, "orphaned")
	p = restore(t, s.Engine, objects.RestoreRequest{ID: "orphaned", Step: "1", From: from, Select: first, Link: true})
	linked()
}
