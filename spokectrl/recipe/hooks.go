// SPDX-License-Identifier: Apache-2.0

package recipe

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/recipe/condition"
)

// Hook is one operation of a hook.
type Hook struct {
	Name, Op  string
	Type      string
	Namespace string
	// Kind of the objects that it acts on, as the user wrote it.
	Kind     string
	Selector *metav1.LabelSelector // nil: none
	// NamePattern is a name, or a regular expression for names; empty: none.
	NamePattern string
	OnePod      bool
	SkipAbsent  bool // no object to act on is no failure
	Continue    bool // a failure counts as a success
	Essential   bool
	Timeout     time.Duration
	// Inverse is the operation that undoes it, as hook/op; empty: none.
	Inverse string

	Container string   // of a command
	Command   []string // of type exec
	Condition string   // of type check
	Manifest  string   // of type job, JSON
	Replace   bool     // of type job: an existing one is replaced
}

// Title is the operation as a Recipe names it: hook/op.
func (h *Hook) Title() string { return h.Name + "/" + h.Op }

// Operations of a hook of type scale.
const (
	OpUp   = "up"
	OpDown = "down"
	OpSync = "sync"
)

// Kinds of objects that a hook may act on by their short names.
const (
	KindPod         = "pod"
	KindDeployment  = "deployment"
	KindStatefulSet = "statefulset"
	KindDaemonSet   = "daemonset"
)

var plainName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

// Matches reports whether the hook is about an object of this name, as far as NamePattern says.
func (h *Hook) Matches(name string) bool {
	if h.PlainName() {
		return name == h.NamePattern
	}
	re, err := regexp.Compile(h.NamePattern)
	return err == nil && h.NamePattern != "" && re.MatchString(name)
}

// PlainName reports whether NamePattern is a name, and no expression.
func (h *Hook) PlainName() bool { return plainName.MatchString(h.NamePattern) }

// each is one operation of a hook as the user wrote it.
type each struct {
	path, name, onError string
	timeout             int
	more                func(*Hook)
}

// hook resolves all operations of a hook.
func (r *resolver) hook(h *v1alpha1.RecipeHook) {
	path := "spec.hooks[" + h.Name + "]"
	r.namespace(path+".namespace", h.Namespace)
	r.selector(path+".labelSelector", h.LabelSelector)
	if _, err := regexp.Compile(h.NameSelector); err != nil {
		r.add(path+".nameSelector", err.Error(), "write a name or a regular expression")
	}
	if h.Type != v1alpha1.HookJob && h.LabelSelector == nil && h.NameSelector == "" {
		r.add(path, "it selects nothing", "set labelSelector or nameSelector")
	}
	r.kind(path, h)
	inherited := r.timeout(path+".timeout", h.Timeout)
	for _, e := range r.operations(path, h) {
		out := &Hook{
			Name: h.Name, Op: e.name, Type: h.Type, Namespace: h.Namespace, Kind: h.SelectResource,
			Selector: h.LabelSelector, NamePattern: h.NameSelector, OnePod: h.SinglePodOnly, SkipAbsent: h.SkipHookIfNotPresent,
			Essential: h.Essential == nil || *h.Essential,
			Continue:  r.continues(e.path+".onError", e.onError, h.OnError),
			Timeout:   cmp.Or(r.timeout(e.path+".timeout", e.timeout), inherited, DefaultTimeout),
		}
		if e.more != nil {
			e.more(out)
		}
		r.hooks[h.Name+"/"+e.name] = out
	}
}

func (r *resolver) kind(path string, h *v1alpha1.RecipeHook) {
	workloads := []string{KindDeployment, KindStatefulSet}
	switch {
	case h.Type == v1alpha1.HookScale && !slices.Contains(workloads, h.SelectResource):
		r.add(path+".selectResource", fmt.Sprintf("%q can't be scaled", h.SelectResource), "use "+strings.Join(workloads, " or "))
	case h.Type == v1alpha1.HookCheck && h.SelectResource == "":
		r.add(path+".selectResource", "it does not say what is checked", "use pod, deployment, statefulset, a plural, or group/version/plural")
	case h.Type == v1alpha1.HookExec && !slices.Contains(append(workloads, "", KindPod, KindDaemonSet), h.SelectResource):
		r.note(path+".selectResource", fmt.Sprintf("%q is taken for pod", h.SelectResource), "use pod, deployment, statefulset or daemonset")
	case h.Type == v1alpha1.HookCheck && strings.Count(h.SelectResource, "/") != 0 && strings.Count(h.SelectResource, "/") != 2:
		r.add(path+".selectResource", fmt.Sprintf("%q is no type", h.SelectResource), "use pod, deployment, statefulset, a plural, or group/version/plural")
	}
}

