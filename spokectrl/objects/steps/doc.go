// SPDX-License-Identifier: Apache-2.0

// Package steps follows the workflows of Recipes. What is done, and where it is written down, is handed to it.
//
// It promises that a step is begun at most once in an attempt, and only after it was written down; and that what a hook did is
// undone, if it names the operation for that, whenever the attempt does not come to its end: because a step failed, because it was
// stopped, or because the process ended, at whatever instant. An attempt that was under way when its process ended is over.
package steps
