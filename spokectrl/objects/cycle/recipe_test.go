// SPDX-License-Identifier: Apache-2.0

package cycle_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/objects/enginetest"
)

const ordered = `
groups:
- {name: config, type: resource, includedResourceTypes: [$WHAT], restoreOverwriteResources: true}
- {name: rest, type: resource, excludedResourceTypes: [$WHAT]}
- {name: extra, type: resource, includedResourceTypes: [three], essential: false}
workflows:
- {name: backup, failOn: essential-error, sequence: [{group: rest}, {group: config}, {group: extra}]}
- {name: restore, failOn: essential-error, sequence: [{group: config}, {group: rest}, {group: extra}]}
`

func by(t *testing.T, w cycle.Want, text string) cycle.Want {
	t.Helper()
	w.Recipe, w.Spec = "Recipe shop/r", &v1alpha1.RecipeSpec{}
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), w.Spec))
	w.App.Parameters = map[string][]string{"WHAT": {"one"}}
	return w
}

func TestARecipeSaysInWhichOrder(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c := w.cluster(t, 0, "one", "two", "three")
		want := by(t, c.want(cycle.Capture, 1), ordered)
		c.store(want)
		is := c.tend(want)
		assert.Equal(t, []string{"capture group/rest", "capture group/config", "capture group/extra"}, c.engine.Seen().Steps)
		assert.Equal(t, "True/Captured", short(cycle.OfCaptures(&want, &is, time.Now())))

		peer := w.cluster(t, 1)
		want = by(t, peer.want(cycle.Restore, 2), ordered)
		peer.store(want)
		is = peer.tend(want)
		require.NotNil(t, is.Restored, "%v", is.Failure)
		assert.Equal(t, []string{"restore 0/group/config, overwriting", "restore 1/group/rest", "restore 2/group/extra"}, peer.engine.Seen().Steps)
		assert.Equal(t, []string{"one", "three", "two"}, peer.engine.Has())
		assert.False(t, is.Restored.Lacks())
	})
}

// TestWhatIsMadeBeforeItsOwnerIsLinkedAtTheEnd : a later group may have the owner.
func TestWhatIsMadeBeforeItsOwnerIsLinkedAtTheEnd(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c := w.cluster(t, 0, "one", "two", "three")
		want := by(t, c.want(cycle.Capture, 1), ordered)
		c.store(want)
		c.tend(want)
		peer := w.cluster(t, 1)
		peer.engine.Rule(enginetest.Rules{Findings: []objects.Finding{{Reason: objects.OwnerGone, Object: "one", What: "its owner two does not exist here"}}})
		want = by(t, peer.want(cycle.Restore, 2), ordered)
		peer.store(want)
		is := peer.tend(want)
		require.NotNil(t, is.Restored, "%v", is.Failure)
		assert.Equal(t, []string{"restore 0/group/config, overwriting", "restore 1/group/rest", "restore 2/group/extra", "link 0/group/config", "link 1/group/rest"}, peer.engine.Seen().Steps)
		assert.Equal(t, 1, is.Restored.Findings.Count[objects.OwnerGone], "of the last group, which nothing comes after")
	})
}

// TestAGroupThatCanNotBeLinkedFailsTheRestoreIfItIsEssential : as if it could not be restored.
func TestAGroupThatCanNotBeLinkedFailsTheRestoreIfItIsEssential(t *testing.T) {
	text := `
groups:
- {name: extra, type: resource, includedResourceTypes: [two], essential: $ESSENTIAL}
- {name: rest, type: resource, excludedResourceTypes: [two]}
workflows:
- {name: backup, failOn: essential-error, sequence: [{group: extra}, {group: rest}]}
- {name: restore, failOn: essential-error, sequence: [{group: extra}, {group: rest}]}
`
	for essential, fails := range map[string]bool{"true": true, "false": false} {
		t.Run("essential: "+essential, func(t *testing.T) {
			in(t, func(t *testing.T, w *world) {
				text := strings.ReplaceAll(text, "$ESSENTIAL", essential)
				c := w.cluster(t, 0, "one", "two")
				want := by(t, c.want(cycle.Capture, 1), text)
				c.store(want)
				c.tend(want)
				peer := w.cluster(t, 1)
				peer.engine.Rule(enginetest.Rules{
					Findings: []objects.Finding{{Reason: objects.OwnerGone, Object: "two", What: "its owner one does not exist here"}},
					Refuses:  map[string]bool{"link": true},
				})
				want = by(t, peer.want(cycle.Restore, 2), text)
				peer.store(want)
				is := peer.tend(want)
				assert.Equal(t, []string{"restore 0/group/extra", "restore 1/group/rest", "link 0/group/extra"}, peer.engine.Seen().Steps)
				if fails {
					require.ErrorContains(t, is.Failure, "group extra: link what was made to its owners: no link can be made")
					return
				}
				require.NotNil(t, is.Restored, "%v", is.Failure)
				assert.Contains(t, is.Restored.String(), "without groups that are not essential: group extra: link what was made to its owners: no link can be made")
				assert.Contains(t, is.Restored.String(), "2 were made without an owner: two: its owner one does not exist here")
			})
		})
	}
}

