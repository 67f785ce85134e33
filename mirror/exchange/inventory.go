// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// Item is one VolumeReplicationGroup on a spoke.
type Item struct {
	Namespace, Name string
	UID             string
}

// line is how an item counts in a digest. A namespace holds no slash and a UID no line break, so that two inventories never
// read the same.
func (it Item) line() string { return it.Namespace + "/" + it.Name + "\t" + it.UID + "\n" }

// Digest is a fingerprint of the inventory of a spoke: of the namespace, name and UID of each VolumeReplicationGroup,
// in any order. The mirror puts it into the lease; the hub compares it with the digest of the inbox (X4).
func Digest(items []Item) string {
	lines := make([]string, 0, len(items))
	for _, it := range items {
		lines = append(lines, it.line())
	}
	slices.Sort(lines)
	return digest(lines)
}

// digest is the fingerprint of sorted lines.
func digest(lines []string) string {
	h := sha256.New()
	for _, line := range lines {
		_, _ = io.WriteString(h, line)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// ItemOf is what a report shows. A report without target or stamp counts under an empty UID, so that the digest can't match
// by accident.
func ItemOf(report *v1alpha1.VolumeReplicationGroup) Item {
	it := Item{Namespace: report.Annotations[AnnotationNamespace], Name: report.Annotations[AnnotationName]}
	if report.Status.Exchange != nil {
		it.UID = report.Status.Exchange.SpokeUID
	}
	return it
}

// Inventory is what the reports of an inbox show, kept one report at a time: to look at it costs nothing that grows with the
// number of reports, but for the digest after a change. The zero value is an empty one. It is not safe for concurrent use.
type Inventory struct {
	lines  map[string]string // by the name of the report
	sorted []string
	digest string // empty: not computed since the last change
	but    digestWithout
}

// digestWithout is the digest of all but some items.
type digestWithout struct{ names, digest string }

// InventoryOf is the inventory that a list of reports shows.
func InventoryOf(reports []v1alpha1.VolumeReplicationGroup) *Inventory {
	v := &Inventory{}
	for i := range reports {
		v.Put(reports[i].Name, ItemOf(&reports[i]))
	}
	return v
}

// Put notes what the report of that name shows now. It reports whether that is news.
func (v *Inventory) Put(report string, it Item) bool {
	line := it.line()
	if was, known := v.lines[report]; known && was == line {
		return false
	}
	v.Remove(report)
	if v.lines == nil {
		v.lines = map[string]string{}
	}
	v.lines[report] = line
	at, _ := slices.BinarySearch(v.sorted, line)
	v.sorted = slices.Insert(v.sorted, at, line)
	v.digest, v.but = "", digestWithout{}
	return true
}

// Remove notes that there is no report of that name. It reports whether that is news.
func (v *Inventory) Remove(report string) bool {
	line, known := v.lines[report]
	if !known {
		return false
	}
	delete(v.lines, report)
	at, _ := slices.BinarySearch(v.sorted, line)
	v.sorted = slices.Delete(v.sorted, at, at+1)
	v.digest, v.but = "", digestWithout{}
	return true
}

// Has reports whether there is a report about group, even one without the annotations of its target, which only has its name.
func (v *Inventory) Has(group types.NamespacedName) bool {
	if _, ok := v.lines[ObjectName(group.Namespace, group.Name)]; ok {
		return true
	}
	prefix := group.Namespace + "/" + group.Name + "\t"
	at, _ := slices.BinarySearch(v.sorted, prefix)
	return at < len(v.sorted) && strings.HasPrefix(v.sorted[at], prefix)
}

// Digest is the Digest of all that the reports show.
func (v *Inventory) Digest() string {
	if v.digest == "" {
		v.digest = digest(v.sorted)
	}
	return v.digest
}

// digestBut is the Digest of all but the items, as <namespace>/<name>, that are named.
func (v *Inventory) digestBut(names []string) string {
	key := strings.Join(names, separator)
	if v.but.digest == "" || v.but.names != key {
		named := make(map[string]bool, len(names))
		for _, n := range names {
			named[n] = true
		}
		rest := slices.DeleteFunc(slices.Clone(v.sorted), func(line string) bool {
			name, _, _ := strings.Cut(line, "\t")
			return named[name]
		})
		v.but = digestWithout{names: key, digest: digest(rest)}
	}
	return v.but.digest
}
