// SPDX-License-Identifier: Apache-2.0

// Package status turns what a pass over a group saw, decided and did into the status of the group: conditions, the state of each
// volume, and the sentences that users read. It promises that a status follows from those alone, that nothing of the status
// before goes into it but times, that each sentence names what to do, and that no status is larger than an API server stores.
package status
