// SPDX-License-Identifier: Apache-2.0

package plan

// Side is one of the two clusters of a policy, in the policy's order.
type Side uint8

// Sides.
const (
	// Nowhere : the user named no cluster.
	Nowhere Side = iota
	First
	Second
	// Elsewhere : the user named a cluster that is not in the policy.
	Elsewhere
)

// Peer is the other cluster of the policy; only First and Second have one.
func (s Side) Peer() Side { return First + Second - s }

// Named reports whether s is a cluster of the policy.
func (s Side) Named() bool { return s == First || s == Second }

func (s Side) index() int { return int(s) - 1 }

// Ask is the operation in the user's spec.
type Ask uint8

// Operations.
const (
	// Stay : no action, or the action was cleared: no role moves.
	Stay Ask = iota
	Failover
	Relocate
)

// Role is what a cluster is wished to be.
type Role uint8

// Roles.
const (
	// NoRole : there is no wish.
	NoRole Role = iota
	Secondary
	Primary
)

// State is what a cluster says that it is, in an answer.
type State uint8

// States.
const (
	// Between : neither, or not told.
	Between State = iota
	// IsSecondary : the demotion is complete. The storage may still synchronize it with the peer; on some storages that
	// continues for as long as the peer is Primary.
	IsSecondary
	IsPrimary
)

// FinalSync is how far a wish asks a source to go before it is demoted.
type FinalSync uint8

// Steps of the final synchronization.
const (
	NoFinalSync FinalSync = iota
	Prepare
	Run
)

// View is what may be believed about the object on a cluster.
type View uint8

// Views.
const (
	// Unknown : no report, and no proof of absence.
	Unknown View = iota
	// Absent : proved by a live link and a complete inbox.
	Absent
	// Present : there is a report.
	Present
)

// Decision is what is published about a cluster for those who deploy the workload.
type Decision uint8

// Decisions.
const (
	// Untold : this hub has published nothing yet: the deployer leaves things as they are.
	Untold Decision = iota
	// Gone : the workload's objects must not exist there.
	Gone
	// Retain : leave them alone: the failed side, not yet demoted.
	Retain
	// RunHere : the workload runs there.
	RunHere
)

// placed reports whether the workload's objects may exist by what was published.
func (d Decision) placed() bool { return d == RunHere || d == Retain }

// Memory says whether the hub knows what it wished last. A hub that was restored from a backup does not.
type Memory uint8

// States of the memory.
const (
	// Remembered : the cluster obeys no later wish than the hub's.
	Remembered Memory = iota
	// Forgotten : the cluster obeys a later wish, of which the hub knows nothing.
	Forgotten
	// Recalled : the wish was re-created from the report, but the cluster has not answered it yet.
	Recalled
)

// Wish is what lies in the outbox of a cluster.
type Wish struct {
	Role      Role
	FinalSync FinalSync
	For       Ask   // the operation that the role is wished for
	Epoch     uint8 // order of promotions, folded by the caller: only comparisons between the two sides matter
	Deleting  bool  // a tombstone: it has a deletionTimestamp
	Adopting  bool  // it takes an object over, which does not carry its UID yet
	Ended     bool  // its cluster has seen its deletion before, and makes nothing from it: the hub comes from a backup
	Serves    bool  // it tells a Secondary that its peer has taken over
	Replaced  bool  // it was made for an earlier cluster of this name: what that one had is not on this one (X13)
	// Questioned : the cluster claimed to obey a later wish, and the user was, or is being, asked what to believe (X16).
	Questioned bool
	// Former : a tombstone that an earlier protection of the application left behind, whose cluster was given up. It says
	// nothing of this protection, so it has no role, and Deleting is false: it is only waited for.
	Former bool
}

// Report is what lies in the inbox of a cluster. What follows Memory, but Volumes and Removed, is said only by an answer: a
// report of the wish as it is now, by a cluster that caught up (X3).
type Report struct {
	View     View
	Answered bool
	// Orphan : it reports an object that a hub made, while there is no wish for it: the hub lost its memory, or is a new
	// one. It can be adopted.
	Orphan bool
	// Foreign : it reports an object that no hub made. It is never adopted.
	Foreign   bool
	Memory    Memory
	Claim     Role // what the reported object is told to be: matters where the hub knows no such wish
	State     State
	Level     bool // everything that was written here is on the peer
	Ready     bool // a Primary: its data and metadata are restored and usable; a Secondary: nothing of it waits for the peer to take over
	Protected bool // its metadata is in every store, so that the peer can restore it
	// Restoring : the Kubernetes objects of the application are not all restored there yet. No role and no write depends on it.
	Restoring bool
	// Conflict : claims of the application lie there that were never replicated from there: what may be the only copy.
	Conflict bool
	// Volumes : it lists volumes of the application. A report counts for this even if it answers no wish, because the last
	// report of a cluster that failed is all that is known about it.
	Volumes bool
	// Unplaced : it lists a volume that is copied, and no place on the peer was agreed on for it yet.
	Unplaced bool
	// Severed : it was made again in the middle of its demotion, and does not know whether all that was written is on the peer
	// (X14). What it has is retained, so that the user may choose it.
	Severed bool
	// HandsOver : a relocate told it to be Secondary, and its demotion is not complete: it has all that was written, and its peer may
	// lack some of it.
	HandsOver bool
	// Uncopied : it is Primary, and a volume of it has no copy on the peer, or its storage does not replicate it.
	Uncopied bool
	Prepared bool // ready for the final synchronization
	Synced   bool // the final synchronization is done
	InUse    bool // a workload still uses the volumes
	Removed  bool // the mirror saw the tombstone of the wish, and that the object is gone
	// Lost : the Primary is another object than the one that reported the volumes, and lacks some of which the peer holds copies.
	Lost bool
}

