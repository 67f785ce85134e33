// SPDX-License-Identifier: Apache-2.0

// Command run tells what the project can promise with the storage of two clusters; see docs/vendors.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/ramendr/ramen-direct/tests/conformance"
)

// Exit codes.
const (
	exitBroken = 1 // a promise is not kept
	exitError  = 2 // nothing is known
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	kept, err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitError)
	case !kept:
		os.Exit(exitBroken)
	}
}

func run(ctx context.Context, args []string, out, progress io.Writer) (kept bool, err error) {
	fs := flag.NewFlagSet("conformance", flag.ContinueOnError)
	fs.SetOutput(progress)
	o := conformance.Options{Log: progress}
	kubeconfigs := fs.String("kubeconfigs", "", "two kubeconfig files, divided by a comma; each is used with its current context")
	fs.StringVar(&o.StorageClass, "storage-class", "", "StorageClass of the volumes; both clusters have it")
	fs.StringVar(&o.ReplicationClass, "replication-class", "", "VolumeReplicationClass, with parameter schedulingInterval; both clusters have it")
	fs.StringVar(&o.SnapshotClass, "snapshot-class", "", "VolumeSnapshotClass; empty: nothing is asked of snapshots")
	fs.StringVar(&o.Namespace, "namespace", "ramen-conformance", "beginning of the names of the namespaces that are made, and removed")
	fs.StringVar(&o.Size, "size", "1Gi", "size of the volumes")
	fs.StringVar(&o.Definitions, "definitions", "config/crd", "folder with the project's CustomResourceDefinitions")
	image := fs.String("image", "busybox:1.37", "image with sh, cat and sync for the Pods that write")
	fs.DurationVar(&o.Patience, "patience", o.Patience, "how long each promise may take (10m)")
	scenarios := fs.String("scenarios", "", "relocate, change-of-mind, failover, snapshots, divided by commas; empty: all")
	verbose := fs.Bool("verbose", false, "log what the controller does")
	if err := fs.Parse(args); err != nil {
		return false, err
	}
	files := strings.Split(*kubeconfigs, ",")
	if len(files) != len(o.Clusters) {
		return false, fmt.Errorf("flag --kubeconfigs: want two files, divided by a comma, not %q", *kubeconfigs)
	}
	for i, file := range files {
		config, err := clientcmd.BuildConfigFromFlags("", file)
		if err != nil {
			return false, fmt.Errorf("flag --kubeconfigs: %s: %w", file, err)
		}
		o.Clusters[i] = conformance.Cluster{Name: strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), Config: config}
	}
	if *scenarios != "" {
		o.Scenarios = strings.Split(*scenarios, ",")
	}
	o.Tokens = conformance.Shell(*image)
	ctrl.SetLogger(logr.Discard())
	if *verbose {
		ctrl.SetLogger(zap.New(zap.WriteTo(progress)))
	}
	report, err := conformance.Run(ctx, o)
	return report.Kept(), errors.Join(err, report.Write(out))
}
