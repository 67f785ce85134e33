// SPDX-License-Identifier: Apache-2.0

package csi_test

import (
	"os"
	"path/filepath"
	"testing"

	spec "github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/tests/lab/storage/csi"
	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// TestAControllerMakesWhatSidecarsAskFor : volumes with their bytes and sizes, once however often they are asked for, and nothing
// without credentials.
func TestAControllerMakesWhatSidecarsAskFor(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	store := engine.New(filepath.Join(dir, "volumes"), clock.RealClock{})
	c := csi.NewController(store, "driver.example.com", filepath.Join(dir, "csi.sock"), filepath.Join(dir, "sizes"))
	secrets, size := map[string]string{"user": "u"}, &spec.CapacityRange{RequiredBytes: 1 << 30}
	file := func(handle string) string { return filepath.Join(dir, "volumes", handle, "data", "file") }
	holds := func(handle string) string {
		text, err := os.ReadFile(file(handle))
		require.NoError(t, err)
		return string(text)
	}
	create := func(name string, from *spec.VolumeContentSource) string {
		t.Helper()
		var handle string
		for range 2 {
			made, err := c.CreateVolume(ctx, &spec.CreateVolumeRequest{Name: name, CapacityRange: size, Secrets: secrets, VolumeContentSource: from})
			require.NoError(t, err)
			assert.Equal(t, int64(1<<30), made.GetVolume().GetCapacityBytes())
			handle = made.GetVolume().GetVolumeId()
		}
		return handle
	}

	_, err := c.CreateVolume(ctx, &spec.CreateVolumeRequest{Name: "pvc-a", CapacityRange: size})
	assert.Equal(t, codes.InvalidArgument, status.Code(err))
	a := create("pvc-a", nil)
	assert.Equal(t, "vol-a", a)
	require.NoError(t, os.WriteFile(file(a), []byte("first"), 0o600))
	_, err = c.ControllerExpandVolume(ctx, &spec.ControllerExpandVolumeRequest{VolumeId: a, CapacityRange: &spec.CapacityRange{RequiredBytes: 2 << 30}, Secrets: secrets})
	require.NoError(t, err)
	image, err := c.CreateSnapshot(ctx, &spec.CreateSnapshotRequest{Name: "snapshot-1", SourceVolumeId: a})
	require.NoError(t, err)
	assert.Equal(t, int64(2<<30), image.GetSnapshot().GetSizeBytes())
	require.NoError(t, os.WriteFile(file(a), []byte("second"), 0o600))
	assert.Equal(t, "first", holds(create("pvc-b", &spec.VolumeContentSource{Type: &spec.VolumeContentSource_Snapshot{
		Snapshot: &spec.VolumeContentSource_SnapshotSource{SnapshotId: "snapshot-1"}}})))
	assert.Equal(t, "second", holds(create("pvc-c", &spec.VolumeContentSource{Type: &spec.VolumeContentSource_Volume{
		Volume: &spec.VolumeContentSource_VolumeSource{VolumeId: a}}})))

	_, err = c.DeleteSnapshot(ctx, &spec.DeleteSnapshotRequest{SnapshotId: "snapshot-1"})
	require.NoError(t, err)
	_, err = c.DeleteVolume(ctx, &spec.DeleteVolumeRequest{VolumeId: a})
	assert.Equal(t, codes.InvalidArgument, status.Code(err))
	for range 2 {
		_, err = c.DeleteVolume(ctx, &spec.DeleteVolumeRequest{VolumeId: a, Secrets: secrets})
		require.NoError(t, err)
	}
	require.NoDirExists(t, filepath.Dir(file(a)))

	require.NoError(t, store.Demote(ctx, "vol-b"))
	_, err = c.ControllerExpandVolume(ctx, &spec.ControllerExpandVolumeRequest{VolumeId: "vol-b", CapacityRange: size, Secrets: secrets})
	assert.Equal(t, codes.Internal, status.Code(err), "as Ceph RBD, which can't resize an image that is not primary")
	_, err = c.DeleteVolume(ctx, &spec.DeleteVolumeRequest{VolumeId: "vol-b", Secrets: secrets})
	assert.Equal(t, codes.FailedPrecondition, status.Code(err), "the peer lacks its final copy")
}
