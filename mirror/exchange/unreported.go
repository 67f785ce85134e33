// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"slices"
	"strings"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
)

// separator is between the names in AnnotationUnreported. No name holds one.
const separator = ", "

// maxUnreported is the most bytes of AnnotationUnreported: all annotations of an object have 256 KiB together.
const maxUnreported = 64 << 10

// Refused tells in annotations of the lease about which objects of inventory, as <namespace>/<name>, the hub's API server accepts
// no report, and what there is besides, so that one of them is no obstacle to all others (X4). If they are too many to be named, nothing is said
// about the rest.
func Refused(annotations map[string]string, inventory []Item, refused []string) {
	delete(annotations, AnnotationUnreported)
	delete(annotations, AnnotationReported)
	if len(refused) == 0 {
		return
	}
	names := slices.Sorted(slices.Values(refused))
	text := strings.Join(names, separator)
	if len(text) > maxUnreported {
		annotations[AnnotationUnreported] = text[:strings.LastIndex(text[:maxUnreported], separator)]
		return
	}
	annotations[AnnotationUnreported] = text
	annotations[AnnotationReported] = Digest(without(inventory, names))
}

// Unreported are the objects that the lease names as those about which the hub's API server accepts no report.
func Unreported(lease *coordinationv1.Lease) []string {
	if lease == nil || lease.Annotations[AnnotationUnreported] == "" {
		return nil
	}
	return strings.Split(lease.Annotations[AnnotationUnreported], separator)
}

// completeBut reports whether the inbox shows everything that the spoke had at the last renewal but the objects that the lease
// names, and group is none of these.
func completeBut(lease *coordinationv1.Lease, inbox *Inventory, group types.NamespacedName) bool {
	names := Unreported(lease)
	if len(names) == 0 || slices.Contains(names, group.String()) {
		return false
	}
	digest, ok := lease.Annotations[AnnotationReported]
	return ok && digest == inbox.digestBut(names)
}

// without are the items that none of the names is of.
func without(items []Item, names []string) []Item {
	named := make(map[string]bool, len(names))
	for _, n := range names {
		named[n] = true
	}
	var out []Item
	for _, it := range items {
		if !named[it.Namespace+"/"+it.Name] {
			out = append(out, it)
		}
	}
	return out
}
