// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/drpc"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// woken are the applications that a change wakes, by the watches, links and absences of Setup.
func (h *hub) woken(change func()) []client.ObjectKey {
	h.t.Helper()
	snapshot := func() map[string]client.Object {
		out := map[string]client.Object{}
		for _, o := range h.holds() {
			out[kindOf(o)+" "+client.ObjectKeyFromObject(o).String()] = o
		}
		return out
	}
	before, linked, awaited := snapshot(), maps.Clone(h.links.state), slices.Clone(h.links.awaits)
	change()
	after := snapshot()

	var out []client.ObjectKey
	add := func(requests []reconcile.Request) {
		for _, q := range requests {
			out = append(out, q.NamespacedName)
		}
	}
	pass := func(p predicate.Predicate, was, is client.Object) bool {
		switch {
		case was == nil:
			return p.Create(event.CreateEvent{Object: is})
		case is == nil:
			return p.Delete(event.DeleteEvent{Object: was})
		default:
			return p.Update(event.UpdateEvent{ObjectOld: was, ObjectNew: is})
		}
	}
	for key := range maps.Keys(union(before, after)) {
		was, is := before[key], after[key]
		if was != nil && is != nil && was.GetResourceVersion() == is.GetResourceVersion() {
			continue
		}
		object := is
		if object == nil {
			object = was
		}
		if _, ok := object.(*v1alpha1.DRPlacementControl); ok && pass(h.r.Edited(), was, is) {
			out = append(out, client.ObjectKeyFromObject(object))
		}
		for _, w := range h.r.Wakes() {
			if reflect.TypeOf(w.By) == reflect.TypeOf(object) && pass(w.When, was, is) {
				add(w.Whom(h.t.Context(), object))
			}
		}
	}
	for name, link := range h.links.state {
		if linked[name].State != link.State {
			add(h.r.OfCluster(h.t.Context(), cluster(name, "")))
		}
	}
	for _, a := range awaited {
		if h.links.View(a.cluster, a.group) == exchange.Absent {
			out = append(out, a.application)
		}
	}
	return out
}

func union(a, b map[string]client.Object) map[string]client.Object {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// heal lets everything that a cluster told come true.
func heal(cluster string) func(*hub) {
	return func(h *hub) {
		h.spokes[cluster].broken, h.spokes[cluster].inUse = "", false
		h.obey(cluster)
	}
}

// TestEveryWaitHasWhoEndsIt asks it of each fact that a plan waits for: what ends the wait wakes the application.
func TestEveryWaitHasWhoEndsIt(t *testing.T) {
	edit := func(h *hub) { h.failover("dr2") }
	ends := map[string]func(*hub){
		"LinkIsLive":     func(h *hub) { h.connect("dr1") },
		"InboxComplete":  func(h *hub) { h.tell("dr2") },
		"Answer":         heal("dr2"),
		"BeingPrimary":   heal("dr2"),
		"BeingProtected": heal("dr1"),
		"BeingSecondary": heal("dr2"),
		"BeingPrepared":  heal("dr1"),
		"BeingSynced":    heal("dr1"),
		"WorkloadGone":   heal("dr1"),
		"ObjectGone":     heal("dr2"),
		"PolicyValid": func(h *hub) {
			h.policy(func(p *v1alpha1.DRPolicy) { p.Status.Conditions = policy().Status.Conditions })
		},
		"StorageReady": func(h *hub) {
			c := &v1alpha1.DRClusterConfig{}
			require.True(h.t, h.get(c, client.ObjectKey{Name: "dr2"}))
			c.Status.MaintenanceModes = append(c.Status.MaintenanceModes, v1alpha1.MaintenanceModeAnswer{Name: "mode"})
			require.NoError(h.t, h.api.Update(h.t.Context(), c))
		},
		"TargetNamed":     edit,
		"ConflictSolved":  edit,
		"HomeNamed":       edit,
		"SpecConfirmed":   edit,
		"ProtectionEnded": func(h *hub) { h.disable() },
		"PrimaryFound":    edit,
		"VolumesLost":     edit,
		"BeingPlaced":     heal("dr1"),
		"BeingCopied":     heal("dr1"),
		"BeingRestored": func(h *hub) {
			h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) { restated(s, "KubeObjectsReady", "True") })
		},
		"HomeAgreed":   edit,
		"ConflictFree": func(h *hub) { h.spokes["dr2"].own = false; h.obey("dr2") },
		"LossAccepted": func(h *hub) {
			h.ask(func(d *v1alpha1.DRPlacementControl) { d.Annotations["word"] = "given" })
		},
		"ForeignRemoved": func(h *hub) { h.delivery("dr2", condition("Applied", "True", "Applied", "")) },
	}
	rows := waitRows()
	assert.ElementsMatch(t, factNames(t)[1:], slices.Collect(maps.Keys(ends)), "each fact has its end; the first one is Nothing")
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			row := rows[name]
			h := newHub(t, newDRPC())
			if !row.empty {
				h = deployed(t)
			}
			row.begin(h)
			if name == "StorageReady" {
				h.failover("dr2")
			}
			h.pass()
			assert.NotContains(t, h.woken(func() {}), app, "nothing happens")
			assert.Contains(t, h.woken(func() { end(h) }), app)
		})
	}
}

