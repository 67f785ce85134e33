// SPDX-License-Identifier: Apache-2.0

// Package plan decides what the hub does next for one protected application. Decide is a pure function from facts to a
// plan: an ordered list of writes, of which any prefix may land before a crash, and what the operation waits for.
//
// It promises, for every reachable state of hub, clusters, links and wishes of the user (the model check explores them):
//
//   - I1: a second Primary is wished only by a Failover that the user asked for, and the other side is demoted as soon as
//     it can be reached.
//   - I2: a Relocate promotes its target only after the source answered this very wish as Secondary and in sync.
//   - I3: nothing is promoted, demoted or removed because something is missing or old: Unknown is a value of its own.
//     A wish that was deleted by hand is re-created only after its object is proved gone; a Primary's where the published
//     decisions say that the workload is, and nowhere while they say that it is nowhere.
//   - I7: a plan without writes is either done or says which fact of which cluster it waits for.
//   - I8: a Failover reads nothing of the failed side to decide whether it may begin. If that side claims a later wish,
//     the user may be asked, once, whether the spec comes from a backup.
//   - I10: what one cluster says, true or false, takes the role from the other one only if the other one, or the user, agrees.
//
// The package reads no clock, no client and no API types, and never its own former output: what the hub decided lies in
// the wishes and in the published decisions, both of which are facts.
package plan
