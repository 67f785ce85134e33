// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	csiaddonsv1alpha1 "github.com/csi-addons/kubernetes-csi-addons/api/csiaddons/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/tests/lab/binaries"
	"github.com/ramendr/ramen-direct/tests/lab/storage/addons"
	"github.com/ramendr/ramen-direct/tests/lab/supervise"
)

// CSIAddons says who obeys VolumeReplications.
type CSIAddons string

const (
	// AddonsStandIn is the storage driver itself, which writes their status as csi-addons would. It looks twice a second.
	AddonsStandIn CSIAddons = ""
	// AddonsQuick is csi-addons' own manager and sidecar, with timers that are binaries.CSIAddonsSpeed times faster.
	AddonsQuick CSIAddons = "quick"
	// AddonsReal is csi-addons' own manager and sidecar as they are.
	AddonsReal CSIAddons = "real"
)

// Where csi-addons and the storage's plugin live on a spoke.
const (
	addonsNamespace = "csi-addons-system"
	addonsAccount   = "csi-addons-controller-manager"
	pluginNamespace = "lab-csi"
	pluginName      = "lab-csi-plugin" // of its Pod, its ServiceAccount and its Secret
)

// managerOn and sidecarOn are who csi-addons' programs act as.
func managerOn(spoke string) Identity {
	return Identity{Cluster: spoke, Namespace: addonsNamespace, ServiceAccount: addonsAccount, From: spoke}
}

func sidecarOn(spoke string) Identity {
	return Identity{Cluster: spoke, Namespace: pluginNamespace, ServiceAccount: pluginName, From: spoke}
}

// addonsServices are the processes of csi-addons on a spoke, in the order of their start.
func (l *Lab) addonsServices(spoke string) []string {
	if l.options.CSIAddons == AddonsStandIn {
		return nil
	}
	return []string{on(serviceSidecar, spoke), on(serviceAddons, spoke)}
}

// socket is where the storage driver of a spoke serves csi-addons' sidecar.
func (l *Lab) socket(spoke string) string { return filepath.Join(l.dir, spoke, "csi-addons.sock") }

// Calls are those that the storage driver of a spoke was asked for by csi-addons, in their order.
func (l *Lab) Calls(spoke string) ([]addons.Call, error) { return addons.Calls(l.callsFile(spoke)) }

func (l *Lab) callsFile(spoke string) string { return filepath.Join(l.DataDir(), spoke, "calls.jsonl") }

