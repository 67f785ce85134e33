// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/hub"
	"github.com/ramendr/ramen-direct/cli/site"
	"github.com/ramendr/ramen-direct/cli/text"
	"github.com/ramendr/ramen-direct/cli/view"
)

// siteRun carries the failover of all applications of a cluster out. Anybody may go on where it stops: whether an application was
// begun is written into the application itself, together with what begins it, and who carries the rest out into the record.
type siteRun struct {
	*operation
	hub    *hub.Hub
	record *hub.Record
	site   *view.Site
	talk   *text.Page
	began  time.Time
}

// errTakenOver ends a run whose record somebody else wrote.
var errTakenOver = errors.New("somebody else carries the failover out")

// beside is how many applications of a wave are begun at the same time, so that a distant hub costs no minutes.
const beside = 8

// shownEvery is how often a line about the progress is printed at most.
const shownEvery = 2 * time.Second

// attempts is how often a command tries to take a record over that its holder writes at the same moment.
const attempts = 20

// take makes this command the holder of the record.
func (r *siteRun) take(ctx context.Context, around *view.Snapshot) error {
	me := r.hub.Me(ctx)
	if me == "" {
		me = "somebody"
	}
	for n := 1; ; n++ {
		run := r.site.Run
		if run == nil {
			run = &view.SiteRun{ID: token(), Began: me, BeganAt: r.now()}
		}
		run.Holder, run.HeldSince, run.Session, run.EndedAt = me, r.now(), token(), nil
		r.site.Run = run
		err := r.save(ctx)
		switch {
		case !errors.Is(err, errTakenOver):
			return err
		case !r.operation.site.resume, n == attempts:
			return &exit{code: ExitRefused, err: fmt.Errorf("somebody else begins or continues a failover of cluster %s at this moment: run the command again", r.site.From)}
		}
		if r.record, err = r.hub.Record(ctx, r.site.From); err != nil {
			return err
		}
		if err := r.checkRecord(r.record); err != nil {
			return err
		}
		site.Resume(r.record.Site, r.site.Request, around)
		r.site = r.record.Site
	}
}

// token names a run or a command.
func token() string { return strings.ToLower(rand.Text()[:12]) }

// save writes the record, if this command is still its holder.
func (r *siteRun) save(ctx context.Context) error {
	r.record.Site = r.site
	err := r.record.Save(ctx)
	if apierrors.IsConflict(err) {
		return errTakenOver
	}
	return err
}

// carryOut begins one wave after the other.
func (r *siteRun) carryOut(ctx context.Context) error {
	r.began = r.env().Clock.Now()
	for i := range r.site.Waves {
		w := &r.site.Waves[i]
		if rests(w) && w.EndedAt != nil {
			continue
		}
		if err := r.begin(ctx, w); err != nil {
			return err
		}
		last := i == len(r.site.Waves)-1
		if last && !r.wait {
			break
		}
		if err := r.await(ctx, i); err != nil {
			return err
		}
		if w.EndedAt == nil {
			at := r.now()
			w.EndedAt = &at
		}
		if !last {
			if err := r.save(ctx); err != nil {
				return err
			}
		}
	}
	if n := r.site.Count(); n[view.SitePending] == 0 && n[view.SiteBegun] == 0 || !r.wait {
		at := r.now()
		r.site.Run.EndedAt = &at
	}
	return r.save(ctx)
}

func (r *siteRun) env() *Env { return &r.commands.env }

func rests(w *view.Wave) bool {
	for i := range w.Applications {
		if !w.Applications[i].State.Rests() {
			return false
		}
	}
	return true
}

// begin begins the applications of a wave that were not begun yet. The record says so first: anybody who takes over finds it.
func (r *siteRun) begin(ctx context.Context, w *view.Wave) error {
	look, err := r.hub.Site(ctx)
	if err != nil {
		return err
	}
	site.Update(r.site, look.Around)
	if why := site.Answers(look.Around, r.site); why != nil && pending(w) {
		r.site.Refusals, r.site.Outcome = append(r.site.Refusals, *why), view.OutcomeRefused
		if err := r.save(ctx); err != nil {
			return err
		}
		return &exit{code: ExitRefused}
	}
	if w.BeganAt == nil {
		at := r.now()
		w.BeganAt = &at
	}
	if err := r.save(ctx); err != nil {
		return err
	}
	err = r.each(ctx, look, w, func(a *view.SiteApplication, d *view.Detail) error { return r.beginOne(ctx, a, d, false) })
	if err != nil {
		return err
	}
	return r.save(ctx)
}

func pending(w *view.Wave) bool {
	for i := range w.Applications {
		if w.Applications[i].State == view.SitePending {
			return true
		}
	}
	return false
}

