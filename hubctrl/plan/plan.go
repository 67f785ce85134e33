// SPDX-License-Identifier: Apache-2.0

package plan

// Kind says what a Write changes.
type Kind uint8

// Kinds of writes.
const (
	// PutWish writes the wish of Side: Role, FinalSync, For; Promote raises its epoch above every known one.
	PutWish Kind = iota
	// AdoptWish makes the wish of Side from the report there, unchanged, epoch included, naming the UID that it takes over.
	AdoptWish
	// MarkWish notes at the wish of Side, and changes nothing else of it, that the user is asked about what the cluster claims.
	MarkWish
	// RemoveWish deletes the wish of Side: it becomes a tombstone.
	RemoveWish
	// DropWish removes the finalizer of the tombstone of Side.
	DropWish
	// Publish publishes Decisions.
	Publish
	// Finish lets the application's object go.
	Finish
)

// Write is one durable change.
type Write struct {
	Kind      Kind
	Side      Side
	Role      Role
	FinalSync FinalSync
	For       Ask
	Promote   bool
	Decisions [2]Decision
}

// Phase is the state of the operation, for people.
type Phase uint8

// Phases.
const (
	WaitForUser Phase = iota
	Initiating
	Deploying
	Deployed
	FailingOver
	FailedOver
	Relocating
	Relocated
	Deleting
)

// Progression is where within a phase the operation is, for people.
type Progression uint8

// Progressions.
const (
	Completed Progression = iota
	Paused
	CheckingPrerequisites
	ActivatingMaintenance
	FailingOverToCluster
	WaitingForRestore
	WaitingForReadiness
	CleaningUp
	WaitOnUserToCleanUp
	PreparingFinalSync
	ClearingPlacement
	RunningFinalSync
	EnsuringSecondary
	Removing
)

// Fact names what a plan waits for.
type Fact uint8

// Facts that can be awaited.
const (
	Nothing        Fact = iota
	LinkIsLive          // the link to the cluster is live
	InboxComplete       // what exists on the cluster is known
	Answer              // the cluster answers the wish
	BeingPrimary        // the cluster is Primary and ready
	BeingProtected      // the metadata is in every store
	BeingSecondary      // the cluster is Secondary and in sync
	BeingRestored       // the Kubernetes objects of the application are restored on the cluster
	BeingPlaced         // the volumes that the cluster copies have their places on the peer
	BeingCopied         // each volume of the cluster has a copy on the peer, and its storage replicates it
	BeingPrepared       // the cluster is ready for the final synchronization
	BeingSynced         // the final synchronization is done
	WorkloadGone        // no workload uses the volumes
	ObjectGone          // the object is gone from the cluster
	PolicyValid         // the policy is valid
	StorageReady        // the storage of the cluster has the maintenance mode that a failover needs
	// What follows only the user can bring about.
	TargetNamed     // name a cluster of the policy as the target
	ConflictSolved  // two clusters are Primary, or one claims what is the other's: choose one by Failover
	ForeignRemoved  // an object of the same name that no hub made: remove or rename it
	HomeNamed       // a wish was deleted by hand in the middle of a move: say by Failover where the workload is to run
	PrimaryFound    // neither cluster has the application's Primary: name the clusters that have it, or choose one by Failover
	VolumesLost     // what the cluster had is gone: bring it back by Failover to the other one, or accept the loss
	SpecConfirmed   // the spec is that of a backup and asks for a move: say again what is wanted
	HomeAgreed      // the workload is on the cluster, and not where protection would begin: name that cluster
	ConflictFree    // no claims lie on the cluster that were never replicated from there
	ProtectionEnded // the protection was ended since the backup that the hub comes from: disable DR, and protect again if that is wanted
	LossAccepted    // the cluster found nothing to restore, and the other side has volumes: accept it, or take the failover back
)

// Wait is what a plan waits for, and on which cluster.
type Wait struct {
	Fact Fact
	On   Side
}

// Plan is the whole output.
type Plan struct {
	Writes      []Write
	Wait        Wait
	Phase       Phase
	Progression Progression
	// Tend : roles are settled, so the content of wishes follows what the user, the policy and the reports say. During a
	// move it stays as it is: what a group reports while its workload leaves is no wish of anybody.
	Tend bool
}

// Done reports whether there is nothing to do and nothing to wait for.
func (p Plan) Done() bool { return len(p.Writes) == 0 && p.Wait.Fact == Nothing }

func do(phase Phase, progression Progression, writes ...Write) Plan {
	return Plan{Writes: writes, Phase: phase, Progression: progression}
}

