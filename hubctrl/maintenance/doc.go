// SPDX-License-Identifier: Apache-2.0

// Package maintenance asks each cluster for the maintenance modes of its storage that failovers to it need, and shows their state
// in the DRCluster.
//
// It promises that a mode is asked for as long as a failover needs it, and no longer; that it is ended only by what is true now, not
// by what a cache shows; and that nothing else that is wrong with a cluster, such as an object store that does not answer, holds a
// failover up.
package maintenance
