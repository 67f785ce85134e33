// SPDX-License-Identifier: Apache-2.0

package steps_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/spokectrl/objects/steps"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// TestNothingStaysAsAHookLeftIt tries all short workflows, with every result of every step, and a process that is killed at every
// instant, or told to stop. q and r quiesce something, which u and v undo; g is a group.
func TestNothingStaysAsAHookLeftIt(t *testing.T) {
	check(t, 2, 2)
	check(t, 3, 1)
}

func TestNothingStaysAsAHookOfALongWorkflowLeftIt(t *testing.T) {
	testlayer.Slow(t, "TestNothingStaysAsAHookLeftIt")
	check(t, 4, 1)
	check(t, 3, 2)
}

func check(t *testing.T, longest, kills int) {
	t.Helper()
	for n := 1; n <= longest; n++ {
		for _, sequence := range words("qruvg", n) {
			for _, results := range words("dtfa", n) {
				if !possible(sequence, results) || alike(sequence) {
					continue
				}
				for _, failOn := range []v1alpha1.FailOn{v1alpha1.FailOnAny, v1alpha1.FailOnEssential, v1alpha1.FailOnFull} {
					for _, essential := range []bool{true, false} {
						if failOn == v1alpha1.FailOnAny && !essential {
							continue // that makes no difference
						}
						explore(t, world{sequence: sequence, results: results, failOn: failOn, essential: essential}, kills)
					}
				}
			}
		}
	}
}

// possible reports whether groups do nothing that only hooks can do.
func possible(sequence, results string) bool {
	for i, letter := range sequence {
		if letter == 'g' && strings.ContainsRune("ta", rune(results[i])) {
			return false
		}
	}
	return true
}

// alike reports whether nothing is quiesced, or another word differs in the letters only.
func alike(sequence string) bool {
	first := strings.IndexAny(sequence, "qr")
	return first < 0 || sequence[first] == 'r'
}

// words are all words of n letters.
func words(letters string, n int) []string {
	out := []string{""}
	for range n {
		var longer []string
		for _, w := range out {
			for _, c := range letters {
				longer = append(longer, w+string(c))
			}
		}
		out = longer
	}
	return out
}

// undone says what a letter undoes, and undoer the other way round.
var (
	undone = map[rune]rune{'u': 'q', 'v': 'r'}
	undoer = map[rune]rune{'q': 'u', 'r': 'v'}
)

var errKilled = errors.New("the process was killed")

// world is what an attempt did.
type world struct {
	sequence, results string
	failOn            v1alpha1.FailOn
	essential         bool

	kills []int // instants at which the process is killed
	stop  int   // the step in which it is told to stop; 0: none
	late  bool  // that step ends all the same

	instant  int
	quiesced map[rune]bool
	begun    map[int]int
	written  *steps.Record // nil: nothing is
}

// explore follows one workflow without a disturbance, and then with each.
func explore(t *testing.T, w world, kills int) {
	t.Helper()
	instants := w.run(t)
	for step := range len(w.sequence) {
		for _, w.late = range []bool{false, true} {
			w.stop = step + 1
			w.run(t)
		}
	}
	w.stop = 0
	for first := 1; first <= instants; first++ {
		w.kills = []int{first}
		more := w.run(t)
		for second := first + 1; kills > 1 && second <= more; second++ {
			w.kills = []int{first, second}
			w.run(t)
		}
	}
}

func (w world) String() string {
	return fmt.Sprintf("%s with results %s, failOn %s, essential %v, killed at %v, stopped in step %d", w.sequence, w.results, w.failOn, w.essential, w.kills, w.stop)
}

// moment is an instant at which the process may be killed.
func (w *world) moment() {
	if w.instant++; slices.Contains(w.kills, w.instant) {
		panic(errKilled)
	}
}

// survives runs something until it ends, or the process is killed.
func survives(do func()) (ended bool) {
	defer func() {
		if e := recover(); e != nil && e != any(errKilled) {
			panic(e)
		}
	}()
	do()
	return true
}

func (w *world) write(_ context.Context, r steps.Record) error {
	w.moment()
	w.written = &r
	w.moment()
	return nil
}

