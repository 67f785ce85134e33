// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/ramendr/ramen-direct/cli/hub"
	"github.com/ramendr/ramen-direct/internal/bounded"
)

// named wants one argument, which the help of the command calls so. instead is what can stand in its place; empty: nothing.
func named(word, instead string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		use, _, _ := strings.Cut(cmd.UseLine(), " [flags]")
		switch {
		case len(args) == 0 && instead != "":
			return fmt.Errorf("%s is missing, or %s: %s", word, instead, use)
		case len(args) == 0:
			return fmt.Errorf("%s is missing: %s", word, use)
		case len(args) > 1:
			return fmt.Errorf("the command takes one %s, not %d: %s", word, len(args), use)
		}
		return nil
	}
}

// noCommand says that a word is no command, and which one may be meant.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	meant := ""
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		meant = "did you mean " + strings.Join(near, " or ") + "? "
	}
	return fmt.Errorf("unknown command %q: %s%s --help lists the commands", args[0], meant, plugin)
}

// noFlag says where the flags of a command are listed.
func noFlag(cmd *cobra.Command, err error) error {
	return fmt.Errorf("%w: %s --help lists the flags", err, cmd.CommandPath())
}

// notNegative refuses a duration that no clock can wait.
func notNegative(flag string, d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("--%s=%s is negative: give a duration such as 15m", flag, d)
	}
	return nil
}

// openContext connects to a cluster by another context of the same kubeconfig, which a flag names.
func (c *commands) openContext(flag, name string) (*hub.Hub, error) {
	flags := genericclioptions.NewConfigFlags(true)
	flags.KubeConfig, flags.Context = c.flags.KubeConfig, &name
	config, err := configOf(flags, flag)
	if err != nil {
		return nil, err
	}
	return hub.Open(config, c.system, c.env.Clock)
}

// configOf is how to connect by the context that flags name, or by the current one. flag is the one that names it.
func configOf(flags *genericclioptions.ConfigFlags, flag string) (*rest.Config, error) {
	raw, err := kubeconfigOf(flags, flag)
	if err != nil {
		return nil, err
	}
	name := *flags.Context
	config, err := flags.ToRESTConfig()
	switch {
	case err != nil && name != "":
		return nil, fmt.Errorf("--%s %s: %w", flag, name, err)
	case err != nil:
		return nil, fmt.Errorf("find the hub: %w", err)
	case len(raw.Clusters) == 0 && *flags.APIServer == "" && config.Host == nowhere:
		return nil, errors.New("no kubeconfig names a hub: name one with --kubeconfig or KUBECONFIG")
	}
	return config, nil
}

// kubeconfigOf reads the kubeconfig, and checks that it has the context that flags name. flag is the one that names it.
func kubeconfigOf(flags *genericclioptions.ConfigFlags, flag string) (*clientcmdapi.Config, error) {
	raw, err := flags.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	if name := *flags.Context; name != "" && raw.Contexts[name] == nil {
		return nil, fmt.Errorf("--%s %s: the kubeconfig has no context of that name%s", flag, name, listed(raw.Contexts))
	}
	return &raw, nil
}

// nowhere is where a client connects to that is told nothing.
const nowhere = "http://localhost:8080"

// contextsOf are the names of the contexts of a kubeconfig, as the end of a sentence.
func contextsOf(flags *genericclioptions.ConfigFlags) string {
	raw, err := flags.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return ""
	}
	return listed(raw.Contexts)
}

func listed[T any](contexts map[string]T) string {
	if len(contexts) == 0 {
		return ""
	}
	return ": it has " + bounded.List(slices.Sorted(maps.Keys(contexts)), ", ")
}

// completeContexts offers the contexts of a kubeconfig.
func completeContexts(flags *genericclioptions.ConfigFlags) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		raw, err := flags.ToRawKubeConfigLoader().RawConfig()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var out []string
		for _, name := range slices.Sorted(maps.Keys(raw.Contexts)) {
			if strings.HasPrefix(name, begun) {
				out = append(out, name)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}
