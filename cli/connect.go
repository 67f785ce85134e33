// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/hub"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/cli/text"
	"github.com/ramendr/ramen-direct/cli/view"
)

// connecting is what the commands connect and disconnect have in common.
type connecting struct {
	operation
	context string // of the cluster; empty: the cluster is not looked at
	profile string
	region  string
	server  string
	mode    string
	files   [2]string // with the authorities by which the mirror is to know the hub, and the cluster
	renew   bool
	revoke  bool

	hub, cluster *hub.Hub // cluster is nil without a context
	site         *order.Site
	told         *view.Connection
	talk         *text.Page
}

func (c *commands) connect() *cobra.Command {
	o := &connecting{operation: operation{commands: c}}
	cmd := &cobra.Command{
		Use:   "connect CLUSTER",
		Short: "Connect a cluster to the hub",
		Long: `Connect a cluster to the hub: create its DRCluster, and give its mirror access to
its own outbox and inbox on the hub, and to nothing else there. Install the cluster
first.

With --cluster-context the access is written to the cluster, as Secret
mirror-<cluster>. Without it that Secret is printed, for somebody who may write
there. What is in place stays as it is: the command can be repeated, and then
replaces only an access that does not count any more; --renew replaces it at any
rate. The mirror renews its token itself.

With --mode=push the mirror runs on the hub. Then the command asks the cluster for a
token, so it needs --cluster-context, and writes the Secret to the hub.

--dry-run=client prints the DRCluster, for a Git repository.`,
		Example: `  kubectl ramen-direct connect dr1 --s3-profile s3-dr1 --cluster-context dr1
  kubectl ramen-direct connect dr1 --s3-profile s3-dr1 | kubectl --context dr1 apply -f -
  kubectl ramen-direct connect dr1 --s3-profile s3-dr1 --cluster-context dr1 --mode=push`,
	}
	o.addTo(cmd, o.make)
	f := cmd.Flags()
	f.StringVar(&o.profile, "s3-profile", "", "S3 profile of the hub's configuration that the cluster stores metadata in; for a new DRCluster")
	f.StringVar(&o.region, "region", "", "Region of the cluster, any word; for a new DRCluster")
	f.StringVar(&o.mode, "mode", modes[0], "Where the mirror runs. pull: on the cluster, and it reaches the hub; push: on the hub, and it reaches the cluster")
	f.StringVar(&o.server, "server", "", "URL by which the mirror reaches the hub, with --mode=push the cluster (default: the one of your kubeconfig)")
	f.StringVar(&o.files[0], "certificate-authority-of-hub", "", "File with the certificates of authorities by which the mirror is to know the hub (default: those of your kubeconfig)")
	f.StringVar(&o.files[1], "certificate-authority-of-cluster", "", "With --mode=push: the same, to know the cluster")
	_ = cmd.RegisterFlagCompletionFunc("mode", cobra.FixedCompletions(modes, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	f.BoolVar(&o.renew, "renew", false, "Give the mirror another token although it has one that counts")
	return cmd
}

func (c *commands) disconnect() *cobra.Command {
	o := &connecting{operation: operation{commands: c}}
	cmd := &cobra.Command{
		Use:   "disconnect CLUSTER",
		Short: "Disconnect a cluster from the hub",
		Long: `Disconnect a cluster from the hub: delete its DRCluster. The cluster then removes the
Secrets that it was given, if it can be heard, and the hub what it has of the cluster,
the access of its mirror included. While applications or DRPolicies need the cluster
the command refuses, and names them. It asks for the name of the cluster.

With --revoke it only takes back the access, at once, as when somebody may have copied the
token: applications stay as they are, and the link is lost until you connect the
cluster again.

With --cluster-context it also deletes the Secret of the mirror on the cluster, at last.
If the mirror runs on the hub its Secret is there and is deleted anyway; then the command
needs --cluster-context to take the token back, which it does on the cluster.`,
		Example: `  kubectl ramen-direct disconnect dr1 --cluster-context dr1
  kubectl ramen-direct disconnect dr1 --revoke`,
	}
	o.addTo(cmd, o.end)
	f := cmd.Flags()
	f.BoolVar(&o.revoke, "revoke", false, "Only take back the access of the mirror")
	f.BoolVarP(&o.yes, "yes", "y", false, "Answer the question with yes, and nothing else: guards stay")
	f.BoolVar(&o.request.EvenIfGit, "even-if-git", false, "Delete the DRCluster although a tool takes it from a Git repository, and may create it again")
	return cmd
}

func (o *connecting) addTo(cmd *cobra.Command, do func(context.Context) error) {
	f := cmd.Flags()
	f.StringVar(&o.context, "cluster-context", "", "Context of the kubeconfig for the cluster, to write there, too")
	f.StringVar(&o.dryRun, "dry-run", "none", "none, server: send what would be written to the hub and keep nothing of it, client: send nothing")
	f.BoolVar(&o.wait, "wait", false, "Wait until the hub hears of the cluster, or has removed it (default: on a terminal)")
	f.DurationVar(&o.timeout, "timeout", 2*time.Minute, "How long to wait for the hub")
	o.out.addTo(cmd, "json", "yaml")
	_ = cmd.RegisterFlagCompletionFunc("dry-run", cobra.FixedCompletions(dryRuns, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	_ = cmd.RegisterFlagCompletionFunc("cluster-context", completeContexts(o.commands.flags))
	cmd.Args, cmd.ValidArgsFunction = named("CLUSTER", ""), o.commands.completeClusters
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.check(cmd); err != nil {
			return err
		}
		if err := o.checkMode(); err != nil {
			return err
		}
		if err := o.look(cmd.Context(), args[0]); err != nil {
			return err
		}
		err := do(cmd.Context())
		if o.told == nil || o.told.Outcome == "" {
			return err // what became of it is not known
		}
		if printErr := o.ended(); printErr != nil {
			return printErr
		}
		return err
	}
}

// look reads the hub, and the cluster if the user names its context.
func (o *connecting) look(ctx context.Context, name string) error {
	c := o.commands
	var err error
	if o.hub, err = c.open(); err != nil {
		return err
	}
	o.talk = text.NewPage(c.env.Err, c.env.Width, c.env.Color)
	if o.site, err = hub.ReadSite(ctx, o.hub, name, o.server, o.push()); err != nil {
		return err
	}
	if o.context == "" {
		return nil
	}
	if o.cluster, err = c.openContext("cluster-context", o.context); err != nil {
		return err
	}
	if err := hub.LookAt(ctx, o.cluster, o.site); err != nil {
		return fmt.Errorf("--cluster-context %s: %w", o.context, err)
	}
	return nil
}

// make connects the cluster.
func (o *connecting) make(ctx context.Context) error {
	prints := o.cluster == nil && o.dryRun == "none"
	if prints && o.out.format != "" {
		return errors.New("-o needs --cluster-context: without it the Secret for the cluster is what is printed")
	}
	way, err := o.way()
	if err != nil {
		return err
	}
	if o.told, err = order.Connect(o.site, o.profile, o.region); err != nil {
		return err
	}
	switch {
	case len(o.told.Refusals) > 0:
		o.told.Outcome = view.OutcomeRefused
		return &exit{code: ExitRefused}
	case o.dryRun == "client":
		o.told.Outcome = view.OutcomeDryRun
		if o.told.Manifest != "" {
			o.told.Change("DRCluster "+o.site.Name, "hub", view.Created)
		}
		return nil
	}
	if err := o.keepCluster(ctx); err != nil {
		return err
	}
	if o.dryRun == "server" {
		o.told.Outcome = view.OutcomeDryRun
		return nil
	}
	if err := o.give(ctx, way); err != nil {
		return err
	}
	o.told.Outcome = view.OutcomeBegun
	if !o.wait || prints {
		return nil
	}
	return o.hear(ctx)
}

// keepCluster creates the DRCluster if there is none.
func (o *connecting) keepCluster(ctx context.Context) error {
	what := "DRCluster " + o.site.Name
	if o.site.DRCluster() != nil {
		o.told.Change(what, "hub", view.Kept)
		return nil
	}
	dc := &v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: o.site.Name}, Spec: v1alpha1.DRClusterSpec{S3ProfileName: o.told.Profile, Region: o.told.Region}}
	options := []client.CreateOption{client.FieldOwner(hub.Owner)}
	if o.dryRun == "server" {
		options = append(options, client.DryRunAll)
	}
	if err := o.hub.Create(ctx, dc, options...); err != nil {
		return fmt.Errorf("create DRCluster: %w", err)
	}
	o.told.Change(what, "hub", view.Created)
	return nil
}

func (o *connecting) printSecret(s *corev1.Secret) error {
	raw, err := yaml.Marshal(s)
	if err != nil {
		return fmt.Errorf("print the Secret: %w", err)
	}
	_, err = o.commands.env.Out.Write(raw)
	return err
}

// hear waits until the hub hears of the cluster.
func (o *connecting) hear(ctx context.Context) error {
	return o.follow(ctx, func(dc *v1alpha1.DRCluster) (view.Outcome, *metav1.Condition, error) {
		if dc == nil {
			return "", nil, errors.New("the DRCluster was deleted meanwhile")
		}
		is := meta.FindStatusCondition(dc.Status.Conditions, v1alpha1.ConditionConnected)
		switch {
		case is == nil:
			return "", nil, nil
		case is.Status == metav1.ConditionTrue:
			return view.OutcomeDone, is, nil
		case is.Reason == "ClusterReplaced" || is.Reason == v1alpha1.ReasonDRClustersAreOne:
			return view.OutcomeNeedsYou, is, nil
		}
		return "", is, nil
	})
}

// follow watches the DRCluster until judge knows an outcome, and notes what the hub says of it.
func (o *connecting) follow(ctx context.Context, judge func(*v1alpha1.DRCluster) (view.Outcome, *metav1.Condition, error)) error {
	start := o.commands.env.Clock.Now()
	limit, stop := o.within(ctx, o.timeout)
	defer stop()
	err := hub.Follow(limit, o.hub, client.ObjectKey{Name: o.site.Name}, &v1alpha1.DRClusterList{}, func(dc *v1alpha1.DRCluster) (bool, error) {
		outcome, is, err := judge(dc)
		if err != nil {
			return false, err
		}
		if is != nil && (is.Reason != o.told.Reason || is.Message != o.told.Message) {
			o.told.Reason, o.told.Message = is.Reason, is.Message
			if outcome == "" {
				if err := o.talk.Connecting(o.commands.env.Clock.Since(start), o.told); err != nil {
					return false, err
				}
			}
		}
		if outcome != "" {
			o.told.Outcome = outcome
		}
		return outcome != "", nil
	})
	switch {
	case o.told.Outcome == view.OutcomeDone:
		return nil
	case o.told.Outcome == view.OutcomeNeedsYou:
		return &exit{code: ExitProblem}
	case ctx.Err() != nil:
		o.told.Outcome = view.OutcomeInterrupted
		return &exit{code: ExitInterrupted}
	case limit.Err() != nil:
		o.told.Outcome = view.OutcomeTimedOut
		return &exit{code: ExitTimeout}
	}
	return err
}

// ended prints what became of it: for people beside the Secret, if that was printed.
func (o *connecting) ended() error {
	c := o.commands
	if o.dryRun == "client" && o.told.Outcome == view.OutcomeDryRun && o.told.Manifest != "" && o.out.format == "" {
		_, err := c.env.Out.Write([]byte(o.told.Manifest))
		return err
	}
	for _, change := range o.told.Changes {
		if change.Result == view.Printed {
			return o.talk.Connection(o.told)
		}
	}
	return o.out.print(c, o.told, func(p *text.Page) error { return p.Connection(o.told) })
}
