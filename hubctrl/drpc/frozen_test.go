// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
)

// freezeBefore stops the leader before its n-th write, counted from now. What happens while it is frozen is up to meanwhile,
// with a new leader; then the write of the old one is sent as it was decided. It reports whether there was such a write.
func (h *hub) freezeBefore(n int, meanwhile func()) *bool {
	h.t.Helper()
	frozen, left := new(bool), n
	h.fail = func(verb, _ string) error {
		if verb == "get" {
			return nil
		}
		if left--; left >= 0 {
			return nil
		}
		h.fail = nil
		*frozen = true
		old := h.r
		h.start(h.origin) // another process
		meanwhile()
		h.next, h.r = h.r, old
		h.log = nil
		return nil
	}
	return frozen
}

// primaries are the clusters that are wished Primary.
func (h *hub) primaries() []string {
	var out []string
	for _, c := range []string{"dr1", "dr2"} {
		if v := h.wish(c); v != nil && v.Spec.ReplicationState == v1alpha1.Primary && v.DeletionTimestamp == nil {
			out = append(out, c)
		}
	}
	return out
}

func TestX15_AFrozenLeaderWritesNothingLate(t *testing.T) {
	// What the user asks of the old leader, and, while that is frozen, of the new one.
	for name, tc := range map[string]struct{ first, then func(*hub) }{
		"a deployment elsewhere": {func(*hub) {}, func(h *hub) {
			h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.PreferredCluster = "dr2" })
		}},
		"a deployment that is disabled": {func(*hub) {}, func(h *hub) { h.disable() }},
		"a relocate taken back":         {func(h *hub) { h.settle(); h.relocate("dr2") }, func(h *hub) { h.relocate("dr1") }},
		"a relocate, and a failover":    {func(h *hub) { h.settle(); h.relocate("dr2") }, func(h *hub) { h.failover("dr2") }},
		"a failover taken back":         {func(h *hub) { h.settle(); h.failover("dr2") }, func(h *hub) { h.failover("dr1") }},
		"a failover, and DR disabled":   {func(h *hub) { h.settle(); h.failover("dr2") }, func(h *hub) { h.disable() }},
		"a failover, and a relocate back": {func(h *hub) { h.settle(); h.failover("dr2") }, func(h *hub) {
			h.settle()
			h.relocate("dr1")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			late := 0
			for n := 0; ; n++ {
				h := newHub(t, newDRPC())
				tc.first(h)
				var want string
				frozen := h.freezeBefore(n, func() {
					tc.then(h)
					h.settle()
					want = h.shows()
				})
				for range 30 {
					_, err := h.try(app)
					require.NoError(t, err, "write %d", n)
					if *frozen {
						break
					}
					h.follow()
					h.obey("dr1")
					h.obey("dr2")
				}
				if !*frozen {
					break // it needed fewer writes
				}
				late++
				h.r = h.next // it is woken by each wish that is written
				if want == "gone" {
					h.settle()
					assert.Equal(t, want, h.shows(), "write %d", n)
					assert.Empty(t, h.primaries(), "write %d leaves a wish that nobody tends", n)
					continue
				}
				assert.Equal(t, want, h.shows(), "write %d", n)
				assert.Len(t, h.primaries(), 1, "write %d", n)
				h.settle()
				assert.Equal(t, want, h.shows(), "write %d", n)
			}
			t.Log(late, "late writes")
			require.GreaterOrEqual(t, late, 3, "each write was late once")
		})
	}
}

func TestX15_EveryWriteNamesWhatWasDecidedAbout(t *testing.T) {
	h := newHub(t, newDRPC())
	var touched, refused []string
	touch := func(o client.Object, what string) {
		annotations := o.GetAnnotations()
		annotations["touched"] = fmt.Sprint(len(touched))
		o.SetAnnotations(annotations)
		require.NoError(t, h.api.Update(t.Context(), o))
		touched = append(touched, what)
	}
	// Each object is touched between the look and the write, every other time: the write must notice, and the pass look again.
	seen := map[string]int{}
	h.fail = func(verb, what string) error {
		if verb == "get" || strings.Contains(what, "key") {
			return nil
		}
		if seen[what]++; seen[what]%2 == 0 {
			return nil
		}
		for _, c := range []string{"dr1", "dr2"} {
			if v := h.wish(c); v != nil && strings.Contains(what, "wish "+c) {
				touch(v, what)
				return nil
			}
		}
		if d := h.drpc(); !strings.Contains(what, "wish") {
			touch(d, what)
		}
		return nil
	}
	h.refused = func(err error) {
		if apply.Outdated(err) || apierrors.IsInvalid(err) {
			refused = append(refused, touched[len(touched)-1])
		}
	}
	end := func() {
		for range 20 {
			_, err := h.try(app)
			require.NoError(t, err)
			h.follow()
			h.obey("dr1")
			h.obey("dr2")
		}
	}
	end()
	h.failover("dr2")
	end()
	h.relocate("dr1")
	end()
	assert.Equal(t, "Relocated/Completed [dr1 Run] dr1:primary@N dr2:secondary@N", withoutEpochs(h.shows()))
	h.disable()
	end()
	assert.Equal(t, "gone", h.shows())
	assert.Equal(t, touched, refused)
	for _, kind := range []string{"wish dr1 primary", "wish dr2 secondary", "mark", "decisions", "status", "hold drpc", "release drpc", "remove wish", "release wish"} {
		assert.True(t, slices.ContainsFunc(touched, func(what string) bool { return strings.HasPrefix(what, kind) }), "%s was outdated once: %q", kind, touched)
	}
}

