// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/captures"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/objects/enginetest"
	"github.com/ramendr/ramen-direct/spokectrl/snapshot"
	"github.com/ramendr/ramen-direct/spokectrl/vrg"
)

// holds has the process of a cluster capture objects, of which it has some.
func (c *cluster) holds(names ...string) *enginetest.Names {
	c.t.Helper()
	e := enginetest.NewNames(names...)
	h := &enginetest.Hooks{}
	h.Rule("db/fails", enginetest.HookRule{Err: errors.New("exit code 3")})
	c.r.Objects = cycle.New(e, &captures.Keeper{Archive: c.r.Archive, Clock: c.clock}, cycle.Hooks{Runner: h, Journal: h, Place: vrg.Place(c.client)}, c.clock)
	require.NoError(c.t, c.r.Objects.Recover(c.t.Context()))
	c.t.Cleanup(c.r.Objects.Close)
	return e
}

func protecting(g *v1alpha1.VolumeReplicationGroup) {
	g.Spec.KubeObjectProtection = &v1alpha1.KubeObjectProtectionSpec{}
}

// until passes until a condition says something: work that is not part of a pass has to come to its end.
func (c *cluster) until(kind, says string) {
	c.t.Helper()
	came := assert.Eventually(c.t, func() bool {
		_, err := c.pass()
		assert.NoError(c.t, err)
		c.neighbors()
		return c.says(kind) == says
	}, time.Minute, 5*time.Millisecond)
	require.True(c.t, came, "%s has to be %s, and is %s: %s", kind, says, c.says(kind), c.message(kind))
}

// capturing is an application that dr1 protects whole, and whose hub has told both clusters who signs.
func capturing(t *testing.T, s *stores) (dr1, dr2 *cluster) {
	t.Helper()
	dr1, dr2 = newCluster(t, "dr1", s), newCluster(t, "dr2", s)
	dr1.holds("deployment", "service")
	dr1.provision("data")
	dr1.wish(v1alpha1.Primary, "1", protecting)
	dr2.wish(v1alpha1.Secondary, "1", protecting)
	dr1.until("KubeObjectsReady", "False/NotCaptured")
	dr2.settle()
	dr1.wish(v1alpha1.Primary, "1", protecting, signers(dr1, dr2))
	dr2.wish(v1alpha1.Secondary, "1", protecting, signers(dr1, dr2))
	dr1.until("KubeObjectsReady", "True/Captured")
	dr2.settle()
	return dr1, dr2
}

// captured are the captures that a bucket has, whole or not.
func captured(t *testing.T, s *stores, bucket string) []string {
	t.Helper()
	var out []string
	g := capsule.Group{Namespace: ns, Name: name}
	for _, key := range s.keys(t, bucket) {
		if p := g.CaptureOf(key); p != nil && !slices.Contains(out, p.ID) {
			out = append(out, p.ID)
		}
	}
	return out
}

func TestAnApplicationIsFailedOverWithItsObjects(t *testing.T) {
	s := newStores()
	dr1, dr2 := capturing(t, s)
	assert.Contains(t, dr1.message("KubeObjectsReady"), "2 objects were captured at 2026-01-01T00:00:00Z, in s3-dr1, s3-dr2")
	assert.Equal(t, "True/Unused", dr2.says("KubeObjectsReady"))
	last := dr1.group().Status.KubeObjectProtection.CaptureToRecoverFrom
	require.NotNil(t, last)
	assert.True(t, last.EndTime.Equal(&metav1.Time{Time: dr1.clock.Now()}))
	assert.Equal(t, dr1.group().Generation, last.StartGeneration)
	assert.Nil(t, dr2.group().Status.KubeObjectProtection.CaptureToRecoverFrom)

	here := dr2.holds()
	dr2.wish(v1alpha1.Primary, "2", protecting, action(v1alpha1.VRGActionFailover), signers(dr1, dr2))
	for range 3 {
		_, err := dr2.pass()
		require.NoError(t, err)
		if dr2.says("DataReady") != "True/Ready" {
			assert.Empty(t, here.Has(), "no object comes before the volumes")
			assert.Equal(t, "False/Progressing", dr2.says("KubeObjectsReady"))
		}
	}
	dr2.until("DataReady", "True/Ready")
	dr2.until("KubeObjectsReady", "True/Captured")
	assert.Equal(t, []string{"deployment", "service"}, here.Has())
	assert.Contains(t, dr2.message("KubeObjectsReady"), "2 objects were restored from the capture of 2026-01-01T00:00:00Z in s3-dr1")
	assert.Equal(t, 1, here.Seen().Restores)
	assert.Empty(t, dr2.group().Annotations[snapshot.AnnotationObjects])

	dr2.restart(s)
	again := dr2.holds()
	_, err := dr2.pass()
	require.NoError(t, err)
	assert.Equal(t, "True/Captured", dr2.says("KubeObjectsReady"), "what was said stays until it is looked up")
	dr2.recaptured()
	assert.Empty(t, again.Has(), "a process that starts restores nothing again")
	was := dr2.writes
	_, err = dr2.pass()
	require.NoError(t, err)
	assert.Equal(t, was, dr2.writes, "nothing changes, and nothing is written")
}