func (r *resolver) operations(path string, h *v1alpha1.RecipeHook) []each {
	var out []each
	switch h.Type {
	case v1alpha1.HookExec:
		for _, o := range h.Ops {
			words, err := split(o.Command)
			if err != nil || len(words) == 0 {
				r.add(path+".ops["+o.Name+"].command", "it has no word", "write a command")
			}
			out = append(out, each{path + ".ops[" + o.Name + "]", o.Name, o.OnError, o.Timeout, func(hook *Hook) {
				hook.Container, hook.Command, hook.Inverse = o.Container, words, o.InverseOp
			}})
		}
	case v1alpha1.HookCheck:
		for _, c := range h.Chks {
			if strings.TrimSpace(c.Condition) == "" {
				r.add(path+".chks["+c.Name+"].condition", "it is empty", "write a condition, such as {$.status.phase} == {Running}")
			} else if _, err := condition.Parse(c.Condition); err != nil {
				r.add(path+".chks["+c.Name+"].condition", err.Error(), "write a condition, such as {$.status.phase} == {Running}")
			}
			out = append(out, each{path + ".chks[" + c.Name + "]", c.Name, c.OnError, c.Timeout, func(hook *Hook) { hook.Condition = c.Condition }})
		}
	case v1alpha1.HookJob:
		for _, j := range h.Jobs {
			at := path + ".jobs[" + j.Name + "]"
			manifest := r.job(at, j.Name)
			out = append(out, each{at, j.Name, j.OnError, j.Timeout, func(hook *Hook) {
				hook.Manifest, hook.Replace, hook.Inverse = manifest, j.ForceCreate, j.InverseOp
			}})
		}
	case v1alpha1.HookScale:
		for _, op := range []string{OpUp, OpDown, OpSync} {
			out = append(out, each{path: path, name: op})
		}
		return out
	default:
		r.add(path+".type", fmt.Sprintf("%q is not known", h.Type), "use exec, scale, check or job")
		return nil
	}
	if len(out) == 0 {
		r.add(path, "it has no operation", "add one to ops (exec), chks (check) or jobs (job)")
	}
	return out
}

// job is the manifest of a Job.
func (r *resolver) job(path, name string) string {
	for _, m := range r.spec.Jobs {
		text, ok := m[name]
		if !ok {
			continue
		}
		var is metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(text), &is); err != nil || is.Kind != "Job" || is.APIVersion != "batch/v1" {
			r.add("spec.jobs."+name, fmt.Sprintf("it is %s %s and no Job of batch/v1", is.APIVersion, is.Kind), "write the manifest of a Job")
		}
		return text
	}
	r.add(path, fmt.Sprintf("spec.jobs has no manifest %q", name), "add it there")
	return ""
}

func (r *resolver) continues(path, own, inherited string) bool {
	if own == "" {
		own = inherited
	}
	switch own {
	case "", v1alpha1.OnErrorFail:
		return false
	case v1alpha1.OnErrorContinue:
		return true
	default:
		r.add(path, fmt.Sprintf("%q is not known", own), "use fail or continue")
		return false
	}
}

// timeout is a time in seconds; 0: none is set.
func (r *resolver) timeout(path string, seconds int) time.Duration {
	switch most := int(LongestTimeout / time.Second); {
	case seconds < 0:
		r.add(path, fmt.Sprintf("%d seconds are less than none", seconds), "use a positive number")
		return 0
	case seconds > most:
		r.add(path, fmt.Sprintf("it has %d seconds, and may have %d", seconds, most), "use fewer, or let an operation of type job begin what takes longer and one of type check wait for it")
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// inverses finds the operations that undo others: op and /op are of the same hook, hook/op of any.
func (r *resolver) inverses() {
	for i := range r.spec.Hooks {
		h := &r.spec.Hooks[i]
		for _, op := range append(names(h.Ops, func(o v1alpha1.RecipeOperation) string { return o.Name }), names(h.Jobs, func(j v1alpha1.RecipeJob) string { return j.Name })...) {
			hook := r.hooks[h.Name+"/"+op]
			if hook == nil || hook.Inverse == "" {
				continue
			}
			of, inverse, ok := strings.Cut(hook.Inverse, "/")
			if !ok {
				of, inverse = "", hook.Inverse
			}
			if of == "" {
				of = h.Name
			}
			hook.Inverse = of + "/" + inverse
			if r.hooks[hook.Inverse] == nil {
				r.add("spec.hooks["+h.Name+"]", fmt.Sprintf("inverseOp of %s is %s, which is no operation of a hook", op, hook.Inverse), "name one: op of the same hook, or hook/op")
			}
		}
	}
}

func names[T any](of []T, name func(T) string) []string {
	out := make([]string, 0, len(of))
	for _, o := range of {
		out = append(out, name(o))
	}
	return out
}
