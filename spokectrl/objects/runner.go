// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

// Runner runs the requests of an engine in the background. Its zero value is ready. It is safe for concurrent use.
type Runner struct {
	mu   sync.Mutex
	jobs map[request]*job
}

type request struct {
	group    capsule.Group
	id, step string
	restore  bool
}

type job struct {
	mu     sync.Mutex
	is     Progress
	cancel context.CancelFunc
}

// Update changes the progress of a job.
type Update func(func(*Progress))

// Capture begins work for a request, unless it was begun before, and tells how it gets on.
func (r *Runner) Capture(ctx context.Context, c CaptureRequest, work func(context.Context, Update) error) Progress {
	return r.run(ctx, request{c.Group, c.ID, c.Step, false}, c.Ended, work)
}

// Restore is Capture for a restore.
func (r *Runner) Restore(ctx context.Context, q RestoreRequest, work func(context.Context, Update) error) Progress {
	return r.run(ctx, request{q.Group, q.ID, q.Step, true}, q.Ended, work)
}

func (r *Runner) run(ctx context.Context, key request, ended func(), work func(context.Context, Update) error) Progress {
	r.mu.Lock()
	j, begun := r.jobs[key]
	if !begun {
		// The work outlives the call that asked for it first; Forget ends it.
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		j = &job{cancel: cancel}
		if r.jobs == nil {
			r.jobs = map[request]*job{}
		}
		r.jobs[key] = j
		go func() {
			j.work(ctx, work)
			if ended != nil {
				ended()
			}
		}()
	}
	r.mu.Unlock()
	return j.progress()
}

func (j *job) work(ctx context.Context, work func(context.Context, Update) error) {
	defer j.cancel()
	err := work(ctx, j.update)
	j.update(func(p *Progress) {
		if p.State, p.Err = Done, err; err != nil {
			p.State = Failed
		}
	})
}

func (j *job) update(change func(*Progress)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(&j.is)
}

func (j *job) progress() Progress {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := j.is
	out.Counts, out.Kept = maps.Clone(j.is.Counts), maps.Clone(j.is.Kept)
	out.Findings = Findings{List: slices.Clone(j.is.Findings.List), Count: maps.Clone(j.is.Findings.Count)}
	return out
}

// Forget ends and forgets all requests of a group with this ID.
func (r *Runner) Forget(g capsule.Group, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, j := range r.jobs {
		if key.group == g && key.id == id {
			j.cancel()
			delete(r.jobs, key)
		}
	}
}
