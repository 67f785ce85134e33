// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/check"
	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// definitions is the kind of CustomResourceDefinitions.
var definitions = schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}

// unknown is why something could not be read: a lack of rights, or that the API server does not have such a thing. Any other
// error is returned.
func unknown(err error, what string) (string, error) {
	switch {
	case err == nil:
		return "", nil
	case apierrors.IsForbidden(err):
		return "you may not read " + what, nil
	case apierrors.IsNotFound(err), apierrors.IsMethodNotSupported(err):
		return "the API server has no " + what, nil
	}
	return "", fmt.Errorf("read %s: %w", what, err)
}

// Inspect reads what is installed on the cluster, with the configuration of that name.
func (h *Hub) Inspect(ctx context.Context, config string) (*check.Cluster, error) {
	out := &check.Cluster{Bound: map[string]bool{}}
	if d, err := discovery.NewDiscoveryClientForConfig(h.config); err != nil {
		return nil, fmt.Errorf("ask for the version: %w", err)
	} else if v, err := d.ServerVersion(); err != nil {
		return nil, fmt.Errorf("ask for the version: %w", err)
	} else {
		out.Version.Value = v.GitVersion
	}
	system := &corev1.Namespace{}
	err := h.Get(ctx, client.ObjectKey{Name: "kube-system"}, system)
	if out.Identity.Unknown, err = unknown(err, "namespace kube-system"); err != nil {
		return nil, err
	}
	out.Identity.Value = string(system.UID)
	for _, part := range []func(context.Context, *check.Cluster) error{h.readDefinitions, h.readDeployments, h.readAdmission} {
		if err := part(ctx, out); err != nil {
			return nil, err
		}
	}
	out.Config.Value, out.Err = ramenconfig.Load(ctx, h, h.system, config)
	if apierrors.IsForbidden(out.Err) {
		out.Config.Unknown, out.Err = "you may not read ConfigMaps in "+h.system, nil
	}
	return out, nil
}

func (h *Hub) readDefinitions(ctx context.Context, out *check.Cluster) error {
	names := &metav1.PartialObjectMetadataList{}
	names.SetGroupVersionKind(definitions.GroupVersion().WithKind(definitions.Kind + "List"))
	err := h.List(ctx, names)
	if out.Definitions.Unknown, err = unknown(err, "CustomResourceDefinitions"); err != nil || out.Definitions.Unknown != "" {
		return err
	}
	out.Definitions.Value = map[string]map[string]any{}
	for i := range names.Items {
		name := names.Items[i].Name
		if !strings.HasSuffix(name, "."+v1alpha1.GroupVersion.Group) {
			continue
		}
		one := &unstructured.Unstructured{}
		one.SetGroupVersionKind(definitions)
		if err := h.Get(ctx, client.ObjectKey{Name: name}, one); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("read CustomResourceDefinition %s: %w", name, err)
		}
		out.Definitions.Value[name] = one.Object
	}
	return nil
}

func (h *Hub) readDeployments(ctx context.Context, out *check.Cluster) error {
	list := &appsv1.DeploymentList{}
	err := h.List(ctx, list, client.InNamespace(h.system))
	if out.Deployments.Unknown, err = unknown(err, "Deployments in "+h.system); err != nil {
		return err
	}
	out.Deployments.Value = map[string]appsv1.Deployment{}
	for _, d := range list.Items {
		out.Deployments.Value[d.Name] = d
	}
	return nil
}

func (h *Hub) readAdmission(ctx context.Context, out *check.Cluster) error {
	policies, bindings := &admissionv1.ValidatingAdmissionPolicyList{}, &admissionv1.ValidatingAdmissionPolicyBindingList{}
	err := h.List(ctx, policies)
	if err == nil {
		err = h.List(ctx, bindings)
	}
	if out.Admission.Unknown, err = unknown(err, "ValidatingAdmissionPolicies and their bindings"); err != nil {
		return err
	}
	out.Admission.Value = map[string]admissionv1.ValidatingAdmissionPolicy{}
	for _, p := range policies.Items {
		out.Admission.Value[p.Name] = p
	}
	for _, b := range bindings.Items {
		out.Bound[b.Spec.PolicyName] = true
	}
	return nil
}

