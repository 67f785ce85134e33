// SPDX-License-Identifier: Apache-2.0

// Package cycle captures the Kubernetes objects of groups again and again, and restores them once a group has become Primary.
// The work runs in the background, some of it at the same time; who asks is told what is known now, and woken when that changes.
//
// It promises that one thing is done for a group at a time; that what runs for an earlier term, or for a role that a group has no
// more, is ended before anything else is done for it; that nothing is captured before all is restored; that a capture which lacks
// a type for want of a right never takes the place of a whole one; and that what failed is tried again, and never silently.
package cycle
