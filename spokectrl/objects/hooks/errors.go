// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// AbsentError means that an operation found nothing to act on.
type AbsentError struct{ What string }

func (e *AbsentError) Error() string { return e.What }

// Absent reports whether an operation failed since it found nothing to act on.
func Absent(err error) bool {
	_, ok := errors.AsType[*AbsentError](err)
	return ok
}

// absent says what was looked for. That nothing is selected and that nothing selected can be used have different remedies.
func absent(h *recipe.Hook, what string) error {
	by := make([]string, 0, 2)
	if h.Selector != nil {
		by = append(by, "labelSelector")
	}
	if h.NamePattern != "" {
		by = append(by, fmt.Sprintf("nameSelector %q", h.NamePattern))
	}
	return &AbsentError{fmt.Sprintf("%s in namespace %s by %s", what, h.Namespace, strings.Join(by, " and "))}
}

// DeniedError means that the ServiceAccount of the hooks lacks a right.
type DeniedError struct {
	Namespace string
	Err       error
}

func (e *DeniedError) Error() string {
	ns := e.Namespace
	return fmt.Sprintf("%v. Hooks act as ServiceAccount %s of the namespace: give it the right, as by kubectl -n %s create serviceaccount %s and kubectl -n %s create rolebinding %s --clusterrole=%s --serviceaccount=%s:%s",
		e.Err, ServiceAccount, ns, ServiceAccount, ns, ServiceAccount, ClusterRole, ns, ServiceAccount)
}

func (e *DeniedError) Unwrap() error { return e.Err }

// exitError means that a command failed. What it wrote is its own, whatever that says of rights.
type exitError struct {
	code   int
	stderr string
}

func (e *exitError) Error() string {
	return fmt.Sprintf("the command ended with exit code %d%s", e.code, e.stderr)
}

// explained adds what to do where a right is missing.
func explained(h *recipe.Hook, err error) error {
	var own *DeniedError
	if _, exited := errors.AsType[*exitError](err); err == nil || exited || errors.As(err, &own) {
		return err
	}
	switch {
	case forbidden(err) && strings.Contains(err.Error(), "impersonate"):
		return fmt.Errorf("%w. Hooks act as ServiceAccount %s of their namespace, which spokectrl may not do: apply config/spoke/objects to this cluster", err, ServiceAccount)
	case forbidden(err) && strings.Contains(err.Error(), "cannot"):
		return &DeniedError{h.Namespace, err}
	default:
		return err
	}
}

// forbidden reports whether the API server refused something for want of a right. About commands it says that in words only.
func forbidden(err error) bool {
	return apierrors.IsForbidden(err) || strings.Contains(err.Error(), " is forbidden: ")
}
