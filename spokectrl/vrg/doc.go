// SPDX-License-Identifier: Apache-2.0

// Package vrg obeys the VolumeReplicationGroups of its cluster: observe, plan, act, report.
//
// It promises that nothing happens to a group that lies in a namespace of the exchange; that our finalizer is on a group
// before anything else is done for it; that a status is computed once per pass, whole, and written only if it changed,
// all conditions at the generation that they were computed for; and that what a pass waits for is named in a condition:
// the Pod, the store, the class, the conflict. Nothing is polled but a store that failed.
package vrg
