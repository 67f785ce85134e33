// SPDX-License-Identifier: Apache-2.0

package exchange_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

func TestX13_OnlyTheRecordedClusterHasALiveLink(t *testing.T) {
	claim := func(identity string, state exchange.LinkState) exchange.Claim {
		return exchange.Claim{Identity: identity, Link: exchange.Link{State: state}}
	}
	none := exchange.Claim{}
	for name, tc := range map[string]struct {
		recorded      string
		own, stranger exchange.Claim
		want          exchange.LinkState
		is            string // the stranger
	}{
		"the recorded one":                           {"a", claim("a", exchange.LinkLive), none, exchange.LinkLive, ""},
		"nobody yet":                                 {"a", none, none, exchange.LinkNever, ""},
		"one before any was recorded":                {"", claim("a", exchange.LinkLive), none, exchange.LinkConnecting, ""},
		"one that does not say who it is":            {"a", claim("", exchange.LinkLive), none, exchange.LinkConnecting, ""},
		"the recorded one is silent":                 {"a", claim("a", exchange.LinkLost), none, exchange.LinkLost, ""},
		"it is silent, and another is there":         {"a", claim("a", exchange.LinkLost), claim("b", exchange.LinkLive), exchange.LinkReplaced, "b"},
		"the hub has just started, and so":           {"a", claim("a", exchange.LinkConnecting), claim("b", exchange.LinkConnecting), exchange.LinkReplaced, "b"},
		"it is there, and another too":               {"a", claim("a", exchange.LinkLive), claim("b", exchange.LinkLive), exchange.LinkLive, "b"},
		"the other one has gone":                     {"a", claim("a", exchange.LinkLost), claim("b", exchange.LinkLost), exchange.LinkLost, ""},
		"another was accepted, and has not renewed":  {"b", claim("a", exchange.LinkLost), claim("b", exchange.LinkLive), exchange.LinkReplaced, "a"},
		"another was accepted while this one renews": {"b", claim("a", exchange.LinkLive), none, exchange.LinkReplaced, "a"},
		"the other one became the recorded one":      {"b", claim("b", exchange.LinkLive), claim("b", exchange.LinkLive), exchange.LinkLive, ""},
	} {
		link := exchange.Recognize(tc.recorded, tc.own, tc.stranger)
		assert.Equal(t, tc.want, link.State, name)
		assert.Equal(t, tc.is, link.Stranger, name)
	}
}

func TestX13_AnotherIdentityIsRecordedOnlyByTheUsersWord(t *testing.T) {
	for name, tc := range map[string]struct {
		recorded, accepted string
		claimed            []string
		want               string
	}{
		"the first":                         {"", "", []string{"a", ""}, "a"},
		"nobody is there":                   {"", "", []string{"", ""}, ""},
		"the first is not the accepted one": {"", "b", []string{"a", ""}, ""},
		"the first is the accepted one":     {"", "a", []string{"a", ""}, "a"},
		"another":                           {"a", "", []string{"a", "b"}, "a"},
		"another that is accepted":          {"a", "b", []string{"a", "b"}, "b"},
		"accepted, but not there":           {"a", "b", []string{"a", ""}, "a"},
		"accepted once, and another now":    {"b", "b", []string{"b", "c"}, "b"},
	} {
		assert.Equal(t, tc.want, exchange.Record(tc.recorded, tc.accepted, tc.claimed...), name)
	}
}

func TestX13_AReportOfAnotherClusterAnswersNothing(t *testing.T) {
	wish, report := &v1alpha1.VolumeReplicationGroup{}, &v1alpha1.VolumeReplicationGroup{}
	wish.UID, wish.Generation = "wish", 2
	report.Status.Exchange = &v1alpha1.ExchangeStamp{WishUID: "wish", WishGeneration: 2, ClusterID: "a"}
	assert.True(t, exchange.Answers(wish, report), "the wish does not say for whom it is")
	wish.Annotations = map[string]string{"exchange.ramendr.openshift.io/spoke-id": "a"}
	assert.True(t, exchange.Answers(wish, report))
	wish.Annotations["exchange.ramendr.openshift.io/spoke-id"] = "b"
	assert.False(t, exchange.Answers(wish, report))
}
