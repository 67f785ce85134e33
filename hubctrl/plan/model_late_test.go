// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"strings"
	"testing"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// A leader that was frozen in the model: what it had decided and not written yet arrives at any later moment, beside what the
// hub does meanwhile. An API server lets a write pass only if its object is as it was decided about (X15).

// care is what the writes of a hub take care of; each bit that is set is care that is left out.
type care uint8

const (
	blindly  care = 1 << iota // no write names the version that was decided about
	unmarked                  // a promotion does not mark the wish of the other cluster
)

// pending is one write that has not arrived yet, as it was decided.
type pending struct {
	plan.Write
	next outbox
}

// late is what a frozen leader has still to write, and what of it is as it was when that was decided.
type late struct {
	n      uint8
	writes [3]pending
	ask    plan.Ask // what the user asked for when it was decided
	wish   [2]bool  // the wish of a cluster
	object bool     // the application's object
	marked bool     // the first write is a promotion whose mark is set
}

// freeze stops the leader after k writes of a plan, and after the mark of the next one if marked is set.
func (w *world) freeze(writes []plan.Write, k int, marked bool) {
	w.lates--
	var all [3]pending
	for i, wr := range writes {
		all[i] = pending{wr, w.resolve(wr)} // by what was seen before any of them was written
	}
	for _, p := range all[:k] {
		w.land(p.Write, p.next, w.ask)
	}
	rest := late{n: uint8(len(writes) - k), wish: [2]bool{true, true}, object: true, marked: marked, ask: w.ask}
	copy(rest.writes[:], all[k:len(writes)])
	w.late = rest
}

// arrive is the next write of the frozen leader. One that is refused has the leader look again, as the hub does anyway.
func (w *world) arrive() {
	l := w.late
	p := l.writes[0]
	ok := true
	switch p.Kind {
	case plan.PutWish, plan.AdoptWish, plan.MarkWish, plan.RemoveWish, plan.DropWish:
		ok = l.wish[p.Side.Index()]
		if p.Promote && p.Role == plan.Primary && !l.marked && w.care&unmarked == 0 {
			ok = ok && l.wish[p.Side.Peer().Index()]
		}
	case plan.Publish, plan.Finish:
		ok = l.object
	}
	if !ok && w.care&blindly == 0 {
		w.late = late{}
		return
	}
	w.land(p.Write, p.next, l.ask)
	copy(l.writes[:], l.writes[1:])
	l.writes[2], l.marked, l.n = pending{}, false, l.n-1
	if l.n == 0 {
		l = late{}
	}
	w.late = l
}

// wrote notes that the wish of cluster i is another version.
func (w *world) wrote(i int) { w.late.wish[i] = false }

// edited notes that the application's object is another version.
func (w *world) edited() { w.late.object = false }

func TestX15_ALateLeaderDoesNoHarm(t *testing.T) {
	l := limits{asks: 2, lates: 1, deployed: true}
	for name, tc := range map[string]struct {
		care care
		want string
	}{
		"with preconditions":       {0, ""},
		"without preconditions":    {blindly, "a tombstone was written"}, // the shortest of many
		"without marked promotion": {unmarked, "I1: "},
	} {
		t.Run(name, func(t *testing.T) {
			first := start(l)
			first.care = tc.care
			n, complete, violation := explore(first, bound(6_000_000))
			t.Logf("%d states, all of them: %v", n, complete)
			text := strings.Join(violation, "\n  ")
			switch {
			case tc.want == "" && violation != nil:
				t.Fatal(text)
			case tc.want != "" && !strings.HasPrefix(text, tc.want):
				t.Fatalf("want a violation of %s, got %q", tc.want, text)
			}
			t.Log(text)
		})
	}
}
