// SPDX-License-Identifier: Apache-2.0

// Package gitops tests what Argo CD, Flux and tools with kstatus make of the objects of the hub. Their scripts and
// expressions in config/gitops run on objects that the reconcilers' own tests recorded.
package gitops

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/gitops/record"
)

// Folders of recorded objects.
const (
	drpcs      = "../../hubctrl/drpc/testdata/recorded"
	drPolicies = "../../hubctrl/drpolicy/testdata/recorded"
	drClusters = "../../hubctrl/drcluster/testdata/recorded"
)

// shown is what tools make of one object.
type shown struct {
	kstatus, argo, flux string
	apps                string // what becomes of the Applications of the example
}

// What only the user can fix is Failed; all else that is not done is InProgress, however long it takes. Argo CD, which
// people look at, also tells what waits for somebody outside, and what is broken or lost.
var shownDRPCs = map[string]shown{
	"deploying":                      {"InProgress", "Progressing", "InProgress", "left alone"},
	"deploying-cluster-lost":         {"InProgress", "Progressing", "InProgress", "left alone"},
	"deploying-cluster-never-seen":   {"InProgress", "Progressing", "InProgress", "left alone"},
	"deploying-workload-elsewhere":   {"Failed", "Degraded", "Failed", "left alone"},
	"restored-after-dr-was-disabled": {"Failed", "Degraded", "Failed", "left alone"},
	"deploying-home-not-ready":       {"InProgress", "Progressing", "InProgress", "left alone"},
	"deploying-policy-invalid":       {"InProgress", "Progressing", "InProgress", "left alone"},
	"foreign-object":                 {"Failed", "Degraded", "Failed", "left alone"},
	"home-replaced":                  {"Failed", "Degraded", "Failed", "dr1 synced"},
	"home-replaced-and-accepted":     {"Failed", "Degraded", "Failed", "dr1 kept"},
	"no-target-named":                {"Failed", "Degraded", "Failed", "left alone"},
	"refused-conflict":               {"Failed", "Degraded", "Failed", "left alone"},
	"refused-no-policy":              {"Failed", "Degraded", "Failed", "left alone"},

	"deployed":                 {"Current", "Healthy", "Current", "dr1 synced"},
	"deployed-without-volumes": {"Current", "Healthy", "Current", "dr1 synced"},
	"deployed-never-synced":    {"Current", "Progressing", "InProgress", "dr1 synced"},
	"deployed-store-refuses":   {"Current", "Degraded", "InProgress", "dr1 synced"},
	"deployed-peer-not-ready":  {"InProgress", "Progressing", "InProgress", "dr1 synced"},
	"deployed-peer-lost":       {"InProgress", "Progressing", "InProgress", "dr1 synced"},
	"deployed-home-lost":       {"InProgress", "Degraded", "InProgress", "dr1 synced"},
	"deployed-home-connecting": {"InProgress", "Progressing", "InProgress", "dr1 synced"},
	"deployed-both-lost":       {"InProgress", "Degraded", "InProgress", "dr1 synced"},
	"deployed-claims-on-peer":  {"Failed", "Degraded", "Failed", "dr1 synced"},
	"deployed-volumes-broken":  {"InProgress", "Degraded", "InProgress", "dr1 synced"},
	"deployed-unreadable":      {"InProgress", "Progressing", "InProgress", "dr1 synced"},
	"deployed-policy-gone":     {"Failed", "Degraded", "Failed", "dr1 synced"},
	"deployed-without-objects": {"Failed", "Degraded", "Failed", "dr1 synced"},

	"adopting":                   {"InProgress", "Progressing", "InProgress", "left alone"},
	"adopting-one-that-follows":  {"Failed", "Degraded", "Failed", "left alone"},
	"adopting-home-unseen":       {"InProgress", "Suspended", "InProgress", "left alone"},
	"two-primaries":              {"Failed", "Degraded", "Failed", "left alone"},
	"wish-deleted-by-hand":       {"InProgress", "Progressing", "InProgress", "dr1 synced"},
	"wish-deleted-in-a-relocate": {"Failed", "Degraded", "Failed", "none"},
	"restored-from-backup":       {"Failed", "Degraded", "Failed", "dr2 synced"},

	"failover-asked":                 {"InProgress", "Progressing", "InProgress", "dr1 synced"},
	"failover-nowhere":               {"Failed", "Degraded", "Failed", "dr1 synced"},
	"failover-survivor-lost":         {"InProgress", "Progressing", "InProgress", "dr1 synced"},
	"failover-found-nothing":         {"Failed", "Degraded", "Failed", "dr1 kept"},
	"failing-over":                   {"InProgress", "Progressing", "InProgress", "dr1 kept"},
	"failing-over-not-ready":         {"InProgress", "Progressing", "InProgress", "dr1 kept"},
	"failing-over-storage-not-ready": {"InProgress", "Progressing", "InProgress", "dr1 synced"},
	"failing-over-survivor-lost":     {"InProgress", "Progressing", "InProgress", "dr1 kept"},
	"failing-over-unwritable":        {"InProgress", "Progressing", "InProgress", "dr1 kept"},
	"failing-over-mirror-refuses":    {"Failed", "Degraded", "Failed", "dr1 kept"},
	"failed-over-cleaning-up":        {"InProgress", "Progressing", "InProgress", "dr1 kept, dr2 synced"},
	"failed-over-without-objects":    {"InProgress", "Degraded", "InProgress", "dr2 synced"},
	"failed-over-source-lost":        {"InProgress", "Progressing", "InProgress", "dr1 kept, dr2 synced"},
	"failed-over-workload-remains":   {"InProgress", "Suspended", "InProgress", "dr2 synced"},
	"failed-over-home-lost":          {"InProgress", "Degraded", "InProgress", "dr2 synced"},
	"failed-over":                    {"Current", "Healthy", "Current", "dr2 synced"},

	"relocate-peer-lost":           {"InProgress", "Progressing", "InProgress", "dr1 synced"},
	"relocate-unprotected":         {"InProgress", "Degraded", "InProgress", "dr1 synced"},
	"relocate-without-destination": {"InProgress", "Progressing", "InProgress", "dr1 synced"},
	"relocate-not-replicated":      {"InProgress", "Progressing", "InProgress", "dr1 synced"},
	"relocate-preparing":           {"InProgress", "Progressing", "InProgress", "dr1 synced"},
	"relocating-workload-remains":  {"InProgress", "Suspended", "InProgress", "none"},
	"relocating-final-sync":        {"InProgress", "Progressing", "InProgress", "none"},
	"relocating-demoting":          {"InProgress", "Progressing", "InProgress", "none"},
	"relocating-out-of-sync":       {"InProgress", "Progressing", "InProgress", "none"},
	"relocating-source-lost":       {"InProgress", "Progressing", "InProgress", "none"},
	"relocating-promoting":         {"InProgress", "Progressing", "InProgress", "none"},
	"relocated":                    {"Current", "Healthy", "Current", "dr2 synced"},
	"relocated-home-lost":          {"InProgress", "Degraded", "InProgress", "dr2 synced"},

	// An error, not "none", follows when the object is gone: the workload stays.
	"deleting":             {"Terminating", "Progressing", "InProgress", "dr1 synced"},
	"deleting-peer-lost":   {"Terminating", "Progressing", "InProgress", "dr1 synced"},
	"deleting-failed-over": {"Terminating", "Progressing", "InProgress", "dr1 kept, dr2 synced"},
}

