// SPDX-License-Identifier: Apache-2.0

package builtin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/portable"
)

// An API server answers 403 for a right that is missing, and for what a quota, Pod Security, a webhook or another rule of admission
// refuses. The answers differ in words only, which any authorizer and any plugin chooses. So it is asked whether the right is there.

// doneError is an error of one request, with its verb.
type doneError struct {
	verb, subresource string
	err               error
}

func did(verb string, err error) error {
	if err == nil {
		return nil
	}
	verb, subresource, _ := strings.Cut(verb, "/")
	return &doneError{verb, subresource, err}
}

func (e *doneError) Error() string { return e.err.Error() }

func (e *doneError) Unwrap() error { return e.err }

// refuse tells why an object is not as it is to be.
func (r *restore) refuse(ctx context.Context, k kind, it *portable.Item, err error) {
	if apierrors.IsForbidden(err) && !r.entitled(ctx, k, it, err) {
		r.find(objects.NotAllowed, it.Title(), err.Error())
		return
	}
	r.find(objects.NotMade, it.Title(), err.Error()+help(err))
}

// grants are parts of the words of admission plugins that check rights: of the API server itself, which no review answers for.
var grants = []string{"attempting to grant RBAC permissions not currently held", "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on"}

var reviews = schema.GroupVersionResource{Group: "authorization.k8s.io", Version: "v1", Resource: "selfsubjectaccessreviews"}

// entitled reports whether this cluster's rights permit what was refused as forbidden.
func (r *restore) entitled(ctx context.Context, k kind, it *portable.Item, err error) bool {
	for _, words := range grants {
		if strings.Contains(err.Error(), words) {
			return false
		}
	}
	of, ok := errors.AsType[*doneError](err)
	if !ok {
		return false
	}
	attributes := map[string]any{"verb": of.verb, "group": k.Group, "version": k.Version, "resource": k.Resource, "subresource": of.subresource}
	if k.namespaced {
		attributes["namespace"] = it.Unstructured().GetNamespace()
	}
	if of.verb != "create" {
		attributes["name"] = it.Unstructured().GetName()
	}
	key := fmt.Sprint(attributes)
	r.mu.Lock()
	allowed, known := r.allowed[key]
	r.mu.Unlock()
	if known {
		return allowed
	}
	review := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": reviews.GroupVersion().String(), "kind": "SelfSubjectAccessReview", "spec": map[string]any{"resourceAttributes": attributes},
	}}
	answer, failed := r.engine.Client.Resource(reviews).Create(ctx, review, metav1.CreateOptions{})
	if failed != nil { // the words of the API server's own authorizer are what is left
		return !strings.Contains(err.Error(), " cannot "+of.verb+" resource ")
	}
	allowed, _, _ = unstructured.NestedBool(answer.Object, "status", "allowed")
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.allowed == nil {
		r.allowed = map[string]bool{}
	}
	r.allowed[key] = allowed
	return allowed
}

// help is what helps against a refusal, as the end of its text; empty: that text has to do.
func help(err error) string {
	for _, known := range []struct{ words, remedy string }{
		{"exceeded quota:", "raise that ResourceQuota, or delete what uses it up"},
		{"failed quota:", "set what that ResourceQuota asks for, by a LimitRange or in the object, or delete the quota"},
		{"status unknown for quota:", "wait until the cluster has counted what that ResourceQuota limits"},
		{"violates PodSecurity", "give the namespace a label pod-security.kubernetes.io/enforce that permits it"},
		{"failed calling webhook", "repair that webhook, or delete its configuration"},
		{"admission webhook", "have that webhook permit it"},
		{"ValidatingAdmissionPolicy", "have that policy permit it"},
	} {
		if strings.Contains(err.Error(), known.words) {
			return ": " + known.remedy
		}
	}
	if apierrors.IsForbidden(err) && !errors.Is(err, errLeaving) {
		return ": no right is missing, a rule of this cluster refuses it"
	}
	return ""
}
