// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/hub"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/cli/text"
	"github.com/ramendr/ramen-direct/cli/view"
)

// promoting is the command promote.
type promoting struct {
	operation
	context   string
	hubIsDown bool
	all       bool
	peer      string // of all: the identity of the cluster that is lost; empty: there is only one

	cluster *hub.Hub
	told    *view.Promotion
	talk    *text.Page
}

func (c *commands) promote() *cobra.Command {
	o := &promoting{operation: operation{commands: c}}
	cmd := &cobra.Command{
		Use:   "promote NAME|--all --on-cluster CONTEXT",
		Short: "Break the glass: fail over on a cluster that has lost its hub",
		Long: `Break the glass: run an application on a cluster that is left without a hub, and
without the cluster where the application ran. NAME is the VolumeReplicationGroup of
the application on the cluster, in the namespace of the application.

The command talks to that cluster only. It tells the group to be Primary, as a hub
would for a failover, and in a later epoch than any hub can have given: a hub that
comes back with earlier wishes is refused. It asks for the name.

While the hub can be reached it is the one that fails over, and the command refuses:
if the mirror on the cluster is connected, or the API server of the hub answers, or
nothing on the cluster tells (the mirror runs on the hub). A hub whose controller does
not run is down to you: say so with --hub-is-down.

With --all it is every application that has its copy on the cluster, with -n of that
namespace. One that can't be promoted is left out and listed with the reason. Repeat
the command after an interruption: it promotes nothing twice. If the copies are of
different clusters, --peer names the one that is lost, by its identity.`,
		Example: `  kubectl ramen-direct promote ledger -n bank --on-cluster dr2
  kubectl ramen-direct promote --all --on-cluster dr2`,
		Args: o.args, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			if o.all {
				return o.runAll(cmd)
			}
			err := o.run(cmd.Context(), args[0])
			if o.told == nil || o.told.Outcome == "" {
				return err // what became of it is not known
			}
			if printErr := o.out.print(c, o.told, func(p *text.Page) error { return p.Promotion(o.told) }); printErr != nil {
				return printErr
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.context, "on-cluster", "", "Context of the kubeconfig for the cluster that is left")
	_ = cmd.RegisterFlagCompletionFunc("on-cluster", completeContexts(c.flags)) // the flag exists
	f.BoolVar(&o.hubIsDown, "hub-is-down", false, "Promote although the hub answers, or nobody can tell: its controller does not run")
	f.BoolVar(&o.all, "all", false, "All applications that have their copy on the cluster")
	f.StringVar(&o.peer, "peer", "", "With --all: only those whose other copy is on the cluster with this identity, the UID of its namespace kube-system")
	f.BoolVarP(&o.yes, "yes", "y", false, "Answer the question with yes, and nothing else: guards stay")
	f.StringVar(&o.dryRun, "dry-run", "none", "none, server: send what would be written and keep nothing of it, client: send nothing")
	f.BoolVar(&o.wait, "wait", false, "Wait until the volumes are there (default: on a terminal)")
	f.DurationVar(&o.timeout, "timeout", 15*time.Minute, "How long to wait; the promotion continues afterwards")
	o.out.addTo(cmd, "json", "yaml")
	_ = cmd.RegisterFlagCompletionFunc("dry-run", cobra.FixedCompletions(dryRuns, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	return cmd
}

// args checks that the command is about one application, or about all.
func (o *promoting) args(cmd *cobra.Command, args []string) error {
	switch {
	case o.all && len(args) > 0:
		return errors.New("a name and --all exclude each other")
	case o.peer != "" && !o.all:
		return errors.New("--peer belongs to --all: a name says which application it is")
	case o.all:
		return nil
	}
	return named("NAME", "--all")(cmd, args)
}

// open connects to the cluster that is left.
func (o *promoting) open() (err error) {
	if o.context == "" {
		return errors.New("name the context of the kubeconfig for the cluster that is left with --on-cluster" + contextsOf(o.commands.flags))
	}
	o.cluster, err = o.commands.openContext("on-cluster", o.context)
	return err
}

func (o *promoting) run(ctx context.Context, name string) error {
	c := o.commands
	ns, err := c.namespace()
	if err != nil {
		return err
	}
	if err := o.open(); err != nil {
		return err
	}
	key := client.ObjectKey{Namespace: ns, Name: name}
	survivor, err := hub.ReadSurvivor(ctx, o.cluster, o.context, key)
	if err != nil {
		return err
	}
	o.talk = text.NewPage(c.env.Err, c.env.Width, c.env.Color)
	o.told = order.Promote(survivor, o.hubIsDown)
	if err := o.talk.Promote(o.told); err != nil {
		return err
	}
	switch {
	case o.told.Already != "":
		o.told.Outcome = view.OutcomeNothing
		return nil
	case len(o.told.Refusals) > 0:
		o.told.Outcome = view.OutcomeRefused
		return &exit{code: ExitRefused}
	case o.dryRun == "client":
		o.told.Outcome = view.OutcomeDryRun
		return nil
	}
	if o.dryRun == "none" && !o.yes {
		ok, err := o.ask(ctx, name, "Type the name of the application to go on: ")
		if err != nil {
			return err
		}
		if !ok {
			o.told.Outcome = view.OutcomeNotConfirmed
			return &exit{code: ExitRefused}
		}
	}
	patch, err := order.Promoted(survivor, o.told)
	if err != nil {
		return fmt.Errorf("promote: %w", err)
	}
	switch err := hub.PromoteGroup(ctx, o.cluster, key, patch, o.dryRun == "server"); {
	case apierrors.IsConflict(err):
		return fmt.Errorf("the VolumeReplicationGroup was changed while this command looked at it: nothing was written; run the command again: %w", err)
	case err != nil:
		return err
	case o.dryRun == "server":
		o.told.Outcome = view.OutcomeDryRun
		return nil
	}
	o.told.Outcome = view.OutcomeBegun
	if !o.wait {
		return nil
	}
	return o.take(ctx, key)
}

// take waits until the cluster has taken over.
func (o *promoting) take(ctx context.Context, key client.ObjectKey) error {
	clock := o.commands.env.Clock
	start := clock.Now()
	limit, stop := o.within(ctx, o.timeout)
	defer stop()
	err := hub.Follow(limit, o.cluster, key, &v1alpha1.VolumeReplicationGroupList{}, func(g *v1alpha1.VolumeReplicationGroup) (bool, error) {
		if g == nil {
			return false, errors.New("the VolumeReplicationGroup was deleted meanwhile")
		}
		done, state, lacks := order.Took(g)
		if done {
			o.told.Outcome, o.told.State, o.told.Message = view.OutcomeDone, state, ""
			return true, nil
		}
		if state != o.told.State || lacks != o.told.Message {
			o.told.State, o.told.Message = state, lacks
			return false, o.talk.Promoting(clock.Since(start), o.told)
		}
		return false, nil
	})
	switch {
	case o.told.Outcome == view.OutcomeDone:
		return nil
	case ctx.Err() != nil:
		o.told.Outcome = view.OutcomeInterrupted
		return &exit{code: ExitInterrupted}
	case limit.Err() != nil:
		o.told.Outcome = view.OutcomeTimedOut
		return &exit{code: ExitTimeout}
	}
	return err
}
