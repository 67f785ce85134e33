// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/ramendr/ramen-direct/mirror/translate"
)

var errAgain = errors.New("again")

// attempt is one call of the work function; the reader says how it ends.
type attempt struct {
	name string
	end  chan error
}

func startLine(t *testing.T) (*line, chan attempt) {
	t.Helper()
	l, attempts := newLine(t.Name(), clock.RealClock{}), make(chan attempt)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go l.run(ctx, 2, func(ctx context.Context, it item) error {
		a := attempt{it.name, make(chan error)}
		select {
		case attempts <- a:
			return <-a.end
		case <-ctx.Done():
			return nil
		}
	})
	return l, attempts
}

// draining calls drain and tells when it returned.
func draining(t *testing.T, l *line) chan error {
	t.Helper()
	done := make(chan error, 1)
	before := l.busy()
	go func() { done <- l.drain(t.Context()) }()
	if before {
		require.Eventually(t, func() bool { l.mu.Lock(); defer l.mu.Unlock(); return l.waiter != nil }, 5*time.Second, time.Millisecond, "drain does not wait")
	}
	return done
}

func (l *line) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)+len(l.working) > 0
}

func waits(t *testing.T, done chan error) {
	t.Helper()
	select {
	case <-done:
		require.Fail(t, "drain returned too early")
	default:
	}
}

func TestX5_DrainWaitsForWhatIsToBeLookedAtSoon(t *testing.T) {
	l, attempts := startLine(t)
	l.addSoon(item{groups, "a"}, 50*time.Millisecond)
	done := draining(t, l)
	(<-attempts).end <- nil
	require.NoError(t, <-done)

	l.addSoon(item{groups, "b"}, time.Hour)
	done = draining(t, l)
	l.add(item{groups, "b"}) // is not waited for any longer
	(<-attempts).end <- nil
	require.NoError(t, <-done)
	assert.Zero(t, l.depth())
}

func TestX5_DrainWaitsForWhatWasAddedBefore(t *testing.T) {
	l, attempts := startLine(t)
	l.add(item{groups, "a"})
	first := <-attempts
	done := draining(t, l)
	l.add(item{groups, "later"}) // is not waited for
	later := <-attempts
	waits(t, done)
	first.end <- nil
	require.NoError(t, <-done)
	later.end <- nil
}

func TestX5_DrainWaitsForSuccess(t *testing.T) {
	l, attempts := startLine(t)
	l.add(item{groups, "a"})
	first := <-attempts
	done := draining(t, l)
	first.end <- errAgain
	second := <-attempts
	waits(t, done)
	second.end <- nil
	require.NoError(t, <-done)
}

func TestX5_AnAdditionDuringTheWorkIsWaitedForToo(t *testing.T) {
	l, attempts := startLine(t)
	l.add(item{groups, "a"})
	first := <-attempts
	l.add(item{groups, "a"}) // changed while it was being looked at
	done := draining(t, l)
	first.end <- nil
	second := <-attempts
	waits(t, done)
	second.end <- nil
	require.NoError(t, <-done)
}

func TestX5_AFailureMergesWithAnAdditionDuringTheWork(t *testing.T) {
	l, attempts := startLine(t)
	l.add(item{groups, "a"})
	first := <-attempts
	l.add(item{groups, "a"})
	done := draining(t, l)
	first.end <- errAgain
	(<-attempts).end <- nil
	require.NoError(t, <-done)
}

func TestX5_AnItemThatKeepsChangingDoesNotHideItsPast(t *testing.T) {
	l, attempts := startLine(t)
	l.add(item{groups, "a"})
	first := <-attempts
	done := draining(t, l)
	l.add(item{groups, "a"})
	first.end <- errAgain
	second := <-attempts
	l.add(item{groups, "a"})
	waits(t, done)
	second.end <- nil
	require.NoError(t, <-done, "what was added later is not waited for")
	(<-attempts).end <- nil
}

func TestX5_AnEmptyLineIsDrained(t *testing.T) {
	l, _ := startLine(t)
	require.NoError(t, l.drain(t.Context()))
}

// event is what a store told.
type event struct {
	name, was, is string
	ours          bool
}

func testStore() (*store, *[]event) {
	var told []event
	version := func(o *packed) string {
		if o == nil {
			return ""
		}
		return o.ResourceVersion
	}
	s := newStore(metav1.Object.GetName, func(c change) {
		told = append(told, event{c.name, version(c.was), version(c.is), c.ours})
	})
	_ = s.Replace(nil, "1")
	return s, &told
}

func versioned(version string) *translate.Object {
	o := &translate.Object{Object: map[string]any{}}
	o.SetName("a")
	o.SetUID("u")
	o.SetResourceVersion(version)
	return o
}

func TestStore(t *testing.T) {
	for name, tc := range map[string]struct {
		do   func(*store)
		told []event
	}{
		"tells of what it sees": {func(s *store) {
			_ = s.Add(versioned("5"))
			_ = s.Update(versioned("6"))
			_ = s.Delete(versioned("7"))
		}, []event{{"a", "", "5", false}, {"a", "5", "6", false}, {"a", "6", "", false}}},
		"sees its own write before the watch does, and once": {func(s *store) {
			_ = s.Add(versioned("5"))
			s.wrote(versioned("8"))
			_ = s.Update(versioned("6"))
			_ = s.Update(versioned("8"))
		}, []event{{"a", "", "5", false}, {"a", "5", "8", true}}},
		"is not fooled by an answer that is older than the watch": {func(s *store) {
			_ = s.Add(versioned("5"))
			_ = s.Delete(versioned("9"))
			s.wrote(versioned("8"))
		}, []event{{"a", "", "5", false}, {"a", "5", "", false}}},
		"keeps a new object when the end of the old one arrives": {func(s *store) {
			_ = s.Add(versioned("5"))
			s.deleted(versioned("5"))
			s.wrote(versioned("8"))
			_ = s.Delete(versioned("7"))
		}, []event{{"a", "", "5", false}, {"a", "5", "", false}, {"a", "", "8", true}}},
		"believes a list, even of a server that went back in time": {func(s *store) {
			_ = s.Add(versioned("5"))
			s.wrote(versioned("8"))
			_ = s.Replace([]any{versioned("4")}, "4")
			_ = s.Replace(nil, "4")
		}, []event{{"a", "", "5", false}, {"a", "5", "8", true}, {"a", "8", "4", false}, {"a", "4", "", false}}},
	} {
		t.Run(name, func(t *testing.T) {
			s, told := testStore()
			tc.do(s)
			assert.Equal(t, tc.told, *told)
		})
	}
}

func TestAnItemIsAwaitedUntilItIsDoneOrOld(t *testing.T) {
	clock := testingclock.NewFakeClock(noon)
	l, it := newLine("test", clock), item{groups, "db"}
	assert.False(t, l.awaits(it, time.Second), "it was never added")
	l.add(it)
	assert.True(t, l.awaits(it, time.Second), "it waits")
	l.start(it)
	assert.True(t, l.awaits(it, time.Second), "it is in work")
	l.finish(it, false)
	clock.Step(time.Second)
	assert.False(t, l.awaits(it, time.Second), "it failed for so long")
	l.add(it)
	assert.False(t, l.awaits(it, time.Second), "the oldest addition counts")
	l.start(it)
	l.finish(it, true)
	assert.False(t, l.awaits(it, time.Minute), "it is done")
}
