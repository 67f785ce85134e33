// SPDX-License-Identifier: Apache-2.0

// Package csi serves CSI over the folders of the engine: Node gives volumes to a real kubelet, Controller makes them for real
// sidecars. It promises that a Pod writes into the very folder that the engine replicates, and that a volume
// that a Pod has mounted keeps its role, as it does on the lab's own node.
package csi

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"

	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// What a kubelet tells of the Pod, if the CSIDriver asks for it.
const (
	podNamespace = "csi.storage.k8s.io/pod.namespace"
	podName      = "csi.storage.k8s.io/pod.name"
)

// Node serves the kubelet of one node.
type Node struct {
	csi.UnimplementedIdentityServer
	csi.UnimplementedNodeServer
	registration.UnimplementedRegistrationServer

	driver, node, kubelet string
	store                 *engine.Store

	mu     sync.Mutex
	mounts map[string]*engine.Mount // by the path at which the kubelet wants the volume
}

// New serves driver on node, whose kubelet has its files in the folder kubelet. That folder must have the same path for
// both, and what is mounted in it must reach the kubelet.
func New(store *engine.Store, driver, node, kubelet string) *Node {
	return &Node{driver: driver, node: node, kubelet: kubelet, store: store, mounts: map[string]*engine.Mount{}}
}

// Start serves until the context ends. Then it lets go of the volumes, which stay mounted, as one that is killed does.
func (n *Node) Start(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return serve(ctx, n.socket(), func(s *grpc.Server) {
			csi.RegisterIdentityServer(s, n)
			csi.RegisterNodeServer(s, n)
		})
	})
	group.Go(func() error {
		return serve(ctx, filepath.Join(n.kubelet, "plugins_registry", n.driver+"-reg.sock"), func(s *grpc.Server) {
			registration.RegisterRegistrationServer(s, n)
		})
	})
	err := group.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	for target := range n.mounts {
		err = errors.Join(err, n.release(target))
	}
	return err
}

func (n *Node) socket() string { return filepath.Join(n.kubelet, "plugins", n.driver, "csi.sock") }

func serve(ctx context.Context, socket string, register func(*grpc.Server)) error {
	if err := os.MkdirAll(filepath.Dir(socket), 0o750); err != nil {
		return fmt.Errorf("serve kubelet: %w", err)
	}
	// What a driver that was killed left.
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("serve kubelet: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("serve kubelet: %w", err)
	}
	s := grpc.NewServer()
	register(s)
	defer context.AfterFunc(ctx, s.Stop)()
	if err := s.Serve(listener); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serve kubelet: %w", err)
	}
	return nil
}

// GetInfo tells the kubelet where the driver is.
func (n *Node) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{Type: registration.CSIPlugin, Name: n.driver, Endpoint: n.socket(), SupportedVersions: []string{"1.0.0"}}, nil
}

// NotifyRegistrationStatus takes what the kubelet makes of that.
func (n *Node) NotifyRegistrationStatus(context.Context, *registration.RegistrationStatus) (*registration.RegistrationStatusResponse, error) {
	return &registration.RegistrationStatusResponse{}, nil
}

// GetPluginInfo names the driver.
func (n *Node) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return &csi.GetPluginInfoResponse{Name: n.driver, VendorVersion: "lab"}, nil
}

// GetPluginCapabilities tells that there is nothing but mounts.
func (n *Node) GetPluginCapabilities(context.Context, *csi.GetPluginCapabilitiesRequest) (*csi.GetPluginCapabilitiesResponse, error) {
	return &csi.GetPluginCapabilitiesResponse{}, nil
}

// Probe answers.
func (n *Node) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return &csi.ProbeResponse{}, nil
}

// NodeGetCapabilities tells that there is nothing but mounts.
func (n *Node) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	return &csi.NodeGetCapabilitiesResponse{}, nil
}

// NodeGetInfo names the node.
func (n *Node) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: n.node}, nil
}

// NodePublishVolume mounts a volume for a Pod. It is repeated while the Pod runs, so that a driver that restarted holds
// the volumes again that its Pods use.
func (n *Node) NodePublishVolume(ctx context.Context, req *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	target := req.GetTargetPath()
	if n.mounts[target] == nil {
		user := "pod " + req.GetVolumeContext()[podNamespace] + "/" + req.GetVolumeContext()[podName]
		mount, err := n.store.Mount(ctx, req.GetVolumeId(), user)
		if err != nil {
			return nil, status.Error(codes.FailedPrecondition, err.Error())
		}
		n.mounts[target] = mount
	}
	if err := bind(n.mounts[target].Dir, target); err != nil {
		err = errors.Join(err, n.release(target))
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &csi.NodePublishVolumeResponse{}, nil
}

// NodeUnpublishVolume undoes it.
func (n *Node) NodeUnpublishVolume(_ context.Context, req *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	target := req.GetTargetPath()
	// EINVAL: nothing is mounted there.
	if err := unix.Unmount(target, 0); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return nil, status.Errorf(codes.Internal, "unmount %s: %s", target, err)
	}
	// Not RemoveAll: if something is still mounted there, that would be the data.
	if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, status.Error(codes.Internal, err.Error())
	}
	if err := n.release(target); err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &csi.NodeUnpublishVolumeResponse{}, nil
}

// release gives a volume back.
func (n *Node) release(target string) error {
	mount := n.mounts[target]
	if mount == nil {
		return nil
	}
	delete(n.mounts, target)
	return mount.Close()
}

// bind makes target another name of dir, unless it is.
func bind(dir, target string) error {
	if err := os.MkdirAll(target, 0o750); err != nil {
		return fmt.Errorf("mount %s: %w", target, err)
	}
	want, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("mount %s: %w", target, err)
	}
	is, err := os.Stat(target)
	if err != nil {
		return fmt.Errorf("mount %s: %w", target, err)
	}
	if os.SameFile(want, is) {
		return nil
	}
	if err := unix.Mount(dir, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s: %w", target, err)
	}
	return nil
}