// Cluster is all that is known about one side.
type Cluster struct {
	Live     bool // the link is live now
	Wish     Wish
	Report   Report
	Decision Decision
	Abandon  bool // the user gave the cluster up
	// Unready : a failover to it needs a maintenance mode of its storage that is not active yet.
	Unready bool
	// Accepted : the user wants what is on the cluster now, although what was there before is gone.
	Accepted bool
}

// Facts is the whole input.
type Facts struct {
	Ask      Ask
	Target   Side // what the spec names for Ask; for Stay the preferred cluster
	Deleting bool
	Usable   bool // the policy is valid: needed only to begin protection
	// Accepted : the user accepted, for this very failover, that what only the other side has may be lost.
	Accepted bool
	// Stale : the spec was restored from a backup along with the hub, and nobody has touched it since: it may ask for what
	// was undone long ago.
	Stale bool
	// Elsewhere : a cluster that is none of the two reports the application as Primary. The hub wished nothing there.
	Elsewhere bool
	Clusters  [2]Cluster
}

// At is what is known about side s, which must be First or Second.
func (f *Facts) At(s Side) *Cluster { return &f.Clusters[s.index()] }

// Bereft reports whether what the cluster had is gone and the user has not accepted that. Until then nothing is created in
// its place, because empty volumes would be taken for the data and replace its copies.
func (c *Cluster) Bereft() bool { return (c.Wish.Replaced || c.Report.Lost) && !c.Accepted }

// lost reports whether the user gave the cluster up as one that will not be heard of. It is no word about one that is: the
// user may have said it of an outage long ago, and what the other side claims would then take the role from a home that is well.
func (c *Cluster) lost() bool { return c.Abandon && !c.Live }

// known reports whether it is known now what exists on the cluster.
func (c *Cluster) known() bool { return c.Live && c.Report.View != Unknown }

// short says what is missing until the cluster answers freshly that it is of, the nearest fact first; Nothing: it is.
func (c *Cluster) short(of State) Fact {
	switch {
	case !c.Live:
		return LinkIsLive
	case !c.Report.Answered:
		return Answer
	case of == IsPrimary && (c.Report.State != IsPrimary || !c.Report.Ready):
		return BeingPrimary
	case of == IsSecondary && c.Report.State != IsSecondary && c.Report.InUse:
		return WorkloadGone
	case of == IsSecondary && c.Report.State != IsSecondary:
		return BeingSecondary
	default:
		return Nothing
	}
}

// lacks says what is missing until the cluster answers freshly that it is Secondary, and that all that was written there is on
// the peer: only then can the peer be promoted without a loss.
func (c *Cluster) lacks() Fact {
	if fact := c.short(IsSecondary); fact != Nothing {
		return fact
	}
	if !c.Report.Level {
		return BeingSecondary
	}
	return Nothing
}

// Awaited reports whether s waits for its peer to take over, and that has: it is Primary, the workload was sent to it, and nobody
// asked it to leave. s is Secondary then; or it lost claims in a failure that the user had its peer take over from, and may let go
// of their volumes.
func (f *Facts) Awaited(s Side) bool {
	at, peer := f.At(s), f.At(s.Peer())
	serves := peer.short(IsPrimary) == Nothing && peer.Decision == RunHere && peer.Wish.FinalSync == NoFinalSync && !peer.Wish.Deleting
	waits := at.short(IsSecondary) == Nothing && !at.Report.Ready
	cut := at.short(Between) == Nothing && at.Report.Severed && at.Wish.Role == Secondary && at.Wish.For == Failover
	return serves && (waits || cut)
}

// occupied reports whether the cluster says that something of the application is there which no wish of this hub put
// there: a workload that runs, or claims that were never replicated.
func (c *Cluster) occupied() bool { return c.Report.InUse || c.Report.Conflict }

// missing says what is missing until a side without a wish can be given one; Nothing: it is known to be empty. Orphans
// are adopted before anybody asks.
func (c *Cluster) missing() Fact {
	switch {
	case c.Wish.Former && !c.Live:
		return LinkIsLive
	case c.Wish.Former:
		return ObjectGone
	case !c.known():
		return InboxComplete
	case c.Report.View == Present:
		return ObjectGone
	default:
		return Nothing
	}
}

// wishes counts the sides that have a wish of role r.
func (f *Facts) wishes(r Role) int {
	n := 0
	for i := range f.Clusters {
		if f.Clusters[i].Wish.Role == r {
			n++
		}
	}
	return n
}

// Home is the side that is wished Primary, even by a tombstone; of two, the one that was promoted later; Nowhere if two
// were promoted at once. If there is none it is the side that was so when its wish was deleted by hand.
func (f *Facts) Home() Side {
	a, b := f.At(First).Wish, f.At(Second).Wish
	switch {
	case a.Role != Primary && b.Role != Primary:
		return f.former()
	case b.Role != Primary:
		return First
	case a.Role != Primary:
		return Second
	case a.Epoch > b.Epoch:
		return First
	case b.Epoch > a.Epoch:
		return Second
	default:
		return Nowhere
	}
}