// installAddons makes what csi-addons needs on a spoke but its definitions. The roles of its manager are its own.
func (l *Lab) installAddons(ctx context.Context, c *Cluster, module string) error {
	for _, name := range []string{addonsNamespace, pluginNamespace} {
		if err := c.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			return err
		}
	}
	if err := applyFile(ctx, c, filepath.Join(module, "deploy", "controller", "rbac.yaml")); err != nil {
		return err
	}
	named := metav1.ObjectMeta{Namespace: pluginNamespace, Name: pluginName}
	all := []string{"get", "list", "watch", "create", "update", "delete"}
	for _, o := range []client.Object{
		&corev1.ServiceAccount{ObjectMeta: named},
		&rbacv1.Role{ObjectMeta: named, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{"csiaddons.openshift.io"}, Resources: []string{"csiaddonsnodes"}, Verbs: all},
			{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: all},
			{APIGroups: []string{""}, Resources: []string{"pods", "secrets"}, Verbs: []string{"get"}},
			{APIGroups: []string{""}, Resources: []string{"events"}, Verbs: []string{"create", "patch"}},
		}},
		&rbacv1.RoleBinding{
			ObjectMeta: named,
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: pluginName},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: pluginNamespace, Name: pluginName}},
		},
		// The storage lets everybody in who shows one, as long as it is not empty.
		&corev1.Secret{ObjectMeta: named, StringData: map[string]string{"userID": "lab"}},
	} {
		if err := c.Client.Create(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// startAddons starts csi-addons on a spoke and returns when its manager is connected to the storage driver.
func (l *Lab) startAddons(ctx context.Context, spoke string) error {
	services := l.addonsServices(spoke)
	if len(services) == 0 {
		return nil
	}
	if err := l.prepareAddons(ctx, spoke); err != nil {
		return err
	}
	dir, err := binaries.CSIAddons(ctx, l.options.Log)
	if err != nil {
		return err
	}
	sidecar, manager := services[0], services[1]
	listen, health := l.address(sidecar), l.address(portHealth+manager)
	if err := l.supervisor.Start(ctx, supervise.Service{
		Name:    sidecar,
		Address: "grpc://" + listen,
		Command: l.command(sidecar, filepath.Join(dir, binaries.CSIAddonsSidecar),
			"--kubeconfig="+l.KubeconfigFile(sidecarOn(spoke)), "--csi-addons-address=unix://"+l.socket(spoke), "--node-id="+spoke+"-node",
			// The UID is written down and read by nobody: a name outlives a cluster that is replaced.
			"--pod="+pluginName, "--namespace="+pluginNamespace, "--pod-uid="+pluginName, "--leader-election-namespace="+pluginNamespace, "--leader-election-retry-period=2s",
			"--controller-port="+l.port(sidecar), "--enable-auth=false"),
		Ready: func(ctx context.Context) error { return dial(ctx, listen) },
		// It ends itself whenever the driver or the API server was away.
		Restart: true,
	}); err != nil {
		return err
	}
	program := binaries.CSIAddonsManager
	if l.options.CSIAddons == AddonsQuick {
		program = binaries.CSIAddonsQuick
	}
	if err := l.supervisor.Start(ctx, supervise.Service{
		Name:    manager,
		Address: "http://" + health,
		Command: l.command(manager, filepath.Join(dir, program),
			"--kubeconfig="+l.KubeconfigFile(managerOn(spoke)), "--namespace="+addonsNamespace, "--leader-elect=false", "--enable-auth=false",
			"--health-probe-bind-address="+health, "--metrics-bind-address=0", "--zap-devel=false"),
		Ready:   func(ctx context.Context) error { return probe(ctx, "http://"+health+"/healthz", "") },
		Restart: l.options.Restart,
	}); err != nil {
		return err
	}
	return await(ctx, "csi-addons is connected to the storage of "+spoke, func(ctx context.Context) error {
		return l.connected(ctx, spoke)
	})
}

func (l *Lab) connected(ctx context.Context, spoke string) error {
	nodes := &csiaddonsv1alpha1.CSIAddonsNodeList{}
	if err := l.Cluster(spoke).Client.List(ctx, nodes, client.InNamespace(pluginNamespace)); err != nil {
		return err
	}
	for _, n := range nodes.Items {
		if n.Status.State == csiaddonsv1alpha1.CSIAddonsNodeStateConnected {
			return nil
		}
	}
	return errors.New("no CSIAddonsNode is connected")
}

// prepareAddons makes the credentials of csi-addons' programs and the Pod at whose address its manager finds the sidecar.
func (l *Lab) prepareAddons(ctx context.Context, spoke string) error {
	for _, id := range []Identity{managerOn(spoke), sidecarOn(spoke)} {
		if _, err := l.Kubeconfig(ctx, id); err != nil {
			return err
		}
	}
	c := l.Cluster(spoke).Client
	node := &corev1.Node{}
	if err := await(ctx, "the node of "+spoke+" is registered", func(ctx context.Context) error {
		return c.Get(ctx, client.ObjectKey{Name: spoke + "-node"}, node)
	}); err != nil {
		return err
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: pluginNamespace, Name: pluginName,
			// The sidecar requires an owner.
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: node.Name, UID: node.UID}},
		},
		Spec: corev1.PodSpec{
			AutomountServiceAccountToken: new(false),
			Containers:                   []corev1.Container{{Name: "plugin", Image: "lab/pause"}},
		},
	}
	if err := c.Create(ctx, pod); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create Pod %s/%s on %s: %w", pluginNamespace, pluginName, spoke, err)
	}
	return await(ctx, "the storage plugin of "+spoke+" has an address", func(ctx context.Context) error {
		if err := c.Get(ctx, client.ObjectKeyFromObject(pod), pod); err != nil {
			return err
		}
		if pod.Status.PodIP == "" {
			return errors.New("its Pod does not run")
		}
		return nil
	})
}
