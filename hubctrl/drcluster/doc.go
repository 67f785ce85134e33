// SPDX-License-Identifier: Apache-2.0

// Package drcluster keeps what the hub holds for one cluster: its outbox and inbox with the rights of its agent, its
// DRClusterConfig, the keys of the object stores that it needs, and its status. A second controller asks the cluster for
// the maintenance modes that failovers to it need, from the moment that a user asks for one until it is over.
//
// It promises that its steps are independent: each runs at each pass, and what one of them can't do never stops another.
// An object store that is down shows as Validated=False and nothing else. It never talks to the cluster itself:
// Connected is what the lease of the agent tells (X5). Under deletion it waits, visibly, for whatever still needs the
// cluster; only then are the tombstones in the outbox dropped (X6) and the exchange namespaces removed.
package drcluster
