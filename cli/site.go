// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/cli/hub"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/cli/site"
	"github.com/ramendr/ramen-direct/cli/text"
	"github.com/ramendr/ramen-direct/cli/view"
)

// siteFlags are those of an operation on all applications of a cluster.
type siteFlags struct {
	from      string
	resume    bool
	startOver bool
}

// addFrom adds the flag that makes an operation one of all applications of a cluster.
func (o *operation) addFrom(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.site.from, "from", "", "All applications that have their home on this cluster, instead of one")
	_ = cmd.RegisterFlagCompletionFunc("from", o.commands.completeClusters) // the flag exists
}

// args checks that an operation is about one application, named by the last of n arguments, or about a cluster.
func (o *operation) args(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case o.site.from == "":
			if o.site.resume || o.site.startOver {
				return errors.New("--resume and --start-over belong to --from: name the cluster that is given up")
			}
			return named("NAME", "the cluster that is given up (--from)")(cmd, args[n-1:])
		case len(args) >= n:
			return errors.New("a name and --from exclude each other")
		case cmd.Flags().Changed("namespace"):
			return errors.New("--from is about the applications of all namespaces: leave --namespace out")
		case o.site.resume && o.site.startOver:
			return errors.New("--resume and --start-over exclude each other")
		}
		return nil
	}
}

// siteRequest is what the flags say; of a run that is resumed, beside what its record says.
func (o *operation) siteRequest(cmd *cobra.Command, was view.SiteRequest) view.SiteRequest {
	changed := cmd.Flags().Changed
	if changed("to") {
		was.To = o.request.To
	}
	if changed("max-loss") {
		seconds := int64(o.maxLoss / time.Second)
		was.MaxLossSeconds = &seconds
	}
	if changed("source-is-down") {
		was.SourceIsDown = o.request.SourceIsDown
	}
	if changed("even-if-git") {
		was.EvenIfGit = o.request.EvenIfGit
	}
	if changed("reason") {
		was.Reason = o.request.Reason
	}
	return was
}

// planSite plans the failover of all applications of a cluster.
func (o *operation) planSite(ctx context.Context, h *hub.Hub, look *hub.Site, r view.SiteRequest, strict bool) (*view.Site, error) {
	foresee := func(d *view.Detail, ordered *view.Order) (*site.Foreseen, error) {
		f, err := look.Foresee(ctx, order.Asking(&d.Applications[0], ordered))
		if apierrors.IsForbidden(err) && !strict {
			look.Around.Notes = append(look.Around.Notes, "you may not read all that the hub decides by, so nothing is left out by what it would decide: "+err.Error())
			strict = true
			return nil, errUnforeseen
		}
		if err != nil {
			return nil, err
		}
		p := planOf(f, &d.Applications[0], ordered)
		return &site.Foreseen{ID: p.ID, Runs: p.Runs, WaitsFor: p.WaitsFor}, nil
	}
	if err := look.Known(ctx, o.site.from); err != nil {
		return nil, err
	}
	s, err := site.Plan(look.Around, look.Details, o.site.from, r, foresee)
	if errors.Is(err, errUnforeseen) {
		return site.Plan(look.Around, look.Details, o.site.from, r, nil)
	}
	return s, err
}

// errUnforeseen ends a plan by the hub's code, for a lack of rights.
var errUnforeseen = errors.New("not all can be read")

// showPlan prints the plan of a site failover; of one that is under way, how far it has come.
func (o *operation) showPlan(cmd *cobra.Command, strict bool) error {
	h, err := o.commands.open()
	if err != nil {
		return err
	}
	look, err := h.Site(cmd.Context())
	if err != nil {
		return err
	}
	s, err := o.planSite(cmd.Context(), h, look, o.siteRequest(cmd, view.SiteRequest{}), true)
	if err != nil {
		return err
	}
	return verdict(o.out.print(o.commands, s, func(p *text.Page) error { return p.SitePlan(s, true) }), s.Severity(), strict)
}

// runSite fails all applications of a cluster over.
func (o *operation) runSite(cmd *cobra.Command) error {
	ctx, c := cmd.Context(), o.commands
	h, err := c.open()
	if err != nil {
		return err
	}
	record, err := h.Record(ctx, o.site.from)
	if err != nil {
		return err
	}
	if err := o.checkRecord(record); err != nil {
		return err
	}
	look, err := h.Site(ctx)
	if err != nil {
		return err
	}
	s := record.Site
	if o.site.resume {
		site.Resume(s, o.siteRequest(cmd, s.Request), look.Around)
	} else if s, err = o.planSite(ctx, h, look, o.siteRequest(cmd, view.SiteRequest{}), o.plan != ""); err != nil {
		return err
	}
	if o.plan != "" && s.ID != o.plan {
		s.Refusals = append(s.Refusals, view.Refusal{Guard: view.GuardPlan, Message: fmt.Sprintf(
			"what plan %s was made from has changed: look at the new plan, %s: kubectl ramen-direct plan failover --from %s", o.plan, s.ID, s.From)})
	}
	if o.dryRun == "client" {
		return o.printFragments(look, s)
	}
	run := &siteRun{operation: o, hub: h, record: record, site: s, talk: text.NewPage(c.env.Err, c.env.Width, c.env.Color)}
	if err := run.talk.SitePlan(s, false); err != nil {
		return err
	}
	err = run.start(ctx, look.Around)
	if s = run.site; s.Outcome == "" {
		return err // what became of it is not known
	}
	if printErr := o.out.print(c, s, func(p *text.Page) error { return p.SiteEnded(s) }); printErr != nil {
		return printErr
	}
	return err
}

