// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Bounds of what a cluster reports about a group (X16). They leave room for what the largest groups have, and none for what
// would fill up the hub or the other cluster.
const (
	MaxVolumes    = exchange.MaxVolumes
	maxVolumeMeta = 512 << 10 // bytes of labels and annotations of all volumes: they go into the wish for the peer
	maxConditions = 32        // of one group
	maxAhead      = time.Hour // by which a time may be later than the hub's: clocks differ
	maxSyncTime   = 365 * 24 * time.Hour
	maxAddress    = 253 // bytes of the address of a destination
)

// maxSize is the largest volume that a cluster may have the other one make a copy of.
var maxSize = resource.MustParse("1Pi")

// Hear takes out of the report of a side what is not believed.
func Hear(w *Snapshot, s plan.Side, now time.Time) {
	at := w.At(s)
	at.Believable = at.Report != nil && at.Report.Status.Exchange != nil && exchange.Believable(at.Report.Status.Exchange.Epoch, wishedEpoch(w))
	if at.Report != nil {
		h := hearing{namespaces: namespacesToHear(w), now: now}
		h.hear(&at.Report.Status)
		at.Ignored, at.Partial = h.ignored, h.partial
	}
}

// hearing takes out of a report what is not believed.
type hearing struct {
	namespaces []string // that may hold volumes of the group
	now        time.Time

	ignored []string // what was taken out, in words
	partial bool     // volumes were taken out: that one is missing proves nothing
}

// hear changes status to what of it is believed.
func (h *hearing) hear(status *v1alpha1.VolumeReplicationGroupStatus) {
	h.volumes(status)
	h.destinations(status)
	h.synchronization(status)
	h.houses(status)
	if len(status.Conditions) > maxConditions {
		h.ignore("all conditions but the first %d", maxConditions)
		status.Conditions = status.Conditions[:maxConditions]
	}
	for i := range status.Conditions {
		status.Conditions[i].Message = bounded.Text(status.Conditions[i].Message, bounded.Quote)
	}
}

func (h *hearing) ignore(format string, args ...any) {
	h.ignored = append(h.ignored, fmt.Sprintf(format, args...))
}

func (h *hearing) volumes(status *v1alpha1.VolumeReplicationGroupStatus) {
	room := maxVolumeMeta
	was := len(status.ProtectedPVCs)
	status.ProtectedPVCs = slices.DeleteFunc(status.ProtectedPVCs, func(p v1alpha1.ProtectedPVC) bool {
		why := h.volume(&p)
		if room -= sizeOf(p.Labels) + sizeOf(p.Annotations); why == "" && room < 0 {
			why = "the labels and annotations of all volumes are too long"
		}
		if why != "" {
			h.ignore("volume %s/%s: %s", bounded.Text(p.Namespace, maxAddress), bounded.Text(p.Name, maxAddress), why)
		}
		return why != ""
	})
	if rest := len(status.ProtectedPVCs) - MaxVolumes; rest > 0 {
		status.ProtectedPVCs = status.ProtectedPVCs[:MaxVolumes]
		h.ignore("%d volumes: a group has at most %d", rest, MaxVolumes)
	}
	h.partial = len(status.ProtectedPVCs) < was
	grouped := 0
	for _, g := range status.PVCGroups {
		grouped += len(g.Grouped)
	}
	if len(status.PVCGroups) > MaxVolumes || grouped > MaxVolumes {
		status.PVCGroups = nil
		h.ignore("pvcgroups: they name more than %d volumes", MaxVolumes)
	}
}

// volume says why one volume is not believed; empty: it is.
func (h *hearing) volume(p *v1alpha1.ProtectedPVC) string {
	impossible := func(size *resource.Quantity) bool { return size != nil && (size.Sign() < 0 || size.Cmp(maxSize) > 0) }
	switch {
	case len(validation.IsDNS1123Subdomain(p.Name)) > 0:
		return "the name is invalid"
	case p.Namespace != "" && !slices.Contains(h.namespaces, p.Namespace):
		return "the application has no volumes in that namespace"
	case p.StorageClassName != nil && *p.StorageClassName != "" && len(validation.IsDNS1123Subdomain(*p.StorageClassName)) > 0:
		return "its storageClassName is invalid"
	case impossible(p.Resources.Requests.Storage()) || impossible(p.Capacity):
		return "its size is impossible"
	case len(p.CSIProvisioner) > maxAddress || len(p.StorageID.ID) > maxAddress || len(p.ReplicationID.ID) > maxAddress || len(p.AccessModes) > 4:
		return "its description is too long"
	default:
		return ""
	}
}

