// SPDX-License-Identifier: Apache-2.0

package csi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// Controller serves the sidecars that make, delete, snapshot and resize volumes. Like Ceph RBD it refuses calls that come without
// the credentials of the class.
type Controller struct {
	csi.UnimplementedIdentityServer
	csi.UnimplementedControllerServer

	driver, socket string
	store          *engine.Store
	sizes          string // folder with a file for each volume that was made here: the engine knows no sizes
}

// NewController serves the sidecars of driver on a socket. It keeps what it has to remember in the folder sizes.
func NewController(store *engine.Store, driver, socket, sizes string) *Controller {
	return &Controller{driver: driver, socket: socket, store: store, sizes: sizes}
}

// Start serves until the context ends.
func (c *Controller) Start(ctx context.Context) error {
	return serve(ctx, c.socket, func(s *grpc.Server) {
		csi.RegisterIdentityServer(s, c)
		csi.RegisterControllerServer(s, c)
	})
}

// GetPluginInfo names the driver.
func (c *Controller) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return &csi.GetPluginInfoResponse{Name: c.driver, VendorVersion: "lab"}, nil
}

// GetPluginCapabilities tells that volumes are made here, and grow while they are used.
func (c *Controller) GetPluginCapabilities(context.Context, *csi.GetPluginCapabilitiesRequest) (*csi.GetPluginCapabilitiesResponse, error) {
	return &csi.GetPluginCapabilitiesResponse{Capabilities: []*csi.PluginCapability{
		{Type: &csi.PluginCapability_Service_{Service: &csi.PluginCapability_Service{Type: csi.PluginCapability_Service_CONTROLLER_SERVICE}}},
		{Type: &csi.PluginCapability_VolumeExpansion_{VolumeExpansion: &csi.PluginCapability_VolumeExpansion{Type: csi.PluginCapability_VolumeExpansion_ONLINE}}},
	}}, nil
}

// Probe answers.
func (c *Controller) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return &csi.ProbeResponse{Ready: wrapperspb.Bool(true)}, nil
}

// ControllerGetCapabilities tells what the sidecars may ask for.
func (c *Controller) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	out := &csi.ControllerGetCapabilitiesResponse{}
	for _, is := range []csi.ControllerServiceCapability_RPC_Type{
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME, csi.ControllerServiceCapability_RPC_CREATE_DELETE_SNAPSHOT,
		csi.ControllerServiceCapability_RPC_CLONE_VOLUME, csi.ControllerServiceCapability_RPC_EXPAND_VOLUME,
	} {
		out.Capabilities = append(out.Capabilities, &csi.ControllerServiceCapability{Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: is}}})
	}
	return out, nil
}

// CreateVolume makes a volume, empty or with the bytes of a snapshot or of another volume.
func (c *Controller) CreateVolume(ctx context.Context, req *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	if err := admitted(req.GetSecrets()); err != nil {
		return nil, err
	}
	handle := "vol-" + strings.TrimPrefix(req.GetName(), "pvc-")
	if err := c.fill(ctx, handle, req.GetVolumeContentSource()); err != nil {
		return nil, coded(err)
	}
	if err := c.remember(handle, req.GetCapacityRange().GetRequiredBytes()); err != nil {
		return nil, coded(err)
	}
	return &csi.CreateVolumeResponse{Volume: &csi.Volume{
		VolumeId: handle, CapacityBytes: req.GetCapacityRange().GetRequiredBytes(), ContentSource: req.GetVolumeContentSource(),
	}}, nil
}

func (c *Controller) fill(ctx context.Context, handle string, from *csi.VolumeContentSource) error {
	switch {
	case from.GetSnapshot() != nil:
		return c.store.Restore(ctx, from.GetSnapshot().GetSnapshotId(), handle)
	case from.GetVolume() != nil:
		image := "clone-" + handle
		if _, err := c.store.Snapshot(ctx, from.GetVolume().GetVolumeId(), image); err != nil {
			return err
		}
		if err := c.store.Restore(ctx, image, handle); err != nil {
			return err
		}
		return c.store.DeleteSnapshot(ctx, image)
	default:
		return c.store.Create(handle)
	}
}

