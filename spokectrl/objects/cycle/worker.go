// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/captures"
	"github.com/ramendr/ramen-direct/spokectrl/objects/steps"
)

const (
	// Captures and restores that run at the same time. A restore never waits for captures, and nothing without hooks for what has
	// some: those mostly wait for the application, and may take minutes.
	parallelCaptures, parallelHookedCaptures = 4, 16
	parallelRestores, parallelHookedRestores = 8, 32
	// ending is how long a pass waits for what it ended.
	ending = 5 * time.Second
)

// Worker does the work. It is safe for concurrent use.
type Worker struct {
	engine objects.Engine
	keeper *captures.Keeper
	hooks  Hooks
	clock  clock.PassiveClock
	slots  map[lane]chan struct{}
	undoer *undoer

	mu     sync.Mutex
	closed bool
	wake   func(capsule.Group)
	groups map[capsule.Group]*group
	last   map[capsule.Group]*job          // what was ended, and may not be over
	steps  map[capsule.Group]*steps.Record // what is under way, of workflows with hooks
	queue  map[capsule.Group]*queued       // what waits long for its turn
}

// lane is what tasks of one kind share.
type lane struct {
	task  Task
	hooks bool
}

// group is one group in one of its terms.
type group struct {
	term string
	is   Standing
	job  *job
}

type job struct {
	task   Task
	cancel context.CancelFunc
	ended  chan struct{}
}

// New makes a Worker. It begins nothing before Recover.
func New(engine objects.Engine, keeper *captures.Keeper, hooks Hooks, clock clock.PassiveClock) *Worker {
	w := &Worker{
		engine: engine, keeper: keeper, hooks: hooks, clock: clock, groups: map[capsule.Group]*group{}, wake: func(capsule.Group) {},
		last: map[capsule.Group]*job{}, steps: map[capsule.Group]*steps.Record{}, queue: map[capsule.Group]*queued{},
		slots: map[lane]chan struct{}{
			{Capturing, false}: make(chan struct{}, parallelCaptures), {Capturing, true}: make(chan struct{}, parallelHookedCaptures),
			{Restoring, false}: make(chan struct{}, parallelRestores), {Restoring, true}: make(chan struct{}, parallelHookedRestores),
		},
	}
	w.undoer = &undoer{hooks: hooks, clock: clock, call: w.call, all: map[capsule.Group]*undoing{}, stays: map[capsule.Group]string{}}
	w.undoer.life, w.undoer.end = context.WithCancel(context.Background())
	return w
}

// Recover undoes what was under way when the process before this one ended. Nothing is begun before it knows what that is: it tries
// until it does, or ctx ends.
func (w *Worker) Recover(ctx context.Context) error {
	all := func() {
		w.mu.Lock()
		known := slices.Collect(maps.Keys(w.groups))
		w.mu.Unlock()
		for _, g := range known {
			w.call(g)
		}
	}
	w.undoer.recover(ctx, all)
	all()
	return nil
}

// OnChange has wake called with each group of which more is known than before.
func (w *Worker) OnChange(wake func(capsule.Group)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wake = wake
}

