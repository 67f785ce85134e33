// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/binaries"
	"github.com/ramendr/ramen-direct/tests/lab/registry"
)

// kubectl becomes kubectl, as the administrator of a cluster.
func kubectl(ctx context.Context, args []string, _, progress io.Writer) error {
	fs, dir, err := flags("kubectl", strings.Join(lab.Clusters(), "|")+" ARGS...", progress)
	if err != nil {
		return err
	}
	if err := parse(fs, args, 1); err != nil {
		return err
	}
	l, err := open(*dir)
	if err != nil {
		return err
	}
	cluster := l.Cluster(fs.Arg(0))
	if cluster == nil {
		return fmt.Errorf("no cluster %q runs: want one of %s", fs.Arg(0), strings.Join(lab.Clusters(), ", "))
	}
	programs, err := binaries.Ensure(ctx, progress)
	if err != nil {
		return err
	}
	program := filepath.Join(programs, "kubectl")
	argv := append([]string{"kubectl", "--kubeconfig=" + cluster.Kubeconfig}, fs.Args()[1:]...)
	return fmt.Errorf("run %s: %w", program, syscall.Exec(program, argv, os.Environ()))
}

func clean(ctx context.Context, args []string, out, progress io.Writer) error {
	fs, _, err := flags("clean", "", progress)
	if err != nil {
		return err
	}
	if err := parse(fs, args, 0); err != nil {
		return err
	}
	labs, err := registry.Default()
	if err != nil {
		return err
	}
	running, err := labs.Reap(ctx)
	if err != nil {
		return err
	}
	if len(running) > 0 {
		return fmt.Errorf("the lab in %s uses the programs: stop it with \"ramenlab down --dir %s\" first", running[0].Dir, running[0].Dir)
	}
	removed, err := binaries.Clean()
	for _, dir := range removed {
		fmt.Fprintln(out, "removed", dir)
	}
	return err
}
