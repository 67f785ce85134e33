// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/spokectrl/status"
)

// warn makes an event about a group.
func (r *Reconciler) warn(vrg *v1alpha1.VolumeReplicationGroup, reason, note string) {
	r.announce(vrg, status.Event{Kind: corev1.EventTypeWarning, Reason: reason, Note: bounded.Text(note, bounded.Note)})
}

// announce tells users what is new. In a namespace that is being deleted the API server refuses it; the hub tells then.
func (r *Reconciler) announce(vrg *v1alpha1.VolumeReplicationGroup, news ...status.Event) {
	for _, e := range news {
		r.Events.Eventf(vrg, nil, e.Kind, e.Reason, "Protect", "%s", e.Note)
	}
}
