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

// targets are the running Pods in which a command is to run, by name.
func (c Clients) targets(ctx context.Context, h *recipe.Hook) ([]*corev1.Pod, error) {
	list, err := c.Kube.CoreV1().Pods(h.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list Pods: %w", err)
	}
	var running []*corev1.Pod
	for i := range list.Items {
		if p := &list.Items[i]; p.Status.Phase == corev1.PodRunning && p.DeletionTimestamp == nil && len(p.Spec.Containers) > 0 {
			running = append(running, p)
		}
	}
	slices.SortFunc(running, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	var out []*corev1.Pod
	switch h.Kind {
	case recipe.KindDeployment, recipe.KindStatefulSet, recipe.KindDaemonSet:
		out, err = c.ofWorkloads(ctx, h, running)
	default:
		for _, p := range running {
			is, err := selected(h, p)
			if err != nil {
				return nil, err
			}
			if is {
				out = append(out, p)
			}
		}
		if h.OnePod && len(out) > 1 {
			out = out[:1]
		}
	}
	if err == nil && len(out) == 0 {
		err = absent(h, "there is no running Pod")
	}
	return out, err
}

// ofWorkloads are the Pods of the workloads that a hook is about: of each all, or one.
func (c Clients) ofWorkloads(ctx context.Context, h *recipe.Hook, running []*corev1.Pod) ([]*corev1.Pod, error) {
	workloads, err := c.workloads(ctx, h)
	if err != nil {
		return nil, err
	}
	through, err := c.deployments(ctx, h)
	if err != nil {
		return nil, err
	}
	var out []*corev1.Pod
	for _, w := range workloads {
		for _, p := range running {
			owner := controller(p)
			if via, ok := through[owner]; ok {
				owner = via
			}
			if owner != w.GetUID() {
				continue
			}
			out = append(out, p)
			if h.OnePod {
				break
			}
		}
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
