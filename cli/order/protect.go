// SPDX-License-Identifier: Apache-2.0

package order

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/internal/bounded"
)

// Wanted is a protection that a user asks for.
type Wanted struct {
	Namespace, Name string
	// Policy and Cluster: by which policy, and where the application runs or is to run.
	Policy, Cluster string
	// Claims are the PVCs, by their labels; an empty selector: all of the namespace.
	Claims metav1.LabelSelector
	// AppNamespace is the namespace of the application, if it is another one.
	AppNamespace string
	// Namespaces that are protected together, instead of that one.
	Namespaces []string
	// Objects says which Kubernetes objects are captured beside the PVCs; nil: none.
	Objects *v1alpha1.KubeObjectProtectionSpec
}

// Spans are the namespaces of the application.
func (w *Wanted) Spans() []string {
	if len(w.Namespaces) > 0 {
		return w.Namespaces
	}
	return []string{cmp.Or(w.AppNamespace, w.Namespace)}
}

// Recipe is the one that says what is captured; an empty name: none does.
func (w *Wanted) Recipe() types.NamespacedName {
	if w.Objects == nil || w.Objects.RecipeRef == nil {
		return types.NamespacedName{}
	}
	r := w.Objects.RecipeRef
	return types.NamespacedName{Namespace: cmp.Or(r.Namespace, w.AppNamespace, w.Namespace), Name: r.Name}
}

// captured says which objects are captured, for people.
func (w *Wanted) captured() string {
	o := w.Objects
	if o == nil {
		return ""
	}
	every := defaultCapture
	if o.CaptureInterval != nil {
		every = o.CaptureInterval.Duration
	}
	often := duration.HumanDuration(every)
	switch {
	case o.RecipeRef != nil:
		return fmt.Sprintf("its Kubernetes objects are captured every %s by Recipe %s", often, w.Recipe())
	case o.KubeObjectSelector != nil:
		return fmt.Sprintf("its Kubernetes objects with labels %s are captured every %s", metav1.FormatLabelSelector(o.KubeObjectSelector), often)
	}
	return fmt.Sprintf("its Kubernetes objects are captured every %s, all of its namespaces", often)
}

// defaultCapture is the time from one capture to the next where nothing says otherwise, as docs/objects.md has it.
const defaultCapture = 5 * time.Minute