func TestAConflictIsNoErrorOfTheUser(t *testing.T) {
	h := deployed(t)
	h.failover("dr2")
	once := false
	h.fail = func(verb, what string) error {
		if verb == "apply" && !once {
			once = true
			v := h.wish("dr2")
			v.Labels["touched"] = "yes"
			return h.api.Update(t.Context(), v)
		}
		return nil
	}
	h.settle()
	assert.True(t, once)
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
	for _, e := range h.told() {
		assert.NotContains(t, e, "Operation cannot be fulfilled")
	}
}

func TestARefusalThatCouldNotBeToldIsTriedAgain(t *testing.T) {
	h := newHub(t, newDRPC(func(d *v1alpha1.DRPlacementControl) { d.Spec.DRPolicyRef.Name = "missing" }))
	h.fail = func(verb, _ string) error {
		if verb == "apply status" {
			return errors.New("the API server is down")
		}
		return nil
	}
	_, err := h.try(app)
	require.ErrorContains(t, err, "the API server is down")
	require.NotErrorIs(t, err, reconcile.TerminalError(nil), "what is terminal is never tried again")
	h.fail = nil
	_, err = h.try(app)
	require.ErrorIs(t, err, reconcile.TerminalError(nil))
	assert.Equal(t, "NoSuchPolicy", h.condition("Stalled").Reason)
}

func TestWhatSomebodyAddedToAWishIsTakenBack(t *testing.T) {
	for name, edit := range map[string]func(*v1alpha1.VolumeReplicationGroup){
		"a switch": func(v *v1alpha1.VolumeReplicationGroup) { v.Spec.VolSync.Disabled = true },
		"a selector's label": func(v *v1alpha1.VolumeReplicationGroup) {
			v.Spec.PVCSelector.MatchLabels["more"] = "less"
		},
		"a namespace": func(v *v1alpha1.VolumeReplicationGroup) { v.Spec.ProtectedNamespaces = []string{"other"} },
		"an annotation of the hub's": func(v *v1alpha1.VolumeReplicationGroup) {
			v.Annotations["drplacementcontrol.ramendr.openshift.io/is-cg-enabled"] = "true"
		},
		"a changed target": func(v *v1alpha1.VolumeReplicationGroup) {
			v.Annotations["exchange.ramendr.openshift.io/name"] = "other"
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := deployed(t)
			want := h.wish("dr2")
			v := h.wish("dr2")
			edit(v)
			v.Annotations["mine"] = "stays"
			require.NoError(t, h.api.Update(t.Context(), v, client.FieldOwner("kubectl-edit")))
			h.settle()
			is := h.wish("dr2")
			assert.Equal(t, want.Spec, is.Spec)
			assert.Equal(t, "stays", is.Annotations["mine"], "annotations of others mean nothing to a mirror")
			delete(is.Annotations, "mine")
			assert.Equal(t, want.Annotations, is.Annotations)
			h.log = nil
			h.pass()
			assert.Empty(t, h.log, "it comes to rest")
		})
	}
}

func TestAnEditOfTheDecisionsIsTakenBack(t *testing.T) {
	for name, edit := range map[string]func(*v1alpha1.DRPlacementControlStatus){
		"the preferred one": func(s *v1alpha1.DRPlacementControlStatus) { s.PreferredDecision.ClusterName = "dr2" },
		"one more": func(s *v1alpha1.DRPlacementControlStatus) {
			s.Decisions = append(s.Decisions, v1alpha1.ClusterDecision{ClusterName: "dr9", ClusterNamespace: "dr9", Reason: "Run"})
		},
		"another one": func(s *v1alpha1.DRPlacementControlStatus) {
			s.Decisions = []v1alpha1.ClusterDecision{{ClusterName: "dr2", ClusterNamespace: "dr2", Reason: "Run"}}
		},
		"none": func(s *v1alpha1.DRPlacementControlStatus) {
			s.Decisions, s.PreferredDecision = []v1alpha1.ClusterDecision{}, v1alpha1.PlacementDecision{}
		},
		"all of the status": func(s *v1alpha1.DRPlacementControlStatus) { *s = v1alpha1.DRPlacementControlStatus{} },
	} {
		t.Run(name, func(t *testing.T) {
			h := deployed(t)
			want := h.drpc()
			d := h.drpc()
			edit(&d.Status)
			require.NoError(t, h.api.Status().Update(t.Context(), d, client.FieldOwner("kubectl-edit")))
			h.settle()
			is := h.drpc()
			assert.Equal(t, want.Status.Decisions, is.Status.Decisions)
			assert.Equal(t, want.Status.PreferredDecision, is.Status.PreferredDecision)
			assert.Equal(t, want.Status.Phase, is.Status.Phase)
			h.log = nil
			h.pass()
			assert.Empty(t, h.log, "it comes to rest")
		})
	}
}

func TestWhileTheWorkloadMovesNoEditSendsItAnywhere(t *testing.T) {
	h := deployed(t)
	h.relocate("dr2")
	for range 10 {
		h.pass()
		if len(h.drpc().Status.Decisions) == 0 {
			break
		}
		h.follow()
		h.obey("dr1")
		h.obey("dr2")
	}
	require.Empty(t, h.drpc().Status.Decisions)
	d := h.drpc()
	d.Status.PreferredDecision = v1alpha1.PlacementDecision{ClusterName: "dr1", ClusterNamespace: "dr1"}
	require.NoError(t, h.api.Status().Update(t.Context(), d, client.FieldOwner("kubectl-edit")))
	h.pass()
	assert.Empty(t, h.drpc().Status.PreferredDecision)
}
