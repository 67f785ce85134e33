// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/hub"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/cli/text"
	"github.com/ramendr/ramen-direct/cli/view"
)

// protecting is what the commands protect and unprotect have in common.
type protecting struct {
	operation
	wanted   order.Wanted
	selector string
	all      bool
	objects  objectFlags
	context  string // of the cluster; empty: the cluster is not looked at

	hub  *hub.Hub
	told *view.Protection
	talk *text.Page
}

func (c *commands) protect() *cobra.Command {
	o := &protecting{operation: operation{commands: c}}
	cmd := &cobra.Command{
		Use:   "protect NAME --policy POLICY --cluster CLUSTER",
		Short: "Begin to protect an application",
		Long: `Begin to protect an application: create its DRPlacementControl. If the application
runs already, --cluster has to be the cluster where it runs.

What the hub would refuse is refused before anything is written, by the hub's own
code: a conflict with another application, a namespace that may not be named. With
--cluster-context the command also looks at the PVCs that are selected there.

--kube-objects also captures the Kubernetes objects of the application, to restore them
on the other cluster: for what nobody deploys. Labels select some, or a Recipe does.

--dry-run=client prints the manifest, for a Git repository. --dry-run=server also
asks the API server whether it would accept it.`,
		Example: `  kubectl ramen-direct protect ledger -n bank --policy 5m --cluster dr1 -l app=ledger
  kubectl ramen-direct protect ledger -n bank --policy 5m --cluster dr1 --all-pvcs --dry-run=client -o yaml
  kubectl ramen-direct protect ledger -n bank --policy 5m --cluster dr1 --all-pvcs --recipe bank/ledger`,
	}
	o.addTo(cmd, o.begin)
	f := cmd.Flags()
	f.StringVar(&o.wanted.Policy, "policy", "", "DRPolicy to protect it by")
	f.StringVar(&o.wanted.Cluster, "cluster", "", "Cluster where it runs, or is to run")
	f.StringVar(&o.wanted.AppNamespace, "app-namespace", "", "Namespace of the application, if it is another one; the configuration has to allow that")
	f.StringVarP(&o.selector, "selector", "l", "", "PVCs with these labels, as kubectl takes them")
	f.BoolVar(&o.all, "all-pvcs", false, "All PVCs of the namespace, or of all --protected-namespaces")
	f.StringSliceVar(&o.wanted.Namespaces, "protected-namespaces", nil, "Namespaces that are protected together, for an application in the namespace that ramenOpsNamespace of the configuration names")
	o.objects.addTo(f)
	f.StringVar(&o.context, "cluster-context", "", "Context of the kubeconfig for the cluster, to look at its PVCs")
	_ = cmd.RegisterFlagCompletionFunc("cluster", c.completeClusters) // the flag exists
	_ = cmd.RegisterFlagCompletionFunc("cluster-context", completeContexts(c.flags))
	_ = cmd.RegisterFlagCompletionFunc("policy", c.completePolicies)
	return cmd
}