func TestWithoutTheRecipeTheCapturedOneIsUsed(t *testing.T) {
	other := `
groups:
- {name: all, type: resource}
workflows:
- {name: backup, sequence: [{group: all}]}
- {name: restore, sequence: [{group: all}]}
`
	for name, tc := range map[string]struct {
		here func(*testing.T, cycle.Want) cycle.Want
		says string
	}{
		"it does not exist here": {func(_ *testing.T, w cycle.Want) cycle.Want {
			w.Spec, w.Unread = nil, errors.New("Recipe shop/r does not exist on this cluster")
			return w
		}, "restored by the Recipe as it was captured, since Recipe shop/r does not exist on this cluster"},
		"another one is here, whose groups were not captured": {func(t *testing.T, w cycle.Want) cycle.Want { return by(t, w, other) },
			`restored by the Recipe as it was captured, since group all restores the capture of group "all", which was not made`},
		"none is named here": {func(_ *testing.T, w cycle.Want) cycle.Want {
			w.Recipe, w.Spec = "", nil
			return w
		}, "restored by the Recipe as it was captured, since none is named here"},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, w *world) {
				c := w.cluster(t, 0, "one", "two", "three")
				want := by(t, c.want(cycle.Capture, 1), ordered)
				c.store(want)
				c.tend(want)
				peer := w.cluster(t, 1)
				want = tc.here(t, by(t, peer.want(cycle.Restore, 2), ordered))
				peer.store(want)
				is := peer.tend(want)
				require.NotNil(t, is.Restored, "%v", is.Failure)
				assert.Equal(t, []string{"restore 0/group/config, overwriting", "restore 1/group/rest", "restore 2/group/extra"}, peer.engine.Seen().Steps)
				assert.True(t, is.Restored.Lacks())
				assert.Contains(t, is.Restored.String(), tc.says)
			})
		})
	}
}

func TestAGroupThatIsNotEssentialMayBeMissing(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c := w.cluster(t, 0, "one", "two", "three")
		c.engine.Rule(enginetest.Rules{Refuses: map[string]bool{"group/extra": true}})
		want := by(t, c.want(cycle.Capture, 1), ordered)
		c.store(want)
		is := c.tend(want)
		f := cycle.OfCaptures(&want, &is, time.Now())
		assert.Equal(t, "True/Captured", short(f))
		assert.Contains(t, f.Message, "without groups that are not essential: group extra: step group/extra is refused")
		c.engine.Rule(enginetest.Rules{Refuses: map[string]bool{"group/config": true}})
		before := c.captured("a")
		<-time.After(interval)
		is = c.tend(want)
		require.ErrorContains(t, is.Failure, "group config: step group/config is refused")
		assert.Equal(t, before, c.captured("a"), "nothing takes the place of a whole capture")

		peer := w.cluster(t, 1)
		want = by(t, peer.want(cycle.Restore, 2), ordered)
		peer.store(want)
		is = peer.tend(want)
		require.NotNil(t, is.Restored, "%v", is.Failure)
		assert.Equal(t, []string{"one", "three", "two"}, peer.engine.Has())
		assert.Contains(t, is.Restored.String(), `group extra: the capture has no step "group/extra"`)
	})
}

func TestWhatCanNotBeFollowedIsToldAndNothingIsCaptured(t *testing.T) {
	for name, tc := range map[string]struct{ text, says string }{
		"a namespace of others": {`
groups: [{name: all, type: resource, includedNamespaces: [theirs]}]
workflows:
- {name: backup, sequence: [{group: all}]}
- {name: restore, sequence: [{group: all}]}
`, "theirs"},
	} {
		t.Run(name, func(t *testing.T) {
			w := cycle.Want{}
			w.App.Namespaces = []string{"shop"}
			w = by(t, w, tc.text)
			_, err := w.Resolved()
			require.ErrorContains(t, err, tc.says)
			assert.ErrorContains(t, err, "Recipe shop/r can't be followed")
		})
	}
	w := cycle.Want{}
	w.App.Parameters = map[string][]string{"STOP_RECIPE_RECONCILE": {"True"}}
	_, err := w.Resolved()
	assert.ErrorContains(t, err, "captures are stopped by parameter STOP_RECIPE_RECONCILE")
}
