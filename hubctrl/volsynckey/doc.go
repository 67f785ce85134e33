// SPDX-License-Identifier: Apache-2.0

// Package volsynckey keeps the key by which the movers of VolSync on the two clusters of an application trust each other.
//
// The key lies only where it is needed, as a Secret wish in both outboxes, one for each namespace of the application: the
// hub keeps it nowhere else, and needs no right on Secrets in users' namespaces. Each outbox is the backup of the other: a
// key that exists in one place is never replaced by another. It is made when the first volume is copied by VolSync, and
// goes with the last one, before the wishes forget the volumes.
//
// A hub that was rebuilt knows none of the keys that movers use, and makes new ones, once both clusters can be told. The
// name of a Secret stands for one key, for ever, and the wishes name it: so a new key reaches movers that run, which VolSync
// starts again for another name, and for nothing else.
package volsynckey
