// SPDX-License-Identifier: Apache-2.0

// Package maintenance finds out which maintenance modes of its storage a cluster needs for the failovers to it, and which
// of them it lacks. It is pure: equal facts give equal answers, in a fixed order.
//
// It promises that a failover depends on the surviving side only (I8): which volumes there are is read in the last report
// of the failed side if there is one, however old; else every class that the target was told of is assumed to be in use.
// Whether a class needs a mode is read in the target's own class facts. A mode counts as active only by an answer to the
// very request that is made now.
package maintenance
