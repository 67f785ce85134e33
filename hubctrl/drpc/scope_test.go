// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// wide protects several namespaces.
func wide(namespaces ...string) *v1alpha1.DRPlacementControl {
	return newDRPC(func(d *v1alpha1.DRPlacementControl) {
		d.Namespace, d.Name, d.UID = "ramen-ops", "wide", "wide"
		d.Spec.ProtectedNamespaces = namespaces
	})
}

func younger(d *v1alpha1.DRPlacementControl, edits ...func(*v1alpha1.DRPlacementControl)) *v1alpha1.DRPlacementControl {
	d.CreationTimestamp = metav1.NewTime(start.Add(time.Minute))
	for _, edit := range edits {
		edit(d)
	}
	return d
}

// put brings objects into being, with a status as their reconcilers leave it.
func (h *hub) put(objects ...client.Object) {
	h.t.Helper()
	for _, o := range objects {
		require.NoError(h.t, h.api.Create(h.t.Context(), o))
	}
}

func (h *hub) configure(text string) {
	h.t.Helper()
	require.NoError(h.t, h.api.Update(h.t.Context(), configMap(text)))
}

func (h *hub) shown(d *v1alpha1.DRPlacementControl) *v1alpha1.DRPlacementControl {
	h.t.Helper()
	now := &v1alpha1.DRPlacementControl{}
	require.True(h.t, h.get(now, client.ObjectKeyFromObject(d)))
	return now
}

func TestAnApplicationOfSeveralNamespacesLiesInTheirOwnNamespace(t *testing.T) {
	d := wide("web", "shop")
	h := newHub(t, d)
	_, err := h.try(client.ObjectKeyFromObject(d))
	require.NoError(t, err)
	h.answer("dr2", "ramen-ops.wide")
	_, err = h.try(client.ObjectKeyFromObject(d))
	require.NoError(t, err)
	for _, cluster := range []string{"dr1", "dr2"} {
		w := &v1alpha1.VolumeReplicationGroup{}
		require.True(t, h.get(w, clientKey("outbox-"+cluster, "ramen-ops.wide")))
		assert.Equal(t, []string{"web", "shop"}, w.Spec.ProtectedNamespaces)
		assert.Equal(t, "ramen-ops", w.Annotations["exchange.ramendr.openshift.io/namespace"])
	}
}

