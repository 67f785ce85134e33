// SPDX-License-Identifier: Apache-2.0

// Package enginetest is the conformance suite of engines that capture and restore Kubernetes objects: what is relied on,
// whichever engine it is. It needs a real API server.
package enginetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
)

// Subject is an engine and the cluster that it works on.
type Subject struct {
	Engine objects.Engine
	// Poor is the engine with no right but to read and make ConfigMaps, and to read namespaces.
	Poor objects.Engine
	// Dying makes one whose process ends at a write: after so many of them, or, if late, when the API server has the next one, too.
	Dying func(writes int, late bool) objects.Engine
	// Client of the cluster may do all.
	Client client.Client
}

// Run checks one engine.
func Run(t *testing.T, s Subject) {
	t.Helper()
	for name, check := range map[string]func(*testing.T, Subject){
		"an application comes back as it was":         comesBack,
		"what exists is kept, and named":              keeps,
		"what exists is changed if that is asked for": overwrites,
		"a namespace that goes is not captured":       leaving,
		"a capture is of one instant":                 instant,
		"a restore stays within its namespaces":       within,
		"a type that is not served is told":           notServed,
		"a right that is missing is told":             rights,
		"nothing is made of a capture with a hole":    hole,
		"a request is run once":                       once,
		"a store that fails ends a capture":           storeFails,
		"a restore that is interrupted is completed":  interrupted,
		"an owner may come after what it owns":        orphaned,
		"an owner may run what it owns":               lateOwner,
		"what a rule refuses is told, and made later": refused,
		"what can't be read is kept":                  unread,
	} {
		t.Run(name, func(t *testing.T) { check(t, s) })
	}
}

var group = capsule.Group{Namespace: "ops", Name: "g"}

// store keeps the parts of one step.
type store struct {
	mu    sync.Mutex
	parts [][]byte
	fail  error
}

// Put implements objects.Sink.
func (s *store) Put(_ context.Context, part []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail == nil {
		s.parts = append(s.parts, slices.Clone(part))
	}
	return s.fail
}

// Each implements objects.Source.
func (s *store) Each(_ context.Context, do func([]byte) error) error {
	for _, part := range s.parts {
		if err := do(part); err != nil {
			return err
		}
	}
	return s.fail
}

func await(t *testing.T, call func() (objects.Progress, error)) objects.Progress {
	t.Helper()
	var p objects.Progress
	require.Eventually(t, func() bool {
		var err error
		p, err = call()
		require.NoError(t, err)
		return p.State != objects.Running
	}, 2*time.Minute, 5*time.Millisecond, "the request has to come to an end")
	return p
}

func capture(t *testing.T, e objects.Engine, id string, of objects.Selection) (*store, objects.Progress) {
	t.Helper()
	into := &store{}
	p := await(t, func() (objects.Progress, error) {
		return e.Capture(t.Context(), objects.CaptureRequest{Group: group, ID: id, Select: of, Into: into})
	})
	require.NoError(t, p.Err)
	return into, p
}

func restore(t *testing.T, e objects.Engine, r objects.RestoreRequest) objects.Progress {
	t.Helper()
	r.Group = group
	return await(t, func() (objects.Progress, error) { return e.Restore(t.Context(), r) })
}

// make creates objects, with the fields of metadata that the text has. ${NS} stands for the namespace.
func (s Subject) make(t *testing.T, ns, text string) []*unstructured.Unstructured {
	t.Helper()
	var out []*unstructured.Unstructured
	for part := range strings.SplitSeq(strings.ReplaceAll(text, "${NS}", ns), "\n---\n") {
		u := &unstructured.Unstructured{}
		require.NoError(t, yaml.Unmarshal([]byte(part), &u.Object), part)
		if u.GetNamespace() == "" && u.GetKind() != "Namespace" && u.GetKind() != "CustomResourceDefinition" {
			u.SetNamespace(ns)
		}
		require.NoError(t, s.Client.Create(t.Context(), u), part)
		out = append(out, u)
	}
	return out
}

func (s Subject) namespace(t *testing.T, name string) string {
	t.Helper()
	s.make(t, name, "{apiVersion: v1, kind: Namespace, metadata: {name: ${NS}, labels: {team: shop}}}")
	return name
}

// read is an object as it is now; nil: there is none.
func (s Subject) read(t *testing.T, like *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(like.GroupVersionKind())
	err := s.Client.Get(t.Context(), client.ObjectKeyFromObject(like), u)
	if apierrors.IsNotFound(err) {
		return nil
	}
	require.NoError(t, err)
	return u
}

func (s Subject) remove(t *testing.T, of ...*unstructured.Unstructured) {
	t.Helper()
	for _, u := range of {
		if is := s.read(t, u); is != nil && is.GetFinalizers() != nil && is.GetKind() != "CustomResourceDefinition" {
			require.NoError(t, s.Client.Patch(t.Context(), is, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))))
		}
		if err := s.Client.Delete(t.Context(), u, client.GracePeriodSeconds(0), client.PropagationPolicy(metav1.DeletePropagationBackground)); !apierrors.IsNotFound(err) {
			require.NoError(t, err)
		}
		require.Eventually(t, func() bool {
			is := &unstructured.Unstructured{}
			is.SetGroupVersionKind(u.GroupVersionKind())
			return apierrors.IsNotFound(s.Client.Get(t.Context(), client.ObjectKeyFromObject(u), is))
		}, time.Minute, 20*time.Millisecond, "%s %s has to go", u.GetKind(), u.GetName())
	}
}

