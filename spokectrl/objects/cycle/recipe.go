// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// Steps of a capture.
const (
	stepAll    = "all"    // all of an application, where no Recipe says what
	stepRecipe = "recipe" // the Recipe by which it was made
	stepGroup  = "group/" // and the name of a group
)

func stepOf(group string) string {
	if group == "" {
		return stepAll
	}
	return stepGroup + group
}

// resolve makes the steps of a Recipe. What can't be followed is refused, rather than followed in part.
func resolve(title string, spec *v1alpha1.RecipeSpec, app recipe.Application) (recipe.Resolved, error) {
	out, problems := recipe.Resolve(spec, app)
	if len(problems) > 0 {
		var texts []string
		for _, p := range problems {
			texts = append(texts, p.String())
		}
		return out, fmt.Errorf("%s can't be followed: %s", title, bounded.List(texts, "; "))
	}
	for _, w := range []recipe.Workflow{out.Backup, out.Restore} {
		for _, s := range w.Steps {
			if s.Group != nil && s.Group.ClusterScoped {
				s.Group.ClusterScoped = false
				out.Notes = append(out.Notes, recipe.Problem{Path: "spec.groups[" + s.Group.Name + "].includeClusterResources", What: "it has no effect", Remedy: "install what has no namespace on both clusters"})
			}
		}
	}
	if out.Volumes != nil {
		out.Notes = append(out.Notes, recipe.Problem{Path: "spec.volumes", What: "it has no effect", Remedy: "select claims by pvcSelector"})
	}
	return out, nil
}

// Resolved is what the group asks for here. An error is why nothing can be captured: only the user can help.
func (w *Want) Resolved() (recipe.Resolved, error) {
	var out recipe.Resolved
	switch {
	case w.Recipe == "":
		out = recipe.Default(w.App)
	case w.Unread != nil:
		return out, w.Unread
	default:
		var err error
		if out, err = resolve(w.Recipe, w.Spec, w.App); err != nil {
			return out, err
		}
	}
	if out.Stopped {
		return out, fmt.Errorf("captures are stopped by parameter %s in kubeObjectProtection.recipeParameters: remove it", recipe.ParameterStop)
	}
	return out, nil
}

// notes are the parts of the Recipe that have no effect, as the end of a sentence; empty: there are none.
func (w *Want) notes() string {
	r, err := w.Resolved()
	if err != nil || len(r.Notes) == 0 {
		return ""
	}
	var texts []string
	for _, n := range r.Notes {
		texts = append(texts, n.String())
	}
	slices.Sort(texts)
	return "; " + w.Recipe + ": " + bounded.List(slices.Compact(texts), "; ")
}

// restoring is the workflow by which a capture is restored, and what is to be told about that: that of the Recipe here, else that of
// the one by which it was made.
func (w *Want) restoring(steps []string, stored *v1alpha1.RecipeSpec) (recipe.Workflow, string, error) {
	plain := recipe.Default(w.App).Restore
	own := w.Unread
	if w.Recipe != "" && w.Unread == nil {
		r, err := resolve(w.Recipe, w.Spec, w.App)
		if err == nil {
			err = covered(r.Restore, steps)
		}
		if err == nil {
			return r.Restore, "", nil
		}
		own = err
	}
	switch {
	case stored != nil:
		r, err := resolve("the captured Recipe", stored, w.App)
		if err == nil {
			err = covered(r.Restore, steps)
		}
		if err != nil {
			return plain, "", errors.Join(own, err)
		}
		why := "none is named here"
		if own != nil {
			why = own.Error()
		}
		return r.Restore, "restored by the Recipe as it was captured, since " + bounded.Text(why, bounded.Quote), nil
	case slices.Contains(steps, stepAll):
		return plain, "", nil
	default:
		return plain, "", errors.Join(own, errors.New("the capture has no steps that could be restored"))
	}
}

// covered says which step a workflow needs and a capture lacks; nil: none.
func covered(w recipe.Workflow, steps []string) error {
	for _, s := range w.Steps {
		if g := s.Group; g != nil && g.Essential && !slices.Contains(steps, stepOf(g.Of)) {
			return fmt.Errorf("group %s restores the capture of group %q, which was not made", g.Name, g.Of)
		}
	}
	return nil
}

// selects is what a group selects for an engine.
func selects(g *recipe.Group) objects.Selection {
	return objects.Selection{Namespaces: g.Namespaces, Included: g.Included, Excluded: g.Excluded, Selector: g.Selector, ClusterScoped: g.ClusterScoped}
}

func encoded(spec *v1alpha1.RecipeSpec) ([]byte, error) {
	out, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("encode the Recipe: %w", err)
	}
	return out, nil
}