// Tend begins what is due for a group, ends what is not wanted any more, and tells what is known. When it returns, nothing that
// was ended runs, but if that took longer than ending.
func (w *Worker) Tend(ctx context.Context, want Want) Standing {
	w.undoer.skip(want.Group, want.SkipUndo)
	w.undoer.attend(want.Group, want.Mode)
	w.mu.Lock()
	g := w.groups[want.Group]
	if g == nil && want.Mode == Off {
		defer w.mu.Unlock()
		return w.shown(want.Group, Standing{})
	}
	var old *job
	if g != nil && g.job != nil && (g.term != want.term() || !fits(g.job.task, want.Mode)) {
		old, g.job, g.is.Doing = g.job, nil, Nothing
		w.last[want.Group] = old
		old.cancel()
	}
	if want.Mode == Off {
		delete(w.groups, want.Group)
	} else if g == nil || g.term != want.term() {
		g = &group{term: want.term(), is: Standing{Since: w.clock.Now()}}
		w.groups[want.Group] = g
	}
	w.mu.Unlock()
	if old != nil {
		old.await(ctx)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if want.Mode == Off {
		return w.shown(want.Group, Standing{})
	}
	if want.Skip && g.is.Restored == nil && g.is.Failures > 0 && g.job == nil {
		g.is.Restored = &Restored{Skipped: true}
		g.is.Failure, g.is.Failures, g.is.Denied = nil, 0, false
	}
	if want.For != 0 && want.For != g.is.Asked {
		g.is.Asked, g.is.AskedAt = want.For, w.clock.Now()
	}
	g.is.Next = time.Time{}
	known := w.shown(want.Group, g.is)
	if g.job == nil && w.groups[want.Group] == g && !w.closed && known.Recovered && known.Undo == nil {
		switch task, at := next(&want, &g.is); {
		case task == Nothing:
		case w.clock.Now().Before(at):
			g.is.Next = at
		default:
			w.begin(ctx, g, want, task)
		}
	}
	if at := g.is.overdueAt(want.Interval); want.Mode == Capture && g.is.Next.IsZero() && w.clock.Now().Before(at) {
		g.is.Next = at // it may run for too long
	}
	if at := g.is.AskedAt.Add(Fresh); g.is.Awaits(&want, w.clock.Now()) && (g.is.Next.IsZero() || at.Before(g.is.Next)) {
		g.is.Next = at // then the application leaves without
	}
	return w.shown(want.Group, g.is)
}

// shown adds what is told of a group beyond its terms.
func (w *Worker) shown(g capsule.Group, is Standing) Standing {
	is.Step, is.Queued = w.steps[g], w.queue[g]
	w.undoer.tell(g, &is)
	return is
}

// Look tells what is known of a group, and begins and ends nothing.
func (w *Worker) Look(want Want) Standing {
	w.mu.Lock()
	defer w.mu.Unlock()
	if g := w.groups[want.Group]; g != nil && g.term == want.term() {
		return w.shown(want.Group, g.is)
	}
	return w.shown(want.Group, Standing{})
}

func (j *job) await(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, ending)
	defer cancel()
	select {
	case <-j.ended:
	case <-ctx.Done():
	}
}

// begin runs a task for a group, after what was ended for it.
func (w *Worker) begin(ctx context.Context, g *group, want Want, task Task) {
	before := w.last[want.Group]
	// The work outlives the pass that asked for it.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	j := &job{task: task, cancel: cancel, ended: make(chan struct{})}
	g.job, g.is.Doing = j, task
	is := g.is
	go func() {
		defer close(j.ended)
		defer cancel()
		if before != nil {
			<-before.ended
		}
		err := w.undoer.settled(ctx, want.Group)
		after := is
		if err == nil {
			after, err = w.run(ctx, task, want, is)
		}
		w.note(ctx, g, j, want, after, err)
	}()
}

// run does the work when it is its turn. It returns what is known then; an error is why it failed.
func (w *Worker) run(ctx context.Context, task Task, want Want, is Standing) (Standing, error) {
	end, err := w.turn(ctx, want.Group, lane{task, want.hooks(task)})
	if err != nil {
		return is, err
	}
	defer end()
	if task == Restoring {
		return w.restore(ctx, want, is)
	}
	return w.capture(ctx, want, is)
}

// note keeps what became of a job, unless it was ended.
func (w *Worker) note(ctx context.Context, g *group, j *job, want Want, after Standing, err error) {
	w.mu.Lock()
	if w.last[want.Group] == j {
		delete(w.last, want.Group)
	}
	if g.job != j {
		w.mu.Unlock()
		return
	}
	logger := log.FromContext(ctx).WithValues("task", j.task)
	g.job = nil
	after.Doing, after.Asked, after.AskedAt = Nothing, g.is.Asked, g.is.AskedAt
	if err != nil {
		logger.Info("A task of the Kubernetes objects failed", "reason", err.Error())
		_, denied := errors.AsType[*deniedError](err)
		after.Failure, after.Failed, after.Denied = err, w.clock.Now(), denied
		after.Failures++
	} else {
		after.Failure, after.Failures, after.Denied = nil, 0, false
	}
	g.is = after
	wake := w.wake
	w.mu.Unlock()
	wake(want.Group)
}

// Close ends all that runs, and undoes what its hooks did, as far as that takes no longer than closing. Nothing is begun afterwards.
func (w *Worker) Close() {
	w.mu.Lock()
	w.closed = true
	var jobs []*job
	for _, g := range w.groups {
		if g.job != nil {
			g.job.cancel()
			jobs = append(jobs, g.job)
			g.job = nil
		}
	}
	for _, j := range w.last {
		jobs = append(jobs, j)
	}
	w.mu.Unlock()
	grace := time.AfterFunc(closing, w.undoer.end)
	defer grace.Stop()
	for _, j := range jobs {
		<-j.ended
	}
	w.undoer.close()
}