func TestWhereAnApplicationMayBe(t *testing.T) {
	for name, tc := range map[string]struct {
		drpc    *v1alpha1.DRPlacementControl
		config  string
		refused string // empty: it is protected
	}{
		"an ordinary one":               {drpc: newDRPC()},
		"one of several namespaces":     {drpc: wide("shop")},
		"in another namespace for such": {drpc: newDRPC(func(d *v1alpha1.DRPlacementControl) { d.Spec.ProtectedNamespaces = []string{"web"} }), config: "ramenOpsNamespace: shop"},
		"an ordinary one that lists namespaces": {
			drpc:    newDRPC(func(d *v1alpha1.DRPlacementControl) { d.Spec.ProtectedNamespaces = []string{"web"} }),
			refused: "spec.protectedNamespaces is only for a DRPlacementControl in namespace ramen-ops: leave it out, or make the DRPlacementControl there",
		},
		"one about another namespace": {
			drpc: newDRPC(func(d *v1alpha1.DRPlacementControl) { d.Annotations[appNamespace] = "web" }),
			refused: "annotation drplacementcontrol.ramendr.openshift.io/app-namespace names namespace web, but a DRPlacementControl in namespace shop may be about namespace shop only: " +
				"create it in namespace web, or have an administrator add shop to appNamespacesFrom in ConfigMap ramen-hub-operator-config",
		},
		"one about another namespace, from where that is allowed": {
			drpc: newDRPC(func(d *v1alpha1.DRPlacementControl) { d.Annotations[appNamespace] = "web" }), config: "appNamespacesFrom: [gitops, shop]",
		},
		"one about another namespace, where that is allowed from everywhere": {
			drpc: newDRPC(func(d *v1alpha1.DRPlacementControl) { d.Annotations[appNamespace] = "web" }), config: `appNamespacesFrom: ["*"]`,
		},
		"one about no namespace at all": {
			drpc: newDRPC(func(d *v1alpha1.DRPlacementControl) { d.Annotations[appNamespace] = "x.y" }), config: `appNamespacesFrom: ["*"]`,
			refused: `annotation drplacementcontrol.ramendr.openshift.io/app-namespace is "x.y", which can't be the name of a namespace: must not contain dots`,
		},
		"one about an outbox": {
			drpc: newDRPC(func(d *v1alpha1.DRPlacementControl) { d.Annotations[appNamespace] = "outbox-dr1" }), config: `appNamespacesFrom: ["*"]`,
			refused: "annotation drplacementcontrol.ramendr.openshift.io/app-namespace is outbox-dr1, which is reserved for the exchange with cluster dr1: name the namespace of the application",
		},
		"one that lists an inbox": {
			drpc:    wide("shop", "inbox-dr1"),
			refused: "spec.protectedNamespaces[1] is inbox-dr1, which is reserved for the exchange with cluster dr1: name the namespace of the application",
		},
		"one in an outbox": {
			drpc:    newDRPC(func(d *v1alpha1.DRPlacementControl) { d.Namespace = "outbox-dr1" }),
			refused: "namespace outbox-dr1 is reserved for the exchange with cluster dr1: make the DRPlacementControl in the namespace of the application",
		},
		"one that lists none": {
			drpc: wide(), refused: "spec.protectedNamespaces is empty: list the namespaces of the application, as a DRPlacementControl in namespace ramen-ops must",
		},
		"one that lists the namespace where it is": {
			drpc: wide("shop", "ramen-ops"), refused: "spec.protectedNamespaces lists ramen-ops, which is for DRPlacementControls and not for applications: remove it",
		},
		"turned off": {
			drpc: wide("shop"), config: "multiNamespace: {FeatureEnabled: false}",
			refused: "applications of several namespaces are turned off: set multiNamespace.FeatureEnabled to true in ConfigMap ramen-hub-operator-config, or make a DRPlacementControl in the namespace of the application instead of ramen-ops",
		},
		"one that would lie elsewhere": {
			drpc: younger(wide("shop"), func(d *v1alpha1.DRPlacementControl) {
				d.Annotations["drplacementcontrol.ramendr.openshift.io/app-namespace"] = "shop"
			}),
			refused: "annotation drplacementcontrol.ramendr.openshift.io/app-namespace names shop, but the group of a DRPlacementControl in namespace ramen-ops lies in ramen-ops: take the annotation off",
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, tc.drpc)
			if tc.config != "" {
				h.configure(tc.config)
			}
			_, err := h.try(client.ObjectKeyFromObject(tc.drpc))
			if tc.refused == "" {
				require.NoError(t, err)
				assert.NotEmpty(t, h.wrote())
				return
			}
			require.EqualError(t, err, "terminal error: "+tc.refused)
			assert.Empty(t, h.wrote())
			s := h.shown(tc.drpc).Status
			require.NotNil(t, s.Waiting)
			assert.Equal(t, []string{"InvalidSpec", tc.refused}, []string{s.Waiting.Fact, s.Waiting.Message})
			assert.Equal(t, v1alpha1.WaitForUser, s.Phase)
		})
	}
}

func TestAConfigurationThatCantBeReadIsWaitedForOnlyWhereItMatters(t *testing.T) {
	d := wide("shop")
	h := newHub(t, d, newDRPC(func(o *v1alpha1.DRPlacementControl) { o.Namespace, o.Name = "web", "web" }))
	h.configure("]")
	_, err := h.try(clientKey("web", "web"))
	require.NoError(t, err)
	assert.NotEmpty(t, h.wrote(), "what is not known to be special is not")
	res, err := h.try(client.ObjectKeyFromObject(d))
	require.NoError(t, err)
	assert.Equal(t, 15*time.Second, res.RequeueAfter)
	assert.Empty(t, h.wrote())
	assert.Contains(t, h.shown(d).Status.Conditions[3].Message, "whether spec.protectedNamespaces is allowed in namespace ramen-ops is not known: ConfigMap ramen-system/ramen-hub-operator-config")
	h.configure("{}")
	assert.Contains(t, h.r.OfConfig(t.Context(), configMap("")), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(d)}, "it is woken")
	_, err = h.try(client.ObjectKeyFromObject(d))
	require.NoError(t, err)
	assert.NotEmpty(t, h.wrote())
}

