// SPDX-License-Identifier: Apache-2.0

// Package addons serves csi-addons from the engine: its identity and its replication service, on a socket, as the driver of a
// real storage does. It promises that each call says in its code what storage of the engine's kind would say, since that is
// all by which csi-addons' controller decides, and that each call is written down, so that a test can ask what was forced.
package addons
