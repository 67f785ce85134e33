// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/spokectrl/objects"
)

// unread has a type that the API server stops to serve, which stays in captures, and then a type that is removed, which does not.
func unread(t *testing.T, s Subject) {
	ns := s.namespace(t, "unread")
	crd := s.define(t, "unread.example.com")
	widget := s.make(t, ns, "{apiVersion: unread.example.com/v1, kind: Widget, metadata: {name: a}, spec: {size: 3}}")[0]
	of := objects.Selection{Namespaces: []string{ns}}
	var before *objects.Before
	n := 0
	again := func() (*store, objects.Progress) {
		n++
		into := &store{}
		p := await(t, func() (objects.Progress, error) {
			return s.Engine.Capture(t.Context(), objects.CaptureRequest{Group: group, ID: fmt.Sprintf("unread%d", n), Select: of, Into: into, Before: before})
		})
		require.NoError(t, p.Err)
		return into, p
	}
	from, p := again()
	require.Equal(t, 1, p.Counts["widgets.unread.example.com"])
	before = &objects.Before{Source: from, Start: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), Counts: p.Counts}

	require.NoError(t, s.Client.Patch(t.Context(), crd, client.RawPatch(types.JSONPatchType, []byte(`[{"op": "replace", "path": "/spec/versions/0/served", "value": false}]`))))
	require.Eventually(t, func() bool {
		from, p = again()
		return p.Findings.Count[objects.NotRead] == 1
	}, time.Minute, 100*time.Millisecond, "the type must not be served")
	assert.Equal(t, 1, p.Counts["widgets.unread.example.com"])
	assert.Contains(t, p.Findings.Of(objects.NotRead)[0].What, "what was captured of it at 2026-01-01T12:00:00Z is kept")

	require.NoError(t, s.Client.Patch(t.Context(), crd, client.RawPatch(types.JSONPatchType, []byte(`[{"op": "replace", "path": "/spec/versions/0/served", "value": true}]`))))
	served := func() bool {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(widget.GroupVersionKind())
		return s.Client.List(t.Context(), list) == nil
	}
	require.Eventually(t, served, time.Minute, 50*time.Millisecond, "the type has to be served")
	s.remove(t, widget)
	require.Eventually(t, func() bool { // discovery follows a moment later
		s.Engine.Forget(group, "unread")
		p = restore(t, s.Engine, objects.RestoreRequest{ID: "unread", From: from, Select: of})
		return p.Err == nil
	}, time.Minute, 100*time.Millisecond, "it has to be restored")
	assert.NotNil(t, s.read(t, widget), "it is restored as it was kept")

	s.remove(t, widget)
	s.remove(t, crd)
	require.Eventually(t, func() bool {
		_, p = again()
		return p.Findings.Count[objects.LeftOut] == 1
	}, time.Minute, 100*time.Millisecond, "a type that was removed is let go")
	assert.Equal(t, []string{"widgets.unread.example.com"}, titles(p, objects.LeftOut))
	assert.Zero(t, p.Counts["widgets.unread.example.com"])
	assert.Zero(t, p.Findings.Count[objects.NotRead])
}
