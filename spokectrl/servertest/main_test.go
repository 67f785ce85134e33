// SPDX-License-Identifier: Apache-2.0

// Package servertest runs the controllers of a DR cluster against a real API server and the real PV controllers of
// Kubernetes, with the rights of config/spoke and no others. It proves what a fake client can't: ownership of fields,
// binding, watches, and rights.
package servertest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/ramendr/ramen-direct/spokectrl/vrg"
	"github.com/ramendr/ramen-direct/tests/lab/binaries"
	"github.com/ramendr/ramen-direct/tests/lab/source"
)

// admin may do all; spokectrl has the rights of its ServiceAccount.
var (
	admin, spokectrl *rest.Config
	csiAddons        string   // folder of the definitions of csi-addons
	copying          []string // folders of those of VolSync and of snapshots
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	log.SetLogger(zap.New(zap.WriteTo(io.Discard)))
	flag.Parse()
	if testing.Short() {
		fmt.Println("skipped: each of these tests needs an API server")
		return 0
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stop, err := start(ctx)
	defer stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func start(ctx context.Context) (stop func(), err error) {
	stop = func() {}
	dir, err := binaries.Ensure(ctx, os.Stderr)
	if err != nil {
		return stop, err
	}
	module, err := source.Module(ctx, "github.com/csi-addons/kubernetes-csi-addons")
	if err != nil {
		return stop, err
	}
	csiAddons = filepath.Join(module, "config", "crd", "bases")
	for name, folder := range map[string]string{
		"github.com/backube/volsync":                               filepath.Join("config", "crd", "bases"),
		"github.com/kubernetes-csi/external-snapshotter/client/v8": filepath.Join("config", "crd"),
	} {
		dir, err := source.Module(ctx, name)
		if err != nil {
			return stop, err
		}
		copying = append(copying, filepath.Join(dir, folder))
	}
	env := &envtest.Environment{
		BinaryAssetsDirectory: dir,
		CRDDirectoryPaths:     []string{filepath.Join("..", "..", "config", "crd")},
		ErrorIfCRDPathMissing: true,
		// The default is too short for a busy machine.
		ControlPlaneStartTimeout: 2 * time.Minute,
	}
	if admin, err = env.Start(); err != nil {
		return stop, fmt.Errorf("start API server: %w", err)
	}
	admin.QPS = -1
	stop = func() { _ = env.Stop() }
	user, err := env.AddUser(envtest.User{Name: "system:serviceaccount:ramen-system:spokectrl", Groups: []string{"system:authenticated"}}, admin)
	if err != nil {
		return stop, fmt.Errorf("add user: %w", err)
	}
	spokectrl = user.Config()
	spokectrl.QPS = -1
	if err := install(ctx, filepath.Join("..", "..", "config", "spoke"), "namespace.yaml", "serviceaccount.yaml", "role.yaml"); err != nil {
		return stop, err
	}
	controllers, err := startControllers(ctx, env, dir)
	if err != nil {
		return stop, err
	}
	return func() {
		_ = controllers.Process.Kill()
		_ = controllers.Wait()
		_ = env.Stop()
	}, nil
}

// install creates the objects in files of a folder, unless another test did.
func install(ctx context.Context, dir string, files ...string) error {
	scheme, err := vrg.Scheme()
	if err != nil {
		return err
	}
	c, err := client.New(admin, client.Options{Scheme: scheme})
	if err != nil {
		return err
	}
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		d := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
		for {
			u := &unstructured.Unstructured{}
			if err := d.Decode(u); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if err := c.Create(ctx, u); err != nil && !apierrors.IsAlreadyExists(err) {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// startControllers runs those controllers of Kubernetes that bind, protect and release volumes.
func startControllers(ctx context.Context, env *envtest.Environment, dir string) (*exec.Cmd, error) {
	kubeconfig := filepath.Join(env.ControlPlane.APIServer.CertDir, "controllers.kubeconfig")
	if err := os.WriteFile(kubeconfig, env.KubeConfig, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "kube-controller-manager"),
		"--kubeconfig="+kubeconfig, "--leader-elect=false", "--secure-port=0",
		"--controllers=persistentvolume-binder-controller,persistentvolume-protection-controller,persistentvolumeclaim-protection-controller,garbage-collector-controller")
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start kube-controller-manager: %w", err)
	}
	return cmd, nil
}
