// SPDX-License-Identifier: Apache-2.0

package csi_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	proto "github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/tests/lab/storage/csi"
	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

const volume = "vol-1"

// kubelet is a folder as kubelets have it, and a driver that serves there.
type kubelet struct {
	t     *testing.T
	dir   string
	store *engine.Store
	stop  func()
}

func start(t *testing.T) *kubelet {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounts take root")
	}
	dir, err := os.MkdirTemp("", "csi-") // t.TempDir is too long for the path of a socket
	require.NoError(t, err)
	k := &kubelet{t: t, dir: dir, store: engine.New(filepath.Join(dir, "volumes"), clock.RealClock{})}
	require.NoError(t, k.store.Create(volume))
	k.serve()
	t.Cleanup(func() {
		k.stop()
		require.NoError(t, os.RemoveAll(dir))
	})
	return k
}

// serve starts the driver, or restarts it if it runs.
func (k *kubelet) serve() {
	if k.stop != nil {
		k.stop()
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(k.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- csi.New(k.store, "lab", "node-1", k.dir).Start(ctx) }()
	k.stop = func() { stop(); assert.NoError(k.t, <-ended) }
}

// dial finds the driver as a kubelet does, by the socket of its registration.
func (k *kubelet) dial() proto.NodeClient {
	k.t.Helper()
	reg := registration.NewRegistrationClient(k.connect(filepath.Join(k.dir, "plugins_registry", "lab-reg.sock")))
	info, err := reg.GetInfo(k.t.Context(), &registration.InfoRequest{}, grpc.WaitForReady(true))
	require.NoError(k.t, err)
	assert.Equal(k.t, "CSIPlugin", info.GetType())
	assert.Equal(k.t, "lab", info.GetName())
	return proto.NewNodeClient(k.connect(info.GetEndpoint()))
}

func (k *kubelet) connect(socket string) *grpc.ClientConn {
	k.t.Helper()
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(k.t, err)
	k.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (k *kubelet) target() string { return filepath.Join(k.dir, "pods", "1", "mount") }

func (k *kubelet) publish(node proto.NodeClient) error {
	_, err := node.NodePublishVolume(k.t.Context(), &proto.NodePublishVolumeRequest{
		VolumeId: volume, TargetPath: k.target(),
		VolumeContext: map[string]string{"csi.storage.k8s.io/pod.namespace": "app", "csi.storage.k8s.io/pod.name": "web"},
	}, grpc.WaitForReady(true))
	return err
}

func (k *kubelet) unpublish(node proto.NodeClient) {
	k.t.Helper()
	_, err := node.NodeUnpublishVolume(k.t.Context(), &proto.NodeUnpublishVolumeRequest{VolumeId: volume, TargetPath: k.target()}, grpc.WaitForReady(true))
	require.NoError(k.t, err)
}

func TestAVolumeThatAPodHasMountedKeepsItsRole(t *testing.T) {
	k := start(t)
	node := k.dial()
	require.NoError(t, k.publish(node))
	require.NoError(t, k.publish(node), "once more, as kubelets do")
	require.NoError(t, os.WriteFile(filepath.Join(k.target(), "file"), []byte("bytes"), 0o600))
	written, err := os.ReadFile(filepath.Join(k.dir, "volumes", volume, "data", "file"))
	require.NoError(t, err, "the Pod writes into the volume")
	assert.Equal(t, "bytes", string(written))
	require.ErrorContains(t, k.store.Demote(t.Context(), volume), "in use by pod app/web")

	k.serve()
	node = k.dial()
	require.NoError(t, k.publish(node), "after a restart of the driver")
	require.ErrorContains(t, k.store.Demote(t.Context(), volume), "in use by pod app/web")

	k.unpublish(node)
	k.unpublish(node)
	assert.NoDirExists(t, k.target())
	require.NoError(t, k.store.Demote(t.Context(), volume))
	require.ErrorContains(t, k.publish(node), engine.ErrWrongRole.Error())
}

func TestADriverEndsWithItsContext(t *testing.T) {
	k := start(t)
	k.dial()
	done := make(chan struct{})
	go func() { k.stop(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("it runs on")
	}
	k.stop = nil
	k.serve()
	k.dial()
}
