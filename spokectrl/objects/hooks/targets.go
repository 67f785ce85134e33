// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// set is the Pods of one workload, or all that are selected by themselves. They are sorted by name, and none has ended.
type set struct {
	of    string // the kind and name of the workload; empty: none
	wants int64  // how many Pods it is to have
	pods  []*corev1.Pod
}

// runs reports whether a command can be run in a Pod.
func runs(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodRunning && p.DeletionTimestamp == nil && len(p.Spec.Containers) > 0
}

// running are those of a set in which a command is to run.
func (s *set) running(h *recipe.Hook) []*corev1.Pod {
	var out []*corev1.Pod
	for _, p := range s.pods {
		if runs(p) {
			out = append(out, p)
		}
	}
	if h.OnePod && len(out) > 1 {
		out = out[:1]
	}
	return out
}

// targets are the running Pods in which a command is to run, by name.
func (c Clients) targets(ctx context.Context, h *recipe.Hook) ([]*corev1.Pod, error) {
	sets, err := c.sets(ctx, h)
	if err != nil {
		return nil, err
	}
	var out []*corev1.Pod
	for _, s := range sets {
		out = append(out, s.running(h)...)
	}
	if len(out) == 0 {
		return nil, absent(h, "there is no running Pod")
	}
	return out, nil
}

// sets are the Pods that a hook is about, whether they run or not.
func (c Clients) sets(ctx context.Context, h *recipe.Hook) ([]set, error) {
	list, err := c.Kube.CoreV1().Pods(h.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list Pods: %w", err)
	}
	var pods []*corev1.Pod
	for i := range list.Items {
		if p := &list.Items[i]; p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
			pods = append(pods, p)
		}
	}
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	switch h.Kind {
	case recipe.KindDeployment, recipe.KindStatefulSet, recipe.KindDaemonSet:
		return c.ofWorkloads(ctx, h, pods)
	}
	var out set
	for _, p := range pods {
		is, err := selected(h, p)
		if err != nil {
			return nil, err
		}
		if is {
			out.pods = append(out.pods, p)
		}
	}
	return []set{out}, nil
}

// ofWorkloads are the Pods of the workloads that a hook is about.
func (c Clients) ofWorkloads(ctx context.Context, h *recipe.Hook, pods []*corev1.Pod) ([]set, error) {
	workloads, err := c.workloads(ctx, h)
	if err != nil {
		return nil, err
	}
	through, err := c.deployments(ctx, h)
	if err != nil {
		return nil, err
	}
	var out []set
	for _, w := range workloads {
		s := set{of: h.Kind + " " + w.GetName(), wants: replicas(w)}
		if h.Kind == recipe.KindDaemonSet {
			s.wants, _ = number(w, "status", "desiredNumberScheduled")
		}
		for _, p := range pods {
			owner := controller(p)
			if via, ok := through[owner]; ok {
				owner = via
			}
			if owner == w.GetUID() {
				s.pods = append(s.pods, p)
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// deployments are the Deployments of ReplicaSets, if a hook is about such; else there are none.
func (c Clients) deployments(ctx context.Context, h *recipe.Hook) (map[types.UID]types.UID, error) {
	out := map[types.UID]types.UID{}
	if h.Kind != recipe.KindDeployment {
		return out, nil
	}
	sets, err := c.Kube.AppsV1().ReplicaSets(h.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list ReplicaSets: %w", err)
	}
	for i := range sets.Items {
		out[sets.Items[i].UID] = controller(&sets.Items[i])
	}
	return out, nil
}

func controller(o metav1.Object) types.UID {
	if c := metav1.GetControllerOf(o); c != nil {
		return c.UID
	}
	return ""
}

// workloads are the Deployments, StatefulSets or DaemonSets that a hook is about, by name.
func (c Clients) workloads(ctx context.Context, h *recipe.Hook) ([]*unstructured.Unstructured, error) {
	all, err := c.Dynamic.Resource(typeOf(h.Kind)).Namespace(h.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list %ss: %w", h.Kind, err)
	}
	var out []*unstructured.Unstructured
	for i := range all.Items {
		o := &all.Items[i]
		is, err := selected(h, o)
		if err != nil {
			return nil, err
		}
		if is && o.GetDeletionTimestamp() == nil {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b *unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
	return out, nil
}
