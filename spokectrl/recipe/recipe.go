// SPDX-License-Identifier: Apache-2.0

package recipe

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// ParameterStop is the parameter that stops captures while its value is true, in any case. Restores go on.
const ParameterStop = "STOP_RECIPE_RECONCILE"

// DefaultTimeout is how long an operation of a hook may take if nobody says anything else.
const DefaultTimeout = 300 * time.Second

// LongestTimeout is how long an operation of a hook may be given. A Job that loads a database takes hours; what is longer is mostly
// a number of another unit. Meanwhile nothing of the group is captured, and other groups with hooks may have to wait.
const LongestTimeout = 6 * time.Hour

// Application is what a Recipe is resolved for.
type Application struct {
	// Namespaces of the application, and all that a Recipe may name: the group's own or, in the operator's namespace for
	// groups, those that the group protects.
	Namespaces []string
	// Parameters are the values for the names in a Recipe.
	Parameters map[string][]string
	// Selector selects the objects where no workflow says what is captured; nil: all.
	Selector *metav1.LabelSelector
}

// Problem is one thing that is wrong with a Recipe, or that has no effect.
type Problem struct {
	Path   string // in the Recipe, such as spec.groups[web].labelSelector
	What   string
	Remedy string // what to do, as an imperative
}

func (p Problem) String() string { return fmt.Sprintf("%s: %s: %s", p.Path, p.What, p.Remedy) }

// Resolved is a Recipe with its parameters, or what stands for one where there is none.
type Resolved struct {
	// Spec is the Recipe with its parameters replaced; nil: there is none. Commands are lists of words in it.
	Spec *v1alpha1.RecipeSpec
	// Volumes selects the claims of the application; nil: the group does.
	Volumes *Group
	Backup  Workflow
	Restore Workflow
	// Stopped says that the user stopped captures by ParameterStop.
	Stopped bool
	// Notes are fields and parameters that have no effect. They are told, and stop nothing.
	Notes []Problem
}

// Workflow is a sequence of steps.
type Workflow struct {
	FailOn v1alpha1.FailOn
	Steps  []Step
	// Inverses are the operations that undo those of the steps, by their titles.
	Inverses map[string]*Hook
}

// Hooks reports whether a step is a hook.
func (w *Workflow) Hooks() bool {
	return slices.ContainsFunc(w.Steps, func(s Step) bool { return s.Hook != nil })
}

// Step is either a group or a hook.
type Step struct {
	Group *Group
	Hook  *Hook
}

// Title names a step for users.
func (s Step) Title() string {
	if s.Hook != nil {
		return "hook " + s.Hook.Title()
	}
	return "group " + s.Group.Name
}

// Group is a set of objects that is captured or restored in one step.
type Group struct {
	Name string // empty: all that the application has
	// Of is the group whose capture is restored.
	Of         string
	Namespaces []string
	// Included and Excluded are types as the user wrote them; no included ones: all.
	Included, Excluded []string
	Selector           *metav1.LabelSelector // nil: all
	ClusterScoped      bool
	Essential          bool
	Overwrite          bool // a restore changes what exists
	// Status selects the types whose status is restored; nil: none.
	Status *v1alpha1.GroupRestoreStatus
}

// Default is what is done where there is no Recipe, or where it has no workflow of that kind.
func Default(app Application) Resolved {
	w := Workflow{FailOn: v1alpha1.FailOnAny, Steps: []Step{{Group: &Group{
		Namespaces: slices.Clone(app.Namespaces), Selector: app.Selector.DeepCopy(), Essential: true,
	}}}}
	return Resolved{Backup: w, Restore: w, Stopped: stopped(app.Parameters)}
}

func stopped(parameters map[string][]string) bool {
	v := parameters[ParameterStop]
	return len(v) == 1 && strings.EqualFold(v[0], "true")
}

