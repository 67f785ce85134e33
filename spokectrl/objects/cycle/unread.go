// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"fmt"
	"time"

	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
)

// Patience is for how long the same has to be unreadable, in each attempt, before a capture is made without: longer than an operator,
// or the servers behind a load balancer, take to restart.
const Patience = 10 * time.Minute

// others stands for what is unreadable beyond the findings that are listed.
const others = "more"

// unreadError means that a capture is not to take the place of the one before, since it could not read all that one is to have.
type unreadError struct{ findings objects.Findings }

func (e *unreadError) Error() string {
	return fmt.Sprintf("%s. The capture before stays in place; what can be read is captured without waiting for this after %s", unread(e.findings), Patience)
}

// unread names what could not be read, and what helps.
func unread(f objects.Findings) string {
	var all []string
	for _, one := range f.Of(objects.NotRead) {
		all = append(all, bounded.Text(one.String(), bounded.Quote/2))
	}
	if more := f.Count[objects.NotRead] - len(all); more > 0 {
		all = append(all, fmt.Sprintf("and %d more", more))
	}
	return "could not be read: " + bounded.Entries(all, "; ", bounded.Message/8)
}

// unreadable begins what is said of a last capture with holes.
func (s *Standing) unreadable() string {
	return "a part of the application " + unread(s.Findings) + "; "
}

// bear decides whether a capture that found this may take the place of the one before: not if something can't be read that could be
// read a while ago. What the capture before could not read either, it does not protect.
func (s *Standing) bear(found objects.Findings, now time.Time) error {
	was := s.unread
	s.unread = map[string]time.Time{}
	lacked := map[string]bool{}
	for _, one := range s.Findings.Of(objects.NotRead) {
		lacked[one.Object] = true
	}
	passed := true
	note := func(title string) {
		since, known := was[title]
		if !known {
			since = now
		}
		s.unread[title] = since
		passed = passed && (lacked[title] || now.Sub(since) >= Patience)
	}
	named := found.Of(objects.NotRead)
	for _, one := range named {
		note(one.Object)
	}
	if found.Count[objects.NotRead] > len(named) {
		note(others)
	}
	if passed {
		return nil
	}
	return &unreadError{found}
}
