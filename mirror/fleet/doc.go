// SPDX-License-Identifier: Apache-2.0

// Package fleet decides which links a process keeps, and by which credentials.
//
// A mirror runs either on a cluster (pull: one link, the Secret holds the way to the hub) or on the hub (push: a link for
// each DRCluster, the Secrets hold the ways to the clusters). Links are the same in both.
//
// It promises that a link is kept while there is its Secret, and in push mode its DRCluster; that credentials which were
// replaced are used without a restart of the process, and expiring ones are renewed; that of several replicas one keeps a
// link at a time, by a Lease for each link, and that links are spread over the replicas that are alive; and that what
// goes wrong with one link holds up no other.
//
// In push mode it acts on the hub as the agent of each cluster: it can do for a cluster what the agent of that cluster
// could, and the rules of admission hold for it as well.
package fleet
