// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/hub"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/cli/text"
	"github.com/ramendr/ramen-direct/cli/view"
)

// operation is what all commands that write have in common.
type operation struct {
	commands *commands
	request  order.Request
	yes      bool
	dryRun   string
	wait     bool
	timeout  time.Duration
	maxLoss  time.Duration
	plan     string
	site     siteFlags
	out      output
}

func (c *commands) failover() *cobra.Command {
	o := &operation{commands: c, request: order.Request{Action: v1alpha1.ActionFailover}}
	cmd := &cobra.Command{
		Use:   "failover NAME|--from CLUSTER",
		Short: "Run an application on the other cluster, without the one where it runs",
		Long: `Run an application on the other cluster, without the one where it runs. What was
written after the last synchronization is lost; the command says how much that
is at most, and asks for the name of the application.

A cluster that answers is not given up: relocate loses nothing. If it is lost to
you all the same, say so with --source-is-down.

With --from all applications fail over that have their home on that cluster, in
all namespaces. They go in waves, by the number in their annotation
ramendr.openshift.io/failover-wave, which may be negative; without one it is 0.
The next wave begins when nothing of the one before moves any longer, or after
--timeout. An application that can't go is left out and listed with the reason;
the others go. The run is recorded on the hub: if it is interrupted, you or anybody else
continue with --resume, and no application is begun twice.`,
		Example: `  kubectl ramen-direct failover ledger -n bank
  kubectl ramen-direct failover ledger -n bank --to dr2 --max-loss 15m --yes --wait
  kubectl ramen-direct failover --from dr1
  kubectl ramen-direct failover --from dr1 --resume`,
	}
	o.addTo(cmd)
	o.addFrom(cmd)
	cmd.Args = o.args(1)
	cmd.Flags().BoolVar(&o.site.resume, "resume", false, "With --from: continue the failover that is recorded on the hub, of yours or of anybody else")
	cmd.Flags().BoolVar(&o.site.startOver, "start-over", false, "With --from: begin although an unfinished failover is recorded; what that has begun stays begun")
	cmd.Flags().StringVar(&o.request.To, "to", "", "Cluster to run on (default: the one of the policy where it does not run)")
	cmd.Flags().DurationVar(&o.maxLoss, "max-loss", 0, "Refuse if more would be lost than was written in this time, as 15m")
	cmd.Flags().BoolVar(&o.request.SourceIsDown, "source-is-down", false, "Give the cluster up where it runs, although that answers")
	cmd.Flags().StringVar(&o.plan, "plan", "", "Refuse if what the plan with this id was made from has changed")
	_ = cmd.RegisterFlagCompletionFunc("to", c.completeClusters) // the flag exists
	return cmd
}

func (c *commands) relocate() *cobra.Command {
	o := &operation{commands: c, request: order.Request{Action: v1alpha1.ActionRelocate}}
	cmd := &cobra.Command{
		Use:   "relocate NAME",
		Short: "Move an application to the other cluster with everything that it wrote",
		Long: `Move an application to the other cluster with everything that it wrote. It needs
both clusters, and the workload has to stop on the first one meanwhile: a tool
that follows status.decisions does that, or you do.`,
		Example: `  kubectl ramen-direct relocate ledger -n bank`,
	}
	o.addTo(cmd)
	cmd.Flags().StringVar(&o.request.To, "to", "", "Cluster to run on (default: the one of the policy where it does not run)")
	cmd.Flags().StringVar(&o.plan, "plan", "", "Refuse if what the plan with this id was made from has changed")
	_ = cmd.RegisterFlagCompletionFunc("to", c.completeClusters) // the flag exists
	return cmd
}

func (c *commands) clear() *cobra.Command {
	o := &operation{commands: c}
	cmd := &cobra.Command{
		Use:   "clear NAME",
		Short: "Take back the failover or relocate that was asked for",
		Long: `Take back the failover or relocate that was asked for. No role moves: the workload
stays on the cluster that is Primary, or returns to it. Past the point of no
return, when no cluster is Primary, it ends on spec.preferredCluster. The command
says which before it asks.`,
		Example: `  kubectl ramen-direct clear ledger -n bank`,
	}
	o.addTo(cmd)
	return cmd
}

// dryRuns are the values of --dry-run.
var dryRuns = []string{"none", "client", "server"}

