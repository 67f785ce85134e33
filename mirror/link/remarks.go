// SPDX-License-Identifier: Apache-2.0

package link

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// remarks are what the lease tells about single objects.
type remarks struct {
	mu   sync.Mutex
	text map[string]string // by the name of the wish or report
}

// set notes what is told about the object behind name; empty: nothing. It reports whether that is new.
func (r *remarks) set(name, text string) (changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.text[name]
	if text != "" {
		r.text[name] = text
	} else {
		delete(r.text, name)
	}
	return was != text
}

// all lists them, sorted.
func (r *remarks) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Values(r.text))
}

// String lists them in one line.
func (r *remarks) String() string { return strings.Join(r.all(), ", ") }
