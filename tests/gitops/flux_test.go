// SPDX-License-Identifier: Apache-2.0

package gitops

import (
	"os"
	"testing"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/yaml"
)

// healthCheck are the expressions for one kind in a Kustomization of Flux.
type healthCheck struct {
	APIVersion, Kind, InProgress, Failed, Current string
}

func healthChecks(t *testing.T) map[string]healthCheck {
	t.Helper()
	text, err := os.ReadFile("../../config/gitops/flux/kustomization.yaml")
	require.NoError(t, err)
	var k struct {
		Spec struct{ HealthCheckExprs []healthCheck }
	}
	require.NoError(t, yaml.Unmarshal(text, &k))
	out := map[string]healthCheck{}
	for _, c := range k.Spec.HealthCheckExprs {
		require.Equal(t, "ramendr.openshift.io/v1alpha1", c.APIVersion)
		require.NotEmpty(t, c.Current, "Flux requires it")
		out[c.Kind] = c
	}
	return out
}

// fluxStatus is how Flux sees an object: an observed generation that is not the newest is in progress; then the
// expressions, in this order; what none of them claims is in progress. An expression that fails to evaluate is an error,
// and Flux asks again.
func fluxStatus(t *testing.T, c healthCheck, obj *unstructured.Unstructured) (string, error) {
	t.Helper()
	observed, found, err := unstructured.NestedInt64(obj.Object, "status", "observedGeneration")
	require.NoError(t, err)
	if found && observed != obj.GetGeneration() {
		return "InProgress", nil
	}
	for _, e := range []struct{ is, expression string }{{"InProgress", c.InProgress}, {"Failed", c.Failed}, {"Current", c.Current}} {
		if e.expression == "" {
			continue
		}
		ok, err := evaluate(t, e.expression, obj.Object)
		if err != nil {
			return "", err
		}
		if ok {
			return e.is, nil
		}
	}
	return "InProgress", nil
}

// evaluate takes an expression as Flux does: parsed, not checked, with the fields of the object as its variables.
func evaluate(t *testing.T, expression string, fields map[string]any) (bool, error) {
	t.Helper()
	env, err := cel.NewEnv(cel.HomogeneousAggregateLiterals(), cel.DefaultUTCTimeZone(true), cel.CrossTypeNumericComparisons(true),
		cel.OptionalTypes(), ext.Strings(), ext.Sets(), ext.Encoders())
	require.NoError(t, err)
	parsed, issues := env.Parse(expression)
	require.NoError(t, issues.Err(), expression)
	program, err := env.Program(parsed, cel.EvalOptions(cel.OptOptimize))
	require.NoError(t, err)
	out, _, err := program.ContextEval(t.Context(), fields)
	if err != nil {
		return false, err
	}
	ok, isBool := out.Value().(bool)
	require.True(t, isBool, "%s is no yes or no", expression)
	return ok, nil
}

// kstatus is how kubectl-like tools see an object, and Flux where it has no expressions.
func kstatus(t *testing.T, obj *unstructured.Unstructured) string {
	t.Helper()
	out, err := status.Compute(obj)
	require.NoError(t, err)
	return out.Status.String()
}
