// SPDX-License-Identifier: Apache-2.0

package builtin_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/builtin"
)

// sink counts what it is given.
type sink struct{ bytes atomic.Int64 }

func (s *sink) Put(_ context.Context, part []byte) error {
	s.bytes.Add(int64(len(part)))
	return nil
}

const widgets = "/apis/example.com/v1/namespaces/shop/widgets"

// server serves a namespace with a ConfigMap, and widgets whose list fails on its second page while fail is set, as when the webhook that
// converts them is gone.
func server(t *testing.T, fail *atomic.Bool) *httptest.Server {
	verbs := []string{"get", "list", "create"}
	body := map[string]any{
		"/api": map[string]any{"kind": "APIVersions", "versions": []string{"v1"}},
		"/apis": map[string]any{"kind": "APIGroupList", "groups": []any{map[string]any{
			"name": "example.com", "versions": []any{map[string]any{"groupVersion": "example.com/v1", "version": "v1"}}, "preferredVersion": map[string]any{"groupVersion": "example.com/v1", "version": "v1"},
		}}},
		"/api/v1": metav1.APIResourceList{GroupVersion: "v1", APIResources: []metav1.APIResource{
			{Name: "namespaces", Kind: "Namespace", Verbs: verbs}, {Name: "configmaps", Kind: "ConfigMap", Namespaced: true, Verbs: verbs},
		}},
		"/apis/example.com/v1": metav1.APIResourceList{GroupVersion: "example.com/v1", APIResources: []metav1.APIResource{
			{Name: "widgets", Kind: "Widget", Namespaced: true, Verbs: verbs},
		}},
		"/api/v1/namespaces":      map[string]any{"kind": "NamespaceList", "apiVersion": "v1", "metadata": map[string]any{"resourceVersion": "7"}, "items": []any{}},
		"/api/v1/namespaces/shop": map[string]any{"kind": "Namespace", "apiVersion": "v1", "metadata": map[string]any{"name": "shop"}},
		"/api/v1/namespaces/shop/configmaps": map[string]any{"kind": "ConfigMapList", "apiVersion": "v1", "metadata": map[string]any{"resourceVersion": "7"}, "items": []any{
			map[string]any{"metadata": map[string]any{"name": "settings", "namespace": "shop"}},
		}},
		widgets: map[string]any{"kind": "WidgetList", "apiVersion": "example.com/v1", "metadata": map[string]any{"resourceVersion": "7", "continue": "page-2"}, "items": []any{}},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answer, ok := body[r.URL.Path]
		switch {
		case !ok:
			w.WriteHeader(http.StatusNotFound)
			answer = metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Reason: metav1.StatusReasonNotFound, Code: 404}
		case r.URL.Path != widgets || r.URL.Query().Get("continue") == "":
		case !fail.Load():
			answer = map[string]any{"kind": "WidgetList", "apiVersion": "example.com/v1", "metadata": map[string]any{"resourceVersion": "7"}, "items": []any{}}
		default:
			w.WriteHeader(http.StatusInternalServerError)
			answer = metav1.Status{
				TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Reason: metav1.StatusReasonInternalError, Code: 500,
				Message: `conversion webhook for example.com/v1, Kind=Widget failed: service "gone" not found`,
			}
		}
		assert.NoError(t, json.NewEncoder(w).Encode(answer))
	}))
	t.Cleanup(s.Close)
	return s
}

// TestATypeThatCannotBeListedIsNamed, and the rest is captured, if that lasts. Before, captures fail and are made again: what passes
// must not take what the capture before has.
func TestATypeThatCannotBeListedIsNamed(t *testing.T) {
	var fail atomic.Bool
	engine, err := builtin.New(&rest.Config{Host: server(t, &fail).URL})
	require.NoError(t, err)
	clock := clocktesting.NewFakePassiveClock(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	engine.Clock = clock
	later := func(by time.Duration) { clock.SetTime(clock.Now().Add(by)) }
	n := 0
	capture := func() (objects.Progress, int64) {
		n++
		into, p := &sink{}, objects.Progress{}
		require.Eventually(t, func() bool {
			p, err = engine.Capture(t.Context(), objects.CaptureRequest{
				Group: capsule.Group{Namespace: "shop", Name: "db"}, ID: string(rune('a' + n)), Select: objects.Selection{Namespaces: []string{"shop"}}, Into: into,
			})
			return err == nil && (p.State == objects.Done || p.State == objects.Failed)
		}, 30*time.Second, 5*time.Millisecond)
		return p, into.bytes.Load()
	}
	of := func(p objects.Progress) (out []objects.Finding) {
		for _, f := range p.Findings.List {
			if f.Reason == objects.NotRead {
				out = append(out, f)
			}
		}
		return out
	}
	whole, _ := capture()
	require.NoError(t, whole.Err)
	require.Equal(t, 2, whole.Objects)

	fail.Store(true)
	for range 3 { // of whatever application
		first, _ := capture()
		require.ErrorContains(t, first.Err, `service "gone" not found`)
		later(3 * time.Minute)
	}
	later(time.Minute)
	second, bytes := capture()
	require.NoError(t, second.Err)
	assert.Equal(t, whole.Objects, second.Objects, "the rest is captured")
	assert.NotZero(t, bytes)
	require.Len(t, of(second), 1)
	assert.Contains(t, of(second)[0].What, `service "gone" not found`)

	fail.Store(false)
	again, _ := capture()
	require.NoError(t, again.Err)
	assert.Empty(t, of(again))
	fail.Store(true)
	later(time.Hour)
	again, _ = capture()
	require.Error(t, again.Err, "what was listed in between counts")
}
