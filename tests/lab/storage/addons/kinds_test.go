// SPDX-License-Identifier: Apache-2.0

package addons_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// TestWhatPlainStorageCannotDo : what it cannot, it says by codes that csi-addons never answers with force.
func TestWhatPlainStorageCannotDo(t *testing.T) {
	a, b := serve(t, engine.Plain)
	require.Equal(t, codes.OK, a.enable(t))
	assert.Equal(t, codes.InvalidArgument, a.enable(t), "it is replicated already")
	require.Equal(t, codes.OK, a.promote(t, false))
	copied(t, a)
	code, _ := a.info(t)
	assert.Equal(t, codes.Unimplemented, code)

	b.peer = away{a.store}
	assert.Equal(t, codes.Unavailable, b.promote(t, false), "without the peer")
	assert.Equal(t, codes.Unavailable, b.promote(t, true), "nor by force")
	b.peer = a.store
	assert.NotContains(t, []codes.Code{codes.OK, codes.FailedPrecondition}, b.promote(t, false), "while the peer is primary")

	require.Equal(t, codes.OK, a.demote(t))
	code, ready := a.resync(t, false)
	assert.Equal(t, codes.OK, code)
	assert.True(t, ready, "whatever the peer has")
	assert.Equal(t, codes.InvalidArgument, a.enable(t), "so it is not promoted again: csi-addons enables first")
}

func TestWhatAStubCannotDo(t *testing.T) {
	a, _ := serve(t, engine.Stub)
	assert.Equal(t, codes.OK, a.enable(t))
	assert.Equal(t, codes.Unimplemented, a.promote(t, true))
	assert.Equal(t, codes.Unimplemented, a.demote(t))
	code, _ := a.resync(t, true)
	assert.Equal(t, codes.Unimplemented, code)
	code, _ = a.info(t)
	assert.Equal(t, codes.Unimplemented, code)
	assert.Equal(t, codes.OK, a.disable(t))
}