func TestWhatKeepsRunningIsNotRestored(t *testing.T) {
	s := newStores()
	dr1, dr2 := capturing(t, s)
	with := signers(dr1, dr2)
	dr1.wish(v1alpha1.Primary, "1", with)
	dr1.settle()
	assert.Equal(t, "True/Unused", dr1.says("KubeObjectsReady"))
	here := dr1.holds("deployment")
	dr1.wish(v1alpha1.Primary, "1", protecting, with)
	dr1.until("KubeObjectsReady", "True/Captured")
	assert.Equal(t, []string{"deployment"}, here.Has(), "what was deleted while nobody asked for captures stays deleted")
}

func TestObjectsComeBackWithAGroupThatSomebodyDeleted(t *testing.T) {
	s := newStores()
	dr1, dr2 := capturing(t, s)
	with := signers(dr1, dr2)
	here := dr1.holds("service")
	g := dr1.group()
	g.Finalizers, g.Annotations = nil, map[string]string{"exchange.ramendr.openshift.io/epoch": "1"}
	require.NoError(t, dr1.client.Update(t.Context(), g)) // as a mirror makes it
	dr1.wish(v1alpha1.Primary, "1", protecting, with)
	dr1.until("KubeObjectsReady", "True/Captured")
	assert.Equal(t, []string{"deployment", "service"}, here.Has())
}

// recaptured waits until a process that was started has captured.
func (c *cluster) recaptured() {
	c.t.Helper()
	c.clock.Step(5 * time.Minute)
	require.Eventually(c.t, func() bool {
		_, err := c.pass()
		require.NoError(c.t, err)
		return c.group().Status.KubeObjectProtection.CaptureToRecoverFrom.StartTime.Time.Equal(c.clock.Now())
	}, time.Minute, 5*time.Millisecond)
}

// leaving is the wish of a relocation that begins.
func leaving(g *v1alpha1.VolumeReplicationGroup) {
	protecting(g)
	g.Spec.Action, g.Spec.PrepareForFinalSync = v1alpha1.VRGActionRelocate, true
}

