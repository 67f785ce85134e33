// SPDX-License-Identifier: Apache-2.0

// Package conformance tells what the project can promise with the storage of two clusters. It runs the project's own controller
// of DR clusters against both, inside its process, asks for roles in the order in which the hub does, moves a small application,
// and says for each promise whether it was kept and what csi-addons told meanwhile. It needs no hub, no mirror and no object store.
//
// It promises that a promise counts as kept only if it was seen, that what was not reached says so, and that nothing of it stays
// on the clusters but what the storage does not let go, which is named.
package conformance
