// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/ramendr/ramen-direct/tests/lab/storage"
	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// heartbeatEvery is how often the node says that it is there.
const heartbeatEvery = 10 * time.Second

// Options of a node.
type Options struct {
	Cluster string // name of the cluster, and of its folder in Data; the node is called <cluster>-node
	Data    string // folder that the storage drivers of all clusters share
}

// Main is the node's process; args are its flags. It returns when the context ends.
func Main(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("node", flag.ContinueOnError)
	var o Options
	kubeconfig := fs.String("kubeconfig", "", "path of the kubeconfig")
	fs.StringVar(&o.Cluster, "cluster", "", "name of the cluster")
	fs.StringVar(&o.Data, "data", "", "folder that the storage drivers of all clusters share")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *kubeconfig == "" || o.Cluster == "" || o.Data == "" {
		return errors.New("node: flags --kubeconfig, --cluster and --data are needed")
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return fmt.Errorf("flag --kubeconfig %s: %w", *kubeconfig, err)
	}
	return Run(ctx, cfg, o)
}

// Run is the node of one cluster, until the context ends. Its Pods end with it.
func Run(ctx context.Context, cfg *rest.Config, o Options) error {
	data, err := filepath.Abs(o.Data)
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	cfg = rest.CopyConfig(cfg)
	cfg.QPS = -1
	mgr, err := ctrl.NewManager(cfg, manager.Options{
		Metrics: server.Options{BindAddress: "0"},
		// Several nodes run in one process in tests.
		Controller: config.Controller{SkipNameValidation: new(true)},
	})
	if err != nil {
		return fmt.Errorf("node: build manager: %w", err)
	}
	// Wide enough that containers that end while nobody reads are not held up for long.
	ended := make(chan event.GenericEvent, 100)
	clk := clock.RealClock{}
	r := &reconciler{
		client: mgr.GetClient(), live: mgr.GetAPIReader(), events: mgr.GetEventRecorder("lab-node"), clock: clk,
		store: engine.New(storage.VolumesDir(data, o.Cluster), clk), node: o.Cluster + "-node",
	}
	r.boxes = newSandboxes(ctx, clk, func(key types.NamespacedName) {
		select {
		case ended <- event.GenericEvent{Object: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}}:
		case <-ctx.Done():
		}
	})
	if r.port, err = r.boxes.serveCommands(ctx); err != nil {
		return fmt.Errorf("node: %w", err)
	}
	if err := errors.Join(
		mgr.Add(manager.RunnableFunc(r.register)),
		ctrl.NewControllerManagedBy(mgr).Named("node").For(&corev1.Pod{}).
			WatchesRawSource(source.Channel(ended, &handler.EnqueueRequestForObject{})).
			WithOptions(controller.Options{MaxConcurrentReconciles: 8}).Complete(r),
	); err != nil {
		return fmt.Errorf("node: %w", err)
	}
	err = mgr.Start(ctx)
	for _, uid := range r.boxes.uids() {
		err = errors.Join(err, r.boxes.stop(uid))
	}
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	return nil
}

// register keeps the Node object there and ready. A failure is logged and tried again: Pods run on without it.
func (r *reconciler) register(ctx context.Context) error {
	ticker := r.clock.NewTicker(heartbeatEvery)
	defer ticker.Stop()
	for {
		if err := r.heartbeat(ctx); err != nil && ctx.Err() == nil {
			log.FromContext(ctx).Error(err, "node is not registered", "Node", r.node)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
	}
}

func (r *reconciler) heartbeat(ctx context.Context) error {
	var n corev1.Node
	err := r.live.Get(ctx, client.ObjectKey{Name: r.node}, &n)
	if apierrors.IsNotFound(err) {
		n = corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: r.node, Labels: map[string]string{
			corev1.LabelHostname: r.node, corev1.LabelOSStable: "linux",
		}}}
		err = r.client.Create(ctx, &n)
	}
	if err != nil {
		return fmt.Errorf("register node: %w", err)
	}
	now := metav1.NewTime(r.clock.Now())
	ready := corev1.NodeCondition{
		Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "LabNodeReady", Message: "the lab's node runs",
		LastHeartbeatTime: now, LastTransitionTime: now,
	}
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue {
			ready.LastTransitionTime = c.LastTransitionTime
		}
	}
	n.Status.Conditions = []corev1.NodeCondition{ready}
	n.Status.DaemonEndpoints.KubeletEndpoint.Port = r.port
	n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: podIP}}
	if err := r.client.Status().Update(ctx, &n); err != nil {
		return fmt.Errorf("register node: %w", err)
	}
	return nil
}
