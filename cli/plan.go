// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/hub"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/cli/text"
	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/hubctrl/drpc"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/status"
)

// planned are the operations that can be planned, as users spell them.
var planned = map[string]v1alpha1.DRAction{"failover": v1alpha1.ActionFailover, "relocate": v1alpha1.ActionRelocate, "clear": ""}

func (c *commands) plan() *cobra.Command {
	var strict bool
	o := &operation{commands: c, dryRun: "none"}
	cmd := &cobra.Command{
		Use:   "plan failover|relocate|clear NAME|--from CLUSTER",
		Short: "Say what an operation would do, and change nothing",
		Long: `Say what an operation would do, and change nothing: what is lost, what the hub
writes and waits for step by step if all goes well, and where it ends. The hub's
own code decides it, from what lies on the hub now.

The plan has an id. A failover or relocate with --plan and that id is refused if
anything that the plan was made from has changed.

With --from it is the failover of all applications that have their home on that
cluster: in which waves they go, what each loses, and which can't go.

Exits with 2 if a guard refuses the operation, or if it would not lead to a
workload that runs; with --strict also for a warning.`,
		Example: `  kubectl ramen-direct plan failover ledger -n bank
  kubectl ramen-direct plan relocate ledger -n bank -o yaml
  kubectl ramen-direct plan failover --from dr1`,
		Args: cobra.MatchAll(func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return errors.New("say what is planned, failover, relocate or clear: " + plugin + " plan failover NAME")
			case !slices.Contains([]string{"failover", "relocate", "clear"}, args[0]):
				return fmt.Errorf("%q can't be planned: failover, relocate or clear can", args[0])
			}
			return nil
		}, o.args(2)),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			switch len(args) {
			case 0:
				return []string{"failover", "relocate", "clear"}, cobra.ShellCompDirectiveNoFileComp
			case 1:
				return c.completeNames(cmd, args, begun)
			default:
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			if o.site.from != "" {
				if args[0] != "failover" {
					return fmt.Errorf("only a failover has --from: a %s is planned for each application", args[0])
				}
				return o.showPlan(cmd, strict)
			}
			o.request.Action, o.request.EvenIfGit = planned[args[0]], true // what to commit is said all the same
			ns, err := c.namespace()
			if err != nil {
				return err
			}
			h, err := c.open()
			if err != nil {
				return err
			}
			d, err := h.Detail(cmd.Context(), hub.Key(ns, args[1]))
			if err != nil {
				return err
			}
			ordered, err := order.For(d, o.request)
			if err != nil {
				return err
			}
			p, err := foresee(cmd.Context(), h, d, ordered)
			if err != nil {
				return err
			}
			return verdict(o.out.print(c, p, func(page *text.Page) error { return page.Plan(p) }), p.Severity(), strict)
		},
	}
	cmd.Flags().StringVar(&o.request.To, "to", "", "Cluster to run on (default: the one of the policy where it does not run)")
	cmd.Flags().DurationVar(&o.maxLoss, "max-loss", 0, "Refuse if more would be lost than was written in this time, as 15m")
	cmd.Flags().BoolVar(&o.request.SourceIsDown, "source-is-down", false, "Give the cluster up where it runs, although that answers")
	cmd.Flags().BoolVar(&strict, "strict", false, "Exit with 2 for a warning, too")
	o.addFrom(cmd)
	_ = cmd.RegisterFlagCompletionFunc("to", c.completeClusters) // the flag exists
	o.out.addTo(cmd, "json", "yaml")
	return cmd
}

// checkPlan refuses an order whose plan has another id than the user names.
func (o *operation) checkPlan(ctx context.Context, h *hub.Hub, d *view.Detail, ordered *view.Order) error {
	if o.plan == "" || ordered.Already != "" {
		return nil
	}
	p, err := foresee(ctx, h, d, ordered)
	if err != nil {
		return err
	}
	if p.ID != o.plan {
		ordered.Refusals = append(ordered.Refusals, view.Refusal{Guard: view.GuardPlan, Message: fmt.Sprintf(
			"what plan %s was made from has changed: look at the new plan, %s: kubectl ramen-direct plan %s %s -n %s --to %s",
			o.plan, p.ID, strings.ToLower(string(ordered.Operation)), ordered.Application.Name, ordered.Application.Namespace, ordered.To)})
	}
	return nil
}

// foresee is the plan of an order.
func foresee(ctx context.Context, h *hub.Hub, d *view.Detail, o *view.Order) (*view.Plan, error) {
	was := &d.Applications[0]
	if o.Already != "" {
		return planOf(nil, was, o), nil
	}
	f, err := h.Foresee(ctx, d, order.Asking(was, o))
	if err != nil {
		return nil, err
	}
	return planOf(f, was, o), nil
}

// planOf is the plan of an order by what the hub would do; nil: nothing.
func planOf(f *drpc.Foresight, was *v1alpha1.DRPlacementControl, o *view.Order) *view.Plan {
	p := &view.Plan{Order: *o}
	p.Kind = "OperationPlan"
	if f == nil {
		return p
	}
	p.ID = f.ID(order.Asking(was, o))
	p.Takes = view.TakesOf(was, o.Operation)
	if took := was.Status.ActionDuration; took != nil {
		p.LastTook = &view.PastOperation{Phase: string(was.Status.Phase), Seconds: int64(took.Seconds())}
	}
	if w := f.Waiting; w != nil {
		p.WaitsFor = &view.Wait{Cluster: w.Cluster, Fact: w.Fact, You: f.Course == nil || f.Course[0].Wait.Fact >= plan.TargetNamed, Message: w.Message, NextStep: w.NextStep}
	}
	for _, step := range f.Course {
		p.Steps = append(p.Steps, stepOf(f, step))
		p.Runs = p.Runs || slices.Contains([]plan.Phase{plan.Deployed, plan.FailedOver, plan.Relocated}, step.Phase)
	}
	if len(p.Steps) > 0 {
		p.Ends = p.Steps[len(p.Steps)-1]
	}
	return p
}

func stepOf(f *drpc.Foresight, step plan.Plan) view.PlanStep {
	phase, progression := status.PhaseOf(step)
	out := view.PlanStep{Phase: string(phase), Progression: string(progression), Cluster: f.Cluster(step.Wait.On), Fact: status.FactOf(step.Wait)}
	for _, w := range step.Writes {
		out.Writes = append(out.Writes, f.Says(w))
	}
	switch {
	case out.Fact == "":
	case step.Wait.Fact == plan.WorkloadGone:
		out.By = view.Deployer
	case step.Wait.Fact >= plan.TargetNamed:
		out.By = view.You
	default:
		out.By = view.Automatic
	}
	return out
}
