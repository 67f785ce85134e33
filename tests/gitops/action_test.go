// SPDX-License-Identifier: Apache-2.0

package gitops

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/tests/gitops/record"
)

type actions struct {
	Discovery   string `json:"discovery.lua"`
	Definitions []struct {
		Name string
		Lua  string `json:"action.lua"`
	}
}

func actionsOf(t *testing.T, kind string) actions {
	t.Helper()
	var a actions
	require.NoError(t, yaml.UnmarshalStrict([]byte(customization(t, "actions", kind)), &a))
	return a
}

func (a actions) script(t *testing.T, name string) string {
	t.Helper()
	for _, d := range a.Definitions {
		if d.Name == name {
			return d.Lua
		}
	}
	require.Fail(t, "no such action", name)
	return ""
}

func TestAnActionWritesTheSpecAndNothingElse(t *testing.T) {
	a := actionsOf(t, "DRPlacementControl")
	recorded := record.Load(t, drpcs)
	for name, tc := range map[string]struct {
		on, action string
		params     map[string]any
		spec       map[string]any // what changes; nil: the field is gone
		fails      string
	}{
		"failover to the other cluster": {"deployed", "failover", nil, map[string]any{"action": "Failover"}, ""},
		"failover to a cluster":         {"deployed", "failover", map[string]any{"cluster": "dr2"}, map[string]any{"action": "Failover", "failoverCluster": "dr2"}, ""},
		"failover back":                 {"failed-over", "failover", map[string]any{"cluster": "dr1"}, map[string]any{"failoverCluster": "dr1"}, ""},
		"failover again, anywhere":      {"failed-over", "failover", map[string]any{"cluster": ""}, nil, "name the cluster to fail over to"},
		"failover after a relocate":     {"relocated", "failover", nil, map[string]any{"action": "Failover"}, ""},
		"relocate":                      {"failed-over", "relocate", map[string]any{"cluster": "dr1"}, map[string]any{"action": "Relocate", "preferredCluster": "dr1"}, ""},
		"relocate, anywhere":            {"deployed", "relocate", nil, nil, "name the cluster to relocate to"},
		"clear":                         {"failed-over", "clear", nil, map[string]any{"action": nil}, ""},
		"clear nothing":                 {"deployed", "clear", nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			was := recorded[tc.on]
			require.NotNil(t, was, tc.on)
			// A selector of everything is an empty map, which Lua can't tell from an empty list.
			require.NoError(t, unstructured.SetNestedMap(was.Object, map[string]any{}, "spec", "pvcSelector"))
			want := was.DeepCopy()
			for field, value := range tc.spec {
				if value == nil {
					unstructured.RemoveNestedField(want.Object, "spec", field)
					continue
				}
				require.NoError(t, unstructured.SetNestedField(want.Object, value, "spec", field))
			}
			got, err := runLua(t, a.script(t, tc.action), was, tc.params)
			if tc.fails != "" {
				require.ErrorContains(t, err, tc.fails)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, want.Object, got)
		})
	}
}

func TestActionsAreOfferedWhereTheyMakeSense(t *testing.T) {
	a := actionsOf(t, "DRPlacementControl")
	recorded := record.Load(t, drpcs)
	for on, want := range map[string]map[string]bool{
		"deployed":                {"failover": true, "relocate": true, "clear": false},
		"deployed-home-lost":      {"failover": true, "relocate": true, "clear": false},
		"deployed-peer-lost":      {"failover": true, "relocate": false, "clear": false},
		"failed-over":             {"failover": true, "relocate": true, "clear": true},
		"failed-over-source-lost": {"failover": true, "relocate": false, "clear": true},
		"deleting-peer-lost":      {"failover": false, "relocate": false, "clear": false},
	} {
		t.Run(on, func(t *testing.T) {
			require.NotNil(t, recorded[on])
			out, err := runLua(t, a.Discovery, recorded[on], nil)
			require.NoError(t, err)
			offered := map[string]bool{}
			for name, action := range out.(map[string]any) {
				offered[name] = action.(map[string]any)["disabled"] == false
				assert.NotEmpty(t, a.script(t, name))
			}
			assert.Equal(t, want, offered)
			assert.Len(t, a.Definitions, len(offered), "what is defined is offered")
		})
	}
}
