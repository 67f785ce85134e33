// SPDX-License-Identifier: Apache-2.0

package plan

// Role is what a group is told to be, or what a replica was told.
type Role uint8

// Roles. The zero value means that nothing was told.
const (
	NoRole Role = iota
	Primary
	Secondary
)

// Claim is the state of a PVC.
type Claim uint8

// States of a claim.
const (
	ClaimAbsent  Claim = iota
	ClaimPending       // exists, not bound to a PV yet
	ClaimBound
	ClaimLeaving // has a deletionTimestamp
	ClaimLost    // was bound, and its PV is gone
)

// Marks says whether a claim carries our labels, finalizer and annotation.
type Marks uint8

// Marks of a claim.
const (
	MarksNone Marks = iota
	MarksSome
	MarksAll
)

// Kept says whether we retain a PV.
type Kept uint8

// Retentions of a PV.
const (
	KeptNone Kept = iota // its policy is not Retain, or its original one is not remembered
	KeptSome             // retained; what it should remember of its group and claim, or of the volume on the peer, is not all there
	KeptAll
)

// Use says whether something uses a volume.
type Use uint8

// Uses. Unknown counts as busy wherever it matters.
const (
	UseUnknown Use = iota
	UseFree
	UseBusy
)

// Replica is the state of the object that makes the storage replicate a volume.
type Replica uint8

// States of a replica.
const (
	ReplicaUnknown Replica = iota // could not be read
	ReplicaAbsent
	ReplicaPresent
	ReplicaLeaving // has a deletionTimestamp
	ReplicaForeign // exists, but is not ours
)

// Restore is what is known about the metadata that the stores remember.
type Restore uint8

// States of the restore.
const (
	RestoreUnknown  Restore = iota // a store that may matter does not answer
	RestoreDone                    // done before, in this term as primary
	RestoreComplete                // the stores answered: nothing is missing here
	RestoreMissing                 // something is missing, and can be created
	RestoreConflict                // what exists here contradicts the stores
)

// Volume is what is known of one volume.
type Volume struct {
	Selected bool // the group's selector picks the claim
	Foreign  bool // another group owns the claim
	Claim    Claim
	Idle     bool // the claim is bound when a Pod first uses it, and none has done so yet
	Marks    Marks
	Sealed   bool // the claim says that its volume was replicated from here
	Kept     Kept
	Able     bool // a technique and a class for it were found
	Use      Use
	Replica  Replica
	Told     Role // what the replica is told
	Exact    bool // the replica says all that the group's role asks for
	Settled  bool // the replica reached what it was told; as a secondary: it is in sync
	// Following says that the volume is demoted, and that the storage brings it in line with a peer that has taken over. Some
	// storages never call a volume in sync while the peer is primary: this is as far as they come.
	Following bool
	// Session says that the storage keeps a session between both sides: it lets go of a secondary only after the primary.
	Session bool
	// Apart says that the storage made the volume primary by force, and replicates it again only when it is asked to: nothing that is
	// written here reaches the peer. It was not asked in this term.
	Apart bool
	// Reached is the role that the storage says the volume has, whatever the replica is told now.
	Reached Role
	// Restored says that the claim was made from stored metadata: the volume began as a copy of the peer's.
	Restored bool
	// Released says that the claim remembers that the volume was demoted here, and that what was written here is on the peer or
	// was given up. A replica that somebody deletes later takes nothing from that.
	Released bool
	// Copied says that the technique sends copies to a volume of the peer's own, and can do so while the claim leaves.
	Copied bool
	// Ceded says that the claim has given its volume to another claim, and Holder which of Facts.Volumes that is of; NoVolume: none.
	// After Cede it is true only of a claim that is let go for that, and not selected.
	Ceded  bool
	Holder int
	// Contested says that another claim, which had the volume before, still has a replica of it.
	Contested bool
	Early     bool // the replica can't be made before the peer says where it receives
	// Receiving says that this side still has what received the volume: one that sends would send to itself.
	Receiving bool
}

// Leaving reports whether the claim of the group is being deleted.
func (v Volume) Leaving() bool { return v.Claim == ClaimLeaving && !v.Foreign }

// Copy is where a side receives a volume that a technique copies.
type Copy struct {
	Wanted  bool // the group asks for it
	There   bool // something of it exists
	Able    bool // what it needs is there
	Exact   bool // what exists says all that the group asks for
	Sending bool // this side still has a replica that sends the volume
	Needed  bool // a claim is still being filled from it
	// Stale says that it was stopped for a promotion: what was written here since may be newer than what it received.
	Stale bool
}

// Remain is a volume of an earlier term as primary, retained, whose claim is gone or has another volume.
type Remain struct {
	Outdated bool // newer data took its place
	// Stranded says that claim and replica were taken away while the volume was primary here, as with their namespace: it was never
	// demoted, and storage makes no copy of the peer's volume in its place.
	Stranded bool
	// Succeeded says that the peer was promoted since, and has stored the claim, with the same volume, as its own.
	Succeeded bool
}

// Facts is what is known of the group.
type Facts struct {
	Role   Role
	Ending bool // the group has a deletionTimestamp
	// Interrupted says that it is Ending because somebody else than the hub deletes the group: its protection does not end (X14).
	Interrupted bool
	// Pruned says that a namespace of the group is being deleted: its claims leave, and nobody gives their volumes up.
	Pruned bool
	// Severed says that a secondary does not know of sending the application away, because it was re-created meanwhile, and that
	// protected volumes have no replica any more; or that it noted that volumes left with their namespace before they were demoted:
	// what was written last may not be on the peer.
	Severed bool
	Held    bool // the group carries our finalizer
	Restore Restore
	// Released says that the group carries the note that it gave its role as primary up, or never had it.
	Released bool
	// SentAway says that the restore was done in this term, and the application was told to leave since: what it takes along
	// is not restored. A group without this memory was re-created meanwhile, and knows nothing of its claims.
	SentAway  bool
	FinalSync bool // a final synchronization is prepared or asked for
	Discard   bool // what only this side has is given up: it failed, and the peer took over
	Taken     bool // the hub says that the peer has taken over, or that this side failed
	Served    bool // the hub says that the peer has taken over, and the workload was sent there
	Unprotect bool // the configuration allows to unprotect single volumes
	Archived  bool // every store holds what it should hold; during a final synchronization: that, and maybe more
	Volumes   []Volume
	Copies    []Copy
	Remains   []Remain
}
