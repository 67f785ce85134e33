// SPDX-License-Identifier: Apache-2.0

// Package status says in words what a look at an application showed and what was decided: phase and progression, what is waited
// for on which cluster and what happens next (I7), conditions, and the events about what is new.
//
// It promises that the whole status is computed from a snapshot, a plan and errors, and that an earlier status is read only for
// since when something holds, or for what was true before. Nothing here reads or writes an API server or asks a clock, and
// nobody is told to delete what may be the only copy of something (I9).
package status
