// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// house has cluster report the application's namespace with labels and annotations.
func (h *hub) house(cluster string, labels, annotations map[string]string) {
	h.t.Helper()
	h.restate(cluster, func(s *v1alpha1.VolumeReplicationGroupStatus) {
		s.Namespaces = []v1alpha1.NamespaceTraits{{Name: "shop", Labels: labels, Annotations: annotations}, {Name: "kube-system", Labels: labels}}
	})
}

func TestANamespaceThatDiffersOnThePeerIsTold(t *testing.T) {
	privileged := map[string]string{"pod-security.kubernetes.io/enforce": "privileged"}
	ranges := map[string]string{"openshift.io/sa.scc.uid-range": "1000680000/10000"}
	for name, tc := range map[string]struct {
		do   func(*hub)
		says string // empty: nothing
	}{
		"it has not a label": {func(h *hub) { h.house("dr1", privileged, nil); h.house("dr2", nil, nil) },
			"namespace shop has label pod-security.kubernetes.io/enforce=privileged on dr1 and none on dr2"},
		"it has another annotation": {func(h *hub) {
			h.house("dr1", nil, ranges)
			h.house("dr2", nil, map[string]string{"openshift.io/sa.scc.uid-range": "1000700000/10000"})
		}, "namespace shop has annotation openshift.io/sa.scc.uid-range=1000680000/10000 on dr1 and 1000700000/10000 on dr2"},
		"it is equal":                           {func(h *hub) { h.house("dr1", privileged, ranges); h.house("dr2", privileged, ranges) }, ""},
		"it has more there":                     {func(h *hub) { h.house("dr1", nil, nil); h.house("dr2", privileged, ranges) }, ""},
		"the peer's version does not tell":      {func(h *hub) { h.house("dr1", privileged, ranges) }, ""},
		"other labels, and of other namespaces": {func(h *hub) { h.house("dr1", map[string]string{"team": "x"}, nil); h.house("dr2", nil, nil) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := deployed(t)
			tc.do(h)
			h.mustTry(app)
			c := h.condition("PeerReady")
			assert.Equal(t, metav1.ConditionTrue, c.Status, "it says that a failover would go through")
			if tc.says == "" {
				assert.Equal(t, "cluster dr2 is Secondary", c.Message)
				return
			}
			assert.Contains(t, c.Message, tc.says)
			assert.Contains(t, c.Message, "set it on dr2 before a failover")
			assert.NotContains(t, c.Message, "kube-system", "it is no namespace of the application")
			for _, cluster := range []string{"dr1", "dr2"} {
				assert.NotContains(t, h.wish(cluster).Annotations, "openshift.io/sa.scc.uid-range", "no right is carried")
			}
		})
	}
}
