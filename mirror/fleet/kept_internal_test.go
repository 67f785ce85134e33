// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	testingclock "k8s.io/utils/clock/testing"
)

// slow are links that are slow to end: each ends when the test lets it.
type slow struct {
	mu     sync.Mutex
	now    map[string]int // links that run, by cluster
	most   int            // of one cluster at a time
	begun  int
	gone   []string
	finish chan struct{}
}

func (s *slow) keep(ctx context.Context, cluster string, _ *running) error {
	s.mu.Lock()
	s.now[cluster]++
	s.begun++
	s.most = max(s.most, s.now[cluster])
	s.mu.Unlock()
	<-ctx.Done()
	<-s.finish
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now[cluster]--
	return nil
}

func (s *slow) count() (begun, now int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun, s.now["dr1"]
}

func (s *slow) left() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone
}

func newSlow() (*slow, *kept) {
	s := &slow{now: map[string]int{}, finish: make(chan struct{})}
	k := &kept{keep: s.keep, clock: testingclock.NewFakeClock(time.Time{}), running: map[string]*running{}, ending: map[string]*running{},
		gone: func(cluster string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.gone = append(s.gone, cluster)
		}}
	return s, k
}

// TestOneClusterNeverHasTwoLinksAtATime, though its Secret is deleted and created again while its link ends.
func TestOneClusterNeverHasTwoLinksAtATime(t *testing.T) {
	s, k := newSlow()
	wanted := func(version string) map[string]credentialOf {
		return map[string]credentialOf{"dr1": {secret: "dr1", kubeconfig: []byte(version)}}
	}
	begun := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool { b, now := s.count(); return b == n && now == 1 }, time.Minute, time.Millisecond, "link %d does not run", n)
	}
	k.settle(t.Context(), wanted("a"))
	begun(1)
	k.settle(t.Context(), nil)
	k.settle(t.Context(), wanted("a"))
	k.settle(t.Context(), wanted("b"))
	k.settle(t.Context(), nil)
	k.settle(t.Context(), wanted("c"))
	require.Never(t, func() bool { b, _ := s.count(); return b > 1 }, 20*time.Millisecond, time.Millisecond, "a link began before the one before it had ended")
	s.finish <- struct{}{}
	begun(2)
	assert.Equal(t, 1, s.most)
	assert.Empty(t, s.left(), "there is a link")
	assert.Equal(t, "c", string(k.all()["dr1"].holds().kubeconfig))

	k.settle(t.Context(), nil)
	assert.Empty(t, k.all())
	assert.Empty(t, s.left(), "its link has not ended")
	close(s.finish)
	require.Eventually(t, func() bool { return len(s.left()) == 1 }, time.Minute, time.Millisecond, "nothing that was kept of a cluster without a link is forgotten")
	k.mu.Lock()
	defer k.mu.Unlock()
	assert.Empty(t, k.ending)
	assert.Empty(t, k.running)
}

// TestStoppingWaitsForLinksThatWereStoppedBefore: what a process writes after it has let go could undo what another one wrote.
func TestStoppingWaitsForLinksThatWereStoppedBefore(t *testing.T) {
	s, k := newSlow()
	k.settle(t.Context(), map[string]credentialOf{"dr1": {secret: "dr1"}})
	require.Eventually(t, func() bool { b, _ := s.count(); return b == 1 }, time.Minute, time.Millisecond)
	k.settle(t.Context(), nil)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		k.stop()
	}()
	require.Never(t, func() bool {
		select {
		case <-stopped:
			return true
		default:
			return false
		}
	}, 20*time.Millisecond, time.Millisecond, "a link is still there")
	close(s.finish)
	<-stopped
}
