// SPDX-License-Identifier: Apache-2.0

package addons_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/csi-addons/spec/lib/go/identity"
	"github.com/csi-addons/spec/lib/go/replication"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/tests/lab/storage/addons"
	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

const vol = "vol-1"

// side is the storage of one cluster, and csi-addons' way to it.
type side struct {
	store    *engine.Store
	peer     engine.Peer
	calls    string
	identity identity.IdentityClient
	replication.ControllerClient
}

// away is a peer that does not answer.
type away struct{ engine.Peer }

func (away) Describe(context.Context, string) (engine.State, error) {
	return engine.State{}, engine.ErrUnreachable
}

func serve(t *testing.T, kind engine.Kind) (a, b *side) {
	t.Helper()
	root := t.TempDir()
	a, b = &side{}, &side{}
	for name, s := range map[string]*side{"a": a, "b": b} {
		s.store = engine.New(filepath.Join(root, name, "volumes"), clock.RealClock{}).As(kind)
	}
	a.peer, b.peer = b.store, a.store
	for name, s := range map[string]*side{"a": a, "b": b} {
		socket := filepath.Join(root, name, "s")
		s.calls = filepath.Join(root, name, "calls")
		server := addons.New(addons.Options{
			Driver: "d.example.com", Socket: socket, Calls: s.calls, Store: s.store, Peer: link{s},
			Interval: func(string) (time.Duration, error) { return time.Minute, nil },
			Failure:  func(string) error { return nil }, Clock: clock.RealClock{},
		})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- server.Start(ctx) }()
		t.Cleanup(func() { stop(); assert.NoError(t, <-ended) })
		conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		s.identity, s.ControllerClient = identity.NewIdentityClient(conn), replication.NewControllerClient(conn)
	}
	require.NoError(t, a.store.Create(vol))
	return a, b
}

// link is the peer of a side as it is now.
type link struct{ of *side }

func (l link) Describe(ctx context.Context, h string) (engine.State, error) {
	return l.of.peer.Describe(ctx, h)
}

func (l link) Begin(ctx context.Context, h string, o engine.Offer) (engine.Staging, error) {
	return l.of.peer.Begin(ctx, h, o)
}
func (l link) Commit(ctx context.Context, h, token string) error {
	return l.of.peer.Commit(ctx, h, token)
}
func (l link) Forget(ctx context.Context, h string) error { return l.of.peer.Forget(ctx, h) }
func (l link) Yield(ctx context.Context, h string) error  { return l.of.peer.Yield(ctx, h) }

func source() *replication.ReplicationSource {
	return &replication.ReplicationSource{Type: &replication.ReplicationSource_Volume{
		Volume: &replication.ReplicationSource_VolumeSource{VolumeId: vol},
	}}
}

func key() map[string]string { return map[string]string{"userID": "lab"} }

func (s *side) enable(t *testing.T) codes.Code {
	t.Helper()
	_, err := s.EnableVolumeReplication(t.Context(), &replication.EnableVolumeReplicationRequest{ReplicationSource: source(), Secrets: key()}, grpc.WaitForReady(true))
	return status.Code(err)
}

func (s *side) promote(t *testing.T, force bool) codes.Code {
	t.Helper()
	_, err := s.PromoteVolume(t.Context(), &replication.PromoteVolumeRequest{ReplicationSource: source(), Secrets: key(), Force: force}, grpc.WaitForReady(true))
	return status.Code(err)
}

func (s *side) demote(t *testing.T) codes.Code {
	t.Helper()
	_, err := s.DemoteVolume(t.Context(), &replication.DemoteVolumeRequest{ReplicationSource: source(), Secrets: key()}, grpc.WaitForReady(true))
	return status.Code(err)
}

func (s *side) resync(t *testing.T, force bool) (codes.Code, bool) {
	t.Helper()
	resp, err := s.ResyncVolume(t.Context(), &replication.ResyncVolumeRequest{ReplicationSource: source(), Secrets: key(), Force: force}, grpc.WaitForReady(true))
	return status.Code(err), resp.GetReady()
}

