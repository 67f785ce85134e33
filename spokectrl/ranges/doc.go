// SPDX-License-Identifier: Apache-2.0

// Package ranges gives the namespaces of a Secondary the ranges of OpenShift (users, supplemental groups, SELinux level) that they have
// at the application's home, where the hub says so: else OpenShift lets the workload run as other users after a failover, which can't
// read the files in the volumes. It promises that only namespaces that were created for the protection are changed, only while
// no Pod is in them, and only in these annotations, with values that OpenShift itself would give out. All others are left to
// their owner, and the hub tells how they differ. A namespace with Pods is changed as soon as the last one is gone, which costs
// one watch of one Pod, and no memory.
package ranges
