// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	volsyncv1alpha1 "github.com/backube/volsync/api/v1alpha1"
	replicationv1alpha1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	wake "sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/tests/lab/storage/addons"
	"github.com/ramendr/ramen-direct/tests/lab/storage/csi"
	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
	"github.com/ramendr/ramen-direct/tests/lab/storage/link"
	"github.com/ramendr/ramen-direct/tests/lab/storage/mover"
	"github.com/ramendr/ramen-direct/tests/lab/storage/snapshot"
	"github.com/ramendr/ramen-direct/tests/lab/storage/volsync"
)

// Options of a driver.
type Options struct {
	Cluster string      // the name of this cluster's folder in Data
	Data    string      // folder that the drivers of all clusters share
	Listen  string      // host:port on which the peer is answered
	Peer    string      // http URL at which the peer answers
	Speed   Speed       // may be nil
	Node    string      // name of the node whose kubelet is served; empty: none
	Kubelet string      // folder of that kubelet
	Kind    engine.Kind // what storage to be like; empty: ideal
	// CSIAddons is the socket on which csi-addons' sidecar is served, and Calls the file that gets a line for each of its calls.
	// Empty: the driver obeys VolumeReplications itself.
	CSIAddons, Calls string
	// CSI is the socket on which the sidecars of Kubernetes' CSI project are served. Empty: the driver stands in for them.
	CSI string
	// RealVolSync says that VolSync serves its kinds itself; else the driver stands in for it where they are served.
	RealVolSync bool
}

// VolumesDir is where a cluster's volumes are, each in a folder with the name of its handle.
func VolumesDir(data, cluster string) string { return filepath.Join(data, cluster, "volumes") }

// Main is the driver's process; args are its flags. It returns when the context ends.
func Main(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("storage", flag.ContinueOnError)
	o := Options{Speed: Speed{}}
	kubeconfig := fs.String("kubeconfig", "", "path of the kubeconfig; empty: the cluster that the process runs in")
	fs.StringVar(&o.Cluster, "cluster", "", "name of the cluster")
	fs.StringVar(&o.Data, "data", "", "folder that the drivers of all clusters share")
	fs.StringVar(&o.Listen, "listen", "", "host:port on which the peer is answered")
	fs.StringVar(&o.Peer, "peer", "", "http URL at which the peer answers")
	fs.Var(o.Speed, "interval", "<interval>=<real duration>, such as 1m=2s; repeatable")
	kind := fs.String("kind", string(engine.Ideal), "what storage to be like: ideal, rbd, array, slow, plain or stub")
	fs.StringVar(&o.Node, "node", "", "name of the node whose kubelet gets the volumes by CSI; empty: none")
	fs.StringVar(&o.Kubelet, "kubelet", "/var/lib/kubelet", "folder of that kubelet")
	fs.StringVar(&o.CSIAddons, "csi-addons", "", "path of the socket on which csi-addons is served; empty: it is not there")
	fs.StringVar(&o.CSI, "csi", "", "path of the socket on which external-provisioner, csi-snapshotter and external-resizer are served; empty: they are not there")
	fs.StringVar(&o.Calls, "calls", "", "file that gets a line for each call of csi-addons")
	fs.BoolVar(&o.RealVolSync, "real-volsync", false, "leave the kinds of VolSync to VolSync")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if o.Cluster == "" || o.Data == "" || o.Listen == "" || o.Peer == "" {
		return errors.New("storage: flags --cluster, --data, --listen and --peer are needed")
	}
	var err error
	if o.Kind, err = engine.ParseKind(*kind); err != nil {
		return fmt.Errorf("flag --kind: %w", err)
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return fmt.Errorf("flag --kubeconfig %s: %w", *kubeconfig, err)
	}
	return Run(ctx, cfg, o)
}

