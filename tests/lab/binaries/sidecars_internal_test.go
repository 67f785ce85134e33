// SPDX-License-Identifier: Apache-2.0

package binaries

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAModuleOfSidecarsWithAnotherChecksumIsNotBuilt(t *testing.T) {
	m := sidecarModules()[0]
	m.sum = "h1:another"
	_, err := m.folder(t.Context())
	require.ErrorContains(t, err, "it is not built")
	_, err = SidecarModule(t.Context(), "example.com/another")
	require.Error(t, err)
}