// TestWhatLeavesIsCapturedOnceMore : by the generation of the group, so that no clocks are compared. Then it is told to leave, and
// nothing is captured of what is left of it.
func TestWhatLeavesIsCapturedOnceMore(t *testing.T) {
	s := newStores()
	dr1, dr2 := capturing(t, s)
	with := signers(dr1, dr2)
	e := dr1.holds("deployment", "service", "changed a second ago")
	dr1.recaptured()
	block := make(chan struct{})
	e.Rule(enginetest.Rules{Block: block})
	dr1.wish(v1alpha1.Primary, "1", leaving, with)
	for range 3 {
		_, err := dr1.pass()
		require.NoError(t, err)
		assert.False(t, dr1.group().Status.PrepareForFinalSyncComplete)
		assert.Equal(t, dr1.group().Generation, dr1.group().Status.ObservedGeneration)
	}
	assert.Equal(t, "True/Captured", dr1.says("KubeObjectsReady"))
	assert.Contains(t, dr1.message("KubeObjectsReady"), "another capture is made before the application leaves")
	close(block)
	require.Eventually(t, func() bool {
		_, err := dr1.pass()
		require.NoError(t, err)
		return dr1.group().Status.PrepareForFinalSyncComplete
	}, time.Minute, 5*time.Millisecond)
	assert.Equal(t, dr1.group().Generation, dr1.group().Status.KubeObjectProtection.CaptureToRecoverFrom.StartGeneration)
	assert.Equal(t, "True/Captured", dr1.says("KubeObjectsReady"))

	before := captured(t, s, "dr1")
	dr1.clock.Step(time.Hour)
	dr1.settle()
	dr1.wish(v1alpha1.Primary, "1", leaving, with, func(g *v1alpha1.VolumeReplicationGroup) { g.Spec.S3Profiles = []string{"s3-dr1"} })
	dr1.settle()
	assert.True(t, dr1.group().Status.PrepareForFinalSyncComplete)
	assert.Equal(t, before, captured(t, s, "dr1"), "nothing is captured of what leaves, whatever else is wished")
	dr1.wish(v1alpha1.Secondary, "1", protecting, with, action(v1alpha1.VRGActionRelocate))
	dr1.settle()
	assert.Equal(t, "True/Unused", dr1.says("KubeObjectsReady"))
	assert.Nil(t, dr1.group().Status.KubeObjectProtection.CaptureToRecoverFrom)

	here := dr2.holds()
	dr2.wish(v1alpha1.Primary, "2", protecting, action(v1alpha1.VRGActionRelocate), with)
	dr2.until("KubeObjectsReady", "True/Captured")
	assert.Contains(t, here.Has(), "changed a second ago")
}

// TestARelocationDoesNotWaitForeverForACapture : it says what it goes on without. What runs is ended.
func TestARelocationDoesNotWaitForeverForACapture(t *testing.T) {
	s := newStores()
	dr1, dr2 := capturing(t, s)
	e := dr1.holds("deployment", "service")
	dr1.recaptured()
	e.Rule(enginetest.Rules{Block: make(chan struct{})})
	before := captured(t, s, "dr1")
	dr1.wish(v1alpha1.Primary, "1", leaving, signers(dr1, dr2))
	dr1.settle()
	result, err := dr1.pass()
	require.NoError(t, err)
	assert.Equal(t, time.Minute, result.RequeueAfter)
	assert.False(t, dr1.group().Status.PrepareForFinalSyncComplete)
	dr1.clock.Step(time.Minute)
	dr1.settle()
	assert.True(t, dr1.group().Status.PrepareForFinalSyncComplete)
	assert.Equal(t, "False/CaptureOverdue", dr1.says("KubeObjectsReady"))
	assert.Contains(t, dr1.message("KubeObjectsReady"), "without what was changed in its Kubernetes objects since the last capture")
	assert.Zero(t, e.Seen().Running)
	assert.NotNil(t, dr1.group().Status.KubeObjectProtection.CaptureToRecoverFrom)
	assert.Equal(t, before, captured(t, s, "dr1"))
}

// TestARelocationDoesNotWaitForACaptureThatCanNotBeMade : a right is missing, and volumes go on.
func TestARelocationDoesNotWaitForACaptureThatCanNotBeMade(t *testing.T) {
	s := newStores()
	dr1, dr2 := capturing(t, s)
	e := dr1.holds("deployment", "service")
	e.Rule(enginetest.Rules{Findings: []objects.Finding{{Reason: objects.NotAllowed, Object: "secrets in namespace app", What: "the right to list it is missing"}}})
	dr1.clock.Step(time.Hour)
	dr1.until("KubeObjectsReady", "False/NotSupported")
	dr1.wish(v1alpha1.Primary, "1", leaving, signers(dr1, dr2))
	dr1.settle()
	assert.True(t, dr1.group().Status.PrepareForFinalSyncComplete)
	assert.Equal(t, "False/NotSupported", dr1.says("KubeObjectsReady"), "what is missing stays told while it leaves")
}