func TestASpecThatGoesWrongChangesNothingOfWhatIsProtected(t *testing.T) {
	for name, edit := range map[string]func(*hub){
		"it lists namespaces that it may not": func(h *hub) {
			h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.ProtectedNamespaces = []string{"web"} })
		},
		"its namespace becomes another thing": func(h *hub) { h.configure("ramenOpsNamespace: shop") },
	} {
		t.Run(name, func(t *testing.T) {
			h := deployed(t)
			edit(h)
			h.pass()
			assert.Empty(t, h.wrote())
			assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
			assert.Equal(t, "InvalidSpec", h.drpc().Status.Waiting.Fact)
			assert.Equal(t, []string{"True", "False", "True"}, []string{
				string(h.condition("Stalled").Status), string(h.condition("Ready").Status), string(h.condition("Available").Status),
			})
			h.failover("dr2")
			h.settle()
			assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
			assert.Empty(t, h.wish("dr2").Spec.ProtectedNamespaces)
		})
	}
	t.Run("and nothing is concluded from a configuration that can't be read", func(t *testing.T) {
		h := deployed(t)
		h.configure("]")
		h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.ProtectedNamespaces = []string{"web"} })
		h.pass()
		assert.Empty(t, h.wrote())
		assert.Empty(t, h.wish("dr1").Spec.ProtectedNamespaces)
		assert.Equal(t, "True", string(h.condition("Ready").Status))
	})
}

func TestWhoMayProtectANamespace(t *testing.T) {
	selecting := func(labels map[string]string) *v1alpha1.DRPlacementControl {
		return younger(newDRPC(func(d *v1alpha1.DRPlacementControl) {
			d.Name, d.UID, d.Spec.PVCSelector.MatchLabels = "other", "other", labels
		}))
	}
	elsewhere := func(d *v1alpha1.DRPlacementControl) { d.Spec.DRPolicyRef.Name = "far" }
	far := policy()
	far.Name, far.Spec.DRClusters = "far", []string{"dr3", "dr4"}
	for name, tc := range map[string]struct {
		younger *v1alpha1.DRPlacementControl
		refused string
	}{
		"one that lists the namespace of another":         {younger(wide("web", "shop")), "DRPlacementControl shop/db protects namespace shop already: take it out of spec.protectedNamespaces of one of the two, or delete one"},
		"one that lists others":                           {younger(wide("web")), ""},
		"one on other clusters":                           {younger(wide("shop"), elsewhere), ""},
		"one in the same namespace that selects the same": {selecting(map[string]string{"app": "db"}), "DRPlacementControl shop/db selects the same PVCs of namespace shop already: delete one of the two, or create it again with a spec.pvcSelector that selects others"},
		"one in the same namespace that selects all":      {selecting(nil), "DRPlacementControl shop/db selects the same PVCs of namespace shop already: delete one of the two, or create it again with a spec.pvcSelector that selects others"},
		"one in the same namespace that selects others":   {selecting(map[string]string{"app": "cache"}), ""},
		"one that may not be where it is is in no one's way": {younger(wide("shop", "ramen-ops"), func(d *v1alpha1.DRPlacementControl) {
			d.CreationTimestamp = metav1.NewTime(start.Add(-time.Minute))
		}), "spec.protectedNamespaces lists ramen-ops, which is for DRPlacementControls and not for applications: remove it"},
	} {
		for when, settle := range map[string]func(*hub){"before the older begins": func(*hub) {}, "after": func(h *hub) { h.settle() }} {
			t.Run(name+", "+when, func(t *testing.T) {
				h := newHub(t, newDRPC(), tc.younger)
				h.put(far.DeepCopy(), cluster("dr3", "s3-a"), cluster("dr4", "s3-a"))
				settle(h)
				h.wrote()
				_, err := h.try(client.ObjectKeyFromObject(tc.younger))
				if tc.refused == "" {
					require.NoError(t, err)
				} else {
					require.EqualError(t, err, "terminal error: "+tc.refused)
					assert.Empty(t, h.wrote())
				}
				h.failover("dr2")
				h.settle()
				assert.Contains(t, h.shows(), "[dr2 Run] dr1:secondary@", "the older one is never held up")
			})
		}
	}
}

