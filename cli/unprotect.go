// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/hub"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/cli/view"
)

func (c *commands) unprotect() *cobra.Command {
	o := &protecting{operation: operation{commands: c}}
	cmd := &cobra.Command{
		Use:   "unprotect NAME",
		Short: "End the protection of an application",
		Long: `End the protection of an application: delete its DRPlacementControl. The workload,
its PVCs and its namespace stay as they are, and there is no second copy that could
take over any longer. The command says so, and asks for the name of the application.

The hub ends it on both clusters. If one can't be reached it waits; why says what
for, and how to give that cluster up.`,
		Example: `  kubectl ramen-direct unprotect ledger -n bank`,
	}
	o.addTo(cmd, o.end)
	cmd.ValidArgsFunction = c.completeName
	f := cmd.Flags()
	f.BoolVarP(&o.yes, "yes", "y", false, "Answer the question with yes, and nothing else: guards stay")
	f.BoolVar(&o.request.EvenIfGit, "even-if-git", false, "Delete it although a tool takes the object from a Git repository, and may create it again")
	f.Lookup("dry-run").Usage = "none, server: send what would be written and keep nothing of it, client: send nothing"
	return cmd
}

// end deletes the DRPlacementControl that was looked at, if nothing speaks against it and the user confirms.
func (o *protecting) end(ctx context.Context) error {
	d, err := o.hub.Detail(ctx, hub.Key(o.wanted.Namespace, o.wanted.Name))
	if err != nil {
		return err
	}
	drpc := &d.Applications[0]
	o.told = order.Unprotect(d, o.request.EvenIfGit)
	if err := o.talk.Protect(o.told); err != nil {
		return err
	}
	switch {
	case o.told.Outcome == view.OutcomeNothing:
		return nil
	case len(o.told.Refusals) > 0:
		o.told.Outcome = view.OutcomeRefused
		return &exit{code: ExitRefused}
	case o.dryRun == "client":
		o.told.Outcome = view.OutcomeDryRun
		return nil
	}
	if o.dryRun == "none" && !o.yes {
		ok, err := o.ask(ctx, drpc.Name, "Type the name of the application to end its protection: ")
		if err != nil {
			return err
		}
		if !ok {
			o.told.Outcome = view.OutcomeNotConfirmed
			return &exit{code: ExitRefused}
		}
	}
	if _, err := hub.Remove(ctx, o.hub, drpc, o.dryRun == "server"); err != nil {
		return err
	}
	if o.dryRun == "server" {
		o.told.Outcome = view.OutcomeDryRun
		return nil
	}
	o.told.Outcome = view.OutcomeBegun
	if !o.wait {
		return nil
	}
	outcome, err := o.follow(ctx, o.hub, &d.Snapshot, drpc, o.talk, func(_ *v1alpha1.DRPlacementControl, a *view.Application) bool {
		o.told.After = a
		return false
	})
	if errors.Is(err, hub.ErrGone) {
		o.told.Outcome, o.told.After = view.OutcomeDone, nil
		return nil
	}
	o.told.Outcome = outcome
	return err
}
