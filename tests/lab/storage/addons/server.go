// SPDX-License-Identifier: Apache-2.0

package addons

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/csi-addons/spec/lib/go/identity"
	"github.com/csi-addons/spec/lib/go/replication"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// Options of a server.
type Options struct {
	Driver string // name of the CSI driver
	Socket string // path on which csi-addons' sidecar is served
	Calls  string // file that gets a line for each call; empty: none
	Store  *engine.Store
	Peer   engine.Peer
	// Interval is how long the scheduling interval of a class really lasts.
	Interval func(schedule string) (time.Duration, error)
	// Failure is why the newest try to send a volume to the peer failed; nil if it did not.
	Failure func(handle string) error
	Clock   clock.PassiveClock
}

// Server is the driver as csi-addons sees it.
type Server struct {
	identity.UnimplementedIdentityServer
	replication.UnimplementedControllerServer

	o     Options
	calls *calls
}

// New is a server that has yet to be started.
func New(o Options) *Server { return &Server{o: o, calls: &calls{file: o.Calls, clock: o.Clock}} }

// Start serves until the context ends.
func (s *Server) Start(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(s.o.Socket), 0o750); err != nil {
		return fmt.Errorf("serve csi-addons: %w", err)
	}
	// What a driver that was killed left.
	if err := os.Remove(s.o.Socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("serve csi-addons: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", s.o.Socket)
	if err != nil {
		return fmt.Errorf("serve csi-addons: %w", err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(s.calls.note))
	identity.RegisterIdentityServer(server, s)
	replication.RegisterControllerServer(server, s)
	defer context.AfterFunc(ctx, server.Stop)()
	if err := server.Serve(listener); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serve csi-addons: %w", err)
	}
	return nil
}

// GetIdentity names the driver.
func (s *Server) GetIdentity(context.Context, *identity.GetIdentityRequest) (*identity.GetIdentityResponse, error) {
	return &identity.GetIdentityResponse{Name: s.o.Driver, VendorVersion: "lab"}, nil
}

// GetCapabilities tells that volumes are replicated.
func (s *Server) GetCapabilities(context.Context, *identity.GetCapabilitiesRequest) (*identity.GetCapabilitiesResponse, error) {
	return &identity.GetCapabilitiesResponse{Capabilities: []*identity.Capability{
		{Type: &identity.Capability_Service_{Service: &identity.Capability_Service{Type: identity.Capability_Service_CONTROLLER_SERVICE}}},
		{Type: &identity.Capability_VolumeReplication_{VolumeReplication: &identity.Capability_VolumeReplication{
			Type: identity.Capability_VolumeReplication_VOLUME_REPLICATION,
		}}},
	}}, nil
}

// Probe answers.
func (s *Server) Probe(context.Context, *identity.ProbeRequest) (*identity.ProbeResponse, error) {
	return &identity.ProbeResponse{Ready: wrapperspb.Bool(true)}, nil
}

// sourced is a request about a volume.
type sourced interface {
	GetReplicationSource() *replication.ReplicationSource
	GetVolumeId() string // the field that older callers set
}

// volume is the handle that a request is about.
func volume(req sourced) (string, error) {
	handle := req.GetReplicationSource().GetVolume().GetVolumeId()
	if handle == "" {
		handle = req.GetVolumeId()
	}
	if handle == "" {
		return "", status.Error(codes.InvalidArgument, "no volume is named: groups of volumes are not served")
	}
	return handle, nil
}

// secret requires what a storage needs to be let in: a class that names no secret fails at the first call.
func secret(of map[string]string) error {
	if len(of) == 0 {
		return status.Error(codes.InvalidArgument, "no secret came with the call: the class has to name one")
	}
	return nil
}
