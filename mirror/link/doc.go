// SPDX-License-Identifier: Apache-2.0

// Package link keeps one connection between the hub and a cluster: wishes become copies, copies become reports, the
// lease tells that both are up to date. It is the part of the mirror that talks to API servers; what to write is
// decided in package translate, and the rules are in package exchange.
//
// Everything is level-triggered: a queue holds names, never contents, and each pass compares what is on both sides at
// that moment. So it may be killed between any two writes, started twice, or be days behind, and ends in the same state.
//
// It promises
//   - X3: facts and stamp of a report travel in one write;
//   - X5: a renewal of the lease follows the writes of everything seen on the spoke before it, and an answer of the
//     spoke: while one side does not answer, or forgot what it had told, the link is not renewed, and says why (State).
//     Whatever was away may come back from a backup: everything there is listed again before the next renewal;
//   - X6, X8, X9 against outdated caches too: each write to an existing copy names the resource version that was
//     decided about, each creation requires that there is nothing, and a wish that may be outdated is read again;
//   - X11: nothing is sent that would change nothing;
//   - X12: namespaces are created when missing, and never touched again.
//
// It never deletes a copy for which there is no wish, and never logs or reports a Secret.
package link
