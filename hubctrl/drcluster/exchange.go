// SPDX-License-Identifier: Apache-2.0

package drcluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// ClusterRoles that config/hub installs and that are bound here, in the namespaces of the exchange only.
const (
	roleAgentOutbox = "ramen-mirror-outbox"
	roleAgentInbox  = "ramen-mirror-inbox"
	rolePushInbox   = "ramen-mirror-push-inbox"
	roleHubOutbox   = "ramen-hubctrl-outbox"
	roleHubInbox    = "ramen-hubctrl-inbox"

	// Identities in the namespace of the operator: of hubctrl, and of a mirror on the hub, if there is one.
	serviceAccount     = "hubctrl"
	pushServiceAccount = "mirror-push"
)

// accepted is the value of annotation accept-namespaces by which older namespaces are used.
const accepted = "true"

// agentRole names the ClusterRole, and its binding, with the agent's rights on its own DRClusterConfig.
func agentRole(cluster string) string { return "ramen-mirror-cluster-" + cluster }

// keepExchange keeps the two namespaces of the cluster and the rights in them.
func (r *Reconciler) keepExchange(ctx context.Context, dc *v1alpha1.DRCluster) error {
	cluster := dc.Name
	for _, name := range []string{exchange.Outbox(cluster), exchange.Inbox(cluster)} {
		if err := r.refuseForeign(ctx, name, dc); err != nil {
			return err
		}
	}
	for _, intent := range exchangeOf(cluster, r.options.Namespace) {
		if _, err := r.apply.Kept(ctx, r.live, intent); err != nil {
			return fmt.Errorf("keep the exchange of cluster %s: %w", cluster, err)
		}
	}
	return r.keepQuota(ctx, cluster)
}

// refuseForeign fails if the namespace exists but is not of the exchange: it would be taken over, and later deleted. One that
// was there before the DRCluster was made by others, who may have rights there, to read what the hub is going to put into it. A
// policy refuses that, where it is installed; labels and annotations anybody can write who may create a namespace.
func (r *Reconciler) refuseForeign(ctx context.Context, name string, dc *v1alpha1.DRCluster) error {
	ns, cluster := &corev1.Namespace{}, dc.Name
	switch err := r.live.Get(ctx, client.ObjectKey{Name: name}, ns); {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("read namespace %s: %w", name, err)
	case ns.Labels[exchange.LabelCluster] != cluster:
		return &outcome.Waiting{Reason: reasonExchange, After: recheck, Message: fmt.Sprintf(
			"namespace %s exists but has no label %s=%s: name the DRCluster differently, or label the namespace if it is to be used (it is deleted with the DRCluster)",
			name, exchange.LabelCluster, cluster)}
	case ns.CreationTimestamp.Time.Before(dc.CreationTimestamp.Time) && dc.Status.ClusterID == "" && dc.Annotations[v1alpha1.AnnotationAcceptNamespaces] != accepted:
		return &outcome.Waiting{Reason: reasonExchange, After: recheck, Message: fmt.Sprintf(
			"namespace %s was there before the DRCluster, and who made it may have rights there to read keys and credentials: delete it; or, if it was left by an earlier DRCluster of that name, look at its RoleBindings and run kubectl annotate drcluster %s %s=%s",
			name, cluster, v1alpha1.AnnotationAcceptNamespaces, accepted)}
	default:
		return nil
	}
}

// exchangeOf is what cluster needs on the hub besides the agent's identity, in an order in which each object finds those that
// it names but the ServiceAccount. The rights
// of the hub itself in the outbox come from a RoleBinding too, so that it holds no right on Secrets elsewhere, and so does
// that of a mirror on the hub to act as the agent.
func exchangeOf(cluster, operatorNamespace string) []apply.Intent {
	outbox, inbox := exchange.Outbox(cluster), exchange.Inbox(cluster)
	agent := rbacv1ac.Subject().WithKind(rbacv1.ServiceAccountKind).WithNamespace(inbox).WithName(exchange.ServiceAccount)
	ofOperator := func(name string) *rbacv1ac.SubjectApplyConfiguration {
		return rbacv1ac.Subject().WithKind(rbacv1.ServiceAccountKind).WithNamespace(operatorNamespace).WithName(name)
	}
	return []apply.Intent{
		namespace(outbox, cluster, exchange.RoleOutbox),
		namespace(inbox, cluster, exchange.RoleInbox),
		binding(serviceAccount, outbox, roleHubOutbox, ofOperator(serviceAccount)),
		binding(serviceAccount, inbox, roleHubInbox, ofOperator(serviceAccount)),
		binding(exchange.ServiceAccount, outbox, roleAgentOutbox, agent),
		binding(exchange.ServiceAccount, inbox, roleAgentInbox, agent),
		binding(pushServiceAccount, inbox, rolePushInbox, ofOperator(pushServiceAccount)),
		rbacv1ac.ClusterRole(agentRole(cluster)).WithLabels(created()).WithRules(
			rbacv1ac.PolicyRule().WithAPIGroups(v1alpha1.GroupVersion.Group).WithResources("drclusterconfigs").
				WithResourceNames(cluster).WithVerbs("get", "list", "watch"),
			rbacv1ac.PolicyRule().WithAPIGroups(v1alpha1.GroupVersion.Group).WithResources("drclusterconfigs/status").
				WithResourceNames(cluster).WithVerbs("patch"),
			rbacv1ac.PolicyRule().WithAPIGroups("apiextensions.k8s.io").WithResources("customresourcedefinitions").
				WithResourceNames("volumereplicationgroups."+v1alpha1.GroupVersion.Group).WithVerbs("get"),
		),
		rbacv1ac.ClusterRoleBinding(agentRole(cluster)).WithLabels(created()).
			WithRoleRef(clusterRole(agentRole(cluster))).WithSubjects(agent),
	}
}

func namespace(name, cluster, role string) apply.Intent {
	return corev1ac.Namespace(name).WithLabels(created()).WithLabels(map[string]string{
		exchange.LabelCluster:  cluster,
		exchange.LabelExchange: role,
	})
}

func binding(name, namespace, role string, subject *rbacv1ac.SubjectApplyConfiguration) apply.Intent {
	return rbacv1ac.RoleBinding(name, namespace).WithLabels(created()).WithRoleRef(clusterRole(role)).WithSubjects(subject)
}

func clusterRole(name string) *rbacv1ac.RoleRefApplyConfiguration {
	return rbacv1ac.RoleRef().WithAPIGroup(rbacv1.GroupName).WithKind("ClusterRole").WithName(name)
}

func created() map[string]string { return map[string]string{v1alpha1.LabelCreatedByRamen: "true"} }
