// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/translate"
)

// lease is the lease without its renewal.
func (h *heartbeat) lease(digest string, state State) *translate.Object {
	lease := &translate.Object{Object: map[string]any{}}
	lease.SetAPIVersion(leaseResource.GroupVersion().String())
	lease.SetKind("Lease")
	lease.SetNamespace(exchange.Inbox(h.cluster))
	lease.SetName(exchange.LeaseName)
	annotations := map[string]string{exchange.AnnotationLink: state.String()}
	if digest != "" {
		annotations[exchange.AnnotationInventory] = digest
	}
	if own, _, _ := h.identity.is(); own != "" {
		annotations[exchange.AnnotationSpokeID] = own
	}
	if h.credential != nil {
		annotations[exchange.AnnotationCredential] = h.credential().String()
	}
	unknown := translate.Paths{}
	maps.Copy(unknown, h.reporter.groups.skew.known())
	maps.Copy(unknown, h.reporter.configuration.reports.skew.known())
	if len(unknown) > 0 {
		annotations[exchange.AnnotationSkew] = bounded.Entries(slices.Sorted(maps.Keys(unknown)), ", ", maxListed)
	}
	if secrets := h.copier.undelivered.String(); secrets != "" {
		annotations[exchange.AnnotationUndelivered] = secrets
	}
	if uids := h.copier.withdrawnUIDs(); uids != "" {
		annotations[exchange.AnnotationWithdrawn] = uids
	}
	lease.SetAnnotations(annotations)
	return lease
}

// askHub makes sure that the hub takes this cluster for the one that it is. While it takes another one for it, it is told in
// a Lease of its own that this one is here: the lease of the link belongs to the other one.
func (h *heartbeat) askHub(ctx context.Context) error {
	recognition := task{hubSide, "apply or report anything"}
	h.troubles.begin(recognition)
	own, recorded, s := h.identity.is()
	var err error
	switch s {
	case recognized:
	case unrecorded:
		err = &strangerError{fmt.Sprintf("the DRCluster %s has not recorded the identity of this cluster, %s, yet", h.cluster, own)}
	case estranged:
		err = &strangerError{fmt.Sprintf("the DRCluster %s belongs to another cluster, %s, and this one is %s. If this one replaces it, annotate the DRCluster on the hub with %s=%s; "+
			"if it does not, delete the Secret with the credentials of %s here", h.cluster, recorded, own, v1alpha1.AnnotationAcceptCluster, own, h.cluster)}
		h.appear(ctx, own)
	}
	h.troubles.end(ctx, recognition, err)
	return err
}

// appear renews the Lease by which users learn that this cluster uses a name that another one has.
func (h *heartbeat) appear(ctx context.Context, own string) {
	within, cancel := context.WithTimeout(ctx, h.timing.Renew)
	defer cancel()
	lease := h.lease("", h.state())
	lease.SetName(exchange.StrangerLeaseName)
	lease.SetAnnotations(map[string]string{exchange.AnnotationSpokeID: own})
	lease.Object["spec"] = h.renewal(h.clock.Now())
	written := task{hubSide, "write the lease of a stranger"}
	h.troubles.begin(written)
	_, err := h.hub.apply(within, leaseResource, lease, translate.ManagerLease)
	h.troubles.end(within, written, err)
}

// renewal is the spec of a lease that is renewed at now.
func (h *heartbeat) renewal(now time.Time) map[string]any {
	return map[string]any{"holderIdentity": h.holder, "leaseDurationSeconds": int64(h.timing.Seconds()), "renewTime": now.UTC().Format(metav1.RFC3339Micro)}
}