func TestWhatIsProtectedGoesBeforeWhatIsOlder(t *testing.T) {
	h := deployed(t)
	intruder := wide("shop")
	intruder.CreationTimestamp = metav1.NewTime(start.Add(-time.Hour))
	h.put(intruder)
	_, err := h.try(client.ObjectKeyFromObject(intruder))
	require.ErrorContains(t, err, "DRPlacementControl shop/db protects namespace shop already")
	h.failover("dr2")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())

	t.Run("also for a new hub that has not adopted it yet", func(t *testing.T) {
		h.rebuild("hub-2", again(func(d *v1alpha1.DRPlacementControl) { d.Spec.Action, d.Spec.FailoverCluster = "Failover", "dr2" }))
		h.put(wide("shop"))
		h.ask(func(d *v1alpha1.DRPlacementControl) {})
		_, err := h.try(clientKey("ramen-ops", "wide"))
		require.ErrorContains(t, err, "DRPlacementControl shop/db protects namespace shop already")
		h.settle()
		assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
	})
}

func TestANamespaceThatIsTakenLaterIsRefusedAndTheRestGoesOn(t *testing.T) {
	d := younger(wide("web"))
	key := client.ObjectKeyFromObject(d)
	h := newHub(t, newDRPC(), d)
	h.settle()
	_, err := h.try(key)
	require.NoError(t, err)
	now := h.shown(d)
	now.Spec.ProtectedNamespaces = []string{"shop", "web"}
	require.NoError(t, h.api.Update(t.Context(), now))
	h.wrote()
	_, err = h.try(key)
	require.NoError(t, err)
	assert.Empty(t, h.wrote())
	w := &v1alpha1.VolumeReplicationGroup{}
	require.True(t, h.get(w, clientKey("outbox-dr2", "ramen-ops.wide")))
	assert.Equal(t, []string{"web"}, w.Spec.ProtectedNamespaces)

	older := h.drpc()
	h.disable()
	h.settle()
	require.Nil(t, h.drpc())
	assert.Equal(t, []reconcile.Request{{NamespacedName: key}}, h.r.OfRival(t.Context(), older), "it is woken")
}

func TestVolSyncIsTurnedOffByTheConfiguration(t *testing.T) {
	for name, tc := range map[string]struct {
		drpc   *v1alpha1.DRPlacementControl
		config string
		want   bool
	}{
		"on by default":               {newDRPC(), "{}", false},
		"off":                         {newDRPC(), "volSync: {disabled: true}", true},
		"off for several namespaces":  {wide("shop"), "multiNamespace: {volsyncSupported: false}", true},
		"on for one namespace though": {newDRPC(), "multiNamespace: {volsyncSupported: false}", false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, tc.drpc)
			h.configure(tc.config)
			_, err := h.try(client.ObjectKeyFromObject(tc.drpc))
			require.NoError(t, err)
			w := &v1alpha1.VolumeReplicationGroup{}
			require.True(t, h.get(w, clientKey("outbox-dr2", tc.drpc.Namespace+"."+tc.drpc.Name)))
			assert.Equal(t, tc.want, w.Spec.VolSync.Disabled)
		})
	}
	t.Run("unknown is as it was", func(t *testing.T) {
		h := deployed(t)
		h.configure("volSync: {disabled: true}")
		h.settle()
		h.configure("]")
		h.settle()
		assert.True(t, h.wish("dr1").Spec.VolSync.Disabled)
	})
}