func (s *side) disable(t *testing.T) codes.Code {
	t.Helper()
	_, err := s.DisableVolumeReplication(t.Context(), &replication.DisableVolumeReplicationRequest{ReplicationSource: source(), Secrets: key()}, grpc.WaitForReady(true))
	return status.Code(err)
}

func (s *side) info(t *testing.T) (codes.Code, *replication.GetVolumeReplicationInfoResponse) {
	t.Helper()
	resp, err := s.GetVolumeReplicationInfo(t.Context(), &replication.GetVolumeReplicationInfoRequest{ReplicationSource: source()}, grpc.WaitForReady(true))
	return status.Code(err), resp
}

// copied makes the peer have a complete copy of a's volume.
func copied(t *testing.T, a *side) {
	t.Helper()
	_, err := a.store.Pass(t.Context(), vol, a.peer)
	require.NoError(t, err)
}

func TestTheDriverIntroducesItself(t *testing.T) {
	a, _ := serve(t, engine.RBD)
	who, err := a.identity.GetIdentity(t.Context(), &identity.GetIdentityRequest{}, grpc.WaitForReady(true))
	require.NoError(t, err)
	assert.Equal(t, "d.example.com", who.GetName())
	is, err := a.identity.Probe(t.Context(), &identity.ProbeRequest{})
	require.NoError(t, err)
	assert.True(t, is.GetReady().GetValue())
	can, err := a.identity.GetCapabilities(t.Context(), &identity.GetCapabilitiesRequest{})
	require.NoError(t, err)
	require.Len(t, can.GetCapabilities(), 2)
	assert.Equal(t, identity.Capability_Service_CONTROLLER_SERVICE, can.GetCapabilities()[0].GetService().GetType())
	assert.Equal(t, identity.Capability_VolumeReplication_VOLUME_REPLICATION, can.GetCapabilities()[1].GetVolumeReplication().GetType())
}

// TestTheCallsOfARelocate : the codes and answers by which csi-addons goes from one to the next, with storage like RBD.
func TestTheCallsOfARelocate(t *testing.T) {
	a, b := serve(t, engine.RBD)
	require.Equal(t, codes.OK, a.enable(t))
	code, _ := a.info(t)
	assert.Equal(t, codes.FailedPrecondition, code, "there is no complete copy yet")
	require.Equal(t, codes.OK, a.promote(t, false), "it is primary")
	copied(t, a)
	code, info := a.info(t)
	require.Equal(t, codes.OK, code)
	assert.Equal(t, replication.GetVolumeReplicationInfoResponse_HEALTHY, info.GetStatus())
	assert.WithinDuration(t, time.Now(), info.GetLastSyncTime().AsTime(), time.Minute)

	mount, err := a.store.Mount(t.Context(), vol, "pod app/writer")
	require.NoError(t, err)
	assert.Equal(t, codes.FailedPrecondition, a.demote(t), "it is in use")
	require.NoError(t, mount.Close())
	require.Equal(t, codes.OK, a.demote(t))
	require.Equal(t, codes.OK, a.demote(t), "again, as each pass does")
	assert.Equal(t, codes.FailedPrecondition, b.promote(t, false), "the last copy has not arrived: csi-addons goes on to force it")
	code, ready := a.resync(t, false)
	require.Equal(t, codes.OK, code)
	assert.True(t, ready, "neither is primary, and all is there")
	assert.Equal(t, codes.InvalidArgument, a.disable(t), "not while neither is primary")

	require.Equal(t, codes.OK, b.enable(t), "what is replicated already")
	require.Equal(t, codes.OK, b.promote(t, false))
	code, _ = b.resync(t, false)
	assert.Equal(t, codes.InvalidArgument, code, "a primary")
	code, ready = a.resync(t, false)
	require.Equal(t, codes.OK, code)
	assert.False(t, ready, "it follows a primary")
	code, _ = a.info(t)
	assert.Equal(t, codes.InvalidArgument, code, "not of a secondary")
	assert.Equal(t, codes.OK, a.disable(t))
	assert.Equal(t, codes.OK, b.disable(t))
	assert.Equal(t, codes.NotFound, a.disable(t), "the end of a primary takes the peer's copy along")
}

