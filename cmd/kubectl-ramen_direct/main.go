// SPDX-License-Identifier: Apache-2.0

// Command kubectl-ramen_direct is a plugin of kubectl for those who manage the disaster recovery of applications. kubectl runs
// it as "kubectl ramen-direct" if it is on the PATH; it also runs alone.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"golang.org/x/term"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // how kubeconfigs of clouds log in
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/cli"
	"github.com/ramendr/ramen-direct/internal/boot"
)

func main() {
	log.SetLogger(logr.Discard()) // what a library logs is nothing for the user
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, environment(), os.Args)
	stop()
	os.Exit(code)
}

func environment() cli.Env {
	env := cli.Env{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Clock: clock.RealClock{}, Version: boot.Version}
	env.Interactive = term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd()))
	if fd := int(os.Stdout.Fd()); term.IsTerminal(fd) {
		if width, _, err := term.GetSize(fd); err == nil {
			env.Width = width
		}
		env.Color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return env
}
