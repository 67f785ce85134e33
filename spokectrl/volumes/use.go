// SPDX-License-Identifier: Apache-2.0

package volumes

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// Users is what uses volumes at a moment.
type Users struct {
	claims   map[string][]string // names of Pods by claim
	attached map[string][]string // names of nodes by PV
	err      error
}

// Using reads what uses the volumes of a namespace. An error is kept: nothing is then known to be free.
func Using(ctx context.Context, r client.Reader, namespace string) Users {
	u := Users{claims: map[string][]string{}, attached: map[string][]string{}}
	pods := &corev1.PodList{}
	if err := r.List(ctx, pods, client.InNamespace(namespace)); err != nil {
		u.err = fmt.Errorf("list Pods in %s: %w", namespace, err)
		return u
	}
	for i := range pods.Items {
		for _, claim := range ClaimsOf(&pods.Items[i]) {
			u.claims[claim] = append(u.claims[claim], pods.Items[i].Name)
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
	if pods := u.claims[it.Name]; len(pods) > 0 {
		slices.Sort(pods)
		return plan.UseBusy, fmt.Sprintf("claim %s is in use by Pod %s", it.Name, strings.Join(pods, ", "))
	}
	if it.PV != nil {
		if nodes := u.attached[it.PV.Name]; len(nodes) > 0 {
			slices.Sort(nodes)
			return plan.UseBusy, fmt.Sprintf("the volume of claim %s is attached to node %s", it.Name, strings.Join(nodes, ", "))
		}
	}
	return plan.UseFree, ""
}
