// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/ramendr/ramen-direct/cli/hub"
	"github.com/ramendr/ramen-direct/cli/text"
	"github.com/ramendr/ramen-direct/cli/view"
)

func (c *commands) status() *cobra.Command {
	var all, strict bool
	var selector string
	var out output
	cmd := &cobra.Command{
		Use:   "status [NAME...]",
		Short: "Say how applications are, the worst first",
		Long: `Say how applications are, the worst first: where each runs, whether the other
cluster could take over, how old the data there is, and what it waits for.

Exits with 2 if an application needs somebody, has lost its home or does not
run, or if the hub's controller is silent; with --strict also if one is at risk.`,
		Example: `  kubectl ramen-direct status -A
  kubectl ramen-direct status ledger -n bank -o yaml`,
		ValidArgsFunction: c.completeNames,
		RunE: func(cmd *cobra.Command, names []string) error {
			if err := out.check(); err != nil {
				return err
			}
			which := hub.Selection{Names: names}
			var err error
			if selector != "" {
				if which.Labels, err = labels.Parse(selector); err != nil {
					return fmt.Errorf("read --selector: %w", err)
				}
			}
			switch {
			case all && len(names) > 0:
				return errors.New("--all-namespaces and names exclude each other: name the namespace with -n")
			case selector != "" && len(names) > 0:
				return errors.New("--selector and names exclude each other")
			case !all:
				if which.Namespace, err = c.namespace(); err != nil {
					return err
				}
			}
			h, err := c.open()
			if err != nil {
				return err
			}
			s, err := h.Look(cmd.Context(), which)
			if err != nil {
				return err
			}
			status := view.StatusOf(s)
			status.Namespace, status.Selector = which.Namespace, selector
			err = out.print(c, status, func(p *text.Page) error {
				if out.format == "name" {
					return p.Names(status)
				}
				return p.Status(status, out.format == "wide")
			})
			return verdict(err, status.Severity(), strict)
		},
	}
	cmd.Flags().BoolVarP(&all, "all-namespaces", "A", false, "Applications of all namespaces")
	cmd.Flags().StringVarP(&selector, "selector", "l", "", "Only applications with these labels, as kubectl takes them")
	cmd.Flags().BoolVar(&strict, "strict", false, "Exit with 2 for a warning, too")
	out.addTo(cmd, "json", "yaml", "wide", "name")
	return cmd
}

func (c *commands) why() *cobra.Command {
	var strict bool
	var out output
	cmd := &cobra.Command{
		Use:   "why NAME",
		Short: "Explain one application: what it does, what it waits for, who can help",
		Long: `Explain one application: what it does, what it waits for and since when, who can
help and by which command, what each cluster was told and says, and what else is
possible.

Exits with 2 if the application needs somebody, has lost its home or does not
run, or if the hub's controller is silent; with --strict also if it is at risk.`,
		Example: `  kubectl ramen-direct why ledger -n bank`,
		Args:    named("NAME", ""), ValidArgsFunction: c.completeName,
		RunE: func(cmd *cobra.Command, names []string) error {
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
			d, err := h.Detail(cmd.Context(), hub.Key(ns, names[0]))
			if err != nil {
				return err
			}
			e := view.Explain(d)
			return verdict(out.print(c, e, func(p *text.Page) error { return p.Explain(e) }), e.Severity(), strict)
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "Exit with 2 for a warning, too")
	out.addTo(cmd, "json", "yaml")
	return cmd
}

// verdict is the end of a command that asks: err, or the exit code of what it found.
func verdict(err error, found view.Severity, strict bool) error {
	switch {
	case err != nil:
		return err
	case found == view.Problem, found == view.Warning && strict:
		return &exit{code: ExitProblem}
	default:
		return nil
	}
}
