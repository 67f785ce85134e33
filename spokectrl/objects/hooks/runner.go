// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

const (
	// ServiceAccount is the one of their namespace as which hooks act.
	ServiceAccount = "ramen-hooks"
	// ClusterRole has the rights that hooks of all types need. It is bound in the namespaces of applications.
	ClusterRole = "ramen-hooks"
)

// Clients reach one namespace's API.
type Clients struct {
	Kube    kubernetes.Interface
	Dynamic dynamic.Interface
	// Stream runs a command in a container of a Pod. It returns the end of what the command wrote to stderr.
	Stream func(ctx context.Context, namespace, pod, container string, command []string) (stderr string, err error)
}

// Runner runs operations. It is safe for concurrent use.
type Runner struct {
	// Connect returns what acts as the hooks of a namespace.
	Connect func(namespace string) (Clients, error)
	// Own reach the API as spokectrl. They look whether something is left to be undone, and change nothing.
	Own Clients
}

// New makes one that has a configuration's user act as ServiceAccount ramen-hooks of each namespace.
func New(config *rest.Config) (*Runner, error) {
	plain := rest.CopyConfig(config)
	// What looks for outages of the API server must not take a command that is refused, or a watch that is ended, for one.
	plain.WrapTransport = nil
	own, err := connect(plain)
	return &Runner{Own: own, Connect: func(namespace string) (Clients, error) {
		as := rest.CopyConfig(plain)
		as.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + namespace + ":" + ServiceAccount}
		return connect(as)
	}}, err
}

func connect(config *rest.Config) (Clients, error) {
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return Clients{}, fmt.Errorf("make a client for hooks: %w", err)
	}
	all, err := dynamic.NewForConfig(config)
	if err != nil {
		return Clients{}, fmt.Errorf("make a client for hooks: %w", err)
	}
	return Clients{Kube: kube, Dynamic: all, Stream: streamer(config, kube)}, nil
}

// Run runs one operation, for at most its timeout, or, if it is a command, for at most that in each Pod. No two runs have the same
// name.
func (r *Runner) Run(ctx context.Context, h *recipe.Hook, name string) error {
	if _, err := r.autoscaled(ctx, h); err != nil {
		return err
	}
	c, err := r.Connect(h.Namespace)
	if err != nil {
		return err
	}
	switch h.Type {
	case v1alpha1.HookExec:
		err = c.exec(ctx, h)
	case v1alpha1.HookCheck:
		err = within(ctx, h, c.check)
	case v1alpha1.HookScale:
		err = within(ctx, h, c.scale)
	case v1alpha1.HookJob:
		err = within(ctx, h, func(ctx context.Context, h *recipe.Hook) error { return c.job(ctx, h, name) })
	default:
		err = fmt.Errorf("hooks of type %q are not known", h.Type)
	}
	return explained(h, err)
}

// timeoutError means that an operation did not end in time.
type timeoutError struct {
	after time.Duration
	what  error // what was still awaited; nil: not known
}

func (e *timeoutError) Error() string {
	if e.what == nil {
		return fmt.Sprintf("it did not end within %s", e.after)
	}
	return fmt.Sprintf("it did not succeed within %s: %v", e.after, e.what)
}

// Unwrap gives what was awaited: that there is nothing to act on is known by that.
func (e *timeoutError) Unwrap() error { return e.what }

// within ends an operation after its timeout, and says what it waited for then.
func within(ctx context.Context, h *recipe.Hook, do func(context.Context, *recipe.Hook) error) error {
	limited, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	err := do(limited, h)
	if err == nil || ctx.Err() != nil || limited.Err() == nil {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	return &timeoutError{h.Timeout, err}
}

// selected reports whether a hook is about an object. Of two selectors either is enough.
func selected(h *recipe.Hook, o metav1.Object) (bool, error) {
	if h.NamePattern != "" && h.Matches(o.GetName()) {
		return true, nil
	}
	if h.Selector == nil {
		return false, nil
	}
	s, err := metav1.LabelSelectorAsSelector(h.Selector)
	if err != nil {
		return false, fmt.Errorf("labelSelector: %w", err)
	}
	return s.Matches(labelsOf{o}), nil
}

type labelsOf struct{ metav1.Object }

func (l labelsOf) Has(label string) bool   { _, ok := l.GetLabels()[label]; return ok }
func (l labelsOf) Get(label string) string { return l.GetLabels()[label] }
func (l labelsOf) Lookup(label string) (string, bool) {
	v, ok := l.GetLabels()[label]
	return v, ok
}
