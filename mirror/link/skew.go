// SPDX-License-Identifier: Apache-2.0

package link

import (
	"maps"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/mirror/translate"
)

// skewMemory is how long an API server is believed not to know a field. Then it is asked again: its CRDs may have been
// replaced.
const skewMemory = 5 * time.Minute

// skew remembers which fields of a kind an API server does not know (X7), so that what holds them is not refused time and
// again.
type skew struct {
	clock clock.PassiveClock

	mu    sync.Mutex
	paths translate.Paths
	until time.Time
}

// known is what the API server is believed not to know. The result must not be changed.
func (s *skew) known() translate.Paths {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clock.Now().After(s.until) {
		s.paths = nil
	}
	return s.paths
}

// learn adds to what the API server does not know.
func (s *skew) learn(paths translate.Paths) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.paths) == 0 {
		s.until = s.clock.Now().Add(skewMemory)
	}
	all := maps.Clone(paths)
	maps.Copy(all, s.paths)
	s.paths = all
}