// Resolve makes the steps of a Recipe. If there are problems nothing else is returned: a Recipe is followed as a whole or
// not at all.
func Resolve(spec *v1alpha1.RecipeSpec, app Application) (Resolved, []Problem) {
	r := &resolver{app: app, used: map[string]bool{ParameterStop: true}}
	out := Default(app)
	out.Spec = r.expand(spec)
	if len(r.problems) > 0 {
		return Resolved{}, r.problems
	}
	r.spec = out.Spec
	r.index()
	if v := r.spec.Volumes; v != nil {
		out.Volumes = r.group("spec.volumes", v)
	}
	captured := []string{""}
	if path, w := r.workflow(v1alpha1.WorkflowBackup); w != nil {
		out.Backup, captured = r.backup(path, w), nil
		for _, s := range out.Backup.Steps {
			if s.Group != nil {
				captured = append(captured, s.Group.Name)
			}
		}
	}
	if path, w := r.workflow(v1alpha1.WorkflowRestore); w != nil {
		out.Restore = r.restore(path, w, captured)
	} else if !slices.Contains(captured, "") {
		r.add("spec.workflows", "there is a workflow backup and none to restore what it captures", "add a workflow restore")
	}
	if len(r.problems) > 0 {
		return Resolved{}, r.problems
	}
	r.unusedParameters()
	out.Notes = r.notes
	return out, nil
}

// resolver collects what is found while a Recipe is resolved.
type resolver struct {
	app      Application
	spec     *v1alpha1.RecipeSpec
	used     map[string]bool // parameters
	groups   map[string]*Group
	hooks    map[string]*Hook // by hook/op
	known    map[string]bool  // names of hooks
	problems []Problem
	notes    []Problem
}

func (r *resolver) add(path, what, remedy string) {
	r.problems = append(r.problems, Problem{path, what, remedy})
}

func (r *resolver) note(path, what, remedy string) {
	r.notes = append(r.notes, Problem{path, what, remedy})
}

// expand is spec with its parameters replaced, with commands as lists of words and manifests of Jobs as JSON.
func (r *resolver) expand(spec *v1alpha1.RecipeSpec) *v1alpha1.RecipeSpec {
	text, err := json.Marshal(spec)
	if err != nil {
		r.add("spec", err.Error(), "write it again")
		return nil
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		r.add("spec", err.Error(), "write it again")
		return nil
	}
	if text, err = json.Marshal(r.walk("spec", tree)); err != nil {
		r.add("spec", err.Error(), "write it again")
		return nil
	}
	out := &v1alpha1.RecipeSpec{}
	if err := json.Unmarshal(text, out); err != nil {
		r.add("spec", "with its parameters it is no Recipe: "+err.Error(), "use parameters only for text")
		return nil
	}
	return out
}

// index resolves all groups and hooks, whether a workflow names them or not: what is wrong is told before it is used.
func (r *resolver) index() {
	r.groups, r.hooks, r.known = map[string]*Group{}, map[string]*Hook{}, map[string]bool{}
	for i := range r.spec.Groups {
		g := &r.spec.Groups[i]
		resolved := r.group("spec.groups["+g.Name+"]", g)
		if g.Type == v1alpha1.RecipeGroupVolume {
			resolved = nil
		}
		r.groups[g.Name] = resolved
	}
	if v := r.spec.Volumes; v != nil {
		if _, twice := r.groups[v.Name]; twice {
			r.add("spec.volumes.name", fmt.Sprintf("a group is called %q, too", v.Name), "give one of them another name")
		}
		r.groups[v.Name] = nil // claims are restored before all steps
	}
	for i := range r.spec.Hooks {
		r.known[r.spec.Hooks[i].Name] = true
	}
	for i := range r.spec.Hooks {
		r.hook(&r.spec.Hooks[i])
	}
	r.inverses()
}

func (r *resolver) workflow(name string) (string, *v1alpha1.RecipeWorkflow) {
	for i := range r.spec.Workflows {
		if w := &r.spec.Workflows[i]; w.Name == name {
			return "spec.workflows[" + name + "]", w
		}
	}
	return "", nil
}
