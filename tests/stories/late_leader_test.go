// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"context"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/tests/lab"
)

// TestX15_ALeaderThatWakesUpLateUndoesNothing: hubctrl is frozen in the middle of a relocate, at the moment when it has to
// decide what comes next. Another one carries the relocate out; then the first one wakes up, and both run. At no moment are
// two clusters wished Primary, no epoch falls, and no record is lost.
func TestX15_ALeaderThatWakesUpLateUndoesNothing(t *testing.T) {
	l := shared.Lab(t)
	a := protected(t, l, "late-leader", lab.DR1)
	a.Witness.Limit = killedSilent // nobody decides anything until the second one runs
	observer := observeWishes(t, a)
	second, err := l.StartSecondHubctrl(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, l.Thaw("hubctrl"))
		assert.NoError(t, l.Stop(second))
	})
	for _, move := range []struct {
		to, when string
		answered func(*v1alpha1.VolumeReplicationGroupStatus) bool
	}{
		{lab.DR2, "the source is prepared", func(s *v1alpha1.VolumeReplicationGroupStatus) bool { return s.PrepareForFinalSyncComplete }},
		{lab.DR1, "the source is synchronized", func(s *v1alpha1.VolumeReplicationGroupStatus) bool { return s.FinalSyncComplete }},
	} {
		require.NoError(t, l.Stop(second))
		source := lab.DR1
		if move.to == lab.DR1 {
			source = lab.DR2
		}
		var replaced sync.WaitGroup
		replaced.Go(func() {
			if !observer.reported(t.Context(), source, move.answered) {
				return
			}
			assert.NoError(t, l.Freeze("hubctrl"))
			assert.NoError(t, l.StartProcess(t.Context(), second))
		})
		_, err := a.Relocate(t.Context(), move.to)
		require.NoError(t, err, "frozen when %s", move.when)
		replaced.Wait()
		require.NoError(t, l.Thaw("hubctrl"))
		require.NoError(t, a.GoesOn(t.Context(), move.to), "both run")
		a.Settled(v1alpha1.Relocated, move.to)
		a.RunsOnlyOn(move.to)
		a.NothingLost()
	}
	require.NoError(t, l.Stop(second))
	a.Ask(func(s *v1alpha1.DRPlacementControlSpec) { s.Action = "" })
	a.Settled(v1alpha1.Deployed, lab.DR1)
	assert.Empty(t, observer.complaints())
}

// wishObserver sees all wishes and reports of an application, in the order in which they were written.
type wishObserver struct {
	mu      sync.Mutex
	changed chan struct{} // closed, and made again, when something is seen
	roles   map[string]v1alpha1.ReplicationState
	epochs  map[string]int64
	reports map[string]v1alpha1.VolumeReplicationGroupStatus // by cluster
	wrong   []string
}

// observeWishes watches until the test ends.
func observeWishes(t *testing.T, a *actor) *wishObserver {
	t.Helper()
	o := &wishObserver{
		changed: make(chan struct{}), roles: map[string]v1alpha1.ReplicationState{}, epochs: map[string]int64{},
		reports: map[string]v1alpha1.VolumeReplicationGroupStatus{},
	}
	ctx, stop := context.WithCancel(t.Context())
	events, err := hubOf(a).Watch(ctx, &v1alpha1.VolumeReplicationGroupList{})
	require.NoError(t, err)
	name := a.WishKey(lab.DR1).Name
	var gone sync.WaitGroup
	gone.Go(func() {
		for e := range events.ResultChan() {
			if vrg, ok := e.Object.(*v1alpha1.VolumeReplicationGroup); ok && vrg.Name == name {
				o.see(e.Type, vrg)
			}
		}
		if ctx.Err() == nil {
			t.Error("the watch over the wishes ended: what happened since is not known")
		}
	})
	t.Cleanup(func() { stop(); gone.Wait() })
	return o
}

func (o *wishObserver) see(what watch.EventType, vrg *v1alpha1.VolumeReplicationGroup) {
	o.mu.Lock()
	defer o.mu.Unlock()
	cluster, _ := exchange.ClusterOf(vrg.Namespace)
	switch {
	case vrg.Namespace == exchange.Inbox(cluster):
		o.reports[cluster] = vrg.Status
	case what == watch.Deleted:
		delete(o.roles, cluster)
	default:
		o.roles[cluster] = vrg.Spec.ReplicationState
		epoch, err := strconv.ParseInt(vrg.Annotations[exchange.AnnotationEpoch], 10, 64)
		if err != nil || epoch < o.epochs[cluster] {
			o.wrong = append(o.wrong, "the epoch of "+cluster+" became "+vrg.Annotations[exchange.AnnotationEpoch])
		}
		o.epochs[cluster] = epoch
		if o.roles[lab.DR1] == v1alpha1.Primary && o.roles[lab.DR2] == v1alpha1.Primary {
			o.wrong = append(o.wrong, "both clusters are wished Primary by version "+vrg.ResourceVersion)
		}
	}
	close(o.changed)
	o.changed = make(chan struct{})
}

// reported returns at once when a cluster has reported what is; false: ctx ended before.
func (o *wishObserver) reported(ctx context.Context, cluster string, is func(*v1alpha1.VolumeReplicationGroupStatus) bool) bool {
	for {
		o.mu.Lock()
		status, changed := o.reports[cluster], o.changed
		o.mu.Unlock()
		if is(&status) {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

func (o *wishObserver) complaints() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.wrong
}
