// SPDX-License-Identifier: Apache-2.0

package exchange_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

func TestOnlyWhatOpenShiftGivesOutIsARange(t *testing.T) {
	const users, groups, level = "openshift.io/sa.scc.uid-range", "openshift.io/sa.scc.supplemental-groups", "openshift.io/sa.scc.mcs"
	for _, tc := range []struct {
		key, value string
		want       bool
	}{
		{users, "1000680000/10000", true},
		{groups, "1000680000/10000", true},
		{level, "s0:c26,c15", true},
		{users, "0/10000", false},
		{users, "1000/10000", false},
		{users, "1000680000/2000000000", false},
		{users, "1000680000/0", false},
		{users, "1000680000", false},
		{users, "1000680000-1000690000", false},
		{users, "-1/10000", false},
		{users, "1000680000/10000,0/1", false},
		{level, "s0", false},
		{level, "s0:c0.c1023", false},
		{level, "s0:c26,c15,c3", false},
		{level, "s0-s15:c0.c1023", false},
		{"volsync.backube/privileged-movers", "true", false},
		{"pod-security.kubernetes.io/enforce", "privileged", false},
	} {
		assert.Equal(t, tc.want, exchange.IsRange(tc.key, tc.value), "%s=%s", tc.key, tc.value)
	}
}

func TestRangesAreReadAsTheyWereWritten(t *testing.T) {
	r := exchange.RangesOf([]v1alpha1.NamespaceTraits{
		{Name: "shop", Annotations: map[string]string{"openshift.io/sa.scc.uid-range": "1000680000/10000", "volsync.backube/privileged-movers": "true"}},
		{Name: "bank", Annotations: map[string]string{"openshift.io/sa.scc.uid-range": "0/1"}},
		{Name: "gone", Absent: true, Annotations: map[string]string{"openshift.io/sa.scc.uid-range": "1000680000/10000"}},
	})
	assert.Equal(t, `{"shop":{"openshift.io/sa.scc.uid-range":"1000680000/10000"}}`, r.String())
	assert.Equal(t, r, exchange.ReadRanges(r.String()))
	assert.Empty(t, exchange.Ranges{}.String())
	assert.Nil(t, exchange.ReadRanges("{"))
	assert.Empty(t, exchange.ReadRanges(`{"shop":{"openshift.io/sa.scc.uid-range":"0/1","a":"b"}}`)["shop"], "who wrote it does not matter")
}
