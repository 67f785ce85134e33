// SPDX-License-Identifier: Apache-2.0

package lab_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

func TestLabStarts(t *testing.T) {
	l := labtest.Start(t, lab.Options{})
	for _, name := range lab.Clusters() {
		var list corev1.NamespaceList
		require.NoError(t, l.Cluster(name).Client.List(t.Context(), &list))
		require.NotEmpty(t, list.Items)
	}
}
