// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/tests/lab/binaries"
	"github.com/ramendr/ramen-direct/tests/lab/supervise"
)

// sidecar is a program of Kubernetes' CSI project that runs on a spoke.
type sidecar struct {
	program            string
	namespace, account string // who it acts as
	module, rbac       string // the file of its module that says what it may do
	calls              bool   // it calls the driver
}

func sidecars() []sidecar {
	return []sidecar{
		{program: binaries.CSIProvisioner, namespace: metav1.NamespaceDefault, account: "csi-provisioner", module: binaries.ModuleProvisioner, rbac: "rbac.yaml", calls: true},
		{program: binaries.CSIResizer, namespace: metav1.NamespaceDefault, account: "csi-resizer", module: binaries.ModuleResizer, rbac: "rbac.yaml", calls: true},
		{program: binaries.SnapshotController, namespace: metav1.NamespaceSystem, account: "snapshot-controller", module: binaries.ModuleSnapshotter, rbac: "snapshot-controller/rbac-snapshot-controller.yaml"},
		{program: binaries.CSISnapshotter, namespace: metav1.NamespaceDefault, account: "csi-snapshotter", module: binaries.ModuleSnapshotter, rbac: "csi-snapshotter/rbac-csi-snapshotter.yaml", calls: true},
	}
}

func (s sidecar) on(spoke string) Identity {
	return Identity{Cluster: spoke, Namespace: s.namespace, ServiceAccount: s.account, From: spoke}
}

// sidecarServices are the processes of the sidecars on a spoke.
func (l *Lab) sidecarServices(spoke string) []string {
	if !l.options.Sidecars {
		return nil
	}
	var out []string
	for _, s := range sidecars() {
		out = append(out, on(s.program, spoke))
	}
	return out
}

// csiSocket is where the storage driver of a spoke serves its sidecars.
func (l *Lab) csiSocket(spoke string) string { return filepath.Join(l.dir, spoke, "csi.sock") }

// installSidecars makes what the sidecars need on a spoke: their own roles, and what those leave to drivers whose classes name Secrets.
func (l *Lab) installSidecars(ctx context.Context, c *Cluster) error {
	named := metav1.ObjectMeta{Name: "lab-csi-secrets"}
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: named, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: named.Name}}
	for _, s := range sidecars() {
		module, err := binaries.SidecarModule(ctx, s.module)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(filepath.Join(module, "deploy", "kubernetes", filepath.FromSlash(s.rbac)))
		if err != nil {
			return err
		}
		objects, err := decode(text)
		if err != nil {
			return fmt.Errorf("read %s of %s: %w", s.rbac, s.module, err)
		}
		for _, o := range objects {
			if o.GetNamespace() == "" && !strings.HasPrefix(o.GetKind(), "Cluster") {
				o.SetNamespace(s.namespace)
			}
		}
		if err := apply(ctx, c, objects); err != nil {
			return err
		}
		binding.Subjects = append(binding.Subjects, rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: s.namespace, Name: s.account})
	}
	for _, o := range []client.Object{
		&rbacv1.ClusterRole{ObjectMeta: named, Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "list", "watch"}}}},
		binding,
	} {
		if err := c.Client.Create(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// startSidecars starts the sidecars on a spoke.
func (l *Lab) startSidecars(ctx context.Context, spoke string) error {
	if !l.options.Sidecars {
		return nil
	}
	dir, err := binaries.Sidecars(ctx, l.options.Log)
	if err != nil {
		return err
	}
	for _, s := range sidecars() {
		if _, err := l.Kubeconfig(ctx, s.on(spoke)); err != nil {
			return err
		}
		// A story waits for what comes after a failure: their longest pause is five minutes.
		args := []string{"--kubeconfig=" + l.KubeconfigFile(s.on(spoke)), "--kube-api-qps=100", "--kube-api-burst=200", "--retry-interval-start=200ms", "--retry-interval-max=5s"}
		if s.calls {
			args = append(args, "--csi-address="+l.csiSocket(spoke))
		}
		if err := l.supervisor.Start(ctx, supervise.Service{
			Name:    on(s.program, spoke),
			Command: l.command(on(s.program, spoke), filepath.Join(dir, s.program), args...),
			// It ends itself whenever the driver was away.
			Restart: true,
		}); err != nil {
			return fmt.Errorf("start %s: %w", s.program, err)
		}
	}
	return nil
}

// withSecrets gives the classes among objects the parameters by which sidecars show the driver its credentials, as those of Ceph RBD
// have them, and lets their volumes grow.
func withSecrets(objects []client.Object) []client.Object {
	for _, o := range objects {
		class, ok := o.(*storagev1.StorageClass)
		if !ok {
			continue
		}
		class.Parameters, class.AllowVolumeExpansion = map[string]string{}, new(true)
		for _, kind := range []string{"provisioner", "controller-expand", "node-stage"} {
			class.Parameters["csi.storage.k8s.io/"+kind+"-secret-name"] = pluginName
			class.Parameters["csi.storage.k8s.io/"+kind+"-secret-namespace"] = pluginNamespace
		}
	}
	return objects
}
