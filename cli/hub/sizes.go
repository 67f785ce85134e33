// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/check"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// pageOfReports is how many reports are read at once: of the largest ones that is half a gigabyte.
const pageOfReports = 250

// readSizes measures what is in the inboxes. Of a report only its size is kept.
func (h *Hub) readSizes(ctx context.Context, out *check.Hub) error {
	out.Sizes.Value = map[string]check.Sizes{}
	for i := range out.DRClusters.Value {
		cluster := out.DRClusters.Value[i].Name
		sizes, why, err := h.sizes(ctx, exchange.Inbox(cluster))
		if err != nil {
			return err
		}
		if why != "" {
			out.Sizes.Unknown = why
			return nil
		}
		out.Sizes.Value[cluster] = sizes
	}
	return nil
}

func (h *Hub) sizes(ctx context.Context, inbox string) (check.Sizes, string, error) {
	out := check.Sizes{}
	quotas := &corev1.ResourceQuotaList{}
	if why, err := unknown(h.List(ctx, quotas, client.InNamespace(inbox)), "ResourceQuotas in "+inbox); why != "" || err != nil {
		return out, why, err
	}
	for i := range quotas.Items {
		if quotas.Items[i].Name == exchange.ServiceAccount {
			out.Quota = &quotas.Items[i]
		}
	}
	for next := ""; ; {
		page := &v1alpha1.VolumeReplicationGroupList{}
		why, err := unknown(h.List(ctx, page, client.InNamespace(inbox), client.Limit(pageOfReports), client.Continue(next)), "VolumeReplicationGroups in "+inbox)
		if why != "" || err != nil {
			return out, why, err
		}
		for i := range page.Items {
			o := &page.Items[i]
			text, err := json.Marshal(o)
			if err != nil {
				return out, "", fmt.Errorf("measure the report %s/%s: %w", inbox, o.Name, err)
			}
			out.Reports = append(out.Reports, check.Report{Group: groupOf(o), Volumes: len(o.Status.ProtectedPVCs), Bytes: len(text)})
		}
		if next = page.Continue; next == "" {
			return out, "", nil
		}
	}
}

// groupOf is the group on its cluster that a report is about.
func groupOf(report *v1alpha1.VolumeReplicationGroup) types.NamespacedName {
	ns, name := report.Annotations[exchange.AnnotationNamespace], report.Annotations[exchange.AnnotationName]
	if ns == "" || name == "" {
		return client.ObjectKeyFromObject(report)
	}
	return types.NamespacedName{Namespace: ns, Name: name}
}
