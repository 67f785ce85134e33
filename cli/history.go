// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"github.com/spf13/cobra"

	"github.com/ramendr/ramen-direct/cli/hub"
	"github.com/ramendr/ramen-direct/cli/text"
	"github.com/ramendr/ramen-direct/cli/view"
)

func (c *commands) history() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   "history NAME",
		Short: "Say what was done with an application, by whom, and how long it took",
		Long: `Say which operations the hub carried out with an application, the newest first: who
asked for each and why, how long it took until the workload ran and with all that
followed, in which steps, and what a failover lost at most.

The hub remembers the last ten, and the steps of the last three, in the status of
the DRPlacementControl. A hub that was lost begins again. Who asked is what the
tool that wrote the spec says, or its field manager; nobody proves it. The audit log
of the API server does.`,
		Example: `  kubectl ramen-direct history ledger -n bank
  kubectl ramen-direct history ledger -n bank -o wide`,
		Args: named("NAME", ""), ValidArgsFunction: c.completeName,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := out.check(); err != nil {
				return err
			}
			ns, err := c.namespace()
			if err != nil {
				return err
			}
			h, err := c.open()
			if err != nil {
				return err
			}
			s, err := h.Look(cmd.Context(), hub.Selection{Namespace: ns, Names: args})
			if err != nil {
				return err
			}
			v := view.HistoryOf(s)
			return out.print(c, v, func(p *text.Page) error { return p.History(v, out.format == "wide") })
		},
	}
	out.addTo(cmd, "json", "yaml", "wide")
	return cmd
}
