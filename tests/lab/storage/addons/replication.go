// SPDX-License-Identifier: Apache-2.0

package addons

import (
	"context"
	"errors"
	"time"

	"github.com/csi-addons/spec/lib/go/replication"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// interval is how long what the class says really lasts.
func (s *Server) interval(parameters map[string]string) (time.Duration, error) {
	d, err := s.o.Interval(parameters["schedulingInterval"])
	if err != nil {
		return 0, status.Error(codes.InvalidArgument, err.Error())
	}
	return d, nil
}

// there is the state of a volume that must be there.
func (s *Server) there(ctx context.Context, handle string) (engine.State, error) {
	st, err := s.o.Store.Describe(ctx, handle)
	if err != nil {
		return st, status.Error(codes.Internal, err.Error())
	}
	if st.Role == engine.Absent {
		return st, status.Errorf(codes.NotFound, "there is no volume %s", handle)
	}
	return st, nil
}

// roles is the handle that a request about a role is for, on storage that has roles.
func (s *Server) roles(req sourced) (string, error) {
	if s.o.Store.Kind() == engine.Stub {
		return "", status.Error(codes.Unimplemented, "this storage has no roles")
	}
	return volume(req)
}

// EnableVolumeReplication begins to replicate a primary. Any other volume is one that is replicated already.
func (s *Server) EnableVolumeReplication(ctx context.Context, req *replication.EnableVolumeReplicationRequest) (*replication.EnableVolumeReplicationResponse, error) {
	handle, err := volume(req)
	if err != nil {
		return nil, err
	}
	if err := secret(req.GetSecrets()); err != nil {
		return nil, err
	}
	every, err := s.interval(req.GetParameters())
	if err != nil {
		return nil, err
	}
	st, err := s.there(ctx, handle)
	if err != nil {
		return nil, err
	}
	if s.o.Store.Kind() == engine.Plain && (st.Replicating || st.Role != engine.Primary) {
		return nil, status.Errorf(codes.InvalidArgument, "volume %s is replicated already", handle)
	}
	if st.Role == engine.Primary {
		if err := s.o.Store.Enable(ctx, handle, every); err != nil {
			return nil, refused(err, codes.Internal)
		}
	}
	if s.o.Store.Kind() == engine.Slow && !st.Established() {
		return nil, status.Errorf(codes.Unavailable, "the session of volume %s is being made", handle)
	}
	return &replication.EnableVolumeReplicationResponse{}, nil
}

// DisableVolumeReplication ends it, as the kind of storage does.
func (s *Server) DisableVolumeReplication(ctx context.Context, req *replication.DisableVolumeReplicationRequest) (*replication.DisableVolumeReplicationResponse, error) {
	handle, err := volume(req)
	if err == nil {
		err = secret(req.GetSecrets())
	}
	if err != nil {
		return nil, err
	}
	if _, err := s.there(ctx, handle); err != nil {
		return nil, err
	}
	if err := s.o.Store.End(ctx, handle, s.o.Peer); errors.Is(err, engine.ErrFailedOver) {
		return nil, status.Error(codes.FailedPrecondition, err.Error())
	} else if err != nil {
		return nil, refused(err, codes.Internal)
	}
	return &replication.DisableVolumeReplicationResponse{}, nil
}

// PromoteVolume makes a volume primary, and one that is replicated from here. FailedPrecondition is the code that
// csi-addons answers with a promotion by force.
func (s *Server) PromoteVolume(ctx context.Context, req *replication.PromoteVolumeRequest) (*replication.PromoteVolumeResponse, error) {
	handle, err := s.roles(req)
	if err == nil {
		err = secret(req.GetSecrets())
	}
	if err != nil {
		return nil, err
	}
	every, err := s.interval(req.GetParameters())
	if err != nil {
		return nil, err
	}
	if _, err := s.there(ctx, handle); err != nil {
		return nil, err
	}
	if _, err := s.o.Store.Promote(ctx, handle, s.o.Peer, req.GetForce()); err != nil {
		if !req.GetForce() && s.o.Store.Forces(err) {
			return nil, status.Error(codes.FailedPrecondition, err.Error())
		}
		return nil, refused(err, codes.Internal)
	}
	if err := s.o.Store.Enable(ctx, handle, every); err != nil {
		return nil, refused(err, codes.Internal)
	}
	return &replication.PromoteVolumeResponse{}, nil
}

// DemoteVolume makes a volume that nobody uses secondary.
func (s *Server) DemoteVolume(ctx context.Context, req *replication.DemoteVolumeRequest) (*replication.DemoteVolumeResponse, error) {
	handle, err := s.roles(req)
	if err == nil {
		err = secret(req.GetSecrets())
	}
	if err != nil {
		return nil, err
	}
	if err := s.o.Store.StepDown(ctx, handle, s.o.Peer); err != nil {
		return nil, refused(err, codes.Internal)
	}
	return &replication.DemoteVolumeResponse{}, nil
}

// ResyncVolume tells whether a secondary is in line with its peer. A copy that is on its way is no answer but an error, as
// with RBD, whose words have no time then.
func (s *Server) ResyncVolume(ctx context.Context, req *replication.ResyncVolumeRequest) (*replication.ResyncVolumeResponse, error) {
	handle, err := s.roles(req)
	if err == nil {
		err = secret(req.GetSecrets())
	}
	if err != nil {
		return nil, err
	}
	st, err := s.there(ctx, handle)
	if err != nil {
		return nil, err
	}
	arrays := s.o.Store.Kind() == engine.Array || s.o.Store.Kind() == engine.Slow
	if st.Role == engine.Primary && !arrays {
		return nil, status.Errorf(codes.InvalidArgument, "volume %s is primary: demote it first", handle)
	}
	if s.o.Store.Kind() == engine.Plain {
		return &replication.ResyncVolumeResponse{Ready: true}, nil
	}
	got, err := s.o.Store.Resync(ctx, handle, s.o.Peer, req.GetForce())
	if err != nil {
		if got == engine.Resyncing && !st.Resyncing {
			return nil, status.Error(codes.Unavailable, "awaiting initial resync due to split brain")
		}
		return nil, refused(err, codes.Internal)
	}
	return &replication.ResyncVolumeResponse{Ready: got == engine.InSync}, nil
}

// GetVolumeReplicationInfo tells of the newest copy of a primary that the peer has. Whether it replicates is not known to
// storage like RBD, which asks only its own side.
func (s *Server) GetVolumeReplicationInfo(ctx context.Context, req *replication.GetVolumeReplicationInfoRequest) (*replication.GetVolumeReplicationInfoResponse, error) {
	handle, err := s.roles(req)
	if err != nil {
		return nil, err
	}
	if s.o.Store.Kind() == engine.Plain {
		return nil, status.Error(codes.Unimplemented, "this storage tells nothing of its copies")
	}
	st, err := s.there(ctx, handle)
	switch {
	case err != nil:
		return nil, err
	case st.Role != engine.Primary || !st.Replicating:
		return nil, status.Errorf(codes.InvalidArgument, "volume %s is not primary or not replicated", handle)
	case s.o.Store.Kind() == engine.Array, s.o.Store.Kind() == engine.Slow:
		return s.sessionInfo(handle, st), nil
	case st.LastPass == nil:
		return nil, status.Errorf(codes.FailedPrecondition, "the peer has no complete copy of volume %s yet", handle)
	}
	out := &replication.GetVolumeReplicationInfoResponse{
		LastSyncTime:     timestamppb.New(st.LastPass.Start.Truncate(time.Second)),
		LastSyncDuration: durationpb.New(st.LastPass.Duration),
		LastSyncBytes:    st.LastPass.Bytes,
		Status:           replication.GetVolumeReplicationInfoResponse_HEALTHY,
		StatusMessage:    "the volume replicates",
	}
	if s.o.Store.Kind() == engine.RBD {
		return out, nil
	}
	const tolerated = 2 // intervals
	if failure := s.o.Failure(handle); failure != nil {
		out.Status, out.StatusMessage = replication.GetVolumeReplicationInfoResponse_DEGRADED, failure.Error()
	} else if s.o.Clock.Since(st.LastPass.Start) > tolerated*st.Interval {
		out.Status, out.StatusMessage = replication.GetVolumeReplicationInfoResponse_DEGRADED, "the last copy began more than two intervals ago"
	}
	return out, nil
}

// sessionInfo is what an array tells: that it is now, whatever the peer has.
func (s *Server) sessionInfo(handle string, st engine.State) *replication.GetVolumeReplicationInfoResponse {
	out := &replication.GetVolumeReplicationInfoResponse{
		LastSyncTime: timestamppb.New(s.o.Clock.Now().Truncate(time.Second)),
		Status:       replication.GetVolumeReplicationInfoResponse_HEALTHY, StatusMessage: "the session is in order",
	}
	if st.Forced {
		out.Status, out.StatusMessage = replication.GetVolumeReplicationInfoResponse_DEGRADED, engine.ErrFailedOver.Error()
	} else if failure := s.o.Failure(handle); failure != nil {
		out.Status, out.StatusMessage = replication.GetVolumeReplicationInfoResponse_DEGRADED, failure.Error()
	} else if !st.Established() {
		out.Status, out.StatusMessage = replication.GetVolumeReplicationInfoResponse_DEGRADED, "the first copy is being made"
	}
	return out
}

// refused is an error of the engine as a code; otherwise is that of one that says nothing of the volume.
func refused(err error, otherwise codes.Code) error {
	code := otherwise
	switch {
	case errors.Is(err, engine.ErrNotFound):
		code = codes.NotFound
	case errors.Is(err, engine.ErrInUse):
		code = codes.FailedPrecondition
	case errors.Is(err, engine.ErrBusy):
		code = codes.Aborted
	case errors.Is(err, engine.ErrFailedOver), errors.Is(err, engine.ErrSession):
		code = codes.OutOfRange
	case errors.Is(err, engine.ErrReplicating), errors.Is(err, engine.ErrWrongRole):
		code = codes.InvalidArgument
	case errors.Is(err, engine.ErrUnreachable), errors.Is(err, engine.ErrFinalPending):
		code = codes.Unavailable
	}
	return status.Error(code, err.Error())
}