func TestWhatToolsMakeOfADRPlacementControl(t *testing.T) {
	check(t, drpcs, shownDRPCs)
}

// Without expressions Flux, like all that rely on kstatus alone, takes a policy or a cluster as done once it exists: they
// have none of the conditions that kstatus knows.
func TestWhatToolsMakeOfADRPolicy(t *testing.T) {
	check(t, drPolicies, map[string]shown{
		"valid":                {"Current", "Healthy", "Current", ""},
		"changed":              {"Current", "Progressing", "InProgress", ""},
		"classes-not-reported": {"Current", "Progressing", "InProgress", ""},
		"clusters-not-valid":   {"Current", "Progressing", "InProgress", ""},
		"cluster-missing":      {"Current", "Degraded", "Failed", ""},
		"clusters-are-one":     {"Current", "Degraded", "Failed", ""},
		"deleting":             {"Terminating", "Progressing", "InProgress", ""},
	})
}

// Trouble of a cluster may end by itself: Flux waits for its end.
func TestWhatToolsMakeOfADRCluster(t *testing.T) {
	check(t, drClusters, map[string]shown{
		"connected":          {"Current", "Healthy", "Current", ""},
		"changed":            {"Current", "Progressing", "InProgress", ""},
		"never-seen":         {"Current", "Progressing", "InProgress", ""},
		"connecting":         {"Current", "Progressing", "InProgress", ""},
		"lost":               {"Current", "Degraded", "InProgress", ""},
		"credential-revoked": {"Current", "Degraded", "InProgress", ""},
		"store-refuses":      {"Current", "Degraded", "InProgress", ""},
		"no-keys":            {"Current", "Degraded", "InProgress", ""},
		"not-set-up":         {"Current", "Degraded", "InProgress", ""},
		"fields-dropped":     {"Current", "Degraded", "Current", ""},
		"deleting":           {"Terminating", "Progressing", "InProgress", ""},
	})
}

func check(t *testing.T, dir string, want map[string]shown) {
	t.Helper()
	checks := healthChecks(t)
	got := map[string]shown{}
	for name, obj := range record.Load(t, dir) {
		is := shown{kstatus: kstatus(t, obj)}
		is.argo, _ = argoHealth(t, obj)
		var err error
		is.flux, err = fluxStatus(t, checks[obj.GetKind()], obj)
		require.NoError(t, err, name)
		if obj.GetKind() == "DRPlacementControl" {
			is.apps = applications(t, obj)
		}
		got[name] = is
	}
	assert.Equal(t, want, got)
}

