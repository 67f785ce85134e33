// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"context"
	"errors"
	"fmt"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// ownerScaledObject is the kind of KEDA that makes HorizontalPodAutoscalers.
const ownerScaledObject = "ScaledObject"

// autoscaled says which others scale the workloads that are to be scaled down: err is about those that would start their Pods again,
// and rests are those that do not. A HorizontalPodAutoscaler lets a target without replicas alone, unless its minReplicas is 0.
func (r *Runner) autoscaled(ctx context.Context, h *recipe.Hook) (rests []string, err error) {
	if h.Type != v1alpha1.HookScale || h.Op != recipe.OpDown {
		return nil, nil
	}
	list, err := r.Own.Kube.AutoscalingV2().HorizontalPodAutoscalers(h.Namespace).List(ctx, metav1.ListOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil // none are served
	case apierrors.IsForbidden(err):
		return nil, fmt.Errorf("list HorizontalPodAutoscalers, which may scale it, too: %w. Apply config/spoke/objects to this cluster, or bind its ClusterRole in the namespace", err)
	case err != nil:
		return nil, fmt.Errorf("list HorizontalPodAutoscalers: %w", err)
	case len(list.Items) == 0:
		return nil, nil
	}
	workloads, err := r.Own.workloads(ctx, h)
	if err != nil {
		return nil, err
	}
	var conflicts []error
	for _, w := range workloads {
		for i := range list.Items {
			a := &list.Items[i]
			if to := a.Spec.ScaleTargetRef; to.Name != w.GetName() || !strings.EqualFold(to.Kind, h.Kind) || !strings.HasPrefix(to.APIVersion, "apps/") {
				continue
			}
			of := h.Kind + " " + w.GetName()
			switch by := scaledObject(a); {
			case by != "":
				conflicts = append(conflicts, fmt.Errorf("%s %s scales %s, too, and would start its Pods again. Pause it meanwhile, as by annotation autoscaling.keda.sh/paused: \"true\", or use a hook of type exec that quiesces the application",
					ownerScaledObject, by, of))
			case a.Spec.MinReplicas != nil && *a.Spec.MinReplicas == 0:
				conflicts = append(conflicts, fmt.Errorf("HorizontalPodAutoscaler %s scales %s, too, and would start its Pods again. Set its minReplicas to 1 or more, with which it rests while that has no replicas, or use a hook of type exec that quiesces the application",
					a.Name, of))
			default:
				rests = append(rests, fmt.Sprintf("HorizontalPodAutoscaler %s of %s rests while that is scaled down", a.Name, of))
			}
		}
	}
	return rests, errors.Join(conflicts...)
}

// scaledObject is the ScaledObject that made a HorizontalPodAutoscaler; empty: none did.
func scaledObject(a *autoscalingv2.HorizontalPodAutoscaler) string {
	for _, o := range a.OwnerReferences {
		if o.Kind == ownerScaledObject && strings.HasPrefix(o.APIVersion, "keda.sh/") {
			return o.Name
		}
	}
	return ""
}

// Note is what is to be told of an operation that succeeded; empty: nothing.
func (r *Runner) Note(ctx context.Context, h *recipe.Hook) string {
	rests, err := r.autoscaled(ctx, h)
	if err != nil {
		return "" // it is told when it is run
	}
	return bounded.List(rests, "; ")
}
