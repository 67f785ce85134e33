// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ramendr/ramen-direct/cli/check"
	"github.com/ramendr/ramen-direct/cli/text"
	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
)

func (c *commands) validate() *cobra.Command {
	var pre, strict bool
	var contexts map[string]string
	var out output
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the installation: versions, definitions, stores, credentials, classes, sizes",
		Long: `Check the installation: versions, definitions, stores, credentials, classes, sizes.
What is wrong comes with the page of the documentation that helps.

The hub tells what the clusters report: their classes, whether each store answers
each cluster, when credentials expire, how far clocks are apart, and how near their
reports are to the bounds of an inbox and of a group. Name a context
for a cluster to check also what is installed there. Secrets are compared by
fingerprints; none is printed.

With --pre it checks whether a hub can be installed, and whether you may install it,
and what the clusters get whose contexts you name.

Exits with 2 if a check finds an error; with --strict also for a warning, and for
what you may not read.`,
		Example: `  kubectl ramen-direct validate --pre
  kubectl ramen-direct validate
  kubectl ramen-direct validate --cluster-context dr1=east,dr2=west`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			h, err := c.open()
			if err != nil {
				return err
			}
			facts, err := h.Checks(cmd.Context(), pre)
			if err != nil {
				return err
			}
			var spokes []view.CheckCategory
			for _, name := range slices.Sorted(maps.Keys(contexts)) {
				found, err := c.inspect(cmd.Context(), name, contexts[name], identityOf(facts, name), pre)
				if err != nil {
					return fmt.Errorf("look at cluster %s: %w", name, err)
				}
				spokes = append(spokes, found...)
			}
			all := check.All
			if pre {
				all = check.Before
			}
			v := all(facts, spokes)
			return verdict(out.print(c, v, func(p *text.Page) error { return p.Validation(v, out.format == "wide") }), v.Severity(), strict)
		},
	}
	cmd.Flags().BoolVar(&pre, "pre", false, "Check whether a hub can be installed here, and whether you may do that")
	cmd.Flags().StringToStringVar(&contexts, "cluster-context", nil, "Look at these clusters, too: their names on the hub, and contexts of the kubeconfig")
	cmd.Flags().BoolVar(&strict, "strict", false, "Exit with 2 for a warning, too")
	out.addTo(cmd, "json", "yaml", "wide")
	return cmd
}

// inspect checks a cluster itself: what is installed, or, before that is, whether the user may install it.
// What keeps it from being read is a finding, too. known is as which cluster the hub knows it; empty: it does not.
func (c *commands) inspect(ctx context.Context, name, at, known string, pre bool) ([]view.CheckCategory, error) {
	spoke, err := c.openContext("cluster-context", at)
	if err != nil {
		return nil, err
	}
	if pre {
		has, err := spoke.Rights(ctx, check.Rights(c.system, false))
		if err != nil && ctx.Err() == nil {
			return check.Silent(name, err.Error()), nil
		}
		return check.RightsOn(name, c.system, has), err
	}
	found, err := spoke.Inspect(ctx, ramenconfig.SpokeConfigMap)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return check.Silent(name, err.Error()), nil
	}
	return check.Spoke(name, known, found), nil
}

// identityOf is as which cluster the hub knows one of that name; empty: it does not.
func identityOf(h *check.Hub, name string) string {
	for i := range h.DRClusters.Value {
		if d := &h.DRClusters.Value[i]; d.Name == name {
			return d.Status.ClusterID
		}
	}
	return ""
}
