// SPDX-License-Identifier: Apache-2.0

// Package snapshot is what one look at an application showed: its object, its policy, and of both clusters the link, the wish
// and the report, with the facts in them by which package plan decides.
//
// It promises that nothing here reads or writes an API server or asks a clock: package drpc looks, and this package says what
// that means. What a cluster reports is believed only within bounds and about its own cluster (X13, X16), what is not known is
// no fact (I2), and an application keeps the group and the volumes that it has until the user's word (I9).
package snapshot