func TestCapturesGoWithTheGroup(t *testing.T) {
	s := newStores()
	dr1, _ := capturing(t, s)
	require.NotEmpty(t, captured(t, s, "dr1"))
	e := dr1.holds("deployment")
	e.Rule(enginetest.Rules{Block: make(chan struct{})})
	dr1.clock.Step(time.Hour)
	_, err := dr1.pass()
	require.NoError(t, err)
	require.NoError(t, dr1.client.Delete(t.Context(), dr1.group()))
	for range 10 {
		_, err := dr1.pass()
		require.NoError(t, err)
		dr1.neighbors()
	}
	assert.Nil(t, dr1.group())
	assert.Empty(t, s.keys(t, "dr1"))
	assert.Empty(t, s.keys(t, "dr2"))
	assert.Zero(t, e.Seen().Running)
}

func TestVolumesGoOnWhileObjectsFail(t *testing.T) {
	s := newStores()
	dr1, dr2 := capturing(t, s)
	before := captured(t, s, "dr1")
	here := dr2.holds()
	here.Rule(enginetest.Rules{Refuses: map[string]bool{"service": true}})
	dr2.wish(v1alpha1.Primary, "2", protecting, action(v1alpha1.VRGActionFailover), signers(dr1, dr2))
	dr2.until("KubeObjectsReady", "False/Error")
	assert.Contains(t, dr2.message("KubeObjectsReady"), "service: \"service\" is forbidden: exceeded quota: small")
	assert.Equal(t, "True/Ready", dr2.says("DataReady"))
	assert.Equal(t, "True/Uploaded", dr2.says("ClusterDataProtected"))
	assert.Equal(t, v1alpha1.PrimaryState, dr2.group().Status.State)
	result, err := dr2.pass()
	require.NoError(t, err)
	assert.Equal(t, 15*time.Second, result.RequeueAfter, "it is tried again")
	assert.Equal(t, before, captured(t, s, "dr1"), "nothing is captured of what is not whole")

	assert.Contains(t, dr2.group().Annotations[snapshot.AnnotationAttempted], `"steps":{"0/all":["`, "the next process knows what was made")
	require.Contains(t, here.Has(), "deployment")
	here = dr2.holds() // which it has lost, when the process starts again
	here.Rule(enginetest.Rules{Refuses: map[string]bool{"service": true}})
	dr2.until("KubeObjectsReady", "False/Error")
	require.NotZero(t, here.Seen().Restores)
	assert.Empty(t, here.Has(), "it is not made a second time")

	g := dr2.group()
	g.Annotations["objects.ramendr.openshift.io/skip-missing"] = "2"
	require.NoError(t, dr2.client.Update(t.Context(), g))
	dr2.until("KubeObjectsReady", "True/Captured")
	assert.Empty(t, dr2.group().Annotations[snapshot.AnnotationAttempted])
	assert.Contains(t, dr2.message("KubeObjectsReady"), "the restore was ended by annotation")
	assert.NotEmpty(t, warned(dr2.told(), "KubeObjectsRestored"))
}

