// SPDX-License-Identifier: Apache-2.0

// Package snapshot is what one look at a group shows: its object, its volumes with what replicates and uses them, what is
// received, what is stored, and, of all that, the facts that the plan decides by. It promises that nothing in it reads, writes or
// asks for the time: package vrg fills it, and what is computed from it follows from what it holds.
package snapshot
