// SPDX-License-Identifier: Apache-2.0

package plan

// Kind says what a write does.
type Kind uint8

// Kinds of writes.
const (
	AddFinalizer    Kind = iota // put our finalizer on the group
	RestoreClaims               // create the PVs and PVCs that are missing
	MarkRestored                // note that the restore is done, for this term as primary
	SendAway                    // replace that note by one that the application was told to leave
	ClearRestored               // remove either note; a secondary notes that it is no primary, and gets our finalizer with that
	Sever                       // note that volumes leave with their namespace before they were demoted
	Upload                      // bring every store up to date
	Add                         // add to every store what it lacks, and take nothing out of it
	DeleteStored                // remove everything of the group from every store
	RemoveFinalizer             // remove our finalizer from the group

	Retain               // retain the PV and remember its original policy
	Mark                 // put labels, finalizer and annotation on the claim
	Promote              // make the replica, or tell it, primary
	Seal                 // note on the claim that its volume is replicated from here
	Demote               // tell the replica secondary
	Release              // note on the claim that its volume was demoted here for good
	Rejoin               // ask the storage to replicate the volume from here again
	DeleteReplica        // delete the replica
	RestoreReclaimPolicy // restore the original policy of the PV, and take our marks off it
	LeaveRetained        // leave the PV retained, and take our marks off it
	RemoveClaimFinalizer // remove our finalizer from the claim, and leave our other marks
	Unmark               // remove our marks from the claim

	Receive // make, or bring in line, what receives a copy
	Dismiss // remove what received a copy, and what it received
	Leave   // end what received a copy, and leave what it received to the user
	Abandon // let a volume of an earlier term go
)

// GroupWrite is the volume of a write that concerns the group.
const GroupWrite = -1

// Write is one write. Writes are carried out in their order; a failed one stops the later ones of its volume, and a failed
// AddFinalizer, RestoreClaims, MarkRestored, SendAway, ClearRestored, Sever or DeleteStored stops all. DeleteStored and
// RemoveFinalizer are left out if any write has failed.
type Write struct {
	Kind   Kind
	Volume int // index into Facts.Volumes (Receive, Dismiss, Leave: Facts.Copies; Abandon: Facts.Remains), or GroupWrite
}

// VolumeState is where a volume stands.
type VolumeState uint8

// States.
const (
	Discovered  VolumeState = iota // known, nothing done yet
	Protecting                     // is being marked and its replica made
	AtPrimary                      // the replica is primary
	Releasing                      // should leave its role, but is still held
	Demoting                       // told secondary, not in sync yet
	AtSecondary                    // demoted for good: the peer may take over, or has done so
	Gone                           // nothing of ours is left
)

// Why says what a volume waits for, or why it is refused.
type Why uint8

// Reasons.
const (
	WhyNothing     Why = iota
	WhyUnbound         // the claim is not bound
	WhyIdle            // the claim is bound when a Pod first uses it
	WhyUnable          // no technique or class fits
	WhyForeign         // another group owns the claim or the replica
	WhyRestore         // the restore comes first
	WhyUse             // in use, or not known to be free
	WhyReplica         // the replica is not there yet
	WhyUnread          // the replica could not be read
	WhyLeaving         // the replica or the claim is being deleted
	WhyClaimLost       // the claim is gone while its replica is primary
	WhyUnprotected     // the claim was never replicated from here
	WhyPeer            // the peer has not said where it receives the volume
	WhyReceiving       // what received the volume on this side is still there
	WhyVolumeLost      // the claim was bound, and its PV is gone
	WhyInterrupted     // the group is deleted by somebody else than the hub
	WhyTakeover        // the claim is being deleted, and its replica is kept until the peer has taken over
	WhyFollowing       // the storage synchronizes the volume with the peer
	WhyUnsure          // the storage does not say that the volume follows the peer
	WhyUnsent          // what sent the volume was deleted before the peer was known to have all of it
	WhyContested       // another claim had the volume before, and has a replica of it
	WhySession         // the claim is being deleted, and the storage lets go of its volume only after the peer's
	WhyHandover        // the storage lets go of a primary only: the replica is promoted before it is deleted
)

// Verdict is where a volume stands and why it does not move.
type Verdict struct {
	State VolumeState
	Why   Why
}

// Plan is what to do now.
type Plan struct {
	Writes   []Write
	Verdicts []Verdict // one for each volume
}

func (p *Plan) group(k Kind) { p.Writes = append(p.Writes, Write{Kind: k, Volume: GroupWrite}) }

func (p *Plan) volume(i int, kinds ...Kind) {
	for _, k := range kinds {
		p.Writes = append(p.Writes, Write{Kind: k, Volume: i})
	}
}

// Decide says what to do now.
func Decide(g Facts) Plan {
	p := Plan{Verdicts: make([]Verdict, len(g.Volumes))}
	switch {
	case g.Ending && !g.Held:
		return p // our part is over; others may still hold the group
	case g.Interrupted:
		interrupt(g, &p)
		return p
	case g.Ending:
		end(g, &p)
		return p
	case g.Severed && !g.Pruned:
		for i, v := range g.Volumes {
			p.Verdicts[i] = Verdict{standing(v), WhyInterrupted}
		}
		return p // a person decides; whatever is done here now could be wrong
	case g.Role == Secondary && !g.Released: // see there
	case !g.Held:
		p.group(AddFinalizer)
	}
	switch g.Role {
	case Primary:
		primary(g, &p)
	case Secondary:
		secondary(g, &p)
	case NoRole:
	}
	return p
}
