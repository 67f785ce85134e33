// SPDX-License-Identifier: Apache-2.0

// Package modes finds out which maintenance modes of its storage a cluster needs for the failovers to it, and which
// of them it lacks. It is pure: equal facts give equal answers, in a fixed order.
//
// It promises that a failover depends on the surviving side only (I8), and that no cluster makes the hub ask another one for
// a mode (X16): what the failed side reports is not read. Every class that the target was told of counts as in use, and the
// target's own class facts say which of them need a mode. A mode counts as active only by an answer to the very request that
// is made now.
package modes
