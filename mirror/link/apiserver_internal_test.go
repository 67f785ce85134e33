// SPDX-License-Identifier: Apache-2.0

package link

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// TestAFullInboxIsNoMissingRight: an object that the hub has no room for is named, and the link stays live.
func TestAFullInboxIsNoMissingRight(t *testing.T) {
	refused := func(why string) error {
		return apierrors.NewForbidden(groupResource.GroupResource(), "shop.db", errors.New(why))
	}
	assert.True(t, unacceptable(refused("exceeded quota: mirror, requested: count/volumereplicationgroups.ramendr.openshift.io=1, used: 12k, limited: 12k")))
	assert.False(t, unacceptable(refused("User \"mirror\" cannot patch resource")))
	assert.False(t, unacceptable(nil))
}