// reasons are the reasons of all that is refused or waited for before a plan is made, as the source has them.
func reasons(t *testing.T) []string {
	t.Helper()
	files, err := parser.ParseDir(token.NewFileSet(), ".", func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0) //nolint:staticcheck // one package, no build tags
	require.NoError(t, err)
	found := map[string]bool{}
	ast.Inspect(files["drpc"], func(n ast.Node) bool {
		literal, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		kind, ok := literal.Type.(*ast.SelectorExpr)
		if !ok || kind.Sel.Name != "Refused" && kind.Sel.Name != "Waiting" || fmt.Sprint(kind.X) != "outcome" {
			return true
		}
		for _, e := range literal.Elts {
			pair, ok := e.(*ast.KeyValueExpr)
			if text, constant := pair.Value.(*ast.BasicLit); ok && constant && fmt.Sprint(pair.Key) == "Reason" {
				reason, err := strconv.Unquote(text.Value)
				require.NoError(t, err)
				found[reason] = true
			}
		}
		return true
	})
	return slices.Sorted(maps.Keys(found))
}

// TestEveryRefusalHasWhoEndsIt asks it of all that keeps an application from being looked at, or from being written.
func TestEveryRefusalHasWhoEndsIt(t *testing.T) {
	older := newDRPC(func(d *v1alpha1.DRPlacementControl) {
		d.Namespace, d.UID = "ops", "older"
		d.CreationTimestamp.Time = start.AddDate(0, 0, -1)
		d.Annotations["drplacementcontrol.ramendr.openshift.io/app-namespace"] = "shop"
	})
	far := older.DeepCopy()
	far.Spec.DRPolicyRef.Name, far.Spec.PreferredCluster = "far", "dr3"
	rows := []struct {
		reason, name string
		drpcs        []*v1alpha1.DRPlacementControl
		begin, end   func(*hub)
	}{
		{"NoSuchPolicy", "the policy is made", nil,
			func(h *hub) { require.NoError(h.t, h.api.Delete(h.t.Context(), policy())) },
			func(h *hub) { require.NoError(h.t, h.api.Create(h.t.Context(), policy())) }},
		{"", "a cluster of the policy is made", nil,
			func(h *hub) { require.NoError(h.t, h.api.Delete(h.t.Context(), cluster("dr2", "s3-a"))) },
			func(h *hub) { require.NoError(h.t, h.api.Create(h.t.Context(), cluster("dr2", "s3-a"))) }},
		{"Conflict", "the older rival is deleted", []*v1alpha1.DRPlacementControl{older},
			func(*hub) {},
			func(h *hub) { require.NoError(h.t, h.api.Delete(h.t.Context(), older.DeepCopy())) }},
		{"Conflict", "the wish of an application that is gone is dropped", nil,
			func(h *hub) {
				require.NoError(h.t, h.api.Create(h.t.Context(), wishOf("ops/gone")))
			},
			func(h *hub) { require.NoError(h.t, h.api.Delete(h.t.Context(), wishOf("ops/gone"))) }},
		{"InvalidSpec", "the configuration allows it", nil,
			func(h *hub) {
				h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.ProtectedNamespaces = []string{"shop"} })
			},
			func(h *hub) { configure(h, "ramenOpsNamespace: shop") }},
		{"InvalidSpec", "the spec is repaired", nil,
			func(h *hub) {
				h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.ProtectedNamespaces = []string{"shop"} })
			},
			func(h *hub) { h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.ProtectedNamespaces = nil }) }},
		{"InvalidSpec", "the cluster is gone whose namespace of the exchange it names", nil,
			func(h *hub) {
				h.put(cluster("dr7", "s3-dr7"))
				h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.ProtectedNamespaces = []string{"inbox-dr7"} })
			},
			func(h *hub) { require.NoError(h.t, h.api.Delete(h.t.Context(), cluster("dr7", "s3-dr7"))) }},
		{"Conflict", "the older one of the same group, on other clusters, has another bucket", []*v1alpha1.DRPlacementControl{far},
			func(h *hub) {
				elsewhere := policy()
				elsewhere.Name, elsewhere.Spec.DRClusters = "far", []string{"dr3", "dr4"}
				h.put(elsewhere, cluster("dr3", "s3-a"), cluster("dr4", "s3-dr4"))
				configure(h, "appNamespacesFrom: [ops]")
			},
			func(h *hub) {
				c := cluster("dr3", "s3-dr3")
				require.True(h.t, h.get(c, clientKey("", "dr3")))
				c.Spec.S3ProfileName, c.Generation = "s3-dr3", c.Generation+1
				require.NoError(h.t, h.api.Update(h.t.Context(), c))
			}},
		{"ConfigMapGetFailed", "the configuration can be read", nil,
			func(h *hub) {
				h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.ProtectedNamespaces = []string{"shop"} })
				configure(h, "{")
			},
			func(h *hub) { configure(h, "{}") }},
	}
	covered := map[string]bool{}
	for _, tc := range rows {
		covered[tc.reason] = true
		t.Run(tc.reason+": "+tc.name, func(t *testing.T) {
			h := newHub(t, append(tc.drpcs, newDRPC())...)
			tc.begin(h)
			_, err := h.try(app)
			if tc.reason != "" {
				assert.Equal(t, tc.reason, h.condition("Ready").Reason, "%v", err)
			}
			assert.NotContains(t, h.woken(func() {}), app, "nothing happens")
			assert.Contains(t, h.woken(func() { tc.end(h) }), app)
		})
	}
	for _, reason := range reasons(t) {
		assert.True(t, covered[reason], "reason %s has no row", reason)
	}
}

