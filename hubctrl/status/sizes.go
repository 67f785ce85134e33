// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/bounded"
)

// outgrown names the claims that ask for less than their volumes have, of volumes that are made again from a snapshot on the other
// cluster: those may have to ask for more there, and a claim never takes back what it asked for. It is the end of a
// sentence; empty: there are none.
func outgrown(w *snapshot.Snapshot) string {
	home := w.Facts.Home()
	if !home.Named() || w.At(home).Report == nil {
		return ""
	}
	var out []string
	for _, p := range w.At(home).Report.Status.ProtectedPVCs {
		asked := p.Resources.Requests[corev1.ResourceStorage]
		if !p.ProtectedByVolSync || p.Capacity == nil || p.Capacity.Cmp(asked) <= 0 {
			continue
		}
		out = append(out, fmt.Sprintf("claim %s/%s asks for %s and its volume has %s: once it is restored from a snapshot, Kubernetes may refuse manifests that ask for less than %s: ask for that in the manifest now",
			p.Namespace, p.Name, asked.String(), p.Capacity, p.Capacity))
	}
	if out == nil {
		return ""
	}
	return "; " + bounded.Messages(out)
}
