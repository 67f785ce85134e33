// SPDX-License-Identifier: Apache-2.0

// Command spokectrl runs on a DR cluster and obeys its VolumeReplicationGroups: it protects, demotes, promotes and
// restores their volumes, and tells the hub through a DRClusterConfig what the cluster has.
package main

import (
	"flag"
	"os"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/ramendr/ramen-direct/internal/boot"
	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/s3"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/drclusterconfig"
	"github.com/ramendr/ramen-direct/spokectrl/maintenance"
	"github.com/ramendr/ramen-direct/spokectrl/objects/builtin"
	"github.com/ramendr/ramen-direct/spokectrl/objects/captures"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/objects/hooks"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
	"github.com/ramendr/ramen-direct/spokectrl/provider/volrep"
	"github.com/ramendr/ramen-direct/spokectrl/provider/volsync"
	"github.com/ramendr/ramen-direct/spokectrl/ranges"
	"github.com/ramendr/ramen-direct/spokectrl/signing"
	"github.com/ramendr/ramen-direct/spokectrl/vrg"
)

const leaderID = "spokectrl.ramendr.openshift.io"

func main() {
	fs := flag.NewFlagSet("spokectrl", flag.ContinueOnError)
	os.Exit(boot.Run(leaderID, fs, options, setup))
}

func options(f boot.Flags) (manager.Options, error) { return vrg.ManagerOptions(f.Namespace) }

// setup builds the graph.
func setup(mgr manager.Manager, f boot.Flags) error {
	stores := &archive.Archive{
		Reader:    mgr.GetAPIReader(),
		Open:      store.Reusing(s3.Open),
		Namespace: f.Namespace,
		Clock:     clock.RealClock{},
	}
	engine, err := builtin.New(mgr.GetConfig())
	if err != nil {
		return err
	}
	runner, err := hooks.New(mgr.GetConfig())
	if err != nil {
		return err
	}
	run := cycle.Hooks{
		Runner:  runner,
		Journal: &hooks.Journal{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Namespace: f.Namespace},
		Place:   vrg.Place(mgr.GetAPIReader()),
	}
	keeper := &signing.Keeper{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Namespace: f.Namespace}
	if err := vrg.Setup(mgr, vrg.Options{
		Archive:   stores,
		Providers: provider.Set{volrep.Provider{}, volsync.Provider{}},
		Signing:   keeper,
		Clock:     clock.RealClock{},
		Namespace: f.Namespace,
		Objects:   cycle.New(engine, &captures.Keeper{Archive: stores, Clock: clock.RealClock{}}, run, clock.RealClock{}),
	}); err != nil {
		return err
	}
	if err := ranges.Setup(mgr); err != nil {
		return err
	}
	if err := maintenance.Setup(mgr); err != nil {
		return err
	}
	return drclusterconfig.Setup(mgr, drclusterconfig.Options{Archive: stores, Clock: clock.RealClock{}, Signing: keeper})
}