func TestATroubledWorkloadIsNeverShownAsWell(t *testing.T) {
	checks := healthChecks(t)
	troubled := 0
	for name, obj := range record.Load(t, drpcs) {
		d := typed(t, obj)
		if meta.IsStatusConditionTrue(d.Status.Conditions, "Available") {
			continue
		}
		troubled++
		health, _ := argoHealth(t, obj)
		assert.NotEqual(t, "Healthy", health, name)
		flux, err := fluxStatus(t, checks["DRPlacementControl"], obj)
		require.NoError(t, err)
		assert.NotEqual(t, "Current", flux, name)
		assert.NotEqual(t, "Current", kstatus(t, obj), name)
	}
	assert.NotZero(t, troubled)
}

func TestAnArgoMessageTellsWhatToDo(t *testing.T) {
	recorded := record.Load(t, drpcs)
	for name, want := range map[string]string{
		"deployed":             "the workload runs, and its peer stands by; 1 volumes are protected",
		"deployed-home-lost":   "the workload runs on dr1 as far as is known: cluster dr1 can't be reached; last heard of at 2026-01-01T11:59:45Z; the operation continues automatically when the mirror on dr1 reports again; to run the workload on the other cluster now, set action Failover",
		"failover-nowhere":     `spec.failoverCluster is "dr7", which is not a cluster of DRPolicy policy; set spec.failoverCluster to dr1 or dr2`,
		"deleting-failed-over": "DR is being disabled: cluster dr1 can't be reached; last heard of at 2026-01-01T11:59:45Z; the operation continues automatically when the mirror on dr1 reports again; to give up what cluster dr1 has: kubectl -n shop annotate --overwrite drpc db ramendr.openshift.io/abandon-cluster=dr1",
	} {
		require.NotNil(t, recorded[name], name)
		_, message := argoHealth(t, recorded[name])
		assert.Equal(t, want, message)
	}
}

// unseen are objects that no reconciler has looked at: as their user wrote them, with what the API server adds.
func unseen(t *testing.T, dir string) *unstructured.Unstructured {
	t.Helper()
	for _, obj := range record.Load(t, dir) {
		unstructured.RemoveNestedField(obj.Object, "metadata", "deletionTimestamp")
		delete(obj.Object, "status")
		obj.Object["status"] = map[string]any{}
		if obj.GetKind() == "DRPlacementControl" {
			obj.Object["status"] = map[string]any{"observedGeneration": int64(-1)}
		}
		return obj
	}
	return nil
}

func TestWhatNobodyLookedAtYetIsNotDone(t *testing.T) {
	checks := healthChecks(t)
	for _, dir := range []string{drpcs, drPolicies, drClusters} {
		obj := unseen(t, dir)
		health, _ := argoHealth(t, obj)
		assert.Equal(t, "Progressing", health, obj.GetKind())
		flux, err := fluxStatus(t, checks[obj.GetKind()], obj)
		require.NoError(t, err)
		assert.Equal(t, "InProgress", flux, obj.GetKind())
		if obj.GetKind() == "DRPlacementControl" {
			assert.Equal(t, "InProgress", kstatus(t, obj))
			assert.Equal(t, "left alone", applications(t, obj))
		}
	}
}

// TestAStatusThatSomebodyWipedIsNotDone: the conditions are gone, and what was observed with them.
func TestAStatusThatSomebodyWipedIsNotDone(t *testing.T) {
	checks := healthChecks(t)
	for _, dir := range []string{drpcs, drPolicies, drClusters} {
		obj := unseen(t, dir)
		obj.Object["status"] = map[string]any{}
		health, _ := argoHealth(t, obj)
		assert.Equal(t, "Progressing", health, obj.GetKind())
		flux, err := fluxStatus(t, checks[obj.GetKind()], obj)
		require.NoError(t, err)
		assert.Equal(t, "InProgress", flux, obj.GetKind())
	}
}

// TestConditionsThatAreThereAreTrueWhileAllIsWell: tools, and kubectl's readers, take any other as trouble.
func TestConditionsThatAreThereAreTrueWhileAllIsWell(t *testing.T) {
	for dir, names := range map[string][]string{
		drpcs: {"deployed", "failed-over", "relocated"}, drPolicies: {"valid"}, drClusters: {"connected"},
	} {
		recorded := record.Load(t, dir)
		for _, name := range names {
			require.NotNil(t, recorded[name], name)
			list, _, err := unstructured.NestedSlice(recorded[name].Object, "status", "conditions")
			require.NoError(t, err)
			require.NotEmpty(t, list)
			for _, c := range list {
				assert.Equal(t, "True", c.(map[string]any)["status"], "%s: %v", name, c)
			}
		}
	}
}

func typed(t *testing.T, obj *unstructured.Unstructured) *v1alpha1.DRPlacementControl {
	t.Helper()
	d := &v1alpha1.DRPlacementControl{}
	require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, d))
	return d
}