// TestWhatNobodyWatchesIsTriedAgain names what ends without an event: the pass fails, and is repeated within a minute.
func TestWhatNobodyWatchesIsTriedAgain(t *testing.T) {
	assert.LessOrEqual(t, drpc.RetryAtMost.Seconds(), 60.0)
	h := newHub(t, newDRPC())
	h.fail = func(verb, what string) error {
		if verb == "apply" {
			return fmt.Errorf("namespaces %q not found", "outbox-dr2")
		}
		return nil
	}
	_, err := h.try(app)
	require.Error(t, err)
	require.NotErrorIs(t, err, reconcile.TerminalError(nil))
}

func configure(h *hub, text string) {
	h.t.Helper()
	m := &corev1.ConfigMap{}
	require.True(h.t, h.get(m, client.ObjectKeyFromObject(configMap(""))))
	m.Data = configMap(text).Data
	require.NoError(h.t, h.api.Update(h.t.Context(), m))
}

// wishOf is a wish in the outbox of dr1 for the group of the application, made for another one.
func wishOf(drpc string) *v1alpha1.VolumeReplicationGroup {
	v := &v1alpha1.VolumeReplicationGroup{}
	v.Namespace, v.Name = "outbox-dr1", "shop.db"
	v.Annotations = map[string]string{
		"exchange.ramendr.openshift.io/namespace": "shop", "exchange.ramendr.openshift.io/name": "db",
		"exchange.ramendr.openshift.io/drpc": drpc, "exchange.ramendr.openshift.io/epoch": "1",
	}
	return v
}

func TestAnEditOfTheStatusWakesUsAndOurOwnDoesNot(t *testing.T) {
	h := newHub(t, newDRPC())
	for range 8 {
		woken := h.woken(func() { h.pass() })
		if wrote := strings.Join(h.wrote(), ", "); !strings.Contains(wrote, "wish") {
			assert.NotContains(t, woken, app, "our own writes: %s", wrote)
		}
		h.follow()
		h.obey("dr1")
		h.obey("dr2")
	}
	require.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	for name, edit := range map[string]func(*v1alpha1.DRPlacementControlStatus){
		"decisions": func(s *v1alpha1.DRPlacementControlStatus) { s.PreferredDecision.ClusterName = "dr2" },
		"phase":     func(s *v1alpha1.DRPlacementControlStatus) { s.Phase = "Nonsense" },
		"all":       func(s *v1alpha1.DRPlacementControlStatus) { *s = v1alpha1.DRPlacementControlStatus{} },
	} {
		assert.Contains(t, h.woken(func() {
			d := h.drpc()
			edit(&d.Status)
			require.NoError(t, h.api.Status().Update(t.Context(), d))
		}), app, name)
		h.settle()
	}
	require.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
}
