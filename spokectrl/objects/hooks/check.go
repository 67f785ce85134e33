// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

// relook is after how long objects are listed again though no event came, should an API server close a watch silently.
const relook = 30 * time.Second

// between is the least time between two looks, however many events come.
const between = 200 * time.Millisecond

func resting(ctx context.Context) {
	timer := time.NewTimer(between)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// until waits until judge finds nothing to wait for in the objects that a hook is about. It says what is waited for, or why waiting
// makes no sense.
func (c Clients) until(ctx context.Context, h *recipe.Hook, judge func([]*unstructured.Unstructured) (wait, fail error)) error {
	of := c.Dynamic.Resource(typeOf(h.Kind)).Namespace(h.Namespace)
	var last error
	for {
		list, err := of.List(ctx, metav1.ListOptions{})
		if err != nil {
			if ctx.Err() != nil && last != nil {
				return last
			}
			return fmt.Errorf("list %s: %w", typeOf(h.Kind).Resource, err)
		}
		var objects []*unstructured.Unstructured
		for i := range list.Items {
			is, err := selected(h, &list.Items[i])
			if err != nil {
				return err
			}
			if is {
				objects = append(objects, &list.Items[i])
			}
		}
		wait, fail := judge(objects)
		if fail != nil || wait == nil {
			return fail
		}
		last = wait
		resting(ctx)
		if err := c.event(ctx, h, list.GetResourceVersion()); err != nil {
			if ctx.Err() != nil {
				return last
			}
			return err
		}
	}
}

// event waits until something happens to objects of the type of a hook.
func (c Clients) event(ctx context.Context, h *recipe.Hook, since string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events, err := c.Dynamic.Resource(typeOf(h.Kind)).Namespace(h.Namespace).Watch(ctx, metav1.ListOptions{ResourceVersion: since})
	if err != nil {
		return fmt.Errorf("watch %s: %w", typeOf(h.Kind).Resource, err)
	}
	defer events.Stop()
	again := time.NewTimer(relook)
	defer again.Stop()
	select {
	case <-events.ResultChan():
	case <-again.C:
	case <-ctx.Done():
		return errors.New("ended") // the caller knows what was awaited
	}
	return nil
}
