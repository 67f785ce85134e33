// SPDX-License-Identifier: Apache-2.0

// Package node is the lab's stand-in for a kubelet: one process per cluster that is the cluster's only node. There is no
// scheduler, so it takes every Pod that has no node.
//
// It promises that "in use" is a fact: a Pod with a claim runs only while its volume is mounted, and a mounted volume
// is not demoted. It knows four images: lab/writer appends journal records to its volume, lab/tokens appends its arguments to a
// file of the volume and ends with the file's content as its message, lab/run ends at once, lab/pause does nothing; a Pod with another
// one fails and says so. Commands may be run in lab/writer through the API server. Containers are goroutines: they run on while the API server is away, and end with
// this process; the next one starts them again, as after a reboot of a node.
package node

import "time"

// TokensFile is the file of lab/tokens.
const TokensFile = "tokens"

const (
	// imageWriter appends journal records to the first volume that it mounts.
	imageWriter = "lab/writer"
	// imageTokens appends its arguments, a line each, to TokensFile of the first volume that it mounts.
	imageTokens = "lab/tokens"
	// imageRun ends at once, with the exit code that its argument says.
	imageRun = "lab/run"
	// imagePause does nothing until it is stopped.
	imagePause = "lab/pause"
	// retryAfter is when a Pod that cannot run is looked at again.
	retryAfter = 300 * time.Millisecond
)
