// SPDX-License-Identifier: Apache-2.0

// Command ramenkind makes three clusters of kind, installs everything, and removes them again. make kind-up and make
// kind-down call it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/tests/e2e/kindlab"
)

func main() {
	log.SetLogger(logr.Discard()) // progress and errors are told otherwise
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	o := kindlab.Options{NodeImage: os.Getenv("KIND_NODE_IMAGE"), VolSyncImage: os.Getenv("KIND_VOLSYNC_IMAGE"), Log: os.Stderr}
	switch {
	case len(args) == 1 && args[0] == "up":
		_, err := kindlab.Up(ctx, o)
		return err
	case len(args) == 1 && args[0] == "down":
		return kindlab.Down(ctx, o)
	}
	return fmt.Errorf("usage: ramenkind up|down, in the folder of the project; KIND_NODE_IMAGE names the image of the nodes, KIND_VOLSYNC_IMAGE that of VolSync, if it is to be installed")
}
