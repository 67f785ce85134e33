// SPDX-License-Identifier: Apache-2.0

// Package storage is the lab's storage driver: one process per cluster that makes volumes for claims and obeys
// VolumeReplication objects as csi-addons' controller and a real storage do, with real bytes in plain folders. What a
// volume is, and when it may change its role, is decided by the engine; this package translates between it and objects.
//
// Where the lab has csi-addons itself, the driver serves its gRPC calls instead (package addons), and writes no status.
//
// It promises the status that DR controllers meet in real clusters, odd corners included: Validated is written by
// failures only and never refreshed; a demoted volume is degraded at first; a refused promotion is tried again by force,
// since a VolumeReplication has no other way to say so. Where it differs from csi-addons it is faster (it looks every
// half second where they wait for up to 30 s), and it says that a primary does not replicate (condition Replicating) or
// that there are two (Degraded).
//
// On a cluster that has the kinds of CSI snapshots and of VolSync, the same process serves them too, each from a package of
// its own: snapshot and volsync. The second stands in for VolSync, which may also serve its kinds itself.
package storage

import "time"

// Driver is the name of the CSI driver and of the provisioner in classes.
const Driver = "lab.csi.ramendr.io"

// retryAfter is when something that failed, or that is on its way, is looked at again.
const retryAfter = 500 * time.Millisecond
