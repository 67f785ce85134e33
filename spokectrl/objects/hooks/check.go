// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"context"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/ramendr/ramen-direct/spokectrl/recipe"
	"github.com/ramendr/ramen-direct/spokectrl/recipe/condition"
)

// typeOf is the type that a hook is about: pod, deployment, statefulset, a plural, or group/version/plural.
func typeOf(kind string) schema.GroupVersionResource {
	switch kind {
	case recipe.KindPod, "":
		return corev1.SchemeGroupVersion.WithResource("pods")
	case recipe.KindDeployment, recipe.KindStatefulSet, recipe.KindDaemonSet:
		return appsv1.SchemeGroupVersion.WithResource(kind + "s")
	}
	if parts := strings.Split(kind, "/"); len(parts) == 3 {
		return schema.GroupVersionResource{Group: parts[0], Version: parts[1], Resource: parts[2]}
	}
	return corev1.SchemeGroupVersion.WithResource(kind)
}

// check waits until a condition holds for all objects that a hook is about. If there is none, that is awaited, too, unless the hook
// is skipped then.
func (c Clients) check(ctx context.Context, h *recipe.Hook) error {
	is, err := condition.Parse(h.Condition)
	if err != nil {
		return fmt.Errorf("condition: %w", err)
	}
	return c.until(ctx, h, func(objects []*unstructured.Unstructured) (error, error) {
		if len(objects) == 0 {
			none := absent(h, "there is no object of type "+typeOf(h.Kind).Resource)
			if h.SkipAbsent {
				return nil, none
			}
			return none, nil
		}
		for _, o := range objects {
			name := fmt.Sprintf("%s %s", o.GetKind(), o.GetName())
			switch truth, missing, err := is.Judge(o.Object); {
			case err != nil:
				return nil, fmt.Errorf("%s: %w", name, err)
			case truth == condition.Pending:
				return fmt.Errorf("%s has no {%s}", name, missing), nil
			case truth == condition.False:
				return fmt.Errorf("%s does not meet %s", name, is), nil
			}
		}
		return nil, nil
	})
}
