// SPDX-License-Identifier: Apache-2.0

// Package drclusterconfig tells the hub what the cluster has: its identity and version, the optional APIs, the facts of
// all classes that matter for replication, and which object stores answer from here.
//
// It promises that an API that the cluster does not serve yields an empty list, never an error; that parameters which
// name secrets are left out; and that the status is written only if it changed.
package drclusterconfig
