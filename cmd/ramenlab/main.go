// SPDX-License-Identifier: Apache-2.0

// Command ramenlab runs the embedded lab on this machine: a hub and two clusters with real API servers, an object store,
// a storage driver that moves real bytes, and the project's controllers. It needs Linux and Go, no container runtime and
// no root.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/internal/boot"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
	"github.com/ramendr/ramen-direct/tests/lab/node"
	"github.com/ramendr/ramen-direct/tests/lab/storage"
)

// command is a subcommand. It writes its result to out and what happens meanwhile to progress.
type command struct {
	name, args, about string
	run               func(ctx context.Context, args []string, out, progress io.Writer) error
	hidden            bool // a part of the lab that the lab runs itself
	logs              bool // it logs to standard error
}

func commands() []command {
	return []command{
		{name: "up", args: "[--dir DIR] [--interval 1m=2s]", about: "start the lab and leave it running", run: up},
		{name: "demo", args: "[--dir DIR]", about: "protect, relocate, fail over, bring back, disable; counting records", run: runDemo},
		{name: "status", args: "[--dir DIR]", about: "show what runs, the links, the kubeconfigs", run: status},
		{name: "fault", args: "[--dir DIR] KIND TARGET", about: "break links: cut, blackhole, half, delay; or heal", run: fault},
		{name: "kubectl", args: "[--dir DIR] CLUSTER ARGS...", about: "run kubectl on hub, dr1 or dr2", run: kubectl},
		{name: "down", args: "[--dir DIR]", about: "end the lab; nothing is left", run: down},
		{name: "clean", about: "remove the cached programs", run: clean},

		{name: "run", run: runLab, hidden: true},
		{name: "proxy", hidden: true, run: func(_ context.Context, args []string, _, progress io.Writer) error {
			return faultproxy.Main(args, progress)
		}},
		{name: "storage", hidden: true, logs: true, run: part(storage.Main)},
		{name: "node", hidden: true, logs: true, run: part(node.Main)},
		{name: "writer", hidden: true, logs: true, run: part(node.Writer)},
	}
}

// part is the command of a part of the lab, which says all that it has to say in its log.
func part(run func(context.Context, []string) error) func(context.Context, []string, io.Writer, io.Writer) error {
	return func(ctx context.Context, args []string, _, _ io.Writer) error { return run(ctx, args) }
}

// logging decides where the libraries log, before they do: controller-runtime prints a stack trace if nobody did within
// 30 seconds. The commands of people tell progress and errors otherwise.
func (c *command) logging() error {
	if !c.logs {
		log.SetLogger(logr.Discard())
		return nil
	}
	return (&boot.Flags{LogLevel: "info"}).Logging()
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := dispatch(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New(`see "ramenlab --help"`)

func dispatch(ctx context.Context, args []string, out, progress io.Writer) error {
	if len(args) == 0 {
		usage(progress)
		return errUsage
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		usage(out)
		return nil
	}
	for _, c := range commands() {
		if c.name == args[0] {
			if err := c.logging(); err != nil {
				return err
			}
			return c.run(ctx, args[1:], out, progress)
		}
	}
	return fmt.Errorf("there is no command %q: %w", args[0], errUsage)
}

func usage(w io.Writer) {
	fmt.Fprint(w, `ramenlab runs a hub and two clusters, dr1 and dr2, on this machine, with real Kubernetes API servers.

The first start builds Kubernetes' programs from their Go modules: about 8 minutes and 5 GB of disk on two cores.
Later starts take seconds.

`)
	for _, c := range commands() {
		if !c.hidden {
			fmt.Fprintf(w, "  ramenlab %-36s %s\n", strings.TrimSpace(c.name+" "+c.args), c.about)
		}
	}
	fmt.Fprint(w, "\n\"ramenlab COMMAND --help\" shows the flags of a command.\n")
}

// flags are the flags of a command: all have the folder of the lab.
func flags(name, args string, progress io.Writer) (fs *flag.FlagSet, dir *string, err error) {
	standard, err := lab.DefaultDir()
	if err != nil {
		return nil, nil, err
	}
	fs = flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(progress)
	dir = fs.String("dir", standard, "folder of the lab, empty or absent before it starts; it is removed at the end")
	fs.Usage = func() {
		fmt.Fprintf(progress, "usage: ramenlab %s [flags] %s\n", name, args)
		fs.PrintDefaults()
	}
	return fs, dir, nil
}

// parse reads the flags and checks that at least so many arguments follow, and none if that is 0.
func parse(fs *flag.FlagSet, args []string, atLeast int) error {
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	if fs.NArg() < atLeast || (atLeast == 0 && fs.NArg() > 0) {
		fs.Usage()
		return errUsage
	}
	return nil
}
