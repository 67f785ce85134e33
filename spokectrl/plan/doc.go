// SPDX-License-Identifier: Apache-2.0

// Package plan decides what a cluster does next for one group of volumes. It is pure: facts go in, ordered writes come out, and
// a crash after any prefix of them leaves a state from which the next pass continues.
//
// It promises, for each volume and whatever the others do:
//
//   - (a) what the object store remembers is restored before a replica is made;
//   - (b) what sends a volume and what receives it are never on a side together;
//   - (c) no volume is demoted while it is in use, or while that is not known;
//   - (e) the PV is retained before anything that could destroy its data, and gets its original policy back only when
//     protection ends where the data is;
//   - (f) the stores are emptied only by a primary that is being deleted;
//   - (g) the group's finalizer goes last, when no volume carries a mark of ours.
//
// One volume that cannot be protected never stops the others. The model checks in the tests walk every interleaving of
// two small worlds to prove it: of a volume whose storage has roles, and of one that is copied.
package plan
