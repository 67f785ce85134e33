// SPDX-License-Identifier: Apache-2.0

package builtin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/builtin"
	"github.com/ramendr/ramen-direct/spokectrl/objects/portable"
)

// sink keeps what it is given.
type sink struct {
	parts [][]byte
	lost  error // what is lost of them
}

func (s *sink) Put(_ context.Context, part []byte) error {
	s.parts = append(s.parts, part)
	return nil
}

func (s *sink) Each(_ context.Context, do func([]byte) error) error {
	for _, part := range s.parts {
		if err := do(part); err != nil {
			return err
		}
	}
	return s.lost
}

// has are the objects that were captured.
func (s *sink) has(t *testing.T) (out []string) {
	t.Helper()
	for _, part := range s.parts {
		for line := range strings.Lines(string(part)) {
			it, err := portable.Parse([]byte(line))
			require.NoError(t, err)
			out = append(out, it.Title())
		}
	}
	slices.Sort(out)
	return out
}

const (
	widgets    = "/apis/example.com/v1/namespaces/shop/widgets"
	definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com"
)

// fake is an API server with a namespace, a ConfigMap, and two widgets on two pages.
type fake struct {
	mu   sync.Mutex
	fail map[string]metav1.Status // by path, or path and continue
	gone map[string]bool          // groups that are not served, and paths
}

func (f *fake) breaks(path string, s metav1.Status) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = map[string]metav1.Status{path: s}
}

func (f *fake) remove(what ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone = map[string]bool{}
	for _, one := range what {
		f.gone[one] = true
	}
}

func failure(code int32, reason metav1.StatusReason, message string) metav1.Status {
	return metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Code: code, Reason: reason, Message: message}
}