// Protect is the DRPlacementControl that protects an application, and what speaks against it. A policy that is not in the snapshot
// may not be read.
func Protect(s *view.Snapshot, w Wanted) (*v1alpha1.DRPlacementControl, *view.Protection) {
	d := &v1alpha1.DRPlacementControl{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: w.Name},
		Spec:       v1alpha1.DRPlacementControlSpec{PreferredCluster: w.Cluster, PVCSelector: w.Claims, ProtectedNamespaces: w.Namespaces, KubeObjectProtection: w.Objects},
	}
	d.Spec.DRPolicyRef.Name = w.Policy
	if w.AppNamespace != "" && w.AppNamespace != w.Namespace {
		d.Annotations = map[string]string{v1alpha1.AnnotationAppNamespace: w.AppNamespace}
	}
	out := &view.Protection{Namespace: w.Namespace, Name: w.Name, Policy: w.Policy, Home: w.Cluster, Namespaces: w.Namespaces, Objects: w.captured(), Manifest: manifest(d)}
	policy, ok := s.Policies[w.Policy]
	clusters := policy.Spec.DRClusters
	out.Head = s.Heading("ApplicationProtection", clusters)
	warn := func(format string, args ...any) { out.Warnings = append(out.Warnings, fmt.Sprintf(format, args...)) }
	refuse := func(format string, args ...any) {
		out.Refusals = append(out.Refusals, view.Refusal{Guard: view.GuardPolicy, Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case !ok && s.Policies == nil:
		warn("you may not read DRPolicies, so it is not known whether %s has cluster %s", w.Policy, w.Cluster)
		return d, out
	case !ok:
		refuse("there is no DRPolicy %s%s", w.Policy, among(s.Policies))
		return d, out
	case !slices.Contains(clusters, w.Cluster):
		refuse("cluster %s is not in DRPolicy %s, which has %s: choose one of them with --cluster", w.Cluster, w.Policy, strings.Join(clusters, " and "))
		return d, out
	case !meta.IsStatusConditionTrue(policy.Status.Conditions, v1alpha1.ConditionValidated):
		warn("DRPolicy %s is not valid: the protection begins when it is. kubectl ramen-direct validate says why", w.Policy)
	case len(policy.Status.Async.PeerClasses) == 0:
		warn("DRPolicy %s has no StorageClass that both clusters have: no volume would be protected. kubectl ramen-direct validate says more", w.Policy)
	}
	for _, c := range clusters {
		if c != w.Cluster {
			out.Peer = c
		}
	}
	for _, c := range clusters {
		if l := linkOf(out.Clusters, c); l != nil && l.State != view.ClusterLive && l.State != view.ClusterUnknown {
			warn("cluster %s is not heard of: the protection begins when both clusters have said what they have", c)
		}
	}
	return d, out
}

// Complete says what a wish for a protection lacks.
func Complete(s *view.Snapshot, w Wanted) error {
	switch policy := s.Policies[w.Policy]; {
	case w.Policy == "":
		return fmt.Errorf("name the DRPolicy that protects it with --policy%s", among(s.Policies))
	case w.Cluster == "" && len(policy.Spec.DRClusters) > 0:
		return fmt.Errorf("name the cluster where it runs, or is to run, with --cluster: DRPolicy %s has %s", w.Policy, strings.Join(policy.Spec.DRClusters, " and "))
	case w.Cluster == "":
		return errors.New("name the cluster where it runs, or is to run, with --cluster")
	}
	return nil
}

func among(policies map[string]v1alpha1.DRPolicy) string {
	if len(policies) == 0 {
		return ""
	}
	var names []string
	for name := range policies {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) == 1 {
		return ": there is " + names[0]
	}
	return ": there are " + bounded.List(names, ", ")
}

// Selects adds to a protection the claims that its cluster has now.
func Selects(p *view.Protection, policy *v1alpha1.DRPolicy, claims []view.Claim) {
	classes := map[string]bool{}
	for _, c := range policy.Status.Async.PeerClasses {
		classes[c.StorageClassName] = true
	}
	p.Claims = []view.Claim{}
	var bare []string
	for _, c := range claims {
		c.Replicated = classes[c.StorageClass]
		p.Claims = append(p.Claims, c)
		if !c.Replicated {
			bare = append(bare, fmt.Sprintf("%s/%s (%s)", c.Namespace, c.Name, c.StorageClass))
		}
	}
	switch {
	case len(claims) == 0:
		p.Warnings = append(p.Warnings, fmt.Sprintf("no PVC on %s is selected now: those that come later will be protected", p.Home))
	case len(bare) > 0 && len(classes) > 0:
		p.Refusals = append(p.Refusals, view.Refusal{Guard: view.GuardPolicy, Message: fmt.Sprintf(
			"DRPolicy %s does not replicate the StorageClass of PVC %s: while one of them is selected the application is not protected. Select others, or give the class the labels that docs/install.md names",
			p.Policy, bounded.List(bare, ", "))})
	}
}

// Unprotect says what ending the protection of the one application of a detail does, and what speaks against it.
func Unprotect(d *view.Detail, evenIfGit bool) *view.Protection {
	drpc := &d.Applications[0]
	e := view.Explain(d)
	a := &e.Application
	out := &view.Protection{Head: e.Head, Namespace: drpc.Namespace, Name: drpc.Name, Ends: true, Policy: a.Policy, Home: a.Home, Peer: a.Peer}
	out.Kind = "ApplicationProtection"
	warn := func(format string, args ...any) { out.Warnings = append(out.Warnings, fmt.Sprintf(format, args...)) }
	if drpc.DeletionTimestamp != nil {
		out.Outcome = view.OutcomeNothing
		return out
	}
	switch a.State {
	case view.Moving, view.Blocked, view.NeedsYou:
		if drpc.Spec.Action != "" && a.Target != "" {
			warn("the %s to %s is under way: where the workload is left is decided by how far it got", strings.ToLower(string(drpc.Spec.Action)), a.Target)
		}
	case view.NotRunning, view.Unknown, view.NotSeen:
		warn("it is not certain that the application runs: %s", a.Message)
	case view.HomeLost, view.AtRisk, view.Protected:
	}
	for i := range out.Clusters {
		c := &out.Clusters[i]
		if c.State != view.ClusterLost && c.State != view.ClusterNever {
			continue
		}
		if c.Name == a.Home {
			warn("cluster %s, where the application runs, can't be reached: what %s has is the only copy that can. Fail over first to keep it: kubectl ramen-direct failover %s -n %s", a.Home, dash(a.Peer), drpc.Name, drpc.Namespace)
		}
		heard := "was never heard of"
		if c.Heard != nil {
			heard = "was last heard of " + duration.HumanDuration(c.Heard.Duration()) + " ago"
		}
		warn("cluster %s %s: the end waits for it. kubectl ramen-direct why says how to give that cluster up", c.Name, heard)
	}
	if tool := owner(drpc); tool != "" {
		out.Git = &view.Git{Tool: tool, Commit: reference(drpc)}
		if evenIfGit {
			warn("%s takes this object from a Git repository, and may create it again", tool)
		} else {
			out.Refusals = append(out.Refusals, view.Refusal{Guard: view.GuardGit, Message: tool +
				" takes this object from a Git repository, and would create it again: remove it there. If the tool does not delete what is removed from Git, delete it then with --even-if-git"})
		}
	}
	return out
}

func dash(s string) string {
	if s == "" {
		return "the other cluster"
	}
	return s
}

// reference is what names an object in a manifest.
func reference(d *v1alpha1.DRPlacementControl) string {
	return fmt.Sprintf("apiVersion: %s\nkind: DRPlacementControl\nmetadata:\n  name: %s\n  namespace: %s\n", v1alpha1.GroupVersion, d.Name, d.Namespace)
}

// manifest is the YAML of a DRPlacementControl without what only an API server writes.
func manifest(d *v1alpha1.DRPlacementControl) string {
	metadata := map[string]any{"namespace": d.Namespace, "name": d.Name}
	if d.Annotations != nil {
		metadata["annotations"] = d.Annotations
	}
	spec := map[string]any{
		"drPolicyRef": map[string]string{"name": d.Spec.DRPolicyRef.Name}, "preferredCluster": d.Spec.PreferredCluster, "pvcSelector": d.Spec.PVCSelector,
	}
	if len(d.Spec.ProtectedNamespaces) > 0 {
		spec["protectedNamespaces"] = d.Spec.ProtectedNamespaces
	}
	if d.Spec.KubeObjectProtection != nil {
		spec["kubeObjectProtection"] = d.Spec.KubeObjectProtection
	}
	return asManifest("DRPlacementControl", metadata, spec)
}