func (h *hearing) destinations(status *v1alpha1.VolumeReplicationGroupStatus) {
	status.RDInfo = slices.DeleteFunc(status.RDInfo, func(d v1alpha1.VolSyncReplicationDestinationInfo) bool {
		why := h.volume(&d.ProtectedPVC)
		if why == "" && d.RsyncTLS != nil && !isAddress(d.RsyncTLS.Address) {
			why = "the address is invalid"
		}
		if why != "" {
			h.ignore("destination of %s/%s: %s", bounded.Text(d.ProtectedPVC.Namespace, maxAddress), bounded.Text(d.ProtectedPVC.Name, maxAddress), why)
		}
		return why != ""
	})
	if rest := len(status.RDInfo) - MaxVolumes; rest > 0 {
		status.RDInfo = status.RDInfo[:MaxVolumes]
		h.ignore("%d destinations: a group has at most %d", rest, MaxVolumes)
	}
}

// houses leaves out what is said of namespaces that the application does not have, and what else of them is no trait.
func (h *hearing) houses(status *v1alpha1.VolumeReplicationGroupStatus) {
	status.Namespaces = slices.DeleteFunc(status.Namespaces, func(t v1alpha1.NamespaceTraits) bool { return !slices.Contains(h.namespaces, t.Name) })
	status.Namespaces = status.Namespaces[:min(len(status.Namespaces), exchange.MaxNamespaces)]
	for i := range status.Namespaces {
		status.Namespaces[i] = exchange.BoundedTraits(status.Namespaces[i])
	}
}

// synchronization leaves out times that are to come, and amounts that can't be.
func (h *hearing) synchronization(status *v1alpha1.VolumeReplicationGroupStatus) {
	late := func(t *metav1.Time) bool { return t != nil && t.After(h.now.Add(maxAhead)) }
	if late(status.LastGroupSyncTime) {
		h.ignore("lastGroupSyncTime %s: it is in the future", status.LastGroupSyncTime.UTC().Format(time.RFC3339))
		status.LastGroupSyncTime, status.LastGroupSyncDuration, status.LastGroupSyncBytes = nil, nil, nil
	}
	if d := status.LastGroupSyncDuration; d != nil && (d.Duration < 0 || d.Duration > maxSyncTime) {
		h.ignore("lastGroupSyncDuration %s: it is impossible", d.Duration)
		status.LastGroupSyncDuration = nil
	}
	if b := status.LastGroupSyncBytes; b != nil && *b < 0 {
		h.ignore("lastGroupSyncBytes %d: it is negative", *b)
		status.LastGroupSyncBytes = nil
	}
	for i := range status.RDInfo {
		if p := &status.RDInfo[i].ProtectedPVC; late(p.LastSyncTime) {
			h.ignore("destination of %s/%s: an image of %s: it is in the future", p.Namespace, p.Name, p.LastSyncTime.UTC().Format(time.RFC3339))
			p.LastSyncTime = nil
		}
	}
	if c := status.KubeObjectProtection.CaptureToRecoverFrom; c != nil && late(c.EndTime) {
		h.ignore("captureToRecoverFrom of %s: it is in the future", c.EndTime.UTC().Format(time.RFC3339))
		status.KubeObjectProtection.CaptureToRecoverFrom = nil
	}
}

func isAddress(text string) bool {
	return text == "" || net.ParseIP(text) != nil || len(validation.IsDNS1123Subdomain(strings.ToLower(text))) == 0
}

// namespacesToHear are those that may hold volumes of the application, by its spec or by what its clusters were told.
func namespacesToHear(w *Snapshot) []string {
	out := append([]string{w.Group.Namespace}, w.DRPC.Spec.ProtectedNamespaces...)
	for i := range w.Sides {
		if wish := w.Sides[i].Wish; wish != nil {
			out = append(out, wish.Spec.ProtectedNamespaces...)
		}
	}
	return out
}

func sizeOf(m map[string]string) int {
	n := 0
	for k, v := range m {
		n += len(k) + len(v)
	}
	return n
}
