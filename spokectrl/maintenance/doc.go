// SPDX-License-Identifier: Apache-2.0

// Package maintenance makes the MaintenanceModes that the hub asks a cluster for, and answers in which state they are.
//
// It promises that of all MaintenanceModes only those are touched that were made here, and that nothing which takes long, such as
// an object store that does not answer, holds a failover up.
package maintenance