func titles(p objects.Progress, of objects.Reason) []string {
	var out []string
	for _, f := range p.Findings.List {
		if f.Reason == of {
			out = append(out, f.Object)
		}
	}
	slices.Sort(out)
	return out
}

func within(t *testing.T, s Subject) {
	mine, other := s.namespace(t, "within"), s.namespace(t, "elsewhere")
	made := append(s.make(t, mine, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"), s.make(t, other, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")...)
	from, p := capture(t, s.Engine, "within", objects.Selection{Namespaces: []string{mine, other}})
	assert.Equal(t, 2, p.Counts["configmaps"])
	s.remove(t, made...)
	p = restore(t, s.Engine, objects.RestoreRequest{ID: "within", From: from, Select: objects.Selection{Namespaces: []string{mine}}})
	require.NoError(t, p.Err)
	assert.NotNil(t, s.read(t, made[0]))
	assert.Nil(t, s.read(t, made[1]), "what lies in the store decides nothing about namespaces")
}

func hole(t *testing.T, s Subject) {
	ns := s.namespace(t, "hole")
	made := s.make(t, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
	from, _ := capture(t, s.Engine, "hole", objects.Selection{Namespaces: []string{ns}})
	s.remove(t, made...)
	from.fail = errors.New("object x/2 is missing")
	p := restore(t, s.Engine, objects.RestoreRequest{ID: "hole", From: from, Select: objects.Selection{Namespaces: []string{ns}}})
	assert.Equal(t, objects.Failed, p.State)
	require.ErrorContains(t, p.Err, "object x/2 is missing")
	assert.Nil(t, s.read(t, made[0]), "nothing is made before all is read")
}

func once(t *testing.T, s Subject) {
	ns := s.namespace(t, "once")
	s.make(t, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
	of := objects.Selection{Namespaces: []string{ns}}
	_, first := capture(t, s.Engine, "once", of)
	s.make(t, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}")
	again, same := capture(t, s.Engine, "once", of)
	assert.Equal(t, first, same)
	assert.Empty(t, again.parts)
	s.Engine.Forget(group, "once")
	into, p := capture(t, s.Engine, "once", of)
	assert.Equal(t, first.Objects+1, p.Objects)
	assert.NotEmpty(t, into.parts)
}

func storeFails(t *testing.T, s Subject) {
	ns := s.namespace(t, "store-fails")
	into := &store{fail: errors.New("no store is left")}
	p := await(t, func() (objects.Progress, error) {
		return s.Engine.Capture(t.Context(), objects.CaptureRequest{Group: group, ID: "fails", Select: objects.Selection{Namespaces: []string{ns}}, Into: into})
	})
	assert.Equal(t, objects.Failed, p.State)
	require.ErrorContains(t, p.Err, "no store is left")
}

// instant has somebody write a number into a Secret and then into a ConfigMap, again and again: at each instant the numbers are
// the same, or the Secret's is one more.
func instant(t *testing.T, s Subject) {
	ns := s.namespace(t, "instant")
	made := s.make(t, ns, "{apiVersion: v1, kind: Secret, metadata: {name: number, labels: {number: '0'}}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: number, labels: {number: '0'}}}")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		for n := 1; ; n++ {
			for _, u := range made {
				u.SetLabels(map[string]string{"number": fmt.Sprint(n)})
				if err := s.Client.Update(ctx, u); err != nil {
					done <- err
					return
				}
			}
		}
	}()
	seen := map[string]bool{}
	var all []*store
	for i := range 8 {
		from, p := capture(t, s.Engine, fmt.Sprintf("instant-%d", i), objects.Selection{Namespaces: []string{ns}})
		assert.NotEmpty(t, p.Version)
		assert.Empty(t, titles(p, objects.NotAtOnce))
		all = append(all, from)
	}
	stop()
	require.ErrorIs(t, <-done, context.Canceled, "the writer has to go on until the end")
	for i, from := range all {
		s.remove(t, made...)
		p := restore(t, s.Engine, objects.RestoreRequest{ID: fmt.Sprintf("instant-%d", i), From: from, Select: objects.Selection{Namespaces: []string{ns}}})
		require.NoError(t, p.Err)
		var secret, config int
		_, err := fmt.Sscan(s.read(t, made[0]).GetLabels()["number"]+" "+s.read(t, made[1]).GetLabels()["number"], &secret, &config)
		require.NoError(t, err)
		assert.Contains(t, []int{0, 1}, secret-config, "capture %d: the Secret has %d, the ConfigMap %d", i, secret, config)
		seen[fmt.Sprint(secret)] = true
	}
	assert.Greater(t, len(seen), 2, "the writer has to write meanwhile")
}

// leaving has a namespace on its way out, some objects of which may be gone already.
func leaving(t *testing.T, s Subject) {
	ns := s.namespace(t, "leaving")
	s.make(t, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
	space := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
	space.SetName(ns)
	require.NoError(t, s.Client.Delete(t.Context(), space))
	into := &store{}
	p := await(t, func() (objects.Progress, error) {
		return s.Engine.Capture(t.Context(), objects.CaptureRequest{Group: group, ID: "leaving", Select: objects.Selection{Namespaces: []string{ns}}, Into: into})
	})
	assert.Equal(t, objects.Failed, p.State)
	require.ErrorContains(t, p.Err, "namespace leaving is being deleted")
}
