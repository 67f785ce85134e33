// SPDX-License-Identifier: Apache-2.0

// Package engine replicates volumes, which are folders, between two stores. It knows nothing of Kubernetes.
//
// A primary volume has a writable folder, data. A secondary has none: it has complete copies, gen-<n>, of which the
// symbolic link current names the newest. One pass copies data into a staging folder of the peer, between a begin and
// a commit that cross the link; a copy that is not committed does not exist.
//
// It promises:
//   - The state file of a volume is the only truth and changes by one rename. Whatever else has to happen on disk
//     follows from it and is done again by the next operation, so that a crash at any instant is harmless.
//   - Bytes that only one side has are never removed or written over. A demoted volume keeps its final copy until the
//     peer has it; if the peer went on without it, the copy is moved to diverged-<time> before anything comes in.
//   - Role and use exclude each other: a mounted volume is not demoted, a secondary cannot be mounted.
//
// It does not promise a point in time across files (each file is copied as it is when it is read), except in the snapshots of a
// store that is Freezing, nor to survive a loss of power: a killed process loses nothing that it wrote, a dead machine takes the
// whole lab with it.
package engine
