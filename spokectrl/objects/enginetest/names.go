// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
)

// Names is an engine in memory, whose objects are names. It stands in for a real one where tests are about what is around an
// engine.
type Names struct {
	runner objects.Runner

	mu    sync.Mutex
	has   map[string]bool
	rules Rules
	seen  Seen
}

// Rules say what Names does.
type Rules struct {
	Findings []objects.Finding // of all captures and restores
	Refuses  map[string]bool   // objects that can't be made, steps that can't be captured, and "link": all links
	Unread   map[string]bool   // objects that captures can't read now
	Block    chan struct{}     // holds all work up until it is closed, or the work is ended
}

// Seen is what Names did.
type Seen struct {
	Captures, Restores int      // that were not ended before they began
	Running, Most      int      // at the same time, now and ever
	Steps              []string // what was captured and restored, in order
}

// NewNames makes one that has objects.
func NewNames(has ...string) *Names {
	e := &Names{has: map[string]bool{}}
	for _, name := range has {
		e.has[name] = true
	}
	return e
}

// Lose has objects go, as if they ended or somebody deleted them.
func (e *Names) Lose(names ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, name := range names {
		delete(e.has, name)
	}
}

// Rule changes what e does from now on.
func (e *Names) Rule(rules Rules) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rules = rules
}

// Seen is what e did until now.
func (e *Names) Seen() Seen {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.seen
}

// Has are the objects, sorted.
func (e *Names) Has() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(maps.Keys(e.has))
}

// Name implements objects.Engine.
func (*Names) Name() string { return "names" }

// Format implements objects.Engine.
func (*Names) Format() string { return "1" }

// Ready implements objects.Engine.
func (*Names) Ready(context.Context) error { return nil }

// Forget implements objects.Engine.
func (e *Names) Forget(g capsule.Group, id string) { e.runner.Forget(g, id) }

// enter counts what runs, and waits if somebody holds it up.
func (e *Names) enter(ctx context.Context) (leave func(), err error) {
	e.mu.Lock()
	e.seen.Running++
	e.seen.Most = max(e.seen.Most, e.seen.Running)
	block := e.rules.Block
	e.mu.Unlock()
	leave = func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.seen.Running--
	}
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
		}
	}
	return leave, ctx.Err()
}

// Capture implements objects.Engine.
func (e *Names) Capture(ctx context.Context, r objects.CaptureRequest) (objects.Progress, error) {
	return e.runner.Capture(ctx, r, func(ctx context.Context, update objects.Update) error {
		leave, err := e.enter(ctx)
		defer leave()
		if err != nil {
			return err
		}
		e.mu.Lock()
		e.seen.Captures++
		e.seen.Steps = append(e.seen.Steps, "capture "+r.Step)
		unread := e.rules.Unread
		names, findings := slices.DeleteFunc(slices.Sorted(maps.Keys(e.has)), func(name string) bool { return !selected(r.Select, name) || unread[name] }), e.rules.Findings
		refused := e.rules.Refuses[r.Step]
		e.mu.Unlock()
		kept := map[string]time.Time{}
		if r.Before != nil && len(unread) > 0 {
			if err := r.Before.Each(ctx, func(part []byte) error {
				for name := range strings.SplitSeq(string(part), "\n") {
					if unread[name] && selected(r.Select, name) {
						names, kept[name] = append(names, name), r.Before.Start
					}
				}
				return nil
			}); err != nil {
				return err
			}
		}
		update(func(p *objects.Progress) {
			p.Objects, p.Kept = len(names), kept
			for _, name := range slices.Sorted(maps.Keys(unread)) {
				p.Findings.Add(objects.NotRead, name, "503")
			}
			for _, f := range findings {
				p.Findings.Add(f.Reason, f.Object, f.What)
			}
		})
		if refused {
			return fmt.Errorf("step %s is refused", r.Step)
		}
		return r.Into.Put(ctx, []byte(strings.Join(names, "\n")))
	}), nil
}

// Restore implements objects.Engine.
func (e *Names) Restore(ctx context.Context, r objects.RestoreRequest) (objects.Progress, error) {
	return e.runner.Restore(ctx, r, func(ctx context.Context, update objects.Update) error {
		leave, err := e.enter(ctx)
		defer leave()
		if err != nil {
			return err
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.seen.Restores++
		step := "restore " + r.Step
		if r.Overwrite {
			step += ", overwriting"
		}
		if r.Link {
			e.seen.Steps = append(e.seen.Steps, "link "+r.Step)
			if e.rules.Refuses["link"] {
				return errors.New("no link can be made")
			}
			return nil
		}
		e.seen.Steps = append(e.seen.Steps, step)
		missing, lacking := 0, []string{}
		err = r.From.Each(ctx, func(part []byte) error {
			for name := range strings.SplitSeq(string(part), "\n") {
				if !selected(r.Select, name) {
					continue
				}
				if e.rules.Refuses[name] {
					missing++
					lacking = append(lacking, objects.Mark(name))
					update(func(p *objects.Progress) {
						p.Findings.Add(objects.NotMade, name, fmt.Sprintf("%q is forbidden: exceeded quota: small, requested: count/names=1, used: count/names=1, limited: count/names=1: raise that ResourceQuota, or delete what uses it up", name))
					})
					continue
				}
				if !e.has[name] && r.Lacked != nil && !r.Lacked[objects.Mark(name)] {
					update(func(p *objects.Progress) {
						p.Objects++
						p.Findings.Add(objects.Gone, name, "it ended, or was deleted")
					})
					continue
				}
				e.has[name] = true
				update(func(p *objects.Progress) { p.Objects++ })
			}
			return nil
		})
		update(func(p *objects.Progress) {
			p.Lacking = lacking
			for _, f := range e.rules.Findings {
				p.Findings.Add(f.Reason, f.Object, f.What)
			}
		})
		if err == nil && missing > 0 {
			err = fmt.Errorf("%d objects could not be made", missing)
		}
		return err
	}), nil
}

// selected reports whether a name is selected: it is its own type.
func selected(s objects.Selection, name string) bool {
	return name != "" && (len(s.Included) == 0 || slices.Contains(s.Included, name)) && !slices.Contains(s.Excluded, name)
}
