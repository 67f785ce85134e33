// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// Item is one VolumeReplicationGroup on a spoke.
type Item struct {
	Namespace, Name string
	UID             string
}

// Digest is a fingerprint of the inventory of a spoke: of the namespace, name and UID of each VolumeReplicationGroup,
// in any order. The mirror puts it into the lease; the hub compares it with the digest of the inbox (X4).
func Digest(items []Item) string {
	lines := make([]string, 0, len(items))
	for _, it := range items {
		// A namespace holds no slash and a UID no line break, so that two inventories never read the same.
		lines = append(lines, it.Namespace+"/"+it.Name+"\t"+it.UID+"\n")
	}
	slices.Sort(lines)
	h := sha256.New()
	_, _ = io.WriteString(h, strings.Join(lines, ""))
	return hex.EncodeToString(h.Sum(nil))
}

// ItemsOf is the inventory that a list of reports shows. Reports without target or stamp count under an empty UID, so
// that the digest can't match by accident.
func ItemsOf(reports []v1alpha1.VolumeReplicationGroup) []Item {
	items := make([]Item, 0, len(reports))
	for i := range reports {
		r := &reports[i]
		it := Item{Namespace: r.Annotations[AnnotationNamespace], Name: r.Annotations[AnnotationName]}
		if r.Status.Exchange != nil {
			it.UID = r.Status.Exchange.SpokeUID
		}
		items = append(items, it)
	}
	return items
}
