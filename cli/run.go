// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/cli/hub"
	"github.com/ramendr/ramen-direct/cli/text"
)

// Env is what a command finds around it.
type Env struct {
	In       io.Reader
	Out, Err io.Writer
	// Width of the terminal that Out is; zero: it is none.
	Width int
	// Color : Out is a terminal that shows colors, and the user wants them.
	Color bool
	// Interactive : somebody is at In, and can be asked.
	Interactive bool
	// Clock of this machine.
	Clock clock.WithTicker
	// Version of the program.
	Version string
}

// completer is the name of the program by which kubectl asks for completions.
const completer = "kubectl_complete-ramen_direct"

// Run runs the command that args, of which the first is the program's name, ask for. It returns the exit code.
func Run(ctx context.Context, env Env, args []string) int {
	c := &commands{env: env, flags: genericclioptions.NewConfigFlags(true), system: hub.SystemNamespace}
	root := c.root() //nolint:contextcheck // each command has the context of ExecuteContext
	words := args[1:]
	if filepath.Base(args[0]) == completer {
		words = append([]string{cobra.ShellCompRequestCmd}, words...)
	}
	root.SetArgs(words)
	root.SetIn(env.In)
	root.SetOut(env.Out)
	root.SetErr(env.Err)
	err := root.ExecuteContext(ctx)
	if message := told(err); message != "" {
		_, _ = fmt.Fprintln(env.Err, "error: "+text.Clean(message))
	}
	return codeOf(ctx, err)
}

// told is what an error still has to say.
func told(err error) string {
	var e *exit
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Error()
	default:
		return err.Error()
	}
}

// commands are all of them, with what they share.
type commands struct {
	env    Env
	flags  *genericclioptions.ConfigFlags
	system string
}

const plugin = "kubectl ramen-direct"

func (c *commands) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "kubectl-ramen_direct",
		Short: "Manage the disaster recovery of applications from their hub",
		Long: `Manage the disaster recovery of applications from their hub.

Every command talks to the hub, by the kubeconfig, context and rights that kubectl
uses, and to a cluster only if you name its context. Begin with status: it lists
what needs you first, and the command to continue with.

Exit codes: 0 good or done, 1 the command failed, 2 something is not well,
3 waited too long, 4 refused or not confirmed, 130 interrupted.`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: plugin},
		Version:       c.env.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.flags.AddFlags(root.PersistentFlags())
	root.PersistentFlags().StringVar(&c.system, "system-namespace", c.system, "Namespace of the hub's controller")
	root.SetFlagErrorFunc(noFlag)
	root.SuggestionsMinimumDistance = 2
	root.SetVersionTemplate("{{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(c.status(), c.why(), c.plan(), c.failover(), c.relocate(), c.clear(), c.history(), c.protect(), c.unprotect(), c.promote(), c.connect(), c.disconnect(), c.validate(), c.gather())
	return root
}

// open connects to the hub.
func (c *commands) open() (*hub.Hub, error) {
	config, err := configOf(c.flags, "context")
	if err != nil {
		return nil, err
	}
	return hub.Open(config, c.system, c.env.Clock)
}

// namespace is the one that the flag or the context names.
func (c *commands) namespace() (string, error) {
	if _, err := kubeconfigOf(c.flags, "context"); err != nil {
		return "", err
	}
	ns, _, err := c.flags.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return "", fmt.Errorf("find the namespace: %w", err)
	}
	return ns, nil
}

func (c *commands) page() *text.Page { return text.NewPage(c.env.Out, c.env.Width, c.env.Color) }

// completeNames offers the applications of the namespace.
func (c *commands) completeNames(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	h, err := c.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	ns, err := c.namespace()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	s, err := h.Names(cmd.Context(), ns)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []string
	for _, name := range s {
		if strings.HasPrefix(name, begun) {
			out = append(out, name)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeName is completeNames for a command that takes one.
func (c *commands) completeName(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return c.completeNames(cmd, args, begun)
}
