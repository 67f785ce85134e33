// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// AnnotationReplicas on a workload notes how many replicas it had before it was scaled down.
const AnnotationReplicas = "ramendr.io/scale-hook-replicas-count"

// scale changes the number of replicas of workloads.
func (c Clients) scale(ctx context.Context, h *recipe.Hook) error {
	workloads, err := c.workloads(ctx, h)
	if err != nil {
		return err
	}
	if len(workloads) == 0 {
		return absent(h, "there is no "+h.Kind)
	}
	for _, w := range workloads {
		switch h.Op {
		case recipe.OpDown:
			err = c.down(ctx, h, w)
		case recipe.OpUp:
			err = c.up(ctx, h, w)
		}
		if err != nil {
			return fmt.Errorf("scale %s %s: %w", h.Kind, w.GetName(), err)
		}
	}
	switch h.Op {
	case recipe.OpDown:
		if err := c.until(ctx, h, gone); err != nil {
			return err
		}
		return c.vacated(ctx, h, workloads)
	case recipe.OpSync:
		return c.until(ctx, h, level)
	default:
		return nil
	}
}

// down notes the replicas before it takes them away: what ends in between takes away nothing.
func (c Clients) down(ctx context.Context, h *recipe.Hook, w *unstructured.Unstructured) error {
	n := replicas(w)
	if n == 0 {
		return nil
	}
	if err := c.patch(ctx, h, w, "", map[string]any{"metadata": map[string]any{"annotations": map[string]any{AnnotationReplicas: strconv.FormatInt(n, 10)}}}); err != nil {
		return err
	}
	return c.resize(ctx, h, w, 0)
}

// up gives back the replicas, and forgets them afterwards. Without a note there is nothing to do where replicas are.
func (c Clients) up(ctx context.Context, h *recipe.Hook, w *unstructured.Unstructured) error {
	note, noted := w.GetAnnotations()[AnnotationReplicas]
	if !noted {
		if replicas(w) > 0 {
			return nil
		}
		return fmt.Errorf("it has no replicas, and no annotation %s says how many it had: scale it by hand", AnnotationReplicas)
	}
	n, err := strconv.ParseInt(note, 10, 32)
	if err != nil || n <= 0 {
		return fmt.Errorf("annotation %s is %q and no number of replicas: scale it by hand, and remove the annotation", AnnotationReplicas, note)
	}
	if err := c.resize(ctx, h, w, n); err != nil {
		return err
	}
	return c.patch(ctx, h, w, "", map[string]any{"metadata": map[string]any{"annotations": map[string]any{AnnotationReplicas: nil}}})
}

func (c Clients) resize(ctx context.Context, h *recipe.Hook, w *unstructured.Unstructured, n int64) error {
	return c.patch(ctx, h, w, "scale", map[string]any{"spec": map[string]any{"replicas": n}})
}

func (c Clients) patch(ctx context.Context, h *recipe.Hook, w *unstructured.Unstructured, sub string, change map[string]any) error {
	body, err := json.Marshal(change)
	if err != nil {
		return fmt.Errorf("encode patch: %w", err)
	}
	var subs []string
	if sub != "" {
		subs = append(subs, sub)
	}
	_, err = c.Dynamic.Resource(typeOf(h.Kind)).Namespace(h.Namespace).Patch(ctx, w.GetName(), types.MergePatchType, body, metav1.PatchOptions{FieldManager: "spokectrl-hooks"}, subs...)
	return err //nolint:wrapcheck // the caller names the workload
}

func number(o *unstructured.Unstructured, fields ...string) (int64, bool) {
	n, ok, err := unstructured.NestedInt64(o.Object, fields...)
	return n, ok && err == nil
}

// replicas of a workload as its user wants them: 1 if nobody says anything.
func replicas(w *unstructured.Unstructured) int64 {
	if n, ok := number(w, "spec", "replicas"); ok {
		return n
	}
	return 1
}

// seen reports whether the controller of a workload knows what is asked of it.
func seen(w *unstructured.Unstructured) bool {
	n, _ := number(w, "status", "observedGeneration")
	return n >= w.GetGeneration()
}

// gone waits until workloads have no Pod.
func gone(workloads []*unstructured.Unstructured) (wait, fail error) {
	for _, w := range workloads {
		if n, _ := number(w, "status", "replicas"); n > 0 || !seen(w) {
			return fmt.Errorf("%s %s still has %d Pods", w.GetKind(), w.GetName(), n), nil
		}
	}
	return nil, nil
}

// vacated waits until no Pod of workloads runs: a Deployment does not count those that are terminating, and they may still write.
func (c Clients) vacated(ctx context.Context, h *recipe.Hook, workloads []*unstructured.Unstructured) error {
	through, err := c.deployments(ctx, h)
	if err != nil {
		return err
	}
	names := map[types.UID]string{}
	for _, w := range workloads {
		names[w.GetUID()] = w.GetName()
	}
	pods := &recipe.Hook{Namespace: h.Namespace, Kind: recipe.KindPod, NamePattern: "."}
	return c.until(ctx, pods, func(all []*unstructured.Unstructured) (wait, fail error) {
		for _, p := range all {
			owner := controller(p)
			if via, ok := through[owner]; ok {
				owner = via
			}
			phase, _, _ := unstructured.NestedString(p.Object, "status", "phase")
			if name, ok := names[owner]; ok && phase != string(corev1.PodSucceeded) && phase != string(corev1.PodFailed) {
				return fmt.Errorf("Pod %s of %s %s still runs", p.GetName(), h.Kind, name), nil //nolint:staticcheck // a kind
			}
		}
		return nil, nil
	})
}

// level waits until workloads have as many ready Pods as they are to have.
func level(workloads []*unstructured.Unstructured) (wait, fail error) {
	for _, w := range workloads {
		ready, _ := number(w, "status", "readyReplicas")
		all, _ := number(w, "status", "replicas")
		if want := replicas(w); ready != want || all != want || !seen(w) {
			return fmt.Errorf("%s %s has %d Pods, of which %d are ready, and is to have %d", w.GetKind(), w.GetName(), all, ready, want), nil
		}
	}
	return nil, nil
}
