// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	// Targets. The mirror may cost little more than the API servers do.
	hopMedian, hopTail = 1.5, 2.0
	throughput         = 0.8
	memoryPerGroup     = 40.0 // KiB

	// settle is how long the mirror is given after a hop to be done with what the hop brings about: a report, and the
	// status of the wish 0.1 s later.
	settle = 200 * time.Millisecond
	// patience bounds each wait. It is far more than is needed: machines are noisy.
	patience = time.Hour
)

var (
	// hops are measured this often each way, in turn with those of the bare loop.
	hops = 400
	// atRest is for how long the API servers are listened to.
	atRest = time.Minute
	// calm is how long nothing may be written until the mirror counts as done.
	calm = 3 * time.Second
)

// BenchmarkHop measures one change at a time: made on one side, and seen by a watch on the other.
func BenchmarkHop(b *testing.B) {
	w := newWorld(b, "hop")
	w.startMirror()
	w.startBare()
	wish := w.wish("db")
	w.create(w.hub, wish)
	w.create(w.hub, w.bareWish("db"))
	w.await(w.copies, 1)
	w.await(w.bareCopies, 1)

	b.Run("down", func(b *testing.B) {
		pair(b,
			func(i int) time.Duration { return w.hop(w.hub, w.outbox, wish.GetName(), false, w.copies, i) },
			func(i int) time.Duration { return w.hop(w.hub, bareOut, "db", false, w.bareCopies, i) })
	})
	b.Run("up", func(b *testing.B) {
		pair(b,
			func(i int) time.Duration { return w.hop(w.spoke, w.app, "db", true, w.reports, i) },
			func(i int) time.Duration { return w.hop(w.spoke, bareApp, "db", true, w.bareReports, i) })
	})
}

// pair measures two ways in turn, and tells the first in terms of the second.
func pair(b *testing.B, ours, bare func(i int) time.Duration) {
	b.Helper()
	for b.Loop() {
		var a, z []time.Duration
		for range hops {
			a, z = append(a, ours(nextValue())), append(z, bare(nextValue()))
		}
		tell(b, "bare-p50-ms", milliseconds(quantile(z, 0.5)))
		tell(b, "bare-p99-ms", milliseconds(quantile(z, 0.99)))
		atMost(b, "x-bare-p50", ratio(quantile(a, 0.5), quantile(z, 0.5)), hopMedian)
		atMost(b, "x-bare-p99", ratio(quantile(a, 0.99), quantile(z, 0.99)), hopTail)
	}
}

// BenchmarkMany measures many groups, in the order of a day: they all arrive at a cluster that has none, are at rest, the
// mirror is restarted, and they all change.
func BenchmarkMany(b *testing.B) {
	w := newWorld(b, "many")
	w.startMirror()
	w.live()
	empty := w.memory()
	w.stopMirror()
	w.populate(groups, w.wish)

	b.Run("cold", w.cold)
	w.arrived()
	full := w.memory()
	b.Run("memory", func(b *testing.B) {
		for b.Loop() {
			tell(b, "KiB-empty", float64(empty)/1024)
			atMost(b, "KiB/group", float64(full-empty)/1024/float64(groups), memoryPerGroup)
		}
	})
	b.Run("quiet", func(b *testing.B) {
		for b.Loop() {
			atMost(b, "writes/min", w.writesWithin(atRest), 0)
		}
	})
	b.Run("restart", func(b *testing.B) {
		for b.Loop() {
			before := w.writes()
			w.stopMirror()
			began := time.Now()
			w.startMirror()
			w.live()
			tell(b, "s-to-live", time.Since(began).Seconds())
			w.settled()
			atMost(b, "writes", w.writes()-before, 0)
		}
	})
	b.Run("burst", w.burst)
}