func wait(phase Phase, progression Progression, on Side, fact Fact) Plan {
	if fact == WorkloadGone {
		progression = WaitOnUserToCleanUp // the deployer may be a person
	}
	return Plan{Phase: phase, Progression: progression, Wait: Wait{Fact: fact, On: on}}
}

func secondary(s Side, why Ask) Write {
	return Write{Kind: PutWish, Side: s, Role: Secondary, For: why}
}

// again wishes what s is wished to be for the cluster that has its name now.
func again(f *Facts, s Side) Write {
	was := f.At(s).Wish
	return Write{Kind: PutWish, Side: s, Role: was.Role, For: was.For, Promote: was.Role == Primary}
}

func promote(s Side, why Ask) Write {
	return Write{Kind: PutWish, Side: s, Role: Primary, For: why, Promote: true}
}

// keep wishes the Primary that s is already, with another step of the final synchronization.
func keep(s Side, sync FinalSync, why Ask) Write {
	return Write{Kind: PutWish, Side: s, Role: Primary, FinalSync: sync, For: why}
}

// publish replaces the published decisions by one for s and one for its peer.
func publish(s Side, at, atPeer Decision) Write {
	w := Write{Kind: Publish}
	w.Decisions[s.index()], w.Decisions[s.Peer().index()] = at, atPeer
	return w
}

// Decide returns the next writes, in an order in which each prefix is safe, or what the operation waits for.
func Decide(f Facts) Plan {
	adoptions := adopt(&f)
	switch {
	case foreign(&f) != Nowhere && !f.Deleting:
		return wait(WaitForUser, Paused, foreign(&f), ForeignRemoved)
	case ended(&f) != Nowhere:
		return over(&f, ended(&f))
	case misled(&f) != Nowhere:
		return do(Initiating, Paused, publish(misled(&f), Untold, Untold))
	case doubtful(&f) != Nowhere:
		return question(&f, doubtful(&f))
	case len(adoptions) > 0:
		return do(Initiating, Paused, adoptions...)
	case recalling(&f) != Nowhere:
		return wait(Initiating, Paused, recalling(&f), Answer)
	case f.Deleting:
		if first := f.amid(); first != nil {
			return *first
		}
		return remove(&f)
	case f.obeyedFormer() != Nowhere:
		return do(Initiating, Paused, Write{Kind: DropWish, Side: f.obeyedFormer()})
	case f.Elsewhere && f.Home() == Nowhere && f.Ask != Failover:
		return wait(WaitForUser, Paused, Nowhere, PrimaryFound)
	case f.beginning():
		return begin(&f)
	case f.Ask == Failover && f.Stale && f.Home() != survivor(&f):
		return unconfirmed(&f)
	case f.Ask == Failover:
		return failover(&f)
	case f.Home() == Nowhere && f.tombstone() != Nowhere:
		// Between demotion and promotion the other side has all data, but nothing says which one that is.
		return wait(WaitForUser, Paused, f.tombstone(), HomeNamed)
	case f.Ask == Relocate && f.Stale && f.Home() == f.Target.Peer():
		return unconfirmed(&f)
	case f.Ask == Relocate:
		return relocate(&f, f.Target)
	default:
		return stay(&f)
	}
}

// foreign is a side with an object that no hub made and that is in the way.
func foreign(f *Facts) Side {
	return f.blocking(func(c *Cluster) bool { return c.Report.Foreign })
}

// misled is a side that is wished Secondary and to which the workload is sent: by a decision that is as old as the backup that
// the hub was restored from. The deployer must not follow it, nor take the workload from where it may be by now.
func misled(f *Facts) Side {
	for _, s := range []Side{First, Second} {
		if c := f.At(s); c.Wish.Role == Secondary && c.Decision == RunHere && !f.Deleting {
			return s
		}
	}
	return Nowhere
}

// recalling is a side whose wish was re-created from a later one that the hub had forgotten. Until the cluster answers, a
// new wish could be taken for the forgotten one of its number.
func recalling(f *Facts) Side {
	return f.blocking(func(c *Cluster) bool { return c.Live && c.Report.Memory == Recalled })
}

// blocking is the first side for which is holds; but a Failover reads nothing of the failed side.
func (f *Facts) blocking(is func(*Cluster) bool) Side {
	for _, s := range []Side{First, Second} {
		if is(f.At(s)) && chosen(f) != s.Peer() {
			return s
		}
	}
	return Nowhere
}
