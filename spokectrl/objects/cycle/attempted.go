// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"encoding/json"
	"maps"
)

// longestAttempted is how many bytes of an annotation Attempted may take: with more missing, what was made is known only to the process
// that made it.
const longestAttempted = 64 << 10

// attempted is what the attempts at a restore came to: of each step that came to its end, the marks of what was not in place then. What
// is not among them was made, or was there, and is not made again.
type attempted struct {
	Epoch   int64               `json:"epoch"`
	Capture string              `json:"capture"` // its ID
	Steps   map[string][]string `json:"steps"`
}

// attempts is what is known of the attempts at a restore from a capture, by this process, else by the one before. It may be changed.
func (s *Standing) attempts(w *Want, capture string) *attempted {
	a := s.attempted
	if a == nil {
		a = &attempted{}
		if json.Unmarshal([]byte(w.Attempted), a) != nil {
			a = &attempted{}
		}
	}
	out := &attempted{Epoch: w.Term.Epoch, Capture: capture, Steps: map[string][]string{}}
	if a.Epoch == out.Epoch && a.Capture == out.Capture {
		maps.Copy(out.Steps, a.Steps)
	}
	return out
}

// lacked are the marks for a step; nil: no attempt at it came to its end.
func (a *attempted) lacked(step string) map[string]bool {
	marks, known := a.Steps[step]
	if !known {
		return nil
	}
	out := map[string]bool{}
	for _, mark := range marks {
		out[mark] = true
	}
	return out
}

// Attempted is what has to be remembered of a restore that is not done, for the next process; empty: nothing. It is Want.Attempted then.
func (s *Standing) Attempted() string {
	if s.Restored != nil || s.attempted == nil || len(s.attempted.Steps) == 0 {
		return ""
	}
	text, err := json.Marshal(s.attempted)
	if err != nil || len(text) > longestAttempted {
		return ""
	}
	return string(text)
}
