// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

// TestRangesOfNamespacesReachThePeer if the user asks for that, and only as OpenShift gives them out; they stay when the home is gone, and
// a new hub takes them over.
func TestRangesOfNamespacesReachThePeer(t *testing.T) {
	const key, users = v1alpha1.AnnotationNamespaceRanges, "openshift.io/sa.scc.uid-range"
	h := newHub(t, newDRPC(func(d *v1alpha1.DRPlacementControl) { d.Spec.RetainNamespaceSCCAcrossPeers = true }))
	h.settle()
	assert.NotContains(t, h.wish("dr2").Annotations, key, "nothing is known yet")
	h.house("dr1", map[string]string{"pod-security.kubernetes.io/enforce": "privileged"}, map[string]string{
		users: "1000680000/10000", "openshift.io/sa.scc.supplemental-groups": "0/10", "volsync.backube/privileged-movers": "true",
	})
	h.settle()
	const want = `{"shop":{"openshift.io/sa.scc.uid-range":"1000680000/10000"}}`
	assert.Equal(t, want, h.wish("dr2").Annotations[key])
	assert.NotContains(t, h.wish("dr1").Annotations, key, "the peer says nothing that its home has to have")

	h.house("dr1", nil, map[string]string{users: "1000680000/10000"})
	h.house("dr2", nil, map[string]string{users: "1000700000/10000"})
	h.mustTry(app)
	assert.Contains(t, h.condition("PeerReady").Message, "only to namespaces that were created for this protection, while no Pod is in them")
	assert.NotContains(t, h.wish("dr1").Annotations, key)

	h.ask(func(d *v1alpha1.DRPlacementControl) {
		d.Spec.Action, d.Spec.FailoverCluster = v1alpha1.ActionFailover, "dr2"
	})
	h.settle()
	assert.Equal(t, want, h.wish("dr2").Annotations[key], "its claims are restored into namespaces that have them")

	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.RetainNamespaceSCCAcrossPeers = false })
	h.settle()
	assert.NotContains(t, h.wish("dr2").Annotations, key)
}

func TestARestoredHubRecallsTheRangesOfNamespaces(t *testing.T) {
	h := newHub(t, newDRPC(func(d *v1alpha1.DRPlacementControl) { d.Spec.RetainNamespaceSCCAcrossPeers = true }))
	h.settle()
	backup := h.backup()
	h.house("dr1", nil, map[string]string{"openshift.io/sa.scc.uid-range": "1000680000/10000"})
	h.settle()
	h.relocate("dr2")
	h.settle()
	const want = `{"shop":{"openshift.io/sa.scc.uid-range":"1000680000/10000"}}`
	require.Equal(t, want, h.wish("dr2").Annotations[v1alpha1.AnnotationNamespaceRanges])
	h.restore(backup)
	h.settle()
	assert.Equal(t, "Deployed/Completed [dr2 Run] dr1:secondary@1 dr2:primary@2", h.shows())
	assert.Equal(t, want, h.wish("dr2").Annotations[v1alpha1.AnnotationNamespaceRanges], "what the cluster obeys is wished as it is")
}