// TestAnAnnotationThatChangesFreesNoNamespace: what is protected is what the wishes say.
func TestAnAnnotationThatChangesFreesNoNamespace(t *testing.T) {
	h := deployed(t)
	h.configure("appNamespacesFrom: [shop]")
	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Annotations[appNamespace] = "web" })
	h.settle()
	thief := younger(newDRPC(func(d *v1alpha1.DRPlacementControl) { d.Name, d.UID = "other", "other" }))
	owner := younger(newDRPC(func(d *v1alpha1.DRPlacementControl) { d.Namespace, d.Name, d.UID = "web", "web", "web" }))
	h.put(thief, owner)
	h.wrote()
	_, err := h.try(client.ObjectKeyFromObject(thief))
	require.ErrorContains(t, err, "DRPlacementControl shop/db selects the same PVCs of namespace shop already")
	assert.Empty(t, h.wrote())
	_, err = h.try(client.ObjectKeyFromObject(owner))
	require.NoError(t, err)
	assert.NotEmpty(t, h.wrote(), "nothing is protected in the namespace that the annotation names now")

	h.disable()
	assert.Contains(t, h.woken(func() { h.settle() }), client.ObjectKeyFromObject(thief), "it is woken when the wishes are gone")
	_, err = h.try(client.ObjectKeyFromObject(thief))
	require.NoError(t, err)
}

// TestTwoThatSelectOnePVCAreToldApartByItsLabels though their selectors differ.
func TestTwoThatSelectOnePVCAreToldApartByItsLabels(t *testing.T) {
	h := deployed(t)
	labeled := func(labels map[string]string) {
		h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) { s.ProtectedPVCs[0].Labels = labels })
	}
	labeled(map[string]string{"app": "db", "tier": "data"})
	second := func(name string, edit func(*metav1.LabelSelector)) *v1alpha1.DRPlacementControl {
		d := younger(newDRPC(func(d *v1alpha1.DRPlacementControl) {
			d.Name, d.UID, d.Spec.PVCSelector = name, types.UID(name), metav1.LabelSelector{}
			edit(&d.Spec.PVCSelector)
		}))
		h.put(d)
		return d
	}
	byLabel := second("by-label", func(s *metav1.LabelSelector) { s.MatchLabels = map[string]string{"tier": "data"} })
	byExpression := second("by-expression", func(s *metav1.LabelSelector) {
		s.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "tier", Operator: metav1.LabelSelectorOpIn, Values: []string{"data", "logs"}}}
	})
	apart := second("apart", func(s *metav1.LabelSelector) { s.MatchLabels = map[string]string{"tier": "data", "app": "web"} })
	h.wrote()
	for _, d := range []*v1alpha1.DRPlacementControl{byLabel, byExpression} {
		_, err := h.try(client.ObjectKeyFromObject(d))
		require.EqualError(t, err, "terminal error: DRPlacementControl shop/db protects PVC shop/data on dr1, and this one selects it too: change its labels so that only one of them selects it, "+
			"or create it again with a spec.pvcSelector that selects others")
		assert.Empty(t, h.wrote())
		assert.Equal(t, "Conflict", h.shown(d).Status.Waiting.Fact)
	}
	_, err := h.try(client.ObjectKeyFromObject(apart))
	require.NoError(t, err)
	assert.NotEmpty(t, h.wrote())
	h.settle()
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows(), "the one that has it is not held up")

	woken := h.woken(func() { labeled(map[string]string{"app": "db"}) })
	for _, d := range []*v1alpha1.DRPlacementControl{byLabel, byExpression} {
		assert.Contains(t, woken, client.ObjectKeyFromObject(d))
		_, err := h.try(client.ObjectKeyFromObject(d))
		require.NoError(t, err)
		assert.NotEmpty(t, h.wrote())
	}
	labeled(map[string]string{"app": "db", "tier": "data"})
	_, err = h.try(client.ObjectKeyFromObject(byLabel))
	require.NoError(t, err, "what is protected already goes on")
}