func (o *operation) addTo(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVarP(&o.yes, "yes", "y", false, "Answer the question with yes, and nothing else: guards stay")
	f.BoolVar(&o.request.EvenIfGit, "even-if-git", false, "Write although a tool takes the object from a Git repository, and may undo it")
	f.StringVar(&o.dryRun, "dry-run", "none", "none, server: send what would be written and keep nothing of it, client: print it as YAML")
	f.BoolVar(&o.wait, "wait", false, "Wait until the application runs where it is to run (default: on a terminal)")
	f.StringVar(&o.request.Reason, "reason", "", "Why, for the history of the application")
	f.DurationVar(&o.timeout, "timeout", 15*time.Minute, "How long to wait; the operation continues afterwards")
	o.out.addTo(cmd, "json", "yaml")
	_ = cmd.RegisterFlagCompletionFunc("dry-run", cobra.FixedCompletions(dryRuns, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	cmd.Args, cmd.ValidArgsFunction = named("NAME", ""), o.commands.completeName
	cmd.RunE = o.run
}

func (o *operation) check(cmd *cobra.Command) error {
	if err := o.out.check(); err != nil {
		return err
	}
	if cmd.Flags().Changed("max-loss") {
		o.request.MaxLoss = &o.maxLoss
	}
	if err := errors.Join(notNegative("max-loss", o.maxLoss), notNegative("timeout", o.timeout)); err != nil {
		return err
	}
	if !cmd.Flags().Changed("wait") {
		o.wait = o.commands.env.Interactive
	}
	return checkDryRun(o.dryRun)
}

// checkDryRun refuses what is no value of --dry-run.
func checkDryRun(value string) error {
	if !slices.Contains(dryRuns, value) {
		return fmt.Errorf("--dry-run=%s is not known: choose %s", value, strings.Join(dryRuns, ", "))
	}
	return nil
}

func (o *operation) run(cmd *cobra.Command, names []string) error {
	if err := o.check(cmd); err != nil {
		return err
	}
	if o.site.from != "" {
		return o.runSite(cmd)
	}
	c := o.commands
	ns, err := c.namespace()
	if err != nil {
		return err
	}
	h, err := c.open()
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	d, err := h.Detail(ctx, hub.Key(ns, names[0]))
	if err != nil {
		return err
	}
	ordered, err := order.For(d, o.request)
	if err != nil {
		return err
	}
	if err := o.checkPlan(ctx, h, d, ordered); err != nil {
		return err
	}
	if o.dryRun == "client" && ordered.Already == "" && o.out.format != "json" {
		_, err := c.env.Out.Write([]byte(order.Fragment(ns, names[0], ordered.Spec)))
		return err
	}
	talk := text.NewPage(c.env.Err, c.env.Width, c.env.Color) // results go to Out
	if err := talk.Order(ordered); err != nil {
		return err
	}
	err = o.carryOut(ctx, h, &d.Snapshot, ordered, talk)
	if ordered.Outcome == "" {
		return err // what became of it is not known
	}
	if printErr := o.out.print(c, ordered, func(p *text.Page) error { return p.Ended(ordered) }); printErr != nil {
		return printErr
	}
	return err
}

// carryOut confirms, writes and waits. It notes what became of the order.
func (o *operation) carryOut(ctx context.Context, h *hub.Hub, around *view.Snapshot, ordered *view.Order, talk *text.Page) error {
	switch {
	case ordered.Already != "":
		ordered.Outcome = view.OutcomeNothing
		return nil
	case o.dryRun == "client":
		ordered.Outcome = view.OutcomeDryRun
		return nil
	case len(ordered.Refusals) > 0:
		ordered.Outcome = view.OutcomeRefused
		return &exit{code: ExitRefused}
	}
	if o.dryRun != "server" && !o.yes {
		ok, err := o.confirm(ctx, ordered)
		if err != nil {
			return err
		}
		if !ok {
			ordered.Outcome = view.OutcomeNotConfirmed
			return &exit{code: ExitRefused}
		}
	}
	ordered.RequestedBy = h.Me(ctx)
	begun, err := h.Write(ctx, ordered, o.dryRun == "server")
	switch {
	case apierrors.IsConflict(err):
		return fmt.Errorf("the DRPlacementControl was changed while this command looked at it: nothing was written; run the command again: %w", err)
	case err != nil:
		return err
	case o.dryRun == "server":
		ordered.Outcome = view.OutcomeDryRun
		return nil
	}
	ordered.Outcome = view.OutcomeBegun
	if !o.wait {
		return nil
	}
	return o.await(ctx, h, around, ordered, begun, talk)
}

// confirm asks the question of an operation.
func (o *operation) confirm(ctx context.Context, ordered *view.Order) (bool, error) {
	if ordered.Operation == view.Failover {
		return o.ask(ctx, ordered.Application.Name, "Type the name of the application to go on: ")
	}
	return o.ask(ctx, "y", "Go on? [y/N] ")
}

// ask asks a question, and reports whether the answer is the one that is wanted.
func (o *operation) ask(ctx context.Context, want, question string) (bool, error) {
	env := o.commands.env
	if !env.Interactive {
		return false, &exit{code: ExitRefused, err: errors.New("nobody is there to confirm it: say --yes")}
	}
	if _, err := fmt.Fprint(env.Err, question); err != nil {
		return false, err
	}
	answers := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(env.In).ReadString('\n') // an end of the input is an answer, too
		answers <- strings.TrimSpace(line)
	}()
	select {
	case answer := <-answers:
		if want == "y" {
			answer = strings.ToLower(answer)
		}
		return answer == want || want == "y" && answer == "yes", nil
	case <-ctx.Done():
		return false, &exit{code: ExitInterrupted, err: errors.New("interrupted: nothing was changed")}
	}
}

// within is a context that ends after a time by the clock of the commands, at the latest.
func (o *operation) within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	limit, stop := context.WithCancel(ctx)
	timer := o.commands.env.Clock.NewTimer(d)
	go func() {
		defer timer.Stop()
		select {
		case <-timer.C():
			stop()
		case <-limit.Done():
		}
	}()
	return limit, stop
}