// checkRecord refuses to begin beside a run that is unfinished, and to resume what is not.
func (o *operation) checkRecord(record *hub.Record) error {
	s := record.Site
	switch {
	case o.site.resume && (s == nil || !s.Unfinished()):
		return fmt.Errorf("nothing is left to resume: no failover of cluster %s is under way by ConfigMap %s", o.site.from, record.Name())
	case o.site.resume, o.site.startOver, s == nil, !s.Unfinished(), o.dryRun != "none":
		return nil
	}
	return &exit{code: ExitRefused, err: fmt.Errorf(
		"a failover of cluster %s is under way: %s began it at %s, and %s has carried it out since %s. Take it over with --resume, or plan what is left as a new one with --start-over",
		s.From, s.Run.Began, s.Run.BeganAt.UTC().Format(time.RFC3339), s.Run.Holder, s.Run.HeldSince.UTC().Format(time.RFC3339))}
}

// printFragments prints what would be written, for a Git repository.
func (o *operation) printFragments(look *hub.Site, s *view.Site) error {
	if len(s.Refusals) > 0 {
		return &exit{code: ExitRefused, err: errors.New(s.Refusals[0].Message)}
	}
	for i, d := range look.Details {
		drpc := &d.Applications[0]
		_, a := site.Find(s, drpc.Namespace, drpc.Name)
		if a == nil || a.State != view.SitePending {
			continue
		}
		ordered, reason, _ := site.Order(look.Details[i], s.From, s.Request)
		if reason != "" || ordered.Already != "" {
			continue
		}
		if _, err := fmt.Fprint(o.commands.env.Out, "---\n"+order.Fragment(drpc.Namespace, drpc.Name, ordered.Spec)); err != nil {
			return err
		}
	}
	return nil
}

// start confirms, takes the record, and carries the failover out.
func (r *siteRun) start(ctx context.Context, around *view.Snapshot) error {
	o, s := r.operation, r.site
	left := s.Count()[view.SitePending]
	switch {
	case len(s.Refusals) > 0:
		s.Outcome = view.OutcomeRefused
		return &exit{code: ExitRefused}
	case left == 0 && !o.site.resume:
		s.Outcome = view.OutcomeNothing
		return verdict(nil, s.Severity(), false)
	}
	if o.dryRun != "server" && !o.yes && left > 0 {
		ok, err := o.ask(ctx, s.From, fmt.Sprintf("Type the name of the cluster to fail over %d applications: ", left))
		if err != nil {
			return err
		}
		if !ok {
			s.Outcome = view.OutcomeNotConfirmed
			return &exit{code: ExitRefused}
		}
	}
	if o.dryRun == "server" {
		return r.tryAll(ctx)
	}
	if err := r.take(ctx, around); err != nil {
		return err
	}
	s = r.site
	err := r.carryOut(ctx)
	switch {
	case errors.Is(err, errTakenOver):
		s.Outcome = view.OutcomeTakenOver
		return &exit{code: ExitInterrupted}
	case err != nil && ctx.Err() != nil:
		s.Outcome = view.OutcomeInterrupted
		return &exit{code: ExitInterrupted}
	case err != nil && strings.TrimSpace(err.Error()) != "":
		return fmt.Errorf("%w. What was begun continues; continue with: kubectl ramen-direct failover --from %s --resume", err, s.From)
	case err != nil:
		return err
	}
	return r.verdict()
}

// verdict is the end of a failover that nobody interrupted.
func (r *siteRun) verdict() error {
	switch n := r.site.Count(); {
	case n[view.SitePending] > 0, n[view.SiteBegun] > 0 && r.wait:
		r.site.Outcome = view.OutcomeTimedOut
		return &exit{code: ExitTimeout}
	case n[view.SiteBegun] > 0:
		r.site.Outcome = view.OutcomeBegun
	case n[view.SiteNeedsYou] > 0:
		r.site.Outcome = view.OutcomeNeedsYou
	default:
		r.site.Outcome = view.OutcomeDone
	}
	return verdict(nil, r.site.Severity(), false)
}

// now is the time as the record has it.
func (r *siteRun) now() metav1.Time {
	return metav1.NewTime(r.hub.Now().UTC().Truncate(time.Second))
}
