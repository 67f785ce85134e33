// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// TestWhatWorkloadsDependOnOfANamespaceIsReported, and nothing else of it.
func TestWhatWorkloadsDependOnOfANamespaceIsReported(t *testing.T) {
	c := newCluster(t, "dr1", newStores())
	house := get(c, &corev1.Namespace{}, "", ns)
	house.Labels = map[string]string{"pod-security.kubernetes.io/enforce": "privileged", "team": "shop", "pod-security.kubernetes.io/anything": "x"}
	house.Annotations = map[string]string{
		"openshift.io/sa.scc.uid-range": "1000680000/10000", "volsync.backube/privileged-movers": "true",
		"openshift.io/sa.scc.mcs": strings.Repeat("c", 300), "example.com/secret": "x",
	}
	require.NoError(t, c.client.Update(t.Context(), house))
	c.wish(v1alpha1.Secondary, "1")
	c.settle()
	assert.Equal(t, []v1alpha1.NamespaceTraits{{
		Name: ns, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "privileged"},
		Annotations: map[string]string{"openshift.io/sa.scc.uid-range": "1000680000/10000", "volsync.backube/privileged-movers": "true"},
	}}, c.group().Status.Namespaces)
}
