// SPDX-License-Identifier: Apache-2.0

// Package exchange is the contract between the hub's controllers and the mirror. What is not in a rule below is an
// implementation detail.
//
// A wish is an object in an outbox, its copy is the object on the spoke, a report is an object in an inbox, a link is
// one connection between the hub and a cluster.
//
//   - X1 writers. Only hubctrl writes outbox objects; the mirror writes nothing there but the status of a wish. Only
//     the mirror writes inboxes, and a copy's spec and mirrored metadata. Only spokectrl writes a copy's status.
//   - X2 names. A wish or report is named <namespace>.<name> after its copy; over 253 characters it is cut and hashed.
//     Code reads the annotations, never the name.
//   - X3 answers. A report answers a wish only if its stamp has the wish's UID, generation and epoch and the spoke had
//     caught up: status.observedGeneration equals the stamp's spokeGeneration, and so for each condition that is read.
//   - X4 absence. "Not in the inbox" means absent on the spoke only if the lease is live and its inventory digest
//     equals the digest of the inbox. Otherwise it is unknown. Objects about which the hub accepts no report are named in
//     the lease, which has a second digest without them: they are unknown, and no obstacle to others.
//   - X5 liveness. The mirror renews the lease at a third of its duration unless it is told otherwise, and only when all
//     that it had seen on the spoke before is written. The hub calls a link live while less of its own clock passed, since
//     it saw a newer renewal, than the duration that the lease promises: at least 3 s, at most 60 s, 15 s by default. A
//     renewal that went back in time ends that. Clocks are never compared across clusters.
//   - X6 deletion. The mirror deletes a copy only for a wish that is itself being deleted and whose UID the copy
//     carries, with a UID precondition. It never deletes a namespace. hubctrl removes the wish's finalizer when absence
//     is known. The cluster remembers the wishes that it saw end, in its DRClusterConfig: nothing is made again from one that
//     a hub shows that was restored from a backup.
//   - X7 faithful. The mirror is untyped: fields that it does not know pass. ownerReferences, finalizers,
//     managedFields, uid and resourceVersion are never copied.
//   - X8 origin. A copy carries the id of the hub that wished it. A wish is applied over an object of another origin
//     only if its annotation adopt-uid names that object's UID. A Secret, which nobody reports about, is taken over from
//     another hub, but never back from one that took it over later: a new hub gets its keys to its clusters, and two
//     hubs do not fight. A Secret that no mirror made is left alone. The lease names each Secret that is refused.
//   - X9 epoch. A wish's epoch never decreases; a wish with a lower epoch than the copy's is refused. So is, within an
//     epoch, a lower generation of the wish that the copy was made from, unless only the stamp would change: then
//     obeying it undoes nothing, and a hub that was restored from a backup gets its answer.
//   - X10 terminating. The stamp says when the copy has a deletionTimestamp; the report goes when the copy is gone.
//   - X11 quiet. When nothing changes nothing is written but the lease. One change of a status is one write on the hub; a
//     new spec and the answer to it are told at once. The status of a wish is written after facts. While wishes and facts
//     come in it is written for one wish at a time, but for a trouble, which waits only while they queue.
//   - X12 namespaces. A missing target namespace is created before its first object, never changed afterwards, never
//     deleted.
//   - X13 incarnation. A lease, a report's stamp and a wish name the identity of a cluster: the UID of its namespace
//     kube-system. The hub records the first one that connects under a name, in the status of its DRCluster, and tells it in
//     the DRClusterConfig. The mirror of any other cluster applies nothing, reports nothing and leaves the lease alone; it
//     renews the Lease "stranger" so that users are told. Its link is not live until a user accepts its identity by name.
//     Absence (X4) is proof that a thing is gone only from the cluster, and about the object, that reported the thing before.
//   - X14 authority to end. Before the mirror deletes a copy it marks it with the UID of the wish that is being deleted. The
//     spoke ends the protection of volumes only on a copy so marked, or on a group that no mirror made. Any other deletion
//     of a copy is an interruption: nothing hangs, but volumes stay retained with their marks, replicas and stores stay as
//     they are, and a copy that comes back continues with them.
//   - X15 preconditions. What the hub writes into an outbox, and the status that holds decisions, names the resource version
//     that was decided about, or says that there must be no such object. A leader that wakes up late, or a request that was
//     under way for long, fails. A promotion is a decision about the wishes of both clusters: before it is written, the
//     other wish is marked in the version that was decided about, so that of two contrary promotions one fails.
//   - X16 testimony. A report says what is so on its own cluster, and nothing else is believed of it. It never takes a role
//     from the other cluster: unless that says itself that it was told to give it up, the user decides. It never holds back
//     a failover away from its cluster. Numbers, sizes and names in it are bounded; what exceeds them is told and ignored.
//
// The package never talks to an API server.
package exchange
