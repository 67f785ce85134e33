// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/tests/lab/storage/binding"
	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// reconciler runs Pods.
type reconciler struct {
	client client.Client
	live   client.Reader // past the cache: which Pods are gone
	events events.EventRecorder
	clock  clock.WithTicker
	store  *engine.Store
	boxes  *sandboxes
	node   string
	port   int32 // on which commands are served
}

// Reconcile brings one Pod forward. Status updates carry the resourceVersion that was read, so that a Pod that became
// another one meanwhile is looked at again.
func (r *reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	var pod corev1.Pod
	if err := r.client.Get(ctx, req.NamespacedName, &pod); err != nil {
		if apierrors.IsNotFound(err) {
			return reconcile.Result{}, r.reap(ctx)
		}
		return reconcile.Result{}, fmt.Errorf("read pod: %w", err)
	}
	res, err := r.advance(ctx, &pod)
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return reconcile.Result{RequeueAfter: retryAfter}, nil
	}
	return res, err
}

func (r *reconciler) advance(ctx context.Context, pod *corev1.Pod) (reconcile.Result, error) {
	switch {
	case pod.Spec.NodeName != "" && pod.Spec.NodeName != r.node:
		return reconcile.Result{}, nil
	case pod.DeletionTimestamp != nil:
		return reconcile.Result{}, r.remove(ctx, pod)
	case pod.Spec.NodeName == "":
		return r.bind(ctx, pod)
	case pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed:
		return reconcile.Result{}, r.boxes.stop(pod.UID)
	}
	box := r.boxes.get(pod.UID)
	if box == nil {
		return r.start(ctx, pod)
	}
	now, ended := box.look()
	if ended {
		return r.ended(ctx, pod, now)
	}
	return reconcile.Result{}, r.save(ctx, pod, func(p *corev1.Pod) { running(p, now, r.clock.Now()) })
}

// reap stops Pods that are gone without having been stopped here: deleted by force, or with the API server's data.
func (r *reconciler) reap(ctx context.Context) error {
	if len(r.boxes.uids()) == 0 {
		return nil
	}
	var pods corev1.PodList
	if err := r.live.List(ctx, &pods); err != nil {
		return fmt.Errorf("list pods: %w", err)
	}
	there := map[string]bool{}
	for _, pod := range pods.Items {
		there[string(pod.UID)] = true
	}
	for _, uid := range r.boxes.uids() {
		if there[string(uid)] {
			continue
		}
		if err := r.boxes.stop(uid); err != nil {
			return err
		}
	}
	return nil
}

// bind takes a Pod, as a scheduler would give it: after the claims that wait for their first consumer are bound.
func (r *reconciler) bind(ctx context.Context, pod *corev1.Pod) (reconcile.Result, error) {
	for _, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim == nil {
			continue
		}
		pvc := &corev1.PersistentVolumeClaim{}
		err := r.client.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: v.PersistentVolumeClaim.ClaimName}, pvc)
		if err != nil {
			continue // it is told when the volume is mounted
		}
		waits, err := binding.Select(ctx, r.client, pvc, r.node)
		if err != nil || waits {
			return reconcile.Result{RequeueAfter: retryAfter}, err
		}
	}
	to := &corev1.Binding{Target: corev1.ObjectReference{Kind: "Node", Name: r.node}}
	to.Name, to.Namespace, to.UID = pod.Name, pod.Namespace, pod.UID
	if err := r.client.SubResource("binding").Create(ctx, pod, to); err != nil {
		return reconcile.Result{}, fmt.Errorf("bind pod: %w", err)
	}
	return reconcile.Result{}, nil
}

// remove stops a Pod, says so, and lets its object go.
func (r *reconciler) remove(ctx context.Context, pod *corev1.Pod) error {
	var last map[string]process
	box := r.boxes.get(pod.UID)
	if err := r.boxes.stop(pod.UID); err != nil {
		return err
	}
	if box != nil {
		last, _ = box.look()
	}
	if pod.Status.Phase != corev1.PodFailed && pod.Status.Phase != corev1.PodSucceeded {
		if err := r.save(ctx, pod, func(p *corev1.Pod) { over(p, last, "", r.clock.Now()) }); err != nil {
			return err
		}
	}
	err := r.client.Delete(ctx, pod, client.GracePeriodSeconds(0), client.Preconditions{UID: &pod.UID})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("let pod go: %w", err)
	}
	return nil
}

func (r *reconciler) start(ctx context.Context, pod *corev1.Pod) (reconcile.Result, error) {
	programs := map[string]program{}
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		p, err := programOf(pod, c)
		if err != nil {
			r.events.Eventf(pod, nil, corev1.EventTypeWarning, "Failed", "Start", "%s", err)
			return reconcile.Result{}, r.save(ctx, pod, func(p *corev1.Pod) { over(p, nil, err.Error(), r.clock.Now()) })
		}
		programs[c.Name] = p
	}
	mounts, err := r.mount(ctx, pod)
	if err != nil {
		if pod.Status.Message != err.Error() {
			r.events.Eventf(pod, nil, corev1.EventTypeWarning, "FailedMount", "Mount", "%s", err)
		}
		return reconcile.Result{RequeueAfter: retryAfter}, r.save(ctx, pod, func(p *corev1.Pod) { waiting(p, err.Error(), r.clock.Now()) })
	}
	now, _ := r.boxes.start(pod, programs, mounts).look()
	return reconcile.Result{}, r.save(ctx, pod, func(p *corev1.Pod) { running(p, now, r.clock.Now()) })
}

// ended is called when a container ended by itself. All containers of the Pod are started again, after a while, unless
// the Pod says never.
func (r *reconciler) ended(ctx context.Context, pod *corev1.Pod, now map[string]process) (reconcile.Result, error) {
	if err := r.boxes.stop(pod.UID); err != nil {
		return reconcile.Result{}, err
	}
	why, succeeded := "container ended", true
	for name, p := range now {
		done := errors.As(p.err, new(finished))
		succeeded = succeeded && done
		if p.err != nil && !done {
			why = fmt.Sprintf("container %s: %s", name, p.err)
		}
	}
	if succeeded && pod.Spec.RestartPolicy != corev1.RestartPolicyAlways {
		return reconcile.Result{}, r.save(ctx, pod, func(p *corev1.Pod) { over(p, now, "", r.clock.Now()) })
	}
	r.events.Eventf(pod, nil, corev1.EventTypeWarning, "ContainerEnded", "Run", "%s", why)
	if pod.Spec.RestartPolicy == corev1.RestartPolicyNever {
		return reconcile.Result{}, r.save(ctx, pod, func(p *corev1.Pod) { over(p, now, why, r.clock.Now()) })
	}
	return reconcile.Result{RequeueAfter: retryAfter}, r.save(ctx, pod, func(p *corev1.Pod) {
		running(p, now, r.clock.Now())
		conditions(p, false, "ContainersNotReady", why, r.clock.Now())
	})
}

// save writes the status if it changed.
func (r *reconciler) save(ctx context.Context, pod *corev1.Pod, change func(*corev1.Pod)) error {
	before := pod.DeepCopy()
	change(pod)
	if equality.Semantic.DeepEqual(before.Status, pod.Status) {
		return nil
	}
	if err := r.client.Status().Update(ctx, pod); err != nil {
		return fmt.Errorf("save status of pod: %w", err)
	}
	return nil
}