// await waits until the application runs where it is to run, or until only a person can help.
func (o *operation) await(ctx context.Context, h *hub.Hub, around *view.Snapshot, ordered *view.Order, begun *v1alpha1.DRPlacementControl, talk *text.Page) error {
	outcome, err := o.follow(ctx, h, around, begun, talk, func(drpc *v1alpha1.DRPlacementControl, a *view.Application) bool {
		ordered.After = a
		return order.Reached(drpc, ordered)
	})
	if outcome != "" {
		ordered.Outcome = outcome
	}
	return err
}

// follow shows what becomes of an application since it was written as begun, until it is reached what was asked for, or only a
// person can help, or the time is over. Without an outcome it is not known.
func (o *operation) follow(ctx context.Context, h *hub.Hub, around *view.Snapshot, begun *v1alpha1.DRPlacementControl, talk *text.Page,
	reached func(*v1alpha1.DRPlacementControl, *view.Application) bool,
) (view.Outcome, error) {
	clock := o.commands.env.Clock
	start := clock.Now()
	limit, stop := o.within(ctx, o.timeout)
	defer stop()
	last, outcome := "", view.Outcome("")
	err := h.Follow(limit, begun, func(drpc *v1alpha1.DRPlacementControl) (bool, error) {
		a := h.See(drpc, around)
		done := reached(drpc, &a)
		if drpc.Status.ObservedGeneration < begun.Generation {
			return false, nil // the hub has not looked yet
		}
		if line := a.Phase + a.Progression + fact(a.WaitsFor); line != last {
			last = line
			if err := talk.Progress(clock.Since(start), &a); err != nil {
				return false, err
			}
		}
		switch {
		case a.State == view.NeedsYou:
			outcome = view.OutcomeNeedsYou
		case done:
			outcome = view.OutcomeDone
		}
		return outcome != "", nil
	})
	switch {
	case outcome == view.OutcomeDone:
		return outcome, nil
	case outcome == view.OutcomeNeedsYou:
		return outcome, &exit{code: ExitProblem}
	case ctx.Err() != nil:
		return view.OutcomeInterrupted, &exit{code: ExitInterrupted}
	case limit.Err() != nil:
		return view.OutcomeTimedOut, &exit{code: ExitTimeout}
	}
	return "", err
}

func fact(w *view.Wait) string {
	if w == nil {
		return ""
	}
	return w.Cluster + w.Fact + w.Message
}

// completeClusters offers the clusters of the hub.
func (c *commands) completeClusters(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	h, err := c.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	list := &v1alpha1.DRClusterList{}
	if err := h.List(cmd.Context(), list); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []string
	for i := range list.Items {
		if strings.HasPrefix(list.Items[i].Name, begun) {
			out = append(out, list.Items[i].Name)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
