// SPDX-License-Identifier: Apache-2.0

package link_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/link"
	"github.com/ramendr/ramen-direct/tests/lab/binaries"
)

// quick is the shortest timing, so that tests of silence are short.
var quick = exchange.TimingOf(exchange.MinLeaseDuration)

// Administrators of the two API servers that all tests of this package share.
var hubAdmin, spokeAdmin *rest.Config

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	log.SetLogger(zapr.NewLogger(zap.NewNop()))
	if err := link.NoticeDeadConnections(exchange.DefaultLeaseDuration); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	flag.Parse()
	if testing.Short() {
		return m.Run() // newWorld skips
	}
	dir, err := binaries.Ensure(context.Background(), os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var servers errgroup.Group
	for _, admin := range []**rest.Config{&hubAdmin, &spokeAdmin} {
		env := &envtest.Environment{
			BinaryAssetsDirectory: dir,
			CRDDirectoryPaths: []string{
				filepath.Join("..", "..", "config", "crd", "ramendr.openshift.io_volumereplicationgroups.yaml"),
				filepath.Join("..", "..", "config", "crd", "ramendr.openshift.io_drclusterconfigs.yaml"),
				filepath.Join("..", "..", "config", "crd", "ramendr.openshift.io_drclusters.yaml"),
			},
			ErrorIfCRDPathMissing:    true,
			ControlPlaneStartTimeout: 2 * time.Minute, // the default is too short for a busy machine
		}
		defer func() { _ = env.Stop() }()
		servers.Go(func() (err error) {
			*admin, err = env.Start()
			if err == nil {
				(*admin).QPS = -1
			}
			return err
		})
	}
	if err := servers.Wait(); err != nil {
		fmt.Fprintln(os.Stderr, "start API servers:", err)
		return 1
	}
	if err := grantRights(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "grant rights:", err)
		return 1
	}
	return m.Run()
}
