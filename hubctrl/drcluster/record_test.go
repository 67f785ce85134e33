// SPDX-License-Identifier: Apache-2.0

package drcluster_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/tests/gitops/record"
)

func TestWhatADRClusterGoesThroughIsRecorded(t *testing.T) {
	recorded := map[string]*unstructured.Unstructured{}
	for name, way := range map[string]func(*world){
		"connected": func(*world) {},
		"never-seen": func(w *world) {
			w.links["dr1"] = exchange.Link{}
			w.delete(lease())
		},
		"connecting": func(w *world) { w.links["dr1"] = exchange.Link{State: exchange.LinkConnecting} },
		"lost":       func(w *world) { w.links["dr1"] = exchange.Link{State: exchange.LinkLost, LastRenewal: w.clock.Now()} },
		"credential-revoked": func(w *world) {
			w.links["dr1"] = exchange.Link{State: exchange.LinkLost, LastRenewal: w.clock.Now()}
			l := telling(exchange.Credential{For: "hub", Issued: w.clock.Now(), Expires: w.clock.Now().Add(24 * time.Hour), BoundTo: "deleted"})
			w.delete(lease())
			require.NoError(w.t, w.client.Create(w.t.Context(), l))
		},
		"store-refuses":  func(w *world) { w.store["s3-dr1"] = errors.New("the store is down") },
		"no-keys":        func(w *world) { w.delete(secret("keys-dr1")) },
		"not-set-up":     func(w *world) { w.failures[op{"apply", "mirror"}] = errors.New("the API server is down") },
		"fields-dropped": func(w *world) { w.update(skew(w)) },
		"changed": func(w *world) { // and not looked at since
			w.mustReconcile()
			dc := w.dr1()
			dc.Generation++
			w.update(dc)
			w.r = nil
		},
		"deleting": func(w *world) {
			w.mustReconcile()
			w.delete(w.dr1())
		},
	} {
		w := newWorld(t, lease())
		way(w)
		if w.r != nil {
			_, _ = w.reconcile() // an error is told in the status
		}
		u := &unstructured.Unstructured{}
		u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("DRCluster"))
		require.NoError(t, w.client.Get(t.Context(), client.ObjectKey{Name: "dr1"}, u))
		recorded[name] = record.Plain(u, w.clock.Now())
	}
	record.Check(t, "testdata/recorded", recorded)
}

func lease() *coordinationv1.Lease {
	return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-dr1", Name: "mirror"}}
}

// skew is the lease of a cluster that reports a field which the hub does not know.
func skew(w *world) *coordinationv1.Lease {
	l := &coordinationv1.Lease{}
	require.True(w.t, w.get(l, "inbox-dr1", "mirror"))
	l.Annotations = map[string]string{exchange.AnnotationSkew: "status.newField"}
	return l
}