// cold measures how all wishes arrive at an empty cluster, and their reports on the hub, against the least that does the
// same: list, and create with 16 workers; and back, where a report is an object and its status. One half of that is measured
// before and one after, since machines change their speed.
func (w *world) cold(b *testing.B) {
	for b.Loop() {
		bareDown, bareBack := time.Duration(0), time.Duration(0)
		bare := func(first, last int) {
			bareDown += timed(func() { w.bareCopy(w.hub, w.outbox, w.spoke, bareApp, false, first, last) })
			bareBack += timed(func() { w.bareCopy(w.spoke, bareApp, w.hub, bareIn, true, first, last) })
		}
		bare(0, groups/2)

		began := time.Now()
		w.startMirror()
		w.await(w.copies, groups)
		down := time.Since(began)
		w.await(w.reports, groups)
		whole := time.Since(began)
		w.arrived()

		bare(groups/2, groups)
		tell(b, "s-bare-down", bareDown.Seconds())
		tell(b, "s-bare-back", bareBack.Seconds())
		tell(b, "s-down", down.Seconds())
		tell(b, "s-whole", whole.Seconds())
		atLeast(b, "x-bare-throughput", ratio(bareDown+bareBack, whole), throughput)
	}
}

// arrived waits until the mirror has nothing left to bring. It starts the mirror if the cold start was not asked for.
func (w *world) arrived() {
	if w.mirror == nil {
		w.startMirror()
	}
	w.await(w.copies, groups)
	w.await(w.reports, groups)
	w.live()
	w.settled()
}

// burst measures how fast changes pass that are all made at once: until all copies show them, and until all answers of the
// cluster's controller are on the hub. Each way of doing it is measured twice, in turn and the other way round, and is done
// before the next one begins.
func (w *world) burst(b *testing.B) {
	w.populate(groups, w.bareWish)
	w.startBare()
	ctx, end := context.WithCancel(context.Background())
	w.endBare = append(w.endBare, end)
	w.startOperator(ctx, bareApp)
	w.startOperator(ctx, w.app)
	pass := func(outbox string, copies, reports *watcher) (down, whole time.Duration) {
		value := nextValue()
		whole = timed(func() {
			down = timed(func() {
				w.changeAll(outbox, value)
				w.awaitValue(copies, groups, value)
			})
			w.awaitAnswers(reports, groups, value)
		})
		w.settled()
		b.Logf("%s: %s until all copies show it, %s until all answers are back", outbox, down, whole)
		return down, whole
	}
	for _, reports := range []*watcher{w.bareReports, w.reports} { // all is there, and answered
		w.awaitAnswers(reports, groups, firstValue)
	}
	w.settled()
	for b.Loop() {
		var bareDown, bareWhole, down, whole time.Duration
		for _, ours := range []bool{false, true, true, false} {
			if ours {
				d, all := pass(w.outbox, w.copies, w.reports)
				down, whole = down+d, whole+all
			} else {
				d, all := pass(bareOut, w.bareCopies, w.bareReports)
				bareDown, bareWhole = bareDown+d, bareWhole+all
			}
		}
		tell(b, "bare/s", 2*float64(groups)/bareDown.Seconds())
		atLeast(b, "x-bare-throughput", ratio(bareDown, down), throughput)
		atLeast(b, "x-bare-there-and-back", ratio(bareWhole, whole), throughput)
	}
}

// hop makes one change and returns how long it took until it was seen.
func (w *world) hop(at side, namespace, name string, status bool, seen *watcher, value int) time.Duration {
	began := time.Now()
	require.NoError(w.b, w.change(w.b.Context(), at, namespace, name, status, value))
	took := seen.sawAt(w.b, name, value).Sub(began)
	time.Sleep(settle) //nolint:forbidigo // the bench measures real time
	return took
}

// sizeIs makes sure that the objects are as large as they are said to be.
func sizeIs(b *testing.B, o *unstructured.Unstructured, least, most int) {
	b.Helper()
	raw, err := o.MarshalJSON()
	require.NoError(b, err)
	require.GreaterOrEqual(b, len(raw), least)
	require.LessOrEqual(b, len(raw), most)
}