func (o *protecting) addTo(cmd *cobra.Command, do func(context.Context) error) {
	f := cmd.Flags()
	f.StringVar(&o.dryRun, "dry-run", "none", "none, server: send what would be written and keep nothing of it, client: print it as YAML")
	f.BoolVar(&o.wait, "wait", false, "Wait for the end (default: on a terminal)")
	f.DurationVar(&o.timeout, "timeout", 15*time.Minute, "How long to wait; what was begun continues afterwards")
	o.out.addTo(cmd, "json", "yaml")
	_ = cmd.RegisterFlagCompletionFunc("dry-run", cobra.FixedCompletions(dryRuns, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	cmd.Args, cmd.ValidArgsFunction = named("NAME", ""), cobra.NoFileCompletions
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.check(cmd); err != nil {
			return err
		}
		c := o.commands
		var err error
		if o.wanted.Namespace, err = c.namespace(); err != nil {
			return err
		}
		o.wanted.Name = args[0]
		if o.hub, err = c.open(); err != nil {
			return err
		}
		o.talk = text.NewPage(c.env.Err, c.env.Width, c.env.Color) // results go to Out
		err = do(cmd.Context())
		if o.told == nil || o.told.Outcome == "" {
			return err // what became of it is not known
		}
		if o.dryRun == "client" && o.told.Outcome == view.OutcomeDryRun && o.told.Manifest != "" && o.out.format != "json" {
			_, err := c.env.Out.Write([]byte(o.told.Manifest))
			return err
		}
		if printErr := o.out.print(c, o.told, func(p *text.Page) error { return p.Protection(o.told) }); printErr != nil {
			return printErr
		}
		return err
	}
}

// begin creates the DRPlacementControl of an application, if nothing speaks against it.
func (o *protecting) begin(ctx context.Context) error {
	around, err := o.hub.Around(ctx)
	if err != nil {
		return err
	}
	if err := order.Complete(around, o.wanted); err != nil {
		return err
	}
	if (o.selector == "") != o.all {
		return errors.New("say which PVCs are protected: those with labels (-l), or all of the namespace (--all-pvcs)")
	}
	if len(o.wanted.Namespaces) > 0 && o.wanted.AppNamespace != "" {
		return errors.New("--app-namespace and --protected-namespaces exclude each other: name all namespaces with the latter")
	}
	if o.wanted.Objects, err = o.objects.spec(); err != nil {
		return err
	}
	if o.selector != "" {
		claims, err := metav1.ParseToLabelSelector(o.selector)
		if err != nil {
			return fmt.Errorf("read --selector: %w", err)
		}
		o.wanted.Claims = *claims
	}
	var drpc *v1alpha1.DRPlacementControl
	drpc, o.told = order.Protect(around, o.wanted)
	if err := o.lookAtClaims(ctx, around); err != nil {
		return err
	}
	if err := o.try(ctx, drpc); err != nil {
		return err
	}
	if err := o.talk.Protect(o.told); err != nil {
		return err
	}
	switch {
	case len(o.told.Refusals) > 0:
		o.told.Outcome = view.OutcomeRefused
		return &exit{code: ExitRefused}
	case o.dryRun != "none":
		o.told.Outcome = view.OutcomeDryRun
		return nil
	}
	begun := drpc.DeepCopy()
	if err := o.hub.Create(ctx, begun, client.FieldOwner(hub.Owner)); err != nil {
		return fmt.Errorf("create DRPlacementControl: %w", err)
	}
	o.told.Outcome = view.OutcomeBegun
	if !o.wait {
		return nil
	}
	outcome, err := o.follow(ctx, o.hub, around, begun, o.talk, func(_ *v1alpha1.DRPlacementControl, a *view.Application) bool {
		o.told.After = a
		return a.State == view.Protected
	})
	o.told.Outcome = outcome
	return err
}

// lookAtClaims looks at the claims on the cluster, if the user names its context.
func (o *protecting) lookAtClaims(ctx context.Context, around *view.Snapshot) error {
	if o.context == "" || len(o.told.Refusals) > 0 {
		return nil
	}
	cluster, err := o.commands.openContext("cluster-context", o.context)
	if err != nil {
		return err
	}
	claims, identity, noRecipe, err := hub.ClaimsOn(ctx, cluster, &o.wanted)
	if err != nil {
		return fmt.Errorf("--cluster-context %s: %w", o.context, err)
	}
	known := &v1alpha1.DRCluster{}
	if err := o.hub.Get(ctx, client.ObjectKey{Name: o.wanted.Cluster}, known); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("read DRCluster: %w", err)
	}
	if is := known.Status.ClusterID; is != "" && is != identity {
		o.told.Refusals = append(o.told.Refusals, view.Refusal{Guard: view.GuardIdentity, Message: fmt.Sprintf(
			"the hub knows %s as cluster %s, and --cluster-context leads to cluster %s", o.wanted.Cluster, is, identity)})
		return nil
	}
	policy := around.Policies[o.wanted.Policy]
	order.Selects(o.told, &policy, claims)
	if noRecipe {
		o.told.Warnings = append(o.told.Warnings, fmt.Sprintf("there is no Recipe %s on %s: until it is there, no Kubernetes objects are captured. It has to be on both clusters", o.wanted.Recipe(), o.wanted.Cluster))
	}
	return nil
}

// try asks the API server whether it would accept the object, unless nothing is to be sent, and the hub's own code what it would
// make of it.
func (o *protecting) try(ctx context.Context, drpc *v1alpha1.DRPlacementControl) error {
	refuse := func(g view.Guard, message string) {
		o.told.Refusals = append(o.told.Refusals, view.Refusal{Guard: g, Message: message})
	}
	if len(o.told.Refusals) > 0 {
		return nil
	}
	tried := drpc.DeepCopy()
	if o.dryRun == "client" {
		tried.CreationTimestamp = metav1.NewTime(o.hub.Now())
	} else {
		switch err := o.hub.Create(ctx, tried, client.FieldOwner(hub.Owner), client.DryRunAll); {
		case apierrors.IsAlreadyExists(err):
			refuse(view.GuardExists, fmt.Sprintf("there is a DRPlacementControl of this name already: kubectl ramen-direct why %s -n %s", drpc.Name, drpc.Namespace))
			return nil
		case apierrors.IsNotFound(err):
			return fmt.Errorf("namespace %s does not exist on the hub: kubectl create namespace %s", drpc.Namespace, drpc.Namespace)
		case err != nil:
			return fmt.Errorf("create DRPlacementControl: %w", err)
		}
	}
	f, err := o.hub.ForeseeNew(ctx, tried)
	switch {
	case apierrors.IsForbidden(err):
		o.told.Warnings = append(o.told.Warnings, "you may not read all that the hub decides by, so it is not known whether it would refuse this")
	case err != nil:
		return err
	case f.Waiting != nil && f.Course == nil:
		refuse(view.GuardHub, fmt.Sprintf("the hub would refuse it (%s): %s", f.Waiting.Fact, f.Waiting.Message))
	case f.Waiting != nil:
		o.told.Warnings = append(o.told.Warnings, fmt.Sprintf("the hub would wait at once (%s): %s", f.Waiting.Fact, f.Waiting.Message))
	}
	return nil
}

// completePolicies offers the policies of the hub.
func (c *commands) completePolicies(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	h, err := c.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	list := &v1alpha1.DRPolicyList{}
	if err := h.List(cmd.Context(), list); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []string
	for i := range list.Items {
		out = append(out, list.Items[i].Name)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
