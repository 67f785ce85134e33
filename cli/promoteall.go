// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/hub"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/cli/site"
	"github.com/ramendr/ramen-direct/cli/text"
	"github.com/ramendr/ramen-direct/cli/view"
)

// runAll promotes all applications that have their copy on the cluster. Nothing records it: what was promoted says so itself.
func (o *promoting) runAll(cmd *cobra.Command) error {
	ctx, c := cmd.Context(), o.commands
	if err := o.open(); err != nil {
		return err
	}
	namespace := ""
	if cmd.Flags().Changed("namespace") {
		var err error
		if namespace, err = c.namespace(); err != nil {
			return err
		}
	}
	survivor, groups, err := hub.ReadSurvivors(ctx, o.cluster, namespace)
	if err != nil {
		return fmt.Errorf("--on-cluster %s: %w", o.context, err)
	}
	o.talk = text.NewPage(c.env.Err, c.env.Width, c.env.Color)
	told := order.PromoteAll(survivor, groups, o.peer, o.hubIsDown)
	if err := text.PromoteAll(o.talk, told); err != nil {
		return err
	}
	err = o.carryOutAll(ctx, namespace, told, groups)
	if told.Outcome == "" {
		return err // what became of it is not known
	}
	if printErr := o.out.print(c, told, func(p *text.Page) error { return text.PromotedAll(p, told) }); printErr != nil {
		return printErr
	}
	return err
}

// carryOutAll confirms, writes and waits.
func (o *promoting) carryOutAll(ctx context.Context, namespace string, told *view.SitePromotion, groups []v1alpha1.VolumeReplicationGroup) error {
	pending := told.Count()[view.SitePending]
	switch {
	case told.Outcome == view.OutcomeNothing:
		return nil
	case len(told.Refusals) > 0:
		told.Outcome = view.OutcomeRefused
		return &exit{code: ExitRefused}
	case o.dryRun == "client", pending == 0:
		told.Outcome = view.OutcomeDryRun
		if pending == 0 {
			told.Outcome = view.OutcomeNothing
		}
		return leftOut(told)
	}
	if o.dryRun == "none" && !o.yes {
		name := told.Cluster
		if name == "" {
			name = o.context
		}
		ok, err := o.ask(ctx, name, "Type the name of the cluster, "+name+", to promote it for "+strconv.Itoa(pending)+" applications: ")
		if err != nil {
			return err
		}
		if !ok {
			told.Outcome = view.OutcomeNotConfirmed
			return &exit{code: ExitRefused}
		}
	}
	if err := o.writeAll(ctx, told, groups); err != nil {
		if told.Count()[view.SiteBegun] > 0 || ctx.Err() != nil {
			told.Outcome = view.OutcomeInterrupted // what was begun is told
		}
		return err
	}
	switch {
	case o.dryRun == "server":
		told.Outcome = view.OutcomeDryRun
		return leftOut(told)
	case !o.wait:
		told.Outcome = view.OutcomeBegun
		return leftOut(told)
	}
	return o.takeAll(ctx, namespace, told)
}

// leftOut is the end of a command that could not do all.
func leftOut(told *view.SitePromotion) error {
	if n := told.Count(); n[view.SiteLeftOut] > 0 || n[view.SiteGone] > 0 {
		return &exit{code: ExitProblem}
	}
	return nil
}

// writeAll writes the groups that can be promoted, several at a time. One that can't be written is left out.
func (o *promoting) writeAll(ctx context.Context, told *view.SitePromotion, groups []v1alpha1.VolumeReplicationGroup) error {
	by := map[client.ObjectKey]*v1alpha1.VolumeReplicationGroup{}
	for i := range groups {
		by[client.ObjectKeyFromObject(&groups[i])] = &groups[i]
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wait sync.WaitGroup
	places := make(chan struct{}, beside)
	for i := range told.Items {
		a := &told.Items[i]
		if a.State != view.SitePending || ctx.Err() != nil {
			continue
		}
		places <- struct{}{}
		wait.Go(func() {
			defer func() { <-places }()
			if err := o.writeOne(ctx, a, by[client.ObjectKey{Namespace: a.Namespace, Name: a.Name}]); err != nil {
				stop(err)
			}
		})
	}
	wait.Wait()
	return context.Cause(ctx)
}

func (o *promoting) writeOne(ctx context.Context, a *view.PromotedApplication, g *v1alpha1.VolumeReplicationGroup) error {
	key := client.ObjectKeyFromObject(g)
	patch, err := order.Promoted(&order.Survivor{Group: g}, &view.Promotion{NextEpoch: a.NextEpoch})
	if err != nil {
		return fmt.Errorf("promote: %w", err)
	}
	switch err := hub.PromoteGroup(ctx, o.cluster, key, patch, o.dryRun == "server"); {
	case err == nil && o.dryRun == "server":
	case err == nil:
		a.State, a.Reason = view.SiteBegun, ""
	case apierrors.IsConflict(err):
		a.State, a.Reason = view.SiteLeftOut, "it was changed at the same moment: run the command again"
	case apierrors.IsForbidden(err), apierrors.IsInvalid(err), apierrors.IsNotFound(err):
		a.State, a.Reason = view.SiteLeftOut, site.Said(err.Error())
	default:
		return err // the next one would fail, too
	}
	return nil
}

// takeAll waits until the cluster has taken over all that were begun.
func (o *promoting) takeAll(ctx context.Context, namespace string, told *view.SitePromotion) error {
	clock := o.commands.env.Clock
	start := clock.Now()
	limit, stop := o.within(ctx, o.timeout)
	defer stop()
	last, at := "", time.Time{}
	err := hub.FollowAll(limit, o.cluster, namespace, &v1alpha1.VolumeReplicationGroupList{}, func(now map[client.ObjectKey]*v1alpha1.VolumeReplicationGroup) (bool, error) {
		for i := range told.Items {
			judgeTaken(&told.Items[i], now)
		}
		line := text.PromotionProgress(told)
		if line != last && (told.Rests() || clock.Since(at) >= shownEvery) {
			last, at = line, clock.Now()
			if err := o.talk.SiteMoved(clock.Since(start), line); err != nil {
				return false, err
			}
		}
		return told.Rests(), nil
	})
	switch {
	case told.Rests():
		told.Outcome = view.OutcomeDone
		return leftOut(told)
	case ctx.Err() != nil:
		told.Outcome = view.OutcomeInterrupted
		return &exit{code: ExitInterrupted}
	case limit.Err() != nil:
		told.Outcome = view.OutcomeTimedOut
		return &exit{code: ExitTimeout}
	}
	return err
}

// judgeTaken says how far an application has come that was begun.
func judgeTaken(a *view.PromotedApplication, now map[client.ObjectKey]*v1alpha1.VolumeReplicationGroup) {
	if a.State != view.SiteBegun {
		return
	}
	g := now[client.ObjectKey{Namespace: a.Namespace, Name: a.Name}]
	if g == nil || g.DeletionTimestamp != nil {
		a.State, a.Reason = view.SiteGone, "the VolumeReplicationGroup was deleted meanwhile"
		return
	}
	done, _, lacks := order.Took(g)
	a.Reason = site.Said(lacks)
	if done {
		a.State, a.Reason = view.SiteDone, ""
	}
}
