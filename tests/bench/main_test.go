// SPDX-License-Identifier: Apache-2.0

// Package bench measures what the exchange costs, always against a bare loop on the same API servers in the same run:
// one watch, one server-side apply, nothing kept, nothing compared; and what the hub costs, in its own CPU time and memory, with
// clusters that answer at once. It promises ratios, and times of one process, that a noisy machine leaves alone, the mirror and
// hubctrl as the processes that users run, and objects of the size that an application has.
//
// The results are those of Go's benchmarks, so that benchstat compares them; RAMEN_BENCH_JSON names a file that they are
// written to as well. A target that is missed fails its benchmark.
package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/tests/lab/binaries"
)

const (
	// envGroups is how many groups there are where many are asked for.
	envGroups = "RAMEN_BENCH_GROUPS"
	many      = 10_000
	// envApps is how many applications come, fail over and go at once.
	envApps  = "RAMEN_BENCH_APPS"
	manyApps = 1_000
	// envJSON names the file for the results.
	envJSON = "RAMEN_BENCH_JSON"
	// envSmoke, if it is 1, has each benchmark measure a few groups and hops only: it shows that they run. Of the targets only
	// those that are exact count then.
	envSmoke = "RAMEN_BENCH_SMOKE"
	few      = 20
)

var (
	// hubAdmin and spokeAdmin are administrators of the two API servers.
	hubAdmin, spokeAdmin *rest.Config
	// mirrorProgram and hubProgram are the paths of the mirror and of hubctrl.
	mirrorProgram, hubProgram string
	kubeconfigs               [2]string // hub, spoke
	groups, apps              = many, manyApps
	smoke                     bool
	found                     []result
)

// result is one measured figure. Target is what it must not exceed, or with AtLeast what it must reach; zero: none.
type result struct {
	Name    string  `json:"name"`
	Unit    string  `json:"unit"`
	Value   float64 `json:"value"`
	Target  float64 `json:"target,omitempty"`
	AtLeast bool    `json:"atLeast,omitempty"`
	Met     bool    `json:"met"`
}

// tell reports a figure that has no target.
func tell(b *testing.B, unit string, value float64) {
	b.Helper()
	b.ReportMetric(value, unit)
	found = append(found, result{Name: b.Name(), Unit: unit, Value: value, Met: true})
}

// atMost reports a figure and fails the benchmark if it is over target.
func atMost(b *testing.B, unit string, value, target float64) {
	b.Helper()
	judge(b, result{Name: b.Name(), Unit: unit, Value: value, Target: target, Met: value <= target})
}

// atLeast reports a figure and fails the benchmark if it is under target.
func atLeast(b *testing.B, unit string, value, target float64) {
	b.Helper()
	judge(b, result{Name: b.Name(), Unit: unit, Value: value, Target: target, AtLeast: true, Met: value >= target})
}

func judge(b *testing.B, r result) {
	b.Helper()
	b.ReportMetric(r.Value, r.Unit)
	found = append(found, r)
	if !r.Met && (!smoke || r.Target == 0) {
		b.Errorf("%s is %.3g, want %s %.3g", r.Unit, r.Value, map[bool]string{false: "at most", true: "at least"}[r.AtLeast], r.Target)
	}
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	log.SetLogger(zapr.NewLogger(zap.NewNop()))
	if smoke = os.Getenv(envSmoke) == "1"; smoke {
		groups, apps, hops, atRest, calm = few, 5, 3, 2*time.Second, time.Second
	}
	for name, number := range map[string]*int{envGroups: &groups, envApps: &apps} {
		text := os.Getenv(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			fmt.Fprintf(os.Stderr, "%s is %q, want a positive number\n", name, text)
			return 1
		}
		*number = n
	}
	stop, err := serve(context.Background())
	defer stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "start API servers:", err)
		return 1
	}
	code := m.Run()
	if err := save(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// serve starts the API servers and builds the mirror.
func serve(ctx context.Context) (stop func(), err error) {
	dir, err := os.MkdirTemp("", "ramen-bench-")
	if err != nil {
		return func() {}, err
	}
	ends := []func() error{func() error { return os.RemoveAll(dir) }}
	stop = func() {
		for _, end := range ends {
			if err := end(); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
	}
	bins, err := binaries.Ensure(ctx, os.Stderr)
	if err != nil {
		return stop, err
	}
	if err := binaries.Project(ctx, dir, "mirror", "hubctrl"); err != nil {
		return stop, err
	}
	mirrorProgram, hubProgram = filepath.Join(dir, "mirror"), filepath.Join(dir, "hubctrl")
	bare, err := bareCRD()
	if err != nil {
		return stop, err
	}
	var servers errgroup.Group
	for i, admin := range []**rest.Config{&hubAdmin, &spokeAdmin} {
		env := &envtest.Environment{
			BinaryAssetsDirectory:    bins,
			CRDDirectoryPaths:        []string{filepath.Join("..", "..", "config", "crd")},
			ErrorIfCRDPathMissing:    true,
			CRDs:                     []*apiextensionsv1.CustomResourceDefinition{bare.DeepCopy()},
			ControlPlaneStartTimeout: 2 * time.Minute, // the default is too short for a busy machine
		}
		ends = append(ends, env.Stop)
		servers.Go(func() error {
			cfg, err := env.Start()
			if err != nil {
				return err
			}
			cfg.QPS = -1
			*admin = cfg
			kubeconfigs[i] = filepath.Join(dir, fmt.Sprintf("kubeconfig-%d", i))
			return os.WriteFile(kubeconfigs[i], env.KubeConfig, 0o600)
		})
	}
	return stop, servers.Wait()
}

// save writes what was found as JSON, if a file is named.
func save() error {
	path := os.Getenv(envJSON)
	if path == "" || len(found) == 0 {
		return nil
	}
	out, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, append(out, '\n'), 0o644))
}
