// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
)

// open finds the running lab that the flags of a command name.
func open(dir string) (*lab.Lab, error) {
	l, err := lab.Open(dir)
	if errors.Is(err, lab.ErrNotRunning) {
		return nil, fmt.Errorf("%w: start it with \"ramenlab up\"", err)
	}
	return l, err
}

func status(_ context.Context, args []string, out, progress io.Writer) error {
	fs, dir, err := flags("status", "", progress)
	if err != nil {
		return err
	}
	if err := parse(fs, args, 0); err != nil {
		return err
	}
	l, err := open(*dir)
	if err != nil {
		return err
	}
	return show(l, out)
}

// show prints what runs and how to look at it.
func show(l *lab.Lab, out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "COMPONENT\tPID\tSTATE\tADDRESS")
	for _, s := range l.State().Services {
		state := "running"
		if !s.Process.Alive() {
			state = "ended"
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", s.Name, s.Process.PID, state, s.Address)
	}
	links, err := l.LinkStates()
	if err != nil {
		return err
	}
	fmt.Fprintln(table, "\nLINK\tSTATE")
	for _, name := range slices.Sorted(maps.Keys(links)) {
		fmt.Fprintf(table, "%s\t%s\n", name, linkState(links[name]))
	}
	fmt.Fprintln(table, "\nCLUSTER\tKUBECONFIG")
	for _, name := range lab.Clusters() {
		if c := l.Cluster(name); c != nil {
			fmt.Fprintf(table, "%s\t%s\n", name, c.Kubeconfig)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nlogs: %s\nvolumes: %s\n\nWhat the hub wishes, and what the clusters report:\n", l.LogDir(), l.DataDir())
	for _, spoke := range lab.Spokes() {
		for _, namespace := range []string{exchange.Outbox(spoke), exchange.Inbox(spoke)} {
			fmt.Fprintf(out, "  ramenlab kubectl hub get vrg -n %s -o yaml\n", namespace)
		}
	}
	if !l.State().Ready {
		fmt.Fprintln(out, "\nThe lab is still starting.")
	}
	return nil
}

func linkState(kind faultproxy.Kind) string {
	if kind == "" {
		return "works"
	}
	return string(kind)
}

func fault(_ context.Context, args []string, out, progress io.Writer) error {
	const heal = "heal"
	fs, dir, err := flags("fault", "cut|blackhole|half|delay|heal TARGET\n"+
		"TARGET is a cluster (dr1), an object store (s3-dr1) or one link (dr1-hub)", progress)
	if err != nil {
		return err
	}
	if err := parse(fs, args, 2); err != nil {
		return err
	}
	what, target := fs.Arg(0), fs.Arg(1)
	var kind faultproxy.Kind
	if what != heal {
		if kind, err = faultproxy.ParseKind(what); err != nil {
			return fmt.Errorf("%w, or %s", err, heal)
		}
	}
	l, err := open(*dir)
	if err != nil {
		return err
	}
	if what == heal {
		err = l.Heal(target)
	} else {
		err = l.Fault(target, kind)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %s\n", target, what)
	return nil
}
