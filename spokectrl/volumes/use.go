// SPDX-License-Identifier: Apache-2.0

package volumes

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// Users is what uses volumes at a moment.
type Users struct {
	claims   map[client.ObjectKey][]string // names of Pods by claim
	attached map[string][]string           // names of nodes by PV
	read     []string                      // namespaces whose Pods were read
	err      error
}

// Using reads what uses the volumes of some namespaces. An error is kept: nothing is then known to be free.
func Using(ctx context.Context, r client.Reader, namespaces ...string) Users {
	u := Users{claims: map[client.ObjectKey][]string{}, attached: map[string][]string{}, read: namespaces}
	for _, ns := range namespaces {
		pods := &corev1.PodList{}
		if err := r.List(ctx, pods, client.InNamespace(ns)); err != nil {
			u.err = fmt.Errorf("list Pods in %s: %w", ns, err)
			return u
		}
		for i := range pods.Items {
			for _, claim := range ClaimsOf(&pods.Items[i]) {
				key := client.ObjectKey{Namespace: ns, Name: claim}
				u.claims[key] = append(u.claims[key], pods.Items[i].Name)
			}
		}
	}
	attachments := &storagev1.VolumeAttachmentList{}
	if err := r.List(ctx, attachments); err != nil {
		u.err = fmt.Errorf("list VolumeAttachments: %w", err)
		return u
	}
	for _, a := range attachments.Items {
		if pv := a.Spec.Source.PersistentVolumeName; pv != nil {
			u.attached[*pv] = append(u.attached[*pv], a.Spec.NodeName)
		}
	}
	return u
}

// ClaimsOf are the claims that a Pod uses; none if it is finished.
func ClaimsOf(pod *corev1.Pod) []string {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return nil
	}
	return Claims(pod)
}

// Claims are the claims that a Pod names.
func Claims(pod *corev1.Pod) []string {
	var out []string
	for _, v := range pod.Spec.Volumes {
		switch {
		case v.PersistentVolumeClaim != nil:
			out = append(out, v.PersistentVolumeClaim.ClaimName)
		case v.Ephemeral != nil:
			out = append(out, pod.Name+"-"+v.Name) // as Kubernetes names the claim of a generic ephemeral volume
		}
	}
	return out
}

// Of says whether a volume is used, and by what, for users to read.
func (u Users) Of(it Item) (plan.Use, string) {
	if u.err != nil {
		return plan.UseUnknown, fmt.Sprintf("it is not known whether claim %s is in use: %v", it.Name, u.err)
	}
	if !slices.Contains(u.read, it.Namespace) {
		return plan.UseUnknown, fmt.Sprintf("it is not known whether claim %s is in use: the Pods of namespace %s were not read", it.Name, it.Namespace)
	}
	if pods := u.claims[client.ObjectKey{Namespace: it.Namespace, Name: it.Name}]; len(pods) > 0 {
		slices.Sort(pods)
		return plan.UseBusy, fmt.Sprintf("claim %s is in use by Pod %s", it.Name, bounded.List(pods, ", "))
	}
	if it.PV != nil {
		if nodes := u.attached[it.PV.Name]; len(nodes) > 0 {
			slices.Sort(nodes)
			return plan.UseBusy, fmt.Sprintf("the volume of claim %s is attached to node %s", it.Name, bounded.List(nodes, ", "))
		}
	}
	return plan.UseFree, ""
}
