// SPDX-License-Identifier: Apache-2.0

package volsync

import (
	"fmt"
	"strings"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"

	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// A manual trigger of VolSync is a tag. It is done when the status repeats it; a synchronization that runs when the tag
// changes claims the new one though it began earlier. So a last synchronization takes two: the first one ends the
// schedule and whatever runs, the second begins when nothing does.
const (
	tagSchedule = ""
	tagPrepare  = "prepare" // the first one, while the application may still run
	tagStop     = "stop"    // the first one, when it does not
	tagFinal    = "final"   // the second
)

func manual(rs *volsyncv1.ReplicationSource) string {
	if rs == nil || rs.Spec.Trigger == nil {
		return ""
	}
	return rs.Spec.Trigger.Manual
}

// stage is which of the triggers a source has.
func stage(rs *volsyncv1.ReplicationSource) string {
	for _, tag := range []string{tagPrepare, tagStop, tagFinal} {
		if strings.HasPrefix(manual(rs), tag+"-") {
			return tag
		}
	}
	return tagSchedule
}

// done reports whether the tag that a source has is done.
func done(rs *volsyncv1.ReplicationSource) bool {
	return manual(rs) != "" && rs.Status != nil && rs.Status.LastManualSync == manual(rs)
}

// tag is used by one operation only: a group's generation never returns, nor does the UID of a group that is re-created.
func tag(kind string, g provider.Group) string {
	uid := g.UID
	if len(uid) > 8 {
		uid = uid[:8]
	}
	return fmt.Sprintf("%s-%s-%d", kind, uid, g.Generation)
}

// asked is the stage that the group is to come to. What the peer lacks after a failover is given up.
func asked(v provider.Volume) string {
	switch g := v.Group; {
	case g.Role == plan.Secondary && g.Failover:
		return tagSchedule
	case g.Role == plan.Secondary, g.Final && v.Free:
		return tagFinal
	case g.Prepare, g.Final:
		return tagPrepare
	default:
		return tagSchedule
	}
}

// trigger is the next one on the way to the stage that is asked for; rs is the source as it is, nil if there is none.
func trigger(v provider.Volume, rs *volsyncv1.ReplicationSource) (map[string]any, error) {
	has, want := stage(rs), asked(v)
	keep := map[string]any{"manual": manual(rs)}
	switch {
	case want == tagSchedule:
		schedule, err := Schedule(v.Group.Interval)
		return map[string]any{"schedule": schedule}, err
	case has == want:
		return keep, nil // of this operation: between two, the schedule returns
	case want == tagPrepare:
		return map[string]any{"manual": tag(tagPrepare, v.Group)}, nil
	case has == tagSchedule:
		return map[string]any{"manual": tag(tagStop, v.Group)}, nil
	case !done(rs):
		return keep, nil
	default:
		return map[string]any{"manual": tag(tagFinal, v.Group)}, nil
	}
}
