// SPDX-License-Identifier: Apache-2.0

package recipe

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

const (
	keyGroup = "group"
	keyHook  = "hook"
)

// backup is the workflow of a capture. A group is captured once.
func (r *resolver) backup(path string, w *v1alpha1.RecipeWorkflow) Workflow {
	out := r.steps(path, w)
	for _, h := range lasting(&out) {
		r.note(path+".sequence", fmt.Sprintf("%s is not undone when the capture succeeds, since no later step is %s", h.Title(), h.Inverse), "add that step, or remove inverseOp")
	}
	seen := map[string]bool{}
	out.Steps = slices.DeleteFunc(out.Steps, func(s Step) bool {
		if s.Group == nil {
			return false
		}
		twice := seen[s.Group.Name]
		seen[s.Group.Name] = true
		if twice {
			r.note(path+".sequence", fmt.Sprintf("group %s is named twice and captured once, at its first place", s.Group.Name), "name it once")
		}
		return twice
	})
	return out
}

// restore is the workflow of a restore, each of whose groups needs a capture.
func (r *resolver) restore(path string, w *v1alpha1.RecipeWorkflow, captured []string) Workflow {
	out := r.steps(path, w)
	for _, s := range out.Steps {
		if s.Group != nil && !slices.Contains(captured, s.Group.Of) {
			r.add(path+".sequence", fmt.Sprintf("group %s restores the capture of group %s, which workflow %s does not make", s.Group.Name, s.Group.Of, v1alpha1.WorkflowBackup),
				"add that group to workflow "+v1alpha1.WorkflowBackup+", or set backupRef to one that is in it")
		}
	}
	return out
}

func (r *resolver) steps(path string, w *v1alpha1.RecipeWorkflow) Workflow {
	out := Workflow{FailOn: w.FailOn}
	switch w.FailOn {
	case "":
		out.FailOn = v1alpha1.FailOnAny
	case v1alpha1.FailOnAny, v1alpha1.FailOnEssential, v1alpha1.FailOnFull:
	default:
		r.add(path+".failOn", fmt.Sprintf("%q is not known", w.FailOn), fmt.Sprintf("use %s, %s or %s", v1alpha1.FailOnAny, v1alpha1.FailOnEssential, v1alpha1.FailOnFull))
	}
	if n := len(w.Sequence); n > MaxSteps {
		r.add(path+".sequence", fmt.Sprintf("it has %d steps, and may have %d", n, MaxSteps), "select more by each group, and do more by each operation")
		return out
	}
	groups := 0
	for i, item := range w.Sequence {
		at := path + ".sequence[" + strconv.Itoa(i) + "]"
		name, isGroup := item[keyGroup]
		op, isHook := item[keyHook]
		switch {
		case len(item) != 1 || !isGroup && !isHook:
			r.add(at, "a step is one key, "+keyGroup+" or "+keyHook+", and its value", "write each step as an item of its own")
		case isGroup:
			groups++
			g, known := r.groups[name]
			if !known {
				r.add(at, fmt.Sprintf("there is no group %q", name), "name a group of spec.groups")
			}
			if g != nil { // one of volumes is no step: claims come first
				out.Steps = append(out.Steps, Step{Group: g})
			}
		default:
			if h := r.called(at, op); h != nil {
				out.Steps = append(out.Steps, Step{Hook: h})
			}
		}
	}
	if groups == 0 {
		r.add(path+".sequence", "no step is a group", "add a group, or remove the workflow")
	}
	out.Inverses = inversesOf(&out, r.hooks)
	if n := len(encoded(out.Inverses)); n > MaxInverses {
		r.add(path+".sequence", fmt.Sprintf("the operations that undo its steps have %d bytes, and may have %d", n, MaxInverses), "move long commands into a script in the image of the container")
	}
	return out
}

// MaxSteps is how many steps a workflow may have.
const MaxSteps = 200

// MaxInverses is how many bytes the operations of a workflow that undo others may have, as JSON: they are written down before what
// they undo is begun.
const MaxInverses = 16 << 10

// inversesOf are the operations that undo those of the steps of a workflow, by their titles.
func inversesOf(w *Workflow, hooks map[string]*Hook) map[string]*Hook {
	out := map[string]*Hook{}
	for _, s := range w.Steps {
		if s.Hook != nil && hooks[s.Hook.Inverse] != nil {
			out[s.Hook.Inverse] = hooks[s.Hook.Inverse]
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// lasting are the steps that stay as they are when all goes well, though the user says what undoes them.
func lasting(w *Workflow) []*Hook {
	var out []*Hook
	for i, s := range w.Steps {
		undoes := func(later Step) bool { return later.Hook != nil && later.Hook.Title() == s.Hook.Inverse }
		if s.Hook != nil && s.Hook.Inverse != "" && !slices.ContainsFunc(w.Steps[i+1:], undoes) {
			out = append(out, s.Hook)
		}
	}
	return out
}

// called is the operation that a step names.
func (r *resolver) called(path, name string) *Hook {
	hook, op, ok := strings.Cut(name, "/")
	switch {
	case !ok || hook == "" || op == "" || strings.Contains(op, "/"):
		r.add(path, fmt.Sprintf("%q does not name a hook and an operation", name), "write hook: <hook>/<operation>")
	case !r.known[hook]:
		r.add(path, fmt.Sprintf("there is no hook %q", hook), "name a hook of spec.hooks")
	case r.hooks[name] == nil:
		r.add(path, fmt.Sprintf("hook %s has no operation %q", hook, op), "name one of its ops, chks or jobs; a hook of type scale has up, down and sync")
	}
	return r.hooks[name]
}
