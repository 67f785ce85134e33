// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/rewind"
	"github.com/ramendr/ramen-direct/mirror/translate"
)

// requestTimeout bounds each request but watches. It is longer than an overloaded API server may take; a connection that
// is dead is noticed earlier (NoticeDeadConnections).
const requestTimeout = 40 * time.Second

// dialTimeout bounds the making of a TCP connection, so that a healed network is noticed soon.
const dialTimeout = 3 * time.Second

var (
	groupResource     = v1alpha1.GroupVersion.WithResource("volumereplicationgroups")
	configResource    = v1alpha1.GroupVersion.WithResource("drclusterconfigs")
	secretResource    = corev1.SchemeGroupVersion.WithResource("secrets")
	namespaceResource = corev1.SchemeGroupVersion.WithResource("namespaces")
	// definitionResource has the definitions of the other two.
	definitionResource = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	leaseResource      = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}
)

// peer is one side of the link.
type peer struct {
	client dynamic.Interface
	side   side
	note   func(verb string, resource schema.GroupVersionResource) // told of each write that was carried out
}

// newPeer connects to a side. Each time its API server turns out to be, or to have been, away, outage is called: it may come
// back with the state of a backup, and reach the resource versions that it had again before anybody asks for them.
func newPeer(cfg *rest.Config, s side, note func(string, schema.GroupVersionResource), outage func()) (peer, error) {
	cfg = rest.CopyConfig(cfg)
	rewind.Outages(cfg, outage)
	cfg.QPS = -1 // API servers limit their clients themselves
	cfg.WarningHandlerWithContext = rest.NoWarnings{}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return peer{}, fmt.Errorf("connect to %s: %w", cfg.Host, err)
	}
	return peer{client: client, side: s, note: note}, nil
}

func (p peer) at(resource schema.GroupVersionResource, namespace string) dynamic.ResourceInterface {
	if namespace == "" {
		return p.client.Resource(resource)
	}
	return p.client.Resource(resource).Namespace(namespace)
}

// get reads an object from the API server; nil: there is none.
func (p peer) get(ctx context.Context, resource schema.GroupVersionResource, namespace, name string) (*translate.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	obj, err := p.at(resource, namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read %s %s/%s: %w", resource.Resource, namespace, name, err)
	}
	return obj, nil
}

// version is the resource version that a resource is at now. It shows whether the API server answers, and whether what
// was read there may be read.
func (p peer) version(ctx context.Context, resource schema.GroupVersionResource) (string, error) {
	list, err := p.client.Resource(resource).List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return "", fmt.Errorf("ask for the version of %s: %w", resource.Resource, err)
	}
	return list.GetResourceVersion(), nil
}

// apply applies intent and returns what is stored. Of all the fields that it names manager is the sole writer.
func (p peer) apply(ctx context.Context, resource schema.GroupVersionResource, intent *translate.Object, manager string, subresource ...string) (*translate.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	body, err := json.Marshal(intent.Object)
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", resource.Resource, intent.GetName(), err)
	}
	// An apply refuses unknown fields by itself. Validation would parse the body a second time, to warn of the same.
	options := metav1.PatchOptions{FieldManager: manager, Force: new(true), FieldValidation: metav1.FieldValidationIgnore}
	stored, err := p.at(resource, intent.GetNamespace()).Patch(ctx, intent.GetName(), types.ApplyYAMLPatchType, body, options, subresource...)
	if err != nil {
		return nil, fmt.Errorf("apply %s %s/%s: %w", resource.Resource, intent.GetNamespace(), intent.GetName(), err)
	}
	p.note("apply", resource)
	return stored, nil
}

// create makes obj, and changes nothing if there is one of its name.
func (p peer) create(ctx context.Context, resource schema.GroupVersionResource, obj *translate.Object, manager string) (*translate.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	stored, err := p.at(resource, obj.GetNamespace()).Create(ctx, obj, metav1.CreateOptions{FieldManager: manager})
	if err != nil {
		return nil, fmt.Errorf("create %s %s/%s: %w", resource.Resource, obj.GetNamespace(), obj.GetName(), err)
	}
	p.note("create", resource)
	return stored, nil
}