func list(kind, version, next string, names ...string) map[string]any {
	items := []any{}
	for _, name := range names {
		items = append(items, map[string]any{"metadata": map[string]any{"name": name, "namespace": "shop"}})
	}
	return map[string]any{"kind": kind + "List", "apiVersion": version, "metadata": map[string]any{"resourceVersion": "7", "continue": next}, "items": items}
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	verbs := []string{"get", "list", "create"}
	groups := []any{}
	for _, name := range []string{"apiextensions.k8s.io", "apiregistration.k8s.io", "example.com"} {
		if version := map[string]any{"groupVersion": name + "/v1", "version": "v1"}; !f.gone[name] {
			groups = append(groups, map[string]any{"name": name, "versions": []any{version}, "preferredVersion": version})
		}
	}
	types := func(version string, of ...metav1.APIResource) metav1.APIResourceList {
		for i := range of {
			of[i].Verbs = verbs
		}
		return metav1.APIResourceList{GroupVersion: version, APIResources: of}
	}
	body := map[string]any{
		"/api":                            map[string]any{"kind": "APIVersions", "versions": []string{"v1"}},
		"/apis":                           map[string]any{"kind": "APIGroupList", "groups": groups},
		"/api/v1":                         types("v1", metav1.APIResource{Name: "namespaces", Kind: "Namespace"}, metav1.APIResource{Name: "configmaps", Kind: "ConfigMap", Namespaced: true}),
		"/apis/example.com/v1":            types("example.com/v1", metav1.APIResource{Name: "widgets", Kind: "Widget", Namespaced: true}),
		"/apis/apiextensions.k8s.io/v1":   types("apiextensions.k8s.io/v1", metav1.APIResource{Name: "customresourcedefinitions", Kind: "CustomResourceDefinition"}),
		"/apis/apiregistration.k8s.io/v1": types("apiregistration.k8s.io/v1", metav1.APIResource{Name: "apiservices", Kind: "APIService"}),
		"/apis/apiregistration.k8s.io/v1/apiservices": list("APIService", "apiregistration.k8s.io/v1", ""),
		definition:                           map[string]any{"kind": "CustomResourceDefinition", "apiVersion": "apiextensions.k8s.io/v1", "metadata": map[string]any{"name": "widgets.example.com"}},
		"/api/v1/namespaces":                 list("Namespace", "v1", ""),
		"/api/v1/namespaces/shop":            map[string]any{"kind": "Namespace", "apiVersion": "v1", "metadata": map[string]any{"name": "shop"}},
		"/api/v1/namespaces/shop/configmaps": list("ConfigMap", "v1", "", "settings"),
		widgets:                              list("Widget", "example.com/v1", "page-2", "one"),
		widgets + "?page-2":                  list("Widget", "example.com/v1", "", "two"),
	}
	path := r.URL.Path
	if next := r.URL.Query().Get("continue"); next != "" {
		path += "?" + next
	}
	answer, ok := body[path]
	if ok = ok && !f.gone[path]; !ok {
		answer = failure(http.StatusNotFound, metav1.StatusReasonNotFound, "there is no "+path)
	}
	if s, fails := f.fail[path]; fails {
		answer, ok = s, false
	}
	w.Header().Set("Content-Type", "application/json")
	if s, is := answer.(metav1.Status); is && !ok {
		w.WriteHeader(int(s.Code))
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// TestWhatCanNotBeReadIsKept : whatever fails, what the capture before has of it is in the next one, which names it.
func TestWhatCanNotBeReadIsKept(t *testing.T) {
	api := &fake{}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	engine, err := builtin.New(&rest.Config{Host: server.URL, QPS: -1})
	require.NoError(t, err)
	n := 0
	capture := func(before *objects.Before, change ...func(*objects.Selection)) (objects.Progress, *sink) {
		n++
		into, p := &sink{}, objects.Progress{}
		of := objects.Selection{Namespaces: []string{"shop"}}
		for _, do := range change {
			do(&of)
		}
		require.Eventually(t, func() bool {
			p, err = engine.Capture(t.Context(), objects.CaptureRequest{Group: capsule.Group{Namespace: "shop", Name: "db"}, ID: fmt.Sprint(n), Select: of, Into: into, Before: before})
			return err == nil && p.State != objects.Running
		}, 30*time.Second, 5*time.Millisecond)
		return p, into
	}
	all := []string{"ConfigMap shop/settings", "Namespace shop", "Widget.example.com shop/one", "Widget.example.com shop/two"}
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	p, whole := capture(nil)
	require.NoError(t, p.Err)
	require.Empty(t, p.Findings.List)
	require.Equal(t, all, whole.has(t))
	before := &objects.Before{Source: whole, Start: noon, Counts: p.Counts}
	unavailable := failure(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "no endpoints available")
	for name, tc := range map[string]struct {
		path  string // that fails
		with  metav1.Status
		gone  []string
		title string
		what  string
	}{
		"a load balancer has no backend":        {widgets, unavailable, nil, "widgets.example.com in namespace shop", "repair the server that serves it"},
		"there is none for the second page":     {widgets + "?page-2", unavailable, nil, "widgets.example.com in namespace shop", "no endpoints available"},
		"the type goes between two requests":    {widgets, failure(404, metav1.StatusReasonNotFound, "not found"), nil, "widgets.example.com in namespace shop", "look at its definition"},
		"its list goes":                         {widgets, failure(405, metav1.StatusReasonMethodNotAllowed, "not allowed"), nil, "widgets.example.com in namespace shop", "look at its definition"},
		"its webhook is gone":                   {widgets + "?page-2", failure(500, metav1.StatusReasonInternalError, `conversion webhook for example.com/v1, Kind=Widget failed: service "gone" not found`), nil, "widgets.example.com in namespace shop", "repair the webhook"},
		"its group does not answer":             {"/apis/example.com/v1", unavailable, nil, "example.com/v1", "repair the server of its APIService"},
		"the namespace is gone":                 {"", metav1.Status{}, []string{"/api/v1/namespaces/shop"}, "Namespace shop", "create it, or remove it from the namespaces of the application"},
		"an API server starts":                  {"", metav1.Status{}, []string{"example.com"}, "widgets.example.com", "does not serve it at the moment"},
		"definitions are not served either":     {"", metav1.Status{}, []string{"example.com", "apiextensions.k8s.io", definition}, "widgets.example.com", "does not serve it at the moment"},
		"nobody knows who serves it":            {"/apis/apiregistration.k8s.io/v1/apiservices", unavailable, []string{"example.com", definition}, "widgets.example.com", "does not serve it at the moment"},
		"who may serve it may not be looked up": {definition, failure(403, metav1.StatusReasonForbidden, "forbidden"), []string{"example.com"}, "widgets.example.com", "does not serve it at the moment"},
	} {
		t.Run(name, func(t *testing.T) {
			api.breaks(tc.path, tc.with)
			api.remove(tc.gone...)
			p, into := capture(before)
			require.NoError(t, p.Err)
			assert.Equal(t, all, into.has(t))
			require.Equal(t, 1, p.Findings.Count[objects.NotRead], "%v", p.Findings.List)
			f := p.Findings.Of(objects.NotRead)[0]
			assert.Equal(t, tc.title, f.Object)
			assert.Contains(t, f.What, tc.what)
			assert.Contains(t, f.What, "; what was captured of it at 2026-01-01T12:00:00Z is kept")

			later := &objects.Before{Source: into, Start: noon.Add(time.Hour), Counts: p.Counts, Kept: p.Kept}
			p, into = capture(later)
			require.NoError(t, p.Err)
			assert.Equal(t, all, into.has(t))
			assert.Contains(t, p.Findings.Of(objects.NotRead)[0].What, "at 2026-01-01T12:00:00Z is kept", "it gets no younger")

			p, into = capture(nil)
			require.NoError(t, p.Err)
			if tc.title == "widgets.example.com" {
				assert.Zero(t, p.Findings.Count[objects.NotRead], "only the capture before tells that there was such a type")
			} else {
				require.Equal(t, 1, p.Findings.Count[objects.NotRead], "without one before, too")
				assert.NotContains(t, p.Findings.List[0].What, "is kept")
			}
			assert.NotEqual(t, all, into.has(t))
		})
	}
	t.Run("a type that was removed is let go", func(t *testing.T) {
		api.breaks("", metav1.Status{})
		api.remove("example.com", definition)
		p, into := capture(before)
		require.NoError(t, p.Err)
		assert.Equal(t, all[:2], into.has(t))
		assert.Equal(t, []objects.Finding{{Reason: objects.LeftOut, Object: "widgets.example.com", What: "its type was removed from this cluster after the capture before"}}, p.Findings.List)
	})
	t.Run("what is lost of the capture before ends nothing", func(t *testing.T) {
		api.breaks(widgets, unavailable)
		api.remove()
		damaged := *before
		damaged.Source = &sink{append([][]byte{[]byte("{}\n")}, whole.parts...), nil}
		p, into := capture(&damaged)
		require.NoError(t, p.Err)
		assert.Equal(t, all, into.has(t), "all that can be read is kept")
		assert.Contains(t, p.Findings.Of(objects.NotRead)[0].What, "a part of the capture before, which may have some of it, can't be read: decode an object")

		damaged.Source = &sink{nil, &objects.LostError{Err: errors.New("object 000001 is missing")}}
		p, into = capture(&damaged)
		require.NoError(t, p.Err)
		assert.Equal(t, all[:2], into.has(t))
		assert.Contains(t, p.Findings.Of(objects.NotRead)[0].What, "can't be read: object 000001 is missing")

		damaged.Source = &sink{nil, errors.New("no answer")}
		p, _ = capture(&damaged)
		require.ErrorContains(t, p.Err, "no answer")
	})
	t.Run("what is not asked for is not missed", func(t *testing.T) {
		api.breaks("/apis/example.com/v1", unavailable)
		api.remove()
		for _, change := range []func(*objects.Selection){
			func(s *objects.Selection) { s.Included = []string{"configmaps"} },
			func(s *objects.Selection) { s.Included = []string{"cm.other.org", "ConfigMap"} },
		} {
			p, _ := capture(before, change)
			require.NoError(t, p.Err)
			assert.Zero(t, p.Findings.Count[objects.NotRead], "%v", p.Findings.List)
		}
		p, _ := capture(before, func(s *objects.Selection) { s.Included = []string{"configmaps", "widget"} })
		assert.Equal(t, 1, p.Findings.Count[objects.NotRead], "it may be of that group")
		api.breaks("", metav1.Status{})
		api.remove("example.com")
		p, into := capture(before, func(s *objects.Selection) { s.Excluded = []string{"widgets.example.com"} })
		require.NoError(t, p.Err)
		assert.Empty(t, p.Findings.List)
		assert.Equal(t, all[:2], into.has(t))
	})
}
