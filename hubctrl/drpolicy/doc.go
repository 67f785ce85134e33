// SPDX-License-Identifier: Apache-2.0

// Package drpolicy validates DRPolicies and finds the storage classes that each can protect (package peerclass).
//
// It promises that a policy is Validated only once its peer classes were computed, from class facts that both clusters
// reported, and written in the same status. A link that is lost changes nothing: the facts that a cluster reported stay
// on the hub. Where facts are missing the peer classes stay what they were: unknown is not none. Under deletion it waits,
// visibly, for the DRPlacementControls that refer to the policy.
package drpolicy