// Checks reads all that is checked on a hub. Before an installation most of it is absent.
func (h *Hub) Checks(ctx context.Context, before bool) (*check.Hub, error) {
	cluster, err := h.Inspect(ctx, ramenconfig.HubConfigMap)
	if err != nil {
		return nil, err
	}
	out := &check.Hub{Cluster: *cluster, Around: &view.Snapshot{}, Namespace: h.system}
	if skew, ok := h.Skew(); ok {
		seconds := int64(skew / time.Second)
		out.SkewSeconds = &seconds
	}
	if before {
		if out.Rights, err = h.Rights(ctx, check.Rights(h.system, true)); err != nil {
			return nil, err
		}
	} else {
		if err := h.around(ctx, out.Around); err != nil {
			return nil, err
		}
		if err := h.readKinds(ctx, out); err != nil {
			return nil, err
		}
		if err := h.readSecrets(ctx, out); err != nil {
			return nil, err
		}
		if err := h.readSizes(ctx, out); err != nil {
			return nil, err
		}
	}
	out.Around.Now = h.clock.Now()
	return out, nil
}

// Rights asks the API server which of some rights the user has, and changes nothing.
func (h *Hub) Rights(ctx context.Context, asked []check.Right) (check.Read[map[check.Right]bool], error) {
	out := check.Read[map[check.Right]bool]{Value: map[check.Right]bool{}}
	for _, right := range asked {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: right.Verb, Group: right.Group, Resource: right.Resource, Namespace: right.Namespace,
		}}}
		err := h.Create(ctx, review)
		if out.Unknown, err = unknown(err, "your own rights"); err != nil || out.Unknown != "" {
			return out, err
		}
		out.Value[right] = review.Status.Allowed
	}
	return out, nil
}

func (h *Hub) readKinds(ctx context.Context, out *check.Hub) error {
	clusters, configs, policies := &v1alpha1.DRClusterList{}, &v1alpha1.DRClusterConfigList{}, &v1alpha1.DRPolicyList{}
	var err error
	if out.DRClusters.Unknown, err = unknown(h.List(ctx, clusters), "DRClusters"); err != nil {
		return err
	}
	out.DRClusters.Value = clusters.Items
	if out.Configs.Unknown, err = unknown(h.List(ctx, configs), "DRClusterConfigs"); err != nil {
		return err
	}
	out.Configs.Value = map[string]v1alpha1.DRClusterConfig{}
	for _, c := range configs.Items {
		out.Configs.Value[c.Name] = c
	}
	if out.Policies.Unknown, err = unknown(h.List(ctx, policies), "DRPolicies"); err != nil {
		return err
	}
	out.Policies.Value = policies.Items
	return nil
}

// readSecrets reads the Secrets of the controller's namespace, of the profiles and of the outboxes, and keeps fingerprints.
func (h *Hub) readSecrets(ctx context.Context, out *check.Hub) error {
	namespaces := map[string]bool{h.system: true}
	for i := range out.DRClusters.Value {
		namespaces[exchange.Outbox(out.DRClusters.Value[i].Name)] = true
	}
	out.Secrets.Value = map[string]string{}
	for _, ns := range slices.Sorted(maps.Keys(namespaces)) {
		list := &corev1.SecretList{}
		why, err := unknown(h.List(ctx, list, client.InNamespace(ns)), "Secrets in "+ns)
		if err != nil {
			return err
		}
		if why != "" {
			out.Secrets.Unknown = why
			return nil
		}
		for i := range list.Items {
			out.Secrets.Value[ns+"/"+list.Items[i].Name] = Fingerprint(list.Items[i].Data)
		}
	}
	return nil
}

// Fingerprint names the content of a Secret without telling it: equal contents have equal fingerprints.
func Fingerprint(data map[string][]byte) string {
	sum := sha256.New()
	for _, k := range slices.Sorted(maps.Keys(data)) {
		fmt.Fprintf(sum, "%d %s %d ", len(k), k, len(data[k]))
		sum.Write(data[k])
	}
	return hex.EncodeToString(sum.Sum(nil)[:6])
}

// Config is the connection.
func (h *Hub) Config() *rest.Config { return rest.CopyConfig(h.config) }

// Boxes are the outboxes and inboxes of the clusters; none if the user may not list these.
func (h *Hub) Boxes(ctx context.Context) []string {
	var out []string
	clusters := &v1alpha1.DRClusterList{}
	if h.List(ctx, clusters) != nil {
		return nil // what was asked for is listed as missing where it is read
	}
	for i := range clusters.Items {
		out = append(out, exchange.Outbox(clusters.Items[i].Name), exchange.Inbox(clusters.Items[i].Name))
	}
	return out
}