// each does something with the applications of a wave that were not begun, several at a time. The first error ends it.
func (r *siteRun) each(ctx context.Context, look *hub.Site, w *view.Wave, do func(*view.SiteApplication, *view.Detail) error) error {
	details := map[client.ObjectKey]*view.Detail{}
	for _, d := range look.Details {
		details[client.ObjectKeyFromObject(&d.Applications[0])] = d
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wait sync.WaitGroup
	places := make(chan struct{}, beside)
	for i := range w.Applications {
		a := &w.Applications[i]
		if a.State != view.SitePending || ctx.Err() != nil {
			continue
		}
		places <- struct{}{}
		wait.Go(func() {
			defer func() { <-places }()
			if err := do(a, details[client.ObjectKey{Namespace: a.Namespace, Name: a.Name}]); err != nil {
				stop(err)
			}
		})
	}
	wait.Wait()
	return context.Cause(ctx)
}

// beginOne writes the action into an application that was not begun. An application that can't go is left out: the others go.
func (r *siteRun) beginOne(ctx context.Context, a *view.SiteApplication, d *view.Detail, dry bool) error {
	if d == nil {
		site.Judge(a, nil, "")
		return nil
	}
	ordered, reason, next := site.Order(d, r.site.From, r.site.Request)
	switch {
	case ordered != nil && ordered.Application.Home != "" && ordered.Application.Home != r.site.From:
		a.State, a.To, a.Reason = view.SiteDone, ordered.Application.Home, "it has left "+r.site.From+" already"
		return nil
	case reason != "":
		a.State, a.Reason, a.Next = view.SiteLeftOut, reason, next
		return nil
	case ordered.Already != "":
		a.State, a.To = view.SiteBegun, ordered.To
		return nil
	}
	a.To, a.Loses = ordered.To, ordered.Loses
	if r.site.Run != nil {
		ordered.Run, ordered.RequestedBy = r.site.Run.ID, r.site.Run.Holder
	}
	drpc, err := r.hub.Write(ctx, ordered, dry)
	switch {
	case err == nil && dry:
	case err == nil:
		site.Judge(a, drpc, ordered.Run)
	case apierrors.IsConflict(err):
		return r.look(ctx, a, ordered.Run)
	case apierrors.IsForbidden(err), apierrors.IsInvalid(err), apierrors.IsNotFound(err):
		a.State, a.Reason, a.Next = view.SiteLeftOut, site.Said(err.Error()), fmt.Sprintf("kubectl ramen-direct why %s -n %s", a.Name, a.Namespace)
	default:
		return err // the next one would fail, too
	}
	return nil
}

// look looks at an application again whose spec somebody else has changed at this moment. If it still was not begun it is left
// to the one who changed it.
func (r *siteRun) look(ctx context.Context, a *view.SiteApplication, run string) error {
	drpc, err := r.hub.Application(ctx, client.ObjectKey{Namespace: a.Namespace, Name: a.Name})
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	if site.Judge(a, drpc, run); a.State == view.SitePending {
		a.State, a.Reason, a.Next = view.SiteLeftOut, "somebody else changed its spec at the same moment", fmt.Sprintf("kubectl ramen-direct why %s -n %s", a.Name, a.Namespace)
	}
	return nil
}

// await waits until nothing of a wave moves any longer, or for as long as a wave may take.
func (r *siteRun) await(ctx context.Context, i int) error {
	limit, stop := r.within(ctx, r.timeout)
	defer stop()
	w := &r.site.Waves[i]
	var last string
	var at time.Time
	err := hub.FollowAll(limit, r.hub, "", &v1alpha1.DRPlacementControlList{}, func(now map[client.ObjectKey]*v1alpha1.DRPlacementControl) (bool, error) {
		for j := range r.site.Waves[:i+1] {
			earlier := &r.site.Waves[j]
			for k := range earlier.Applications {
				a := &earlier.Applications[k]
				site.Judge(a, now[client.ObjectKey{Namespace: a.Namespace, Name: a.Name}], r.site.Run.ID)
			}
		}
		enough := rests(w)
		clock := r.env().Clock
		if line := text.SiteProgress(r.site, i); line != last && (enough || clock.Since(at) >= shownEvery) {
			last, at = line, clock.Now()
			if err := r.talk.SiteMoved(clock.Since(r.began), line); err != nil {
				return false, err
			}
		}
		return enough, nil
	})
	if ctx.Err() == nil && limit.Err() != nil {
		return nil // the next wave is not held up any longer
	}
	return err
}

// tryAll asks the API server whether it would accept what would be written.
func (r *siteRun) tryAll(ctx context.Context) error {
	look, err := r.hub.Site(ctx)
	if err != nil {
		return err
	}
	for i := range r.site.Waves {
		err := r.each(ctx, look, &r.site.Waves[i], func(a *view.SiteApplication, d *view.Detail) error { return r.beginOne(ctx, a, d, true) })
		if err != nil {
			return err
		}
	}
	r.site.Outcome = view.OutcomeDryRun
	return verdict(nil, r.site.Severity(), false)
}
