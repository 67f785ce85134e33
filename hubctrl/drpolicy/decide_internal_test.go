// SPDX-License-Identifier: Apache-2.0

package drpolicy

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/drpolicy/peerclass"
)

func TestAPolicyNamesWhatItCannotProtect(t *testing.T) {
	peers := []v1alpha1.PeerClass{{StorageClassName: "fast"}, {StorageClassName: "slow"}}
	skipped := []peerclass.Skipped{{StorageClass: "groups", Why: "it is offloaded"}}
	assert.Equal(t, "drpolicy validated; StorageClasses that can be protected: fast, slow", summary(peers, nil))
	assert.Equal(t, "drpolicy validated; StorageClasses that can be protected: fast, slow. These can't. groups: it is offloaded", summary(peers, skipped))
	assert.Equal(t, "drpolicy validated, but no StorageClass can be protected. groups: it is offloaded", summary(nil, skipped))
	assert.Equal(t, "drpolicy validated, but no StorageClass can be protected: none has the label ramendr.openshift.io/storageid", summary(nil, nil))
}

func TestTheWordsOfAPolicyFitIntoACondition(t *testing.T) {
	var peers []v1alpha1.PeerClass
	var skipped []peerclass.Skipped
	for i := range 1000 {
		name := fmt.Sprintf("%0253d", i)
		peers = append(peers, v1alpha1.PeerClass{StorageClassName: name})
		skipped = append(skipped, peerclass.Skipped{StorageClass: name, Why: "the other cluster has no StorageClass of this name"})
	}
	text := summary(peers, skipped)
	assert.Less(t, len(text), 32768)
	assert.Contains(t, text, "and 990 more. These can't. ")
}
