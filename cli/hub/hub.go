// SPDX-License-Identifier: Apache-2.0

// Package hub reads what a hub has about its applications, with the rights of the user and nothing else. It asks the API server
// only for kinds that it knows, so that it needs no discovery, and for as few lists as the answer takes. What the user may not
// read is noted, and unknown; it is never taken for absent (I3).
package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// SystemNamespace is the namespace of the hub's controller, unless the user says otherwise.
const SystemNamespace = "ramen-system"

// LeaderLease is the Lease by which the hub's controller says that it is at work.
const LeaderLease = "hubctrl.ramendr.openshift.io"

// page is how many applications one request asks for.
const page = 1000

// Hub is a connection to a hub.
type Hub struct {
	client.WithWatch
	clock  *serverClock
	timers clock.Clock
	system string
	config *rest.Config
}

// Open connects to the hub that config names. Nothing is asked yet.
func Open(config *rest.Config, system string, local clock.Clock) (*Hub, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("build scheme: %w", err)
		}
	}
	h := &Hub{clock: &serverClock{local: local}, timers: local, system: system}
	config = rest.CopyConfig(config)
	config.Wrap(h.clock.listen)
	config.QPS = -1 // a few requests for one command
	h.config = config
	var err error
	if h.WithWatch, err = client.NewWithWatch(config, client.Options{Scheme: scheme, Mapper: mapper()}); err != nil {
		return nil, fmt.Errorf("connect to the hub: %w", err)
	}
	return h, nil
}

// mapper knows the kinds that are read, so that nobody has to ask for them.
func mapper() meta.RESTMapper {
	m := meta.NewDefaultRESTMapper(nil)
	for kind, scope := range map[string]meta.RESTScope{
		"DRPlacementControl": meta.RESTScopeNamespace, "VolumeReplicationGroup": meta.RESTScopeNamespace, "Recipe": meta.RESTScopeNamespace,
		"DRPolicy": meta.RESTScopeRoot, "DRCluster": meta.RESTScopeRoot, "DRClusterConfig": meta.RESTScopeRoot, "MaintenanceMode": meta.RESTScopeRoot,
	} {
		m.Add(v1alpha1.GroupVersion.WithKind(kind), scope)
	}
	m.Add(coordinationv1.SchemeGroupVersion.WithKind("Lease"), meta.RESTScopeNamespace)
	for _, kind := range []string{"ConfigMap", "Secret", "ServiceAccount", "PersistentVolumeClaim", "ResourceQuota", "Event"} {
		m.Add(corev1.SchemeGroupVersion.WithKind(kind), meta.RESTScopeNamespace)
	}
	m.Add(corev1.SchemeGroupVersion.WithKind("Namespace"), meta.RESTScopeRoot)
	m.Add(corev1.SchemeGroupVersion.WithKind("Pod"), meta.RESTScopeNamespace)
	m.Add(appsv1.SchemeGroupVersion.WithKind("Deployment"), meta.RESTScopeNamespace)
	for _, kind := range []string{"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"} {
		m.Add(admissionv1.SchemeGroupVersion.WithKind(kind), meta.RESTScopeRoot)
	}
	m.Add(definitions, meta.RESTScopeRoot)
	m.Add(authenticationv1.SchemeGroupVersion.WithKind("SelfSubjectReview"), meta.RESTScopeRoot)
	m.Add(authorizationv1.SchemeGroupVersion.WithKind("SelfSubjectAccessReview"), meta.RESTScopeRoot)
	return m
}

// ErrNoHub is what a look ends with at a cluster that is no hub.
var ErrNoHub = errors.New("this cluster knows no DRPlacementControls: is it the hub? Choose another one with --context")

// Selection says which applications are looked at.
type Selection struct {
	// Namespace of the applications; empty: all.
	Namespace string
	// Names in that namespace; empty: all.
	Names []string
	// Labels of the applications; nil: any.
	Labels labels.Selector
}

// Look reads what the status of applications is computed from.
func (h *Hub) Look(ctx context.Context, which Selection) (*view.Snapshot, error) {
	s := &view.Snapshot{}
	var err error
	if s.Applications, err = h.applications(ctx, which); err != nil {
		return nil, err
	}
	if err := h.around(ctx, s); err != nil {
		return nil, err
	}
	s.Now = h.clock.Now()
	return s, nil
}

// Around reads what is the same for all applications.
func (h *Hub) Around(ctx context.Context) (*view.Snapshot, error) {
	s := &view.Snapshot{}
	if err := h.around(ctx, s); err != nil {
		return nil, err
	}
	s.Now = h.clock.Now()
	return s, nil
}