// TestTheCallsOfAFailover and of the return of the failed side.
func TestTheCallsOfAFailover(t *testing.T) {
	a, b := serve(t, engine.RBD)
	require.Equal(t, codes.OK, a.enable(t))
	assert.Equal(t, codes.NotFound, b.promote(t, true), "there is no image yet")
	copied(t, a)
	b.peer = away{a.store}
	assert.Equal(t, codes.FailedPrecondition, b.promote(t, false), "nobody knows whether the peer was demoted")
	require.Equal(t, codes.OK, b.promote(t, true))

	b.peer = a.store
	require.Equal(t, codes.OK, a.demote(t))
	code, _ := a.resync(t, false)
	assert.Equal(t, codes.Internal, code, "it has diverged, and nobody said that it may be made again")
	assert.Equal(t, codes.InvalidArgument, a.disable(t))
	code, _ = a.resync(t, true)
	assert.Equal(t, codes.Unavailable, code, "a copy is ordered")
	code, _ = a.resync(t, true)
	assert.Equal(t, codes.Internal, code, "the copy is not complete")
	copied(t, b)
	code, ready := a.resync(t, true)
	require.Equal(t, codes.OK, code)
	assert.False(t, ready)
	assert.Equal(t, codes.OK, a.disable(t))
}

func TestWhatIsWrongWithACall(t *testing.T) {
	a, b := serve(t, engine.RBD)
	_, err := a.PromoteVolume(t.Context(), &replication.PromoteVolumeRequest{Secrets: key()}, grpc.WaitForReady(true))
	assert.Equal(t, codes.InvalidArgument, status.Code(err), "no volume")
	_, err = a.EnableVolumeReplication(t.Context(), &replication.EnableVolumeReplicationRequest{ReplicationSource: source()})
	assert.Equal(t, codes.InvalidArgument, status.Code(err))
	assert.ErrorContains(t, err, "the class has to name one")
	for name, ask := range map[string]func(*testing.T) codes.Code{
		"enable": b.enable, "demote": b.demote, "disable": b.disable,
		"promote": func(t *testing.T) codes.Code { t.Helper(); return b.promote(t, false) },
		"resync":  func(t *testing.T) codes.Code { t.Helper(); c, _ := b.resync(t, true); return c },
		"info":    func(t *testing.T) codes.Code { t.Helper(); c, _ := b.info(t); return c },
	} {
		assert.Equal(t, codes.NotFound, ask(t), "%s of a volume that is not there", name)
	}
}

func TestIdealStorageSaysWhetherItReplicates(t *testing.T) {
	a, _ := serve(t, engine.Ideal)
	require.Equal(t, codes.OK, a.enable(t))
	copied(t, a)
	require.NoError(t, a.store.Enable(t.Context(), vol, time.Nanosecond))
	code, info := a.info(t)
	require.Equal(t, codes.OK, code)
	assert.Equal(t, replication.GetVolumeReplicationInfoResponse_DEGRADED, info.GetStatus())
}

func TestEachCallIsWrittenDown(t *testing.T) {
	a, b := serve(t, engine.RBD)
	require.Equal(t, codes.OK, a.enable(t))
	copied(t, a)
	b.promote(t, false)
	require.Equal(t, codes.OK, b.promote(t, true))
	calls, err := addons.Calls(b.calls)
	require.NoError(t, err)
	require.Len(t, calls, 2)
	assert.Equal(t, []string{"PromoteVolume", vol, "FailedPrecondition"}, []string{calls[0].Name, calls[0].Volume, calls[0].Code})
	assert.False(t, calls[0].Force)
	assert.Equal(t, "PromoteVolume "+vol+" with force: OK", calls[1].String())
	none, err := addons.Calls(filepath.Join(t.TempDir(), "none"))
	require.NoError(t, err)
	assert.Empty(t, none)
}