// replace writes obj over the version of it that it was made from.
func (p peer) replace(ctx context.Context, resource schema.GroupVersionResource, obj *translate.Object, manager string) (*translate.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	stored, err := p.at(resource, obj.GetNamespace()).Update(ctx, obj, metav1.UpdateOptions{FieldManager: manager})
	if err != nil {
		return nil, fmt.Errorf("replace %s %s/%s: %w", resource.Resource, obj.GetNamespace(), obj.GetName(), err)
	}
	p.note("update", resource)
	return stored, nil
}

// undeclared reports whether an apply was refused because the API server does not know a field. It has no code of its
// own for that.
func undeclared(err error) bool {
	return err != nil && strings.Contains(err.Error(), "field not declared in schema")
}

// unknownFields asks the API server which fields of intent it does not know, without changing anything: a merge patch is
// pruned where an apply is refused.
func (p peer) unknownFields(ctx context.Context, resource schema.GroupVersionResource, intent *translate.Object, manager string, subresource ...string) (translate.Paths, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	body := intent.DeepCopy()
	body.SetResourceVersion("")
	patch, err := json.Marshal(body.Object)
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", resource.Resource, intent.GetName(), err)
	}
	at := p.at(resource, intent.GetNamespace())
	dry := []string{metav1.DryRunAll}
	stored, err := at.Patch(ctx, intent.GetName(), types.MergePatchType, patch, metav1.PatchOptions{DryRun: dry, FieldManager: manager}, subresource...)
	if apierrors.IsNotFound(err) && len(subresource) == 0 {
		stored, err = at.Create(ctx, body, metav1.CreateOptions{DryRun: dry, FieldManager: manager})
	}
	if err != nil {
		return nil, fmt.Errorf("find the unknown fields of %s %s/%s: %w", resource.Resource, intent.GetNamespace(), intent.GetName(), err)
	}
	return translate.Dropped(intent, stored), nil
}

// remove deletes obj: this object, in this version. An object that is gone already is no error. It reports whether the
// object is gone.
func (p peer) remove(ctx context.Context, resource schema.GroupVersionResource, obj *translate.Object) (gone bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	uid, version := obj.GetUID(), obj.GetResourceVersion()
	err = p.at(resource, obj.GetNamespace()).Delete(ctx, obj.GetName(), metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version},
	})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("delete %s %s/%s: %w", resource.Resource, obj.GetNamespace(), obj.GetName(), err)
	}
	p.note("delete", resource)
	return len(obj.GetFinalizers()) == 0, nil
}

// createNamespace makes a missing namespace (X12). One that appeared meanwhile is left as it is.
func (p peer) createNamespace(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	ns := &translate.Object{Object: map[string]any{}}
	ns.SetAPIVersion("v1")
	ns.SetKind("Namespace")
	ns.SetName(name)
	ns.SetLabels(map[string]string{v1alpha1.LabelCreatedByRamen: "true"})
	_, err := p.at(namespaceResource, "").Create(ctx, ns, metav1.CreateOptions{FieldManager: translate.ManagerCopy})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create namespace %s: %w", name, err)
	}
	if err == nil {
		p.note("create", namespaceResource)
	}
	return nil
}

// missingNamespace reports whether a write failed because its namespace does not exist.
func missingNamespace(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsNotFound(err) || !errors.As(err, &status) {
		return false
	}
	details := status.Status().Details
	return details != nil && details.Kind == namespaceResource.Resource
}

// outdated reports whether a write failed because its precondition did: the object is another one, or another version,
// than the one that was decided about. Looking again is the answer.
func outdated(err error) bool {
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return true
	}
	// An API server says so if it was told that there is no object (resource version 0) and there is one.
	var status apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return false
	}
	return slices.ContainsFunc(status.Status().Details.Causes, func(c metav1.StatusCause) bool {
		return c.Field == "metadata.resourceVersion"
	})
}

// unacceptable reports whether an API server will refuse what was sent each time: because of its content or its size, or because
// there are too many such objects.
func unacceptable(err error) bool {
	return !outdated(err) && (exceedsQuota(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsRequestEntityTooLargeError(err) ||
		err != nil && strings.Contains(err.Error(), "request is too large"))
}

// exceedsQuota reports whether a ResourceQuota is full. It has no reason of its own; only its message tells it from a right that
// is missing.
func exceedsQuota(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota: ")
}