func (w world) run(t *testing.T) (instants int) {
	t.Helper()
	w.quiesced, w.begun = map[rune]bool{}, map[int]int{}
	a := w.attempt()
	var out steps.Outcome
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	do := a.Do
	a.Do = func(ctx context.Context, i int, s recipe.Step) (steps.Result, error) {
		if w.stop != i+1 {
			return do(ctx, i, s)
		}
		cancel()
		if w.late {
			return do(ctx, i, s)
		}
		w.effect(rune(w.sequence[i]), 'f')
		return steps.Failed, context.Canceled
	}
	ended := survives(func() { out = a.Follow(ctx, steps.Record{Attempt: "1"}) })
	left := out.Record
	for first := true; ; first = false {
		if !ended || !first {
			if w.written == nil {
				break
			}
			left = *w.written // another process
		}
		if survives(func() { w.unwind(t, left) }) {
			break
		}
	}
	w.judge(t, ended && out.Err == nil)
	return w.instant
}

func (w *world) unwind(t *testing.T, r steps.Record) {
	t.Helper()
	left, err := steps.Unwind(t.Context(), r, w.write, func(_ context.Context, u steps.Undo) error {
		w.moment()
		letter := undone[rune(u.With.Op[0])]
		if len(w.kills) == 0 && !w.quiesced[letter] {
			require.Fail(t, "nothing is to be undone", "%c: %v", letter, w)
		}
		w.quiesced[letter] = false
		w.moment()
		return nil
	})
	require.NoError(t, err)
	require.Empty(t, left.Undo)
	w.written = nil
}

// effect is what a step does. What fails may have done all that is bad and nothing that is good.
func (w *world) effect(letter, result rune) {
	switch {
	case undoer[letter] != 0 && result != 'a':
		w.quiesced[letter] = true
	case undone[letter] != 0 && result == 'd':
		w.quiesced[undone[letter]] = false
	}
}

func (w *world) attempt() *steps.Attempt {
	a := &steps.Attempt{Now: func() time.Time { return time.Time{} }, Write: w.write}
	a.Workflow.FailOn = w.failOn
	a.Workflow.Inverses = map[string]*recipe.Hook{"h/u": {Name: "h", Op: "u"}, "h/v": {Name: "h", Op: "v"}}
	for _, letter := range w.sequence {
		if letter == 'g' {
			a.Workflow.Steps = append(a.Workflow.Steps, recipe.Step{Group: &recipe.Group{Name: "g", Essential: w.essential}})
			continue
		}
		h := &recipe.Hook{Name: "h", Op: string(letter), Essential: w.essential}
		if by := undoer[letter]; by != 0 {
			h.Inverse = "h/" + string(by)
		}
		a.Workflow.Steps = append(a.Workflow.Steps, recipe.Step{Hook: h})
	}
	results := map[byte]steps.Result{'d': steps.Done, 't': steps.Tolerated, 'f': steps.Failed, 'a': steps.Absent}
	a.Do = func(_ context.Context, i int, _ recipe.Step) (steps.Result, error) {
		w.begun[i]++
		if undone[rune(w.sequence[i])] == 0 {
			w.effect(rune(w.sequence[i]), rune(w.results[i]))
		}
		w.moment()
		w.effect(rune(w.sequence[i]), rune(w.results[i]))
		w.moment()
		var err error
		if is := results[w.results[i]]; is == steps.Failed || is == steps.Tolerated {
			err = errors.New("it failed")
		}
		return results[w.results[i]], err
	}
	return a
}

func (w *world) judge(t *testing.T, succeeded bool) {
	t.Helper()
	for i, n := range w.begun {
		if n > 1 {
			require.Fail(t, "a step was made twice", "%d: %v", i, w)
		}
	}
	for letter, is := range w.quiesced {
		if !is {
			continue
		}
		last := strings.LastIndexByte(w.sequence, byte(letter))
		leaves := succeeded && w.results[last] != 'f' && !strings.ContainsRune(w.sequence[last:], undoer[letter])
		if !leaves {
			require.Fail(t, "something stays quiesced", "%c: %v", letter, w)
		}
	}
}
