// SPDX-License-Identifier: Apache-2.0

// Package drpc carries out what package plan decides for each DRPlacementControl: observe, decide, act, report. It is the part
// that touches API servers: what was seen is in package snapshot, what is written in package wish, and what users are told in
// package status.
//
// What the hub has decided lies in the outboxes and in status.decisions; both are read live before each decision, so
// that a new hub, a restarted hub and a running one take the same path. Reports come from the cache, with their stamp.
// It promises that the rest of the status is computed again from facts at each pass and never read to decide (but for
// the times since when something holds), that a pass without changes writes nothing, and that users' specs, labels and
// annotations are never written.
package drpc
