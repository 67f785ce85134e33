// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// GoneError means that what was to be undone is gone for good.
type GoneError struct{ What string }

func (e *GoneError) Error() string { return e.What }

// Gone reports whether nothing is left to be undone, and nothing will be.
func Gone(err error) bool {
	_, ok := errors.AsType[*GoneError](err)
	return ok
}

// lateError means that something was not undone everywhere: Pods do not run, and may have to be undone when they do, for what was
// done may lie on their volumes.
type lateError struct{ pods []string }

func (e *lateError) Error() string {
	return fmt.Sprintf("%s: it is run in them when they run", bounded.List(e.pods, ", "))
}

// Undo runs an operation that undoes another one, as Run does. It says by Absent that there is nothing to act on, and by Gone that
// there will be nothing: its namespace does not exist any more. What is missing only for a while is another failure.
func (r *Runner) Undo(ctx context.Context, h *recipe.Hook, name string) error {
	err := r.Run(ctx, h, name)
	if ctx.Err() != nil {
		return err
	}
	if err != nil {
		if _, gone := r.Own.Kube.CoreV1().Namespaces().Get(ctx, h.Namespace, metav1.GetOptions{}); apierrors.IsNotFound(gone) {
			return &GoneError{"namespace " + h.Namespace + " does not exist any more"}
		}
	}
	_, denied := errors.AsType[*DeniedError](err)
	if err != nil && !denied && !Absent(err) {
		return err
	}
	// A right that is missing does not matter where nothing is left to act on, as when an application was removed with its roles.
	late, left, unseen := r.left(ctx, h)
	switch {
	case unseen != nil:
		return err
	case len(late) > 0 && !denied:
		return &lateError{late}
	case denied && !left:
		return absent(h, "there is nothing to act on any more")
	default:
		return err
	}
}

// left says what an operation may act on: late is what does not run, and may later.
func (r *Runner) left(ctx context.Context, h *recipe.Hook) (late []string, left bool, err error) {
	switch h.Type {
	case v1alpha1.HookExec:
		sets, err := r.Own.sets(ctx, h)
		for _, s := range sets {
			left = left || len(s.pods) > 0 || s.wants > 0
			late = append(late, s.late(h)...)
		}
		return late, left, err
	case v1alpha1.HookScale:
		all, err := r.Own.workloads(ctx, h)
		return nil, len(all) > 0, err
	default:
		return nil, true, nil
	}
}

// late are the Pods of a set in which a command does not run now, and may have to.
func (s *set) late(h *recipe.Hook) []string {
	running := len(s.running(h))
	if h.OnePod && running > 0 {
		return nil
	}
	var out []string
	for _, p := range s.pods {
		switch {
		case runs(p):
		case p.DeletionTimestamp != nil:
			out = append(out, fmt.Sprintf("Pod %s is terminating", p.Name))
		default:
			out = append(out, fmt.Sprintf("Pod %s is %s", p.Name, strings.ToLower(string(p.Status.Phase))))
		}
	}
	if len(s.pods) == 0 && s.wants > 0 {
		out = append(out, fmt.Sprintf("%s has none of its %d Pods", s.of, s.wants))
	}
	return out
}
