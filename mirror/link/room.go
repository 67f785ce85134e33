// SPDX-License-Identifier: Apache-2.0

package link

import (
	"maps"
	"strings"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"

	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/translate"
)

// An API server refuses a lease whose annotations are too large, and the link would be lost while everything else works. So what
// the lease tells is bounded, and yields where others use the room.
const (
	// maxListed is the most bytes of an annotation of the lease that lists for people what may be many.
	maxListed = 32 << 10
	// noRoom stands for such a list that the annotations of others leave no room for.
	noRoom = "too much to tell here: remove the annotations from this Lease that are not of the exchange"
	// exchangePrefix begins the annotations that a mirror sets on its lease.
	exchangePrefix = "exchange.ramendr.openshift.io/"
)

// yields are the annotations of the lease that give way if all together are too large, the first first, and what stands for them
// then; empty: nothing. Without the machine-read ones the hub waits and knows less, but is told nothing that is wrong.
var yields = []struct{ key, instead string }{
	{exchange.AnnotationUndelivered, noRoom},
	{exchange.AnnotationSkew, noRoom},
	{exchange.AnnotationUnreported, ""},
	{exchange.AnnotationReported, ""},
	{exchange.AnnotationWithdrawn, ""},
	{exchange.AnnotationCredential, ""},
}

// makeRoom keeps the annotations of lease within what an API server stores, beside those that others have set in it as it was
// stored last; nil: it is not known.
func makeRoom(lease, last *translate.Object) {
	annotations := lease.GetAnnotations()
	if link, ok := annotations[exchange.AnnotationLink]; ok {
		annotations[exchange.AnnotationLink] = bounded.Text(link, bounded.Message)
	}
	all := map[string]string{}
	if last != nil {
		for key, value := range last.GetAnnotations() {
			if !strings.HasPrefix(key, exchangePrefix) {
				all[key] = value
			}
		}
	}
	maps.Copy(all, annotations)
	size := 0
	for key, value := range all {
		size += len(key) + len(value)
	}
	for _, y := range yields {
		was, told := annotations[y.key]
		if size <= apivalidation.TotalAnnotationSizeLimitB {
			break
		}
		if !told || len(was) <= len(y.instead) {
			continue
		}
		size -= len(was) - len(y.instead)
		annotations[y.key] = y.instead
		if y.instead == "" {
			size -= len(y.key)
			delete(annotations, y.key)
		}
	}
	lease.SetAnnotations(annotations)
}
