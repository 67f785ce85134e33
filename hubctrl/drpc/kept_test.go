// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// replaceObject deletes the application's object by force and creates it again from Git. On the clusters nothing happens.
func (h *hub) replaceObject(edits ...func(*v1alpha1.DRPlacementControl)) {
	h.t.Helper()
	d := h.drpc()
	d.Finalizers = nil
	require.NoError(h.t, h.api.Update(h.t.Context(), d))
	require.NoError(h.t, client.IgnoreNotFound(h.api.Delete(h.t.Context(), d)))
	require.Nil(h.t, h.drpc())
	h.put(again(edits...))
}

func selectingApp(label string) func(*v1alpha1.DRPlacementControl) {
	return func(d *v1alpha1.DRPlacementControl) { d.Spec.PVCSelector.MatchLabels = map[string]string{"app": label} }
}

// TestI9_AnObjectMadeAgainDropsNoVolume: somebody creates the object of a protected application again, and it selects other
// volumes than the group on the clusters protects.
func TestI9_AnObjectMadeAgainDropsNoVolume(t *testing.T) {
	for name, begin := range map[string]func(*hub){
		"on a new hub":     func(h *hub) { h.rebuild("hub-2", again(selectingApp("web"))) },
		"on the same hub":  func(h *hub) { h.replaceObject(selectingApp("web")) },
		"after a failover": func(h *hub) { h.failover("dr2"); h.settle(); h.rebuild("hub-2", again(selectingApp("web"))) },
		"again and a third": func(h *hub) {
			h.replaceObject(selectingApp("x"))
			h.settle()
			h.rebuild("hub-2", again(selectingApp("web")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := deployed(t)
			begin(h)
			h.settle()
			selectors := func() (out []string) {
				for _, c := range []string{"dr1", "dr2"} {
					out = append(out, h.wish(c).Spec.PVCSelector.MatchLabels["app"], h.spokes[c].spec.PVCSelector.MatchLabels["app"])
				}
				return out
			}
			assert.Equal(t, []string{"db", "db", "db", "db"}, selectors(), "what is protected stays protected")
			w := h.drpc().Status.Waiting
			require.NotNil(t, w)
			assert.Equal(t, "InvalidSpec", w.Fact)
			home := h.drpc().Status.PreferredDecision.ClusterName
			word := "selection/" + home + "/drpc-again"
			assert.Contains(t, w.Message, `the DRPlacementControl was created again, or comes from a backup, and selects PVCs app=web, but VolumeReplicationGroup shop/db protects those that match app=db: it keeps them`)
			assert.Contains(t, w.Message, "kubectl -n shop annotate drpc db --overwrite ramendr.openshift.io/accept-loss="+word)
			assert.Equal(t, "True", string(h.condition("Stalled").Status))

			h.relocate(other(home))
			h.settle()
			assert.Equal(t, other(home), h.drpc().Status.PreferredDecision.ClusterName, "it can be moved all the same")
			assert.Equal(t, []string{"db", "db", "db", "db"}, selectors())

			for _, wrong := range []string{"true", "selection/" + other(home) + "x/drpc-again", "selection/" + home + "/drpc-uid", "failover/" + home + "/drpc-again"} {
				h.ask(func(d *v1alpha1.DRPlacementControl) { d.Annotations["ramendr.openshift.io/accept-loss"] = wrong })
				h.settle()
				assert.Equal(t, []string{"db", "db", "db", "db"}, selectors(), wrong)
			}
			h.ask(func(d *v1alpha1.DRPlacementControl) { d.Annotations["ramendr.openshift.io/accept-loss"] = "x, " + word })
			h.settle()
			assert.Equal(t, []string{"web", "web", "web", "web"}, selectors())
			assert.Nil(t, h.drpc().Status.Waiting)
			h.pass()
			assert.Empty(t, h.wrote())
		})
	}
}

func TestI9_AnObjectMadeAgainThatSelectsTheSameIsTakenAsItIs(t *testing.T) {
	h := deployed(t)
	h.replaceObject()
	h.settle()
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	assert.Nil(t, h.drpc().Status.Waiting)
}
