// SPDX-License-Identifier: Apache-2.0

package link

import (
	"maps"
	"slices"
	"sync"

	"github.com/ramendr/ramen-direct/internal/bounded"
)

// notes are what the lease tells about single objects.
type notes struct {
	mu   sync.Mutex
	text map[string]string // by the name of the wish or report
}

// set notes what is told about the object behind name; empty: nothing. It reports whether that is new.
func (r *notes) set(name, text string) (changed bool) {
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
func (r *notes) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Values(r.text))
}

// String lists them in one line, as far as the lease has room.
func (r *notes) String() string { return bounded.Entries(r.all(), ", ", maxListed) }
