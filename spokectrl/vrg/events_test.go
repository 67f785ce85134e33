// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// told takes the events that were made since it was called last: "Type Reason note".
func (c *cluster) told() []string {
	var out []string
	for len(c.events.Events) > 0 {
		out = append(out, <-c.events.Events)
	}
	return out
}

// warned is what the events of a reason among told say.
func warned(told []string, reason string) []string {
	var out []string
	for _, e := range told {
		if kind, rest, _ := strings.Cut(e, " "+reason+" "); kind == "Warning" {
			out = append(out, rest)
		}
	}
	return out
}

// TestAGroupTellsWhatItReached : once each, whatever is looked at between; and a process that starts tells nothing twice.
func TestAGroupTellsWhatItReached(t *testing.T) {
	s := newStores()
	c := newCluster(t, "dr1", s)
	c.provision("data")
	c.wish(v1alpha1.Primary, "1")
	c.settle()
	assert.Equal(t, []string{"Normal PrimaryVRGProcessSuccess the group is Primary: all volumes are primary"}, c.told())
	c.restart(s)
	c.settle()
	c.provision("log")
	c.settle()
	assert.Equal(t, []string{"Normal PrimaryVRGProcessSuccess the group is Primary: all volumes are primary"}, c.told(), "the new volume was not, for a moment")
	c.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate))
	c.settle()
	assert.Equal(t, []string{"Normal SecondaryVRGProcessSuccess the group is Secondary: all volumes are secondary"}, c.told())
	c.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
	c.settle()
	require.Nil(t, c.group())
	assert.Equal(t, []string{"Normal VRGDeleteSuccess the protection of the volumes ended"}, c.told())
}

// TestAGroupTellsWhatFails : when it begins to, and not with each try.
func TestAGroupTellsWhatFails(t *testing.T) {
	s := newStores()
	c := newCluster(t, "dr1", s)
	c.provision("data")
	refused := true
	c.before = func(verb string, obj any) error {
		if intent, ok := obj.(interface{ GetKind() string }); ok && refused && verb == "apply" && intent.GetKind() == "VolumeReplication" {
			return errors.New("admission webhook says no")
		}
		return nil
	}
	c.wish(v1alpha1.Primary, "1")
	try := func() []string {
		var out []string
		for range 6 {
			_, _ = c.pass()
			c.neighbors()
			out = append(out, c.told()...)
		}
		return out
	}
	assert.Equal(t, []string{"Warning VRCreateFailed tell the replica of claim data: apply as spokectrl-vrg: admission webhook says no"}, try())
	refused = false
	c.settle()
	c.told()

	s.down["s3-dr2"] = true
	c.provision("log")
	got := try()
	require.Len(t, warned(got, "UploadFailed"), 1, got)
	assert.Contains(t, warned(got, "UploadFailed")[0], "s3-dr2")
	s.down["s3-dr2"] = false
	c.settle()
	c.told()

	refused = true
	c.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionFailover))
	got = try()
	assert.Len(t, warned(got, "VRUpdateFailed"), 1, got)
	refused = false

	c.wish(v1alpha1.Secondary, "1", func(g *v1alpha1.VolumeReplicationGroup) { g.Spec.Async = nil })
	assert.Equal(t, []string{"Warning FailedValidation spec.async is missing: set spec.async.schedulingInterval"}, try())
}
