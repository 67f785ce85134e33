// SPDX-License-Identifier: Apache-2.0

package ranges_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/ranges"
)

const users = "openshift.io/sa.scc.uid-range"

// awaited is what a group waits for.
type awaited struct{ namespaces []string }

func (a *awaited) Await(_ context.Context, _ types.NamespacedName, namespaces []string) {
	a.namespaces = namespaces
}

// TestTheRangesOfTheHome reach a namespace that was created for the protection, before anything runs in it, and no other one.
func TestTheRangesOfTheHome(t *testing.T) {
	type group = v1alpha1.VolumeReplicationGroup
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "p"}}
	for name, tc := range map[string]struct {
		group  func(*group)
		house  func(*corev1.Namespace)
		also   []client.Object
		want   string
		looked bool // again, when its Pods are gone
	}{
		"of a namespace that OpenShift gave others": {want: "1000680000/10000"},
		"of one that has none":                      {house: func(n *corev1.Namespace) { delete(n.Annotations, users) }, want: "1000680000/10000"},
		"not of one that somebody else made":        {house: func(n *corev1.Namespace) { n.Labels = nil }, want: "1000700000/10000"},
		"not while a Pod is in it":                  {also: []client.Object{pod}, want: "1000700000/10000", looked: true},
		"not while it waits for the end of a group": {group: func(g *group) {
			g.DeletionTimestamp, g.Finalizers = new(metav1.Now()), []string{"x"}
		}, also: []client.Object{pod}, want: "1000700000/10000"},
		"not at the home":            {group: func(g *group) { g.Spec.ReplicationState = v1alpha1.Primary }, want: "1000700000/10000"},
		"not unless it is asked for": {group: func(g *group) { g.Spec.RetainNamespaceSCCAcrossPeers = false }, want: "1000700000/10000"},
		"not what OpenShift would never give": {group: func(g *group) {
			g.Annotations[v1alpha1.AnnotationNamespaceRanges] = `{"shop":{"openshift.io/sa.scc.uid-range":"0/10000","pod-security.kubernetes.io/enforce":"privileged"}}`
		}, want: "1000700000/10000"},
		"not of a namespace of another application": {group: func(g *group) {
			g.Annotations[v1alpha1.AnnotationNamespaceRanges] = `{"bank":{"openshift.io/sa.scc.uid-range":"1000680000/10000"}}`
		}, want: "1000700000/10000"},
	} {
		t.Run(name, func(t *testing.T) {
			g := &group{
				ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "g", Annotations: map[string]string{
					v1alpha1.AnnotationNamespaceRanges: `{"shop":{"openshift.io/sa.scc.uid-range":"1000680000/10000"}}`,
				}},
				Spec: v1alpha1.VolumeReplicationGroupSpec{ReplicationState: v1alpha1.Secondary, RetainNamespaceSCCAcrossPeers: true},
			}
			house := func(name string) *corev1.Namespace {
				return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
					Name: name, UID: "u", Labels: map[string]string{v1alpha1.LabelCreatedByRamen: "true"},
					Annotations: map[string]string{users: "1000700000/10000", "team": "x"},
				}}
			}
			shop := house("shop")
			if tc.group != nil {
				tc.group(g)
			}
			if tc.house != nil {
				tc.house(shop)
			}
			s := runtime.NewScheme()
			require.NoError(t, clientgoscheme.AddToScheme(s))
			require.NoError(t, v1alpha1.AddToScheme(s))
			c := fake.NewClientBuilder().WithScheme(s).WithObjects(append(tc.also, g, shop, house("bank"))...).Build()
			asked := &awaited{}
			r := &ranges.Reconciler{Client: c, Live: c, Vacancies: asked}
			result, err := r.Reconcile(t.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(g)})
			require.NoError(t, err)
			assert.Zero(t, result, "nothing is looked at by the clock")
			assert.Equal(t, tc.looked, len(asked.namespaces) > 0)
			require.NoError(t, c.Get(t.Context(), client.ObjectKeyFromObject(shop), shop))
			assert.Equal(t, tc.want, shop.Annotations[users])
			assert.Equal(t, "x", shop.Annotations["team"])
			assert.NotContains(t, shop.Annotations, "pod-security.kubernetes.io/enforce")
			bank := &corev1.Namespace{}
			require.NoError(t, c.Get(t.Context(), client.ObjectKey{Name: "bank"}, bank))
			assert.Equal(t, "1000700000/10000", bank.Annotations[users])
		})
	}
}
