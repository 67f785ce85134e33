// SPDX-License-Identifier: Apache-2.0

package gitops

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	lua "github.com/yuin/gopher-lua"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// customization is what the patch of Argo CD's ConfigMap says under a key for the kind.
func customization(t *testing.T, what, kind string) string {
	t.Helper()
	text, err := os.ReadFile("../../config/gitops/argocd/argocd-cm.yaml")
	require.NoError(t, err)
	cm := &corev1.ConfigMap{}
	require.NoError(t, yaml.UnmarshalStrict(text, cm))
	require.Equal(t, "argocd-cm", cm.Name)
	script := cm.Data["resource.customizations."+what+".ramendr.openshift.io_"+kind]
	require.NotEmpty(t, script, "%s of %s", what, kind)
	return script
}

// runLua runs a script as Argo CD does: the object is the global obj, parameters of an action are actionParams, and of
// Lua's libraries only the base and tables are there.
func runLua(t *testing.T, script string, obj *unstructured.Unstructured, params map[string]any) (any, error) {
	t.Helper()
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	for name, open := range map[string]lua.LGFunction{lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		require.NoError(t, l.CallByParam(lua.P{Fn: l.NewFunction(open), Protect: true}, lua.LString(name)))
	}
	l.SetGlobal("obj", toLua(l, obj.Object))
	l.SetGlobal("actionParams", toLua(l, params))
	if err := l.DoString(script); err != nil {
		return nil, err
	}
	return fromLua(l.Get(-1), obj.Object), nil
}

func toLua(l *lua.LState, value any) lua.LValue {
	switch v := value.(type) {
	case map[string]any:
		table := l.NewTable()
		for key, item := range v {
			table.RawSetString(key, toLua(l, item))
		}
		return table
	case []any:
		table := l.NewTable()
		for _, item := range v {
			table.Append(toLua(l, item))
		}
		return table
	case string:
		return lua.LString(v)
	case bool:
		return lua.LBool(v)
	case int64:
		return lua.LNumber(v)
	case float64:
		return lua.LNumber(v)
	default:
		return lua.LNil
	}
}

// fromLua turns a value back. An empty table is what it was before: Lua can't tell an empty list from an empty map, and
// Argo CD restores them in the same way.
func fromLua(value lua.LValue, was any) any {
	switch v := value.(type) {
	case *lua.LTable:
		if list, ok := was.([]any); v.Len() > 0 || ok {
			out := make([]any, 0, v.Len())
			for i := range v.Len() {
				var before any
				if i < len(list) {
					before = list[i]
				}
				out = append(out, fromLua(v.RawGetInt(i+1), before))
			}
			return out
		}
		before, _ := was.(map[string]any)
		out := map[string]any{}
		v.ForEach(func(key, item lua.LValue) { out[key.String()] = fromLua(item, before[key.String()]) })
		return out
	case lua.LString:
		return string(v)
	case lua.LBool:
		return bool(v)
	case lua.LNumber:
		if n := float64(v); n == math.Trunc(n) {
			return int64(n)
		}
		return float64(v)
	default:
		return nil
	}
}

// argoHealth is the health that Argo CD shows.
func argoHealth(t *testing.T, obj *unstructured.Unstructured) (status, message string) {
	t.Helper()
	out, err := runLua(t, customization(t, "health", obj.GetKind()), obj, nil)
	require.NoError(t, err)
	health, ok := out.(map[string]any)
	require.True(t, ok, "a health script returns a table")
	require.Len(t, health, 2)
	status, message = health["status"].(string), health["message"].(string)
	require.Contains(t, []string{"Healthy", "Progressing", "Degraded", "Suspended"}, status)
	require.NotEmpty(t, strings.Trim(message, "; "), "a health says why")
	return status, message
}
