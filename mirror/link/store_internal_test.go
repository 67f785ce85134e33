// SPDX-License-Identifier: Apache-2.0

package link

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestX5_AListThatBeganBeforeADoubtIsNotTrusted(t *testing.T) {
	s := newStore(metav1.Object.GetName, func(change) {})
	asked := func() bool {
		select {
		case <-s.distrusted:
			return true
		default:
			return false
		}
	}
	s.begin()
	require.NoError(t, s.Replace(nil, "1"))
	require.True(t, s.trust())
	require.False(t, asked())

	s.distrust()
	assert.False(t, s.trust())
	assert.True(t, asked(), "it is listed again")
	s.begin()
	s.distrust()
	assert.False(t, asked(), "a list that is under way is not begun again for each failure")
	require.NoError(t, s.Replace(nil, "2"))
	assert.False(t, s.trust(), "the API server was away while it was listed")
	assert.True(t, asked(), "it is listed again")

	s.begin()
	require.NoError(t, s.Replace(nil, "3"))
	assert.True(t, s.trust())
	assert.False(t, asked())
}
