// SPDX-License-Identifier: Apache-2.0

// Package condition judges the conditions of the checks of a Recipe, such as {$.status.readyReplicas} == {$.spec.replicas}.
//
// It is pure. It promises that a mistake in the text is found when the text is read and not when it is used; that a field which is
// not there yet makes a condition neither true nor false; and that a condition which may be read in two ways is refused where the
// ways differ.
package condition