// TestARecipeIsFollowed : and until it is there, its cluster says so and protects volumes.
func TestARecipeIsFollowed(t *testing.T) {
	s := newStores()
	dr1, dr2 := capturing(t, s)
	with := signers(dr1, dr2)
	e := dr1.holds("deployment", "service")
	dr1.recaptured()
	named := func(g *v1alpha1.VolumeReplicationGroup) {
		g.Spec.KubeObjectProtection = &v1alpha1.KubeObjectProtectionSpec{RecipeRef: &v1alpha1.RecipeRef{Name: "shop"}}
	}
	dr1.wish(v1alpha1.Primary, "1", named, with)
	dr1.settle()
	assert.Equal(t, "False/NotSupported", dr1.says("KubeObjectsReady"))
	assert.Contains(t, dr1.message("KubeObjectsReady"), "there is no Recipe app/shop on this cluster")
	assert.Equal(t, "True/Uploaded", dr1.says("ClusterDataProtected"))
	require.NotNil(t, dr1.group().Status.KubeObjectProtection.CaptureToRecoverFrom, "the last capture stays")
	before := dr1.group().Status.KubeObjectProtection.CaptureToRecoverFrom.Number

	require.NoError(t, dr1.client.Create(t.Context(), &v1alpha1.Recipe{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "shop"}, Spec: v1alpha1.RecipeSpec{
		AppType: "shop",
		Groups:  []v1alpha1.RecipeGroup{{Name: "half", Type: v1alpha1.RecipeGroupResource, IncludedResourceTypes: []string{"service"}}},
		Workflows: []v1alpha1.RecipeWorkflow{
			{Name: "backup", Sequence: []map[string]string{{"group": "half"}}}, {Name: "restore", Sequence: []map[string]string{{"group": "half"}}},
		},
	}}))
	require.Eventually(t, func() bool {
		_, err := dr1.pass()
		require.NoError(t, err)
		return len(e.Seen().Steps) == 2 && dr1.group().Status.KubeObjectProtection.CaptureToRecoverFrom.Number != before
	}, time.Minute, 5*time.Millisecond)
	dr1.until("KubeObjectsReady", "True/Captured")
	assert.Equal(t, []string{"capture all", "capture group/half"}, e.Seen().Steps)
	require.NotEqual(t, before, dr1.group().Status.KubeObjectProtection.CaptureToRecoverFrom.Number, "it is stored")

	here := dr2.holds()
	dr2.wish(v1alpha1.Primary, "2", named, action(v1alpha1.VRGActionFailover), with)
	dr2.until("KubeObjectsReady", "False/NotSupported")
	assert.Equal(t, []string{"service"}, here.Has(), "the captured Recipe is used")
	if warnings := warned(dr2.told(), "KubeObjectsRestored"); assert.Len(t, warnings, 1) {
		assert.Contains(t, warnings[0], "restored by the Recipe as it was captured, since there is no Recipe app/shop on this cluster")
	}
}

// TestHooksAreTold : by the process that ran them, and by the next one until it has run some.
func TestHooksAreTold(t *testing.T) {
	s := newStores()
	dr1, dr2 := capturing(t, s)
	with := func(op string) func(*v1alpha1.VolumeReplicationGroup) {
		r := &v1alpha1.Recipe{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: op}, Spec: v1alpha1.RecipeSpec{
			Groups: []v1alpha1.RecipeGroup{{Name: "all", Type: v1alpha1.RecipeGroupResource}},
			Hooks: []v1alpha1.RecipeHook{{
				Name: "db", Namespace: ns, Type: v1alpha1.HookExec, NameSelector: "db-0",
				Ops: []v1alpha1.RecipeOperation{{Name: op, Command: "run"}},
			}},
			Workflows: []v1alpha1.RecipeWorkflow{
				{Name: v1alpha1.WorkflowBackup, Sequence: []map[string]string{{"hook": "db/" + op}, {"group": "all"}}},
				{Name: v1alpha1.WorkflowRestore, Sequence: []map[string]string{{"group": "all"}}},
			},
		}}
		require.NoError(t, dr1.client.Create(t.Context(), r))
		return func(g *v1alpha1.VolumeReplicationGroup) {
			g.Spec.KubeObjectProtection = &v1alpha1.KubeObjectProtectionSpec{RecipeRef: &v1alpha1.RecipeRef{Name: op}}
		}
	}
	dr1.wish(v1alpha1.Primary, "1", with("works"), signers(dr1, dr2))
	dr1.until("HooksReady", "True/HookExecuted")
	dr1.restart(s)
	dr1.holds("service")
	_, err := dr1.pass()
	require.NoError(t, err)
	assert.Equal(t, "True/HookExecuted", dr1.says("HooksReady"), "what was said stays until hooks run again")
	dr1.wish(v1alpha1.Primary, "1", with("fails"), signers(dr1, dr2))
	dr1.until("HooksReady", "False/HookFailed")
	assert.Contains(t, dr1.message("HooksReady"), "hook db/fails: exit code 3")
	assert.Contains(t, dr1.message("KubeObjectsReady"), "the last attempt failed: hook db/fails: exit code 3")
	dr1.wish(v1alpha1.Secondary, "2", protecting, signers(dr1, dr2))
	dr1.settle()
	assert.Nil(t, meta.FindStatusCondition(dr1.group().Status.Conditions, "HooksReady"), "none is asked for")
}