func (h *Hub) applications(ctx context.Context, which Selection) ([]v1alpha1.DRPlacementControl, error) {
	if len(which.Names) == 1 {
		drpc, err := h.Application(ctx, client.ObjectKey{Namespace: which.Namespace, Name: which.Names[0]})
		if err != nil {
			return nil, err
		}
		return []v1alpha1.DRPlacementControl{*drpc}, nil
	}
	options := []client.ListOption{client.InNamespace(which.Namespace), client.Limit(page)}
	if which.Labels != nil {
		options = append(options, client.MatchingLabelsSelector{Selector: which.Labels})
	}
	var out []v1alpha1.DRPlacementControl
	for next := ""; ; {
		list := &v1alpha1.DRPlacementControlList{}
		switch err := h.List(ctx, list, append(options, client.Continue(next))...); {
		case apierrors.IsNotFound(err):
			return nil, ErrNoHub
		case err != nil:
			return nil, fmt.Errorf("list DRPlacementControls: %w", err)
		}
		out = append(out, list.Items...)
		if next = list.Continue; next == "" {
			break
		}
	}
	if len(which.Names) == 0 {
		return out, nil
	}
	for _, name := range which.Names {
		if !slices.ContainsFunc(out, func(d v1alpha1.DRPlacementControl) bool { return d.Name == name }) {
			return nil, errors.New(noApplication(which.Namespace, name))
		}
	}
	return slices.DeleteFunc(out, func(d v1alpha1.DRPlacementControl) bool { return !slices.Contains(which.Names, d.Name) }), nil
}

// absent is the error of an API server, in the words of the tool.
type absent struct {
	message string
	err     error
}

// Error is of error.
func (a *absent) Error() string { return a.message }

// Unwrap is of errors.
func (a *absent) Unwrap() error { return a.err }

func noApplication(namespace, name string) string {
	return fmt.Sprintf("there is no DRPlacementControl %s in namespace %s: name the namespace with -n; kubectl ramen-direct status -A lists all", name, namespace)
}

// Application reads one application.
func (h *Hub) Application(ctx context.Context, key client.ObjectKey) (*v1alpha1.DRPlacementControl, error) {
	drpc := &v1alpha1.DRPlacementControl{}
	err := h.Get(ctx, key, drpc)
	if status := apierrors.APIStatus(nil); apierrors.IsNotFound(err) && errors.As(err, &status) && (status.Status().Details == nil || status.Status().Details.Name == "") {
		return nil, ErrNoHub
	}
	switch {
	case apierrors.IsNotFound(err):
		return nil, &absent{noApplication(key.Namespace, key.Name), err}
	case err != nil:
		return nil, fmt.Errorf("read DRPlacementControl: %w", err)
	}
	return drpc, nil
}

// around reads what is the same for all applications: three requests.
func (h *Hub) around(ctx context.Context, s *view.Snapshot) error {
	policies := &v1alpha1.DRPolicyList{}
	switch ok, err := h.try(h.List(ctx, policies), s, "DRPolicies", "which cluster is the peer, and how old data may be"); {
	case err != nil:
		return err
	case ok:
		s.Policies = map[string]v1alpha1.DRPolicy{}
		for _, p := range policies.Items {
			s.Policies[p.Name] = p
		}
	}
	leases := &coordinationv1.LeaseList{}
	switch ok, err := h.try(h.List(ctx, leases, client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("metadata.name", exchange.LeaseName)}),
		s, "Leases in the inboxes", "when each cluster was heard of"); {
	case err != nil:
		return err
	case ok:
		s.Leases = map[string]coordinationv1.Lease{}
		for _, l := range leases.Items {
			if cluster, boxed := exchange.ClusterOf(l.Namespace); boxed && l.Namespace == exchange.Inbox(cluster) {
				s.Leases[cluster] = l
			}
		}
	}
	leader := &coordinationv1.Lease{}
	err := h.Get(ctx, client.ObjectKey{Namespace: h.system, Name: LeaderLease}, leader)
	if apierrors.IsNotFound(err) {
		return nil // without leader election there is none
	}
	ok, err := h.try(err, s, "Lease "+h.system+"/"+LeaderLease, "whether the hub's controller is at work")
	if ok {
		s.Leader = leader
	}
	return err
}

// try passes errors on, but for a lack of rights: that is noted, and what depends on it is unknown.
func (h *Hub) try(err error, s *view.Snapshot, what, unknown string) (bool, error) {
	switch {
	case apierrors.IsForbidden(err), apierrors.IsNotFound(err):
		s.Notes = append(s.Notes, fmt.Sprintf("you may not read %s, so it is not known %s", what, unknown))
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read %s: %w", what, err)
	}
	return true, nil
}
