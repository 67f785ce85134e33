// SPDX-License-Identifier: Apache-2.0

// Package wish says what the hub writes for an application: the wish in the outbox of each cluster with all that it owns of it
// (X1), its epoch (I5), and the decisions in the status.
//
// It promises that nothing here reads or writes an API server, asks a clock or draws at random: from a snapshot and a write of
// the plan follows one intent, always the same. What one cluster reports becomes part of what the other one is told only where
// the hub asked for it (X16), and a destination is taken away by evidence only (I1).
package wish
