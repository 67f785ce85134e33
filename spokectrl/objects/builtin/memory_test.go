// SPDX-License-Identifier: Apache-2.0

package builtin_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	fakediscovery "k8s.io/client-go/discovery/fake"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/builtin"
	"github.com/ramendr/ramen-direct/spokectrl/objects/portable"
)

// inMemory is the engine over a cluster in memory, with Secrets, ConfigMaps and Deployments.
func inMemory() (*builtin.Engine, *dynamicfake.FakeDynamicClient) {
	verbs := []string{"get", "list", "create", "update"}
	client := dynamicfake.NewSimpleDynamicClient(runtime.NewScheme())
	return &builtin.Engine{Client: client, Discovery: &fakediscovery.FakeDiscovery{Fake: &clienttesting.Fake{Resources: []*metav1.APIResourceList{
		{GroupVersion: "v1", APIResources: []metav1.APIResource{
			{Name: "secrets", Kind: "Secret", Namespaced: true, Verbs: verbs}, {Name: "configmaps", Kind: "ConfigMap", Namespaced: true, Verbs: verbs},
		}},
		{GroupVersion: "apps/v1", APIResources: []metav1.APIResource{{Name: "deployments", Kind: "Deployment", Namespaced: true, Verbs: verbs}}},
	}}}}, client
}

// item adds an object in namespace shop to a capture.
func (s *sink) item(t *testing.T, resource, version, kind, name string, owners ...portable.Owner) {
	t.Helper()
	line, err := (&portable.Item{Resource: resource, Owners: owners, Object: map[string]any{
		"apiVersion": version, "kind": kind, "metadata": map[string]any{"name": name, "namespace": "shop"},
	}}).Line()
	require.NoError(t, err)
	s.parts = append(s.parts, line)
}

func restored(t *testing.T, engine *builtin.Engine, from *sink, step string) objects.Progress {
	t.Helper()
	var p objects.Progress
	require.Eventually(t, func() bool {
		var err error
		p, err = engine.Restore(t.Context(), objects.RestoreRequest{Group: capsule.Group{Namespace: "shop", Name: "db"}, ID: "x", Step: step, From: from, Select: objects.Selection{Namespaces: []string{"shop"}}})
		return err == nil && p.State != objects.Running
	}, 30*time.Second, 5*time.Millisecond)
	return p
}

func TestOwnersOfALaterRankAreLinked(t *testing.T) {
	engine, client := inMemory()
	into := &sink{}
	into.item(t, "secrets", "v1", "Secret", "owned", portable.Owner{APIVersion: "apps/v1", Kind: "Deployment", Name: "web", Controller: true}, portable.Owner{APIVersion: "v1", Kind: "ConfigMap", Name: "gone"})
	into.item(t, "deployments", "apps/v1", "Deployment", "web")
	for _, step := range []string{"1", "2"} {
		p := restored(t, engine, into, step)
		require.NoError(t, p.Err, "%v", p.Findings.List)
		is, err := client.Resource(secrets).Namespace("shop").Get(t.Context(), "owned", metav1.GetOptions{})
		require.NoError(t, err)
		require.Len(t, is.GetOwnerReferences(), 1, step)
		assert.Equal(t, "web", is.GetOwnerReferences()[0].Name)
		require.Len(t, p.Findings.List, 1, "step %s: an owner that is made later is not told", step)
		assert.Equal(t, "Secret shop/owned: its owner ConfigMap gone does not exist here", p.Findings.List[0].String())
	}
}

var secrets = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}

// TestWhatARuleRefusesIsNoMissingRight, though API servers answer 403 for both.
func TestWhatARuleRefusesIsNoMissingRight(t *testing.T) {
	forbidden := func(text string) error { return apierrors.NewForbidden(secrets.GroupResource(), "a", errors.New(text)) }
	for name, tc := range map[string]struct {
		err    error
		rights string // what a review says
		want   objects.Reason
		says   string
	}{
		"a right":                     {forbidden(`User "poor" cannot create resource "secrets" in API group "" in the namespace "shop"`), "denied", objects.NotAllowed, `cannot create resource "secrets"`},
		"a right, in other words":     {forbidden("computer says no"), "denied", objects.NotAllowed, "computer says no"},
		"a right that can't be asked": {forbidden(`User "poor" cannot create resource "secrets" in API group "" in the namespace "shop"`), "fails", objects.NotAllowed, `cannot create resource "secrets"`},
		"a rule, if nobody can say":   {forbidden("exceeded quota: small, requested: secrets=1"), "fails", objects.NotMade, "raise that ResourceQuota"},
		"a right of a role":           {forbidden(`user "poor" (groups=["x"]) is attempting to grant RBAC permissions not currently held`), "allowed", objects.NotAllowed, "attempting to grant"},
		"a quota":                     {forbidden("exceeded quota: small, requested: secrets=1, used: secrets=1, limited: secrets=1"), "allowed", objects.NotMade, "limited: secrets=1: raise that ResourceQuota, or delete what uses it up"},
		"Pod Security":                {forbidden(`violates PodSecurity "restricted:latest": runAsNonRoot != true`), "allowed", objects.NotMade, "pod-security.kubernetes.io/enforce"},
		"a webhook":                   {apierrors.NewGenericServerResponse(403, "create", secrets.GroupResource(), "a", `admission webhook "policy.example.com" denied the request: no label`, 0, true), "allowed", objects.NotMade, "have that webhook permit it"},
		"a webhook that is gone":      {apierrors.NewInternalError(errors.New(`failed calling webhook "policy.example.com": connection refused`)), "allowed", objects.NotMade, "repair that webhook"},
		"another rule":                {forbidden("maximum cpu usage per Container is 1"), "allowed", objects.NotMade, "no right is missing, a rule of this cluster refuses it"},
	} {
		t.Run(name, func(t *testing.T) {
			engine, client := inMemory()
			client.PrependReactor("create", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, tc.err })
			client.PrependReactor("create", "selfsubjectaccessreviews", func(clienttesting.Action) (bool, runtime.Object, error) {
				if tc.rights == "fails" {
					return true, nil, forbidden("nobody may ask")
				}
				return true, &unstructured.Unstructured{Object: map[string]any{
					"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "status": map[string]any{"allowed": tc.rights == "allowed"},
				}}, nil
			})
			from := &sink{}
			from.item(t, "secrets", "v1", "Secret", "a")
			from.item(t, "configmaps", "v1", "ConfigMap", "b")
			p := restored(t, engine, from, "1")
			require.ErrorContains(t, p.Err, "1 of 2 objects could not be made")
			require.Len(t, p.Findings.List, 1)
			assert.Equal(t, tc.want, p.Findings.List[0].Reason)
			assert.Contains(t, p.Findings.List[0].What, tc.says)
			assert.Equal(t, []string{objects.Mark("Secret shop/a")}, p.Lacking)
		})
	}
}
