// SPDX-License-Identifier: Apache-2.0

package volsync

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// misfit refuses to receive a volume that was made again with another StorageClass or volume mode: an inlet can't be changed,
// and what it has received is all that there is here. So the user decides when that goes.
func misfit(d provider.Destination) *provider.Refusal {
	inlet := inletIn(d)
	if inlet == nil {
		return nil
	}
	has, wants := ptr.Deref(inlet.Spec.StorageClassName, ""), ptr.Deref(d.Volume.StorageClassName, "")
	is, asks := ptr.Deref(inlet.Spec.VolumeMode, corev1.PersistentVolumeFilesystem), ptr.Deref(d.Volume.VolumeMode, corev1.PersistentVolumeFilesystem)
	if has == wants && is == asks {
		return nil
	}
	return &provider.Refusal{Reason: provider.ReasonError, Message: fmt.Sprintf(
		"claim %s, which receives the volume, has StorageClass %q and volumeMode %s, and the volume was made again with StorageClass %q and volumeMode %s. A failover restores what was received before. "+
			"To receive the volume as it is now, run here kubectl -n %s delete replicationdestination/%s pvc/%s: after that there is no copy here until the next synchronization is complete",
		inlet.Name, has, is, wants, asks, inlet.Namespace, d.Volume.Name, inlet.Name)}
}