// DeleteVolume removes a volume. The secondary of a peer stays: for this cluster it is gone.
func (c *Controller) DeleteVolume(ctx context.Context, req *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	if err := admitted(req.GetSecrets()); err != nil {
		return nil, err
	}
	if _, err := c.store.Delete(ctx, req.GetVolumeId()); err != nil {
		return nil, coded(err)
	}
	if err := os.Remove(c.size(req.GetVolumeId())); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, coded(err)
	}
	return &csi.DeleteVolumeResponse{}, nil
}

// ControllerExpandVolume makes a volume larger. Folders have no size, so nothing is left for the node.
func (c *Controller) ControllerExpandVolume(ctx context.Context, req *csi.ControllerExpandVolumeRequest) (*csi.ControllerExpandVolumeResponse, error) {
	if err := admitted(req.GetSecrets()); err != nil {
		return nil, err
	}
	switch st, err := c.store.Describe(ctx, req.GetVolumeId()); {
	case err != nil:
		return nil, coded(err)
	case st.Role != engine.Primary:
		return nil, coded(fmt.Errorf("expand volume %s: it is %q: %w", req.GetVolumeId(), st.Role, engine.ErrWrongRole))
	}
	size := req.GetCapacityRange().GetRequiredBytes()
	if err := c.remember(req.GetVolumeId(), size); err != nil {
		return nil, coded(err)
	}
	return &csi.ControllerExpandVolumeResponse{CapacityBytes: size}, nil
}

// CreateSnapshot copies a volume.
func (c *Controller) CreateSnapshot(ctx context.Context, req *csi.CreateSnapshotRequest) (*csi.CreateSnapshotResponse, error) {
	made, err := c.store.Snapshot(ctx, req.GetSourceVolumeId(), req.GetName())
	if err != nil {
		return nil, coded(err)
	}
	size, err := c.remembered(req.GetSourceVolumeId())
	if err != nil {
		return nil, coded(err)
	}
	return &csi.CreateSnapshotResponse{Snapshot: &csi.Snapshot{
		SnapshotId: req.GetName(), SourceVolumeId: made.Volume, CreationTime: timestamppb.New(made.Created), ReadyToUse: true, SizeBytes: size,
	}}, nil
}

// DeleteSnapshot removes a snapshot.
func (c *Controller) DeleteSnapshot(ctx context.Context, req *csi.DeleteSnapshotRequest) (*csi.DeleteSnapshotResponse, error) {
	if err := c.store.DeleteSnapshot(ctx, req.GetSnapshotId()); err != nil {
		return nil, coded(err)
	}
	return &csi.DeleteSnapshotResponse{}, nil
}

func (c *Controller) size(handle string) string { return filepath.Join(c.sizes, handle) }

func (c *Controller) remember(handle string, size int64) error {
	if err := os.MkdirAll(c.sizes, 0o750); err != nil {
		return err
	}
	return os.WriteFile(c.size(handle), []byte(strconv.FormatInt(size, 10)), 0o600)
}

// remembered is the size of a volume; 0: it was made by the peer.
func (c *Controller) remembered(handle string) (int64, error) {
	text, err := os.ReadFile(c.size(handle))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(text), 10, 64)
}

// admitted requires the credentials of the storage.
func admitted(secrets map[string]string) error {
	if len(secrets) == 0 {
		return status.Error(codes.InvalidArgument, "no secret came with the call: the class, or an annotation of the PersistentVolume, has to name one")
	}
	return nil
}

// coded is an error as sidecars read it.
func coded(err error) error {
	switch {
	case errors.Is(err, engine.ErrNotFound):
		return status.Error(codes.NotFound, err.Error())
	case errors.Is(err, engine.ErrReplicating), errors.Is(err, engine.ErrInUse):
		return status.Error(codes.FailedPrecondition, err.Error())
	case errors.Is(err, engine.ErrBusy):
		return status.Error(codes.Aborted, err.Error())
	default:
		return status.Error(codes.Internal, err.Error())
	}
}
