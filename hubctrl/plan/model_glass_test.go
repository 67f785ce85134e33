// SPDX-License-Identifier: Apache-2.0

package plan_test

import "github.com/ramendr/ramen-direct/hubctrl/plan"

// promoteByHand is somebody who has no hub, or thinks so, and tells cluster i to be Primary, as a hub would for a failover. To the hub
// that comes back it is a later wish of its own that it has forgotten: its epoch is above all that there are.
func (w *world) promoteByHand(i int) {
	w.glasses--
	s := &w.spoke[i]
	s.epoch = max(w.known(), w.spoke[0].epoch, w.spoke[1].epoch, w.term) + 1
	s.told, s.sync, s.why, s.seen = plan.Primary, plan.NoFinalSync, plan.Failover, false
	s.current, s.later, s.age, s.serves = false, s.mine, since, false
	w.split = true   // the user asked for it as for a failover
	w.deaf[i] = true // the link is live again only when the hub has heard of this (X5)
}