// Run is the driver of one cluster, until the context ends.
func Run(ctx context.Context, cfg *rest.Config, o Options) error {
	peer, err := link.NewClient(o.Peer)
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	data, err := filepath.Abs(o.Data)
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(
		clientgoscheme.AddToScheme(scheme), apiextensionsv1.AddToScheme(scheme),
		replicationv1alpha1.AddToScheme(scheme), snapshotv1.AddToScheme(scheme), volsyncv1alpha1.AddToScheme(scheme),
	); err != nil {
		return fmt.Errorf("storage: build scheme: %w", err)
	}
	cfg = rest.CopyConfig(cfg)
	cfg.QPS = -1
	mgr, err := ctrl.NewManager(cfg, manager.Options{
		Scheme: scheme, Metrics: server.Options{BindAddress: "0"},
		// Several drivers run in one process in tests.
		Controller: config.Controller{SkipNameValidation: new(true)},
	})
	if err != nil {
		return fmt.Errorf("storage: build manager: %w", err)
	}
	store := engine.New(VolumesDir(data, o.Cluster), clock.RealClock{}).As(o.Kind)
	if o.Node != "" {
		// A database that is copied file by file while it writes is no database any more: storage with snapshots freezes it, too.
		store = store.Freezing(csi.Freeze)
		if err := errors.Join(csi.Thaw(VolumesDir(data, o.Cluster)), mgr.Add(csi.New(store, Driver, o.Node, o.Kubelet))); err != nil {
			return fmt.Errorf("storage: %w", err)
		}
	}
	// Wide enough that a peer is not held up while nobody reads.
	received := make(chan event.GenericEvent, 100)
	destinations := mover.NewDestinations(store, func(d mover.Destination) {
		rd := &volsyncv1alpha1.ReplicationDestination{ObjectMeta: metav1.ObjectMeta{Namespace: d.Object.Namespace, Name: d.Object.Name}}
		select {
		case received <- event.GenericEvent{Object: rd}:
		case <-ctx.Done():
		}
	})
	// What was being received when the driver ended; nobody can go on with it.
	if err := store.Discard(""); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	loop := NewLoop(store, peer, clock.RealClock{})
	if err := errors.Join(
		mgr.Add(loop),
		mgr.Add(manager.RunnableFunc(func(ctx context.Context) error { return serve(ctx, o.Listen, link.Handler(store, destinations)) })),
		serveReplication(mgr, o, store, peer, loop),
		serveVolumes(mgr, o, data, store),
	); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	if !o.RealVolSync {
		if err := whenServed(mgr, "volsync", slices.Concat(snapshot.Definitions(), volsync.Definitions()), func() error {
			return volsync.Setup(mgr, volsync.Options{
				Cluster: o.Cluster, Driver: Driver, Store: store, Destinations: destinations, Peer: peer.Movers(),
				Speed: o.Speed, Received: received,
			})
		}); err != nil {
			return fmt.Errorf("storage: %w", err)
		}
	}
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	return nil
}

// serveReplication lets volumes be replicated: by csi-addons, or by a stand-in for it.
func serveReplication(mgr ctrl.Manager, o Options, store *engine.Store, peer engine.Peer, loop *Loop) error {
	if o.CSIAddons != "" {
		return mgr.Add(addons.New(addons.Options{
			Driver: Driver, Socket: o.CSIAddons, Calls: o.Calls, Store: store, Peer: peer,
			Interval: o.Speed.Of, Failure: loop.Failure, Clock: clock.RealClock{},
		}))
	}
	return setupReplication(mgr, &replicator{
		client: mgr.GetClient(), live: mgr.GetAPIReader(), apply: apply.New(mgr.GetClient(), "lab-storage"),
		events: mgr.GetEventRecorder(Driver), clock: clock.RealClock{},
		store: store, peer: peer, loop: loop, speed: o.Speed,
	})
}

// serveVolumes lets volumes be made, deleted and snapshotted: by sidecars, or by stand-ins for them.
func serveVolumes(mgr ctrl.Manager, o Options, data string, store *engine.Store) error {
	if o.CSI != "" {
		return mgr.Add(csi.NewController(store, Driver, o.CSI, filepath.Join(data, o.Cluster, "sizes")))
	}
	volumes, err := setupProvisioning(mgr, store)
	if err != nil {
		return err
	}
	return whenServed(mgr, "snapshots", snapshot.Definitions(), func() error { return setupSnapshots(mgr, store, volumes) })
}

// setupSnapshots adds the snapshots, and lets them wake the claims that are made from them.
func setupSnapshots(mgr ctrl.Manager, store *engine.Store, volumes controller.Controller) error {
	if err := snapshot.Setup(mgr, store, Driver); err != nil {
		return err
	}
	return volumes.Watch(wake.Kind[client.Object](mgr.GetCache(), &snapshotv1.VolumeSnapshot{},
		handler.EnqueueRequestsFromMapFunc(snapshot.Wants(mgr.GetClient()))))
}

func serve(ctx context.Context, address string, handler http.Handler) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("answer peer: %w", err)
	}
	s := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("answer peer: %w", err)
	}
	return nil
}
