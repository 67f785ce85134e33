// SPDX-License-Identifier: Apache-2.0

package servertest

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects/portable"
)

// whole are the objects of an application, by their plurals.
var whole = map[string]string{
	"serviceaccounts":      "{apiVersion: v1, kind: ServiceAccount, metadata: {name: web}}",
	"secrets":              "{apiVersion: v1, kind: Secret, metadata: {name: password}, data: {password: c2VjcmV0}}",
	"configmaps":           "{apiVersion: v1, kind: ConfigMap, metadata: {name: config, annotations: {note: kept}}, data: {a: b}}",
	"services":             "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80}]}}",
	"deployments":          "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}}}",
	"roles":                "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: web}, rules: [{apiGroups: [\"\"], resources: [pods], verbs: [delete]}]}",
	"rolebindings":         "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: web}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: web}, subjects: [{kind: ServiceAccount, name: web}]}",
	"poddisruptionbudgets": "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web}, spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}}",
}

// TestAWholeApplicationComesBack: without the rights in config/spoke/objects its cluster says what is missing, and protects
// volumes. With them the objects are captured, and restored by the next Primary. Roles come back with rights that spokectrl does
// not have itself.
func TestAWholeApplicationComesBack(t *testing.T) {
	s := up(t, "whole")
	ctx := t.Context()
	before := map[string]*portable.Item{}
	all := map[string]*unstructured.Unstructured{}
	for plural, text := range whole {
		u := &unstructured.Unstructured{}
		require.NoError(t, yaml.Unmarshal([]byte(text), &u.Object))
		u.SetNamespace(s.ns)
		require.NoError(t, s.client.Create(ctx, u))
		all[plural], before[plural] = u, portable.Sanitize(plural, u)
	}
	asked := func(spec *v1alpha1.VolumeReplicationGroupSpec) {
		spec.KubeObjectProtection = &v1alpha1.KubeObjectProtectionSpec{CaptureInterval: &metav1.Duration{Duration: time.Hour}}
	}
	s.wish(v1alpha1.Primary, 1, asked)
	s.eventually("the rights are missed", s.says("KubeObjectsReady", "False/NotSupported"))
	assert.Contains(t, s.message("KubeObjectsReady"), "secrets in namespace whole: the right to list it is missing")
	assert.LessOrEqual(t, strings.Count(s.message("KubeObjectsReady"), "the right to list"), 10, "of many, some are named")
	s.eventually("volumes go on", s.says("ClusterDataProtected", "True/Uploaded"))

	require.NoError(t, install(ctx, filepath.Join("..", "..", "config", "spoke", "objects"), "role.yaml", "binding.yaml"))
	t.Cleanup(func() { // other tests go without
		require.NoError(t, s.client.Delete(context.Background(), &rbacv1.ClusterRoleBinding{ObjectMeta: metaNamed("ramen-spokectrl-objects")}))
	})
	peer, err := capsule.NewKey()
	require.NoError(t, err)
	s.signers = s.group().Status.SigningKey + "," + peer.Public()
	s.wish(v1alpha1.Primary, 1, asked)
	s.eventually("captured", s.says("KubeObjectsReady", "True/Captured"))
	require.NotNil(t, s.group().Status.KubeObjectProtection.CaptureToRecoverFrom)

	s.wish(v1alpha1.Secondary, 1, asked)
	s.eventually("secondary", s.is(v1alpha1.SecondaryState))
	for _, u := range all {
		require.NoError(t, s.client.Delete(ctx, u))
	}
	s.eventually("the application is gone", func() bool {
		for _, u := range all {
			if !apierrors.IsNotFound(s.client.Get(ctx, client.ObjectKeyFromObject(u), u.DeepCopy())) {
				return false
			}
		}
		return true
	})
	s.wish(v1alpha1.Primary, 2, asked, func(spec *v1alpha1.VolumeReplicationGroupSpec) { spec.Action = v1alpha1.VRGActionFailover })
	s.eventually("restored, and captured again", s.says("KubeObjectsReady", "True/Captured"))
	assert.Contains(t, s.message("KubeObjectsReady"), "objects were restored from the capture of")
	for plural, u := range all {
		is := &unstructured.Unstructured{}
		is.SetGroupVersionKind(u.GroupVersionKind())
		if assert.NoError(t, s.client.Get(ctx, client.ObjectKeyFromObject(u), is), plural) {
			assert.True(t, portable.Equal(before[plural], is), "%s: %v", plural, is.Object)
			assert.NotEqual(t, u.GetUID(), is.GetUID())
		}
	}
	require.NoError(t, s.client.Delete(ctx, s.group()))
	s.eventually("group gone", func() bool { return s.group().UID == "" })
}
