// SPDX-License-Identifier: Apache-2.0

package plan_test

import "github.com/ramendr/ramen-direct/hubctrl/plan"

// The model: the truth on two spokes, what lies in outboxes and inboxes, links, the user, and those who deploy. Each
// step of anybody is an edge; the hub may crash after any prefix of its writes. Generations are folded into one bit
// ("made from the wish as it is now"), epochs into their rank.

// spoke is the truth on one cluster.
type spoke struct {
	has      bool // the object exists
	mine     bool // it was made from a wish of this life of the hub
	current  bool // from the wish as it is now
	later    bool // from a wish that the hub has forgotten
	age      age  // of the wish that it was made from
	seen     bool // the spoke's controller caught up with it
	deleting bool
	told     plan.Role
	sync     plan.FinalSync
	why      plan.Ask
	epoch    uint8

	state  plan.State
	ready  bool // restored (a Primary), or with no claim that waits for the peer to take over (a Secondary)
	level  bool // a Secondary: everything that was written here is on the peer, by the storage. Some never say so while the peer is Primary
	serves bool // it was told that the peer has taken over
	prep   bool // ready for the final synchronization
	final  bool // the final synchronization is done
	was    bool // was Primary, and not demoted since: its demotion hands over what was written
	app    bool // the workload runs
	latest bool // holds every acknowledged write
	// hollow : what it had was taken away with the cluster, or with the namespace, and nothing was put in its place.
	hollow  bool
	unheard bool // the hub has not heard of that yet
	// severed : the object of a Primary was taken away. One that is made again as Secondary by a relocate in the same epoch does
	// not know whether the peer has all that was written (X14).
	severed bool
	vols    bool // has volumes of the application
	own     bool // has some that were never replicated from here: what may be the only copy
	heard   bool // the hub was told so, or could have asked
	left    bool // its claims are leaving with the workload: they come back when it is no longer to be moved
	loose   bool // a volume that is copied, and has no place on the peer
	// aside : its volumes are kept, without claims and replicas, as they were when it was Primary last, and keep the storage from
	// making copies there. bare : there is no copy of what the peer has.
	aside, bare bool
}

// age tells whether a wish was made before the backup of the hub, or is the one in the backup, or was made later.
type age uint8

const (
	before age = iota
	inBackup
	since
)

// inbox is the last report.
type inbox struct {
	view    plan.View
	mine    bool
	current bool
	later   bool
	age     age
	seen    bool
	told    plan.Role
	sync    plan.FinalSync
	why     plan.Ask
	epoch   uint8

	state                                       plan.State
	stored, ready, prepared, synced, inuse, del bool
	level                                       bool
	lost, severed                               bool
	conflict, volumes, unplaced                 bool
	handsOver, uncopied                         bool
}

type outbox struct {
	plan.Wish
	removed bool // delivery status: the mirror saw the tombstone and that the object is gone
	adopt   bool // names the UID of the object that lies on the spoke
	ended   bool // its cluster has seen its deletion before the hub was restored
	stale   bool // was re-created after the hub was restored, and the user has not touched the spec since
	marked  bool // as stale, and not written since
}

// hub is what lies in the hub's API server.
type hub struct {
	ask      plan.Ask
	target   plan.Side
	deleting bool
	abandon  [2]bool
	accepted [2]bool
	word     bool // the user's word for the loss that this very failover means
	decision [2]plan.Decision
	outbox   [2]outbox
	inbox    [2]inbox
}

type world struct {
	hub
	backup   hub
	kept     bool      // there is a backup
	same     [2]bool   // the wish has not changed since the backup
	kin      [2]bool   // the wish is the one in the backup, changed or not
	ends     [2]bool   // the cluster has seen the deletion of the one in the backup
	deaf     [2]bool   // nothing was heard since one side was restored: the link does not count as live (X5)
	old      spoke     // the object of a cluster in its backup
	oldOf    plan.Side // whose backup that is
	oldWish  bool      // the wish for it has not changed since
	finished bool
	unready  [2]bool // the storage needs a maintenance mode that is not active
	spoke    [2]spoke
	link     [2]bool
	stored   bool      // the metadata of the volumes is in the stores
	term     uint8     // the epoch of the Primary that stored it last
	born     plan.Side // where the application was Primary last
	modes    bool      // the storage asks for a maintenance mode at each failover
	third    third     // the cluster that an application was protected on before its object named another policy
	refused  bool      // the stores take nothing: the application is never stored
	split    bool      // two Primaries are excused: a failover, until the failed side is back
	late     late      // what a frozen leader has still to write
	care     care

	// What is left: actions of the user, link cuts, losses and restores of the hub, clusters that return from a backup,
	// wishes deleted by hand, clusters that are replaced or wiped, volumes that come, workloads
	// that run where nobody expects them.
	asks, cuts, losses, restores, returns, hands, wipes, swaps, comes, strays, lates uint8
	replaced                                                                         [2]bool // the cluster has another identity than when the world began
	touched                                                                          bool    // a wish was deleted by hand: it may have taken the last copy along
	bad                                                                              string

	prunes  uint8     // namespaces of a Secondary that somebody may still delete
	glasses uint8     // promotions that somebody may still make on a cluster, past the hub
	lies    uint8     // reports that one cluster may still forge
	liar    plan.Side // who forged one
	sent    [2]bool   // sides that the user asked the workload to leave
}

// limits bounds a world.
type limits struct {
	asks, cuts, losses, restores, returns, hands, comes, strays, lies, swaps, wipes, lates, glasses, prunes uint8
	modes                                                                                                   bool      // the storage asks for a maintenance mode at each failover
	refused                                                                                                 bool      // the stores take nothing
	deployed                                                                                                bool      // it begins with an application that runs
	failedOver                                                                                              bool      // and with the user's wish for a failover
	runs                                                                                                    plan.Side // where it runs before anybody protects it
}

func start(l limits) world {
	w := world{hub: hub{target: plan.First}, link: [2]bool{true, true}, modes: l.modes}
	w.spoke[0].latest, w.spoke[1].latest = true, true
	w.refused = l.refused
	if l.runs.Named() {
		s, p := &w.spoke[l.runs.Index()], &w.spoke[l.runs.Peer().Index()]
		s.app, s.vols, s.own, s.heard, p.latest = true, true, true, true, false
	}
	if l.deployed {
		w.rest()
	}
	if l.failedOver {
		w.ask, w.target = plan.Failover, plan.Second
		w.said(w.ask, w.target)
	}
	w.asks, w.cuts, w.losses, w.restores, w.returns, w.hands, w.wipes = l.asks, l.cuts, l.losses, l.restores, l.returns, l.hands, l.wipes
	w.lates = l.lates
	w.lies, w.glasses, w.prunes = l.lies, l.glasses, l.prunes
	w.swaps = l.swaps
	w.comes, w.strays = l.comes, l.strays
	return w
}

// rest lets everybody act in turn until nothing changes.
func (w *world) rest() {
	for was := (world{}); was != *w; {
		was = *w
		for _, wr := range plan.Decide(w.observe()).Writes {
			w.act(wr)
		}
		for i := range 2 {
			w.down(i)
			w.work(i)
			w.deploy(i)
			w.up(i)
		}
		w.fold()
	}
}

func (w *world) observe() plan.Facts {
	f := plan.Facts{Ask: w.ask, Target: w.target, Deleting: w.deleting, Usable: true, Accepted: w.word, Stale: w.outbox[0].stale || w.outbox[1].stale, Elsewhere: w.third.seen && w.third.primary}
	for i := range 2 {
		in := w.inbox[i]
		c := &f.Clusters[i]
		c.Live, c.Wish, c.Decision, c.Abandon, c.Unready = w.link[i] && !w.deaf[i], w.outbox[i].Wish, w.decision[i], w.abandon[i], w.unready[i]
		c.Accepted = w.accepted[i]
		c.Wish.Adopting, c.Wish.Questioned = w.outbox[i].adopt && !in.mine, w.outbox[i].marked
		c.Report = plan.Report{View: in.view, Removed: w.outbox[i].removed && in.view != plan.Present}
		if in.view != plan.Present {
			continue
		}
		c.Report.Volumes = in.volumes
		c.Report.Orphan = !in.mine && !in.del && c.Wish.Role == plan.NoRole
		c.Report.Memory, c.Report.Claim = w.memory(i), in.told
		if !(in.mine && in.current && in.seen) || in.del {
			continue
		}
		c.Report.Answered, c.Report.State = true, in.state
		c.Report.Ready, c.Report.Level = in.ready, in.level
		c.Report.Protected = in.stored
		c.Report.Conflict, c.Report.Unplaced = in.conflict, in.unplaced
		c.Report.Prepared = in.prepared
		c.Report.Synced, c.Report.InUse, c.Report.Lost = in.synced, in.inuse, in.lost
		c.Report.Severed, c.Report.HandsOver, c.Report.Uncopied = in.severed, in.handsOver, in.uncopied
	}
	return f
}

// memory tells whether the report is about a later wish than the hub's.
func (w *world) memory(i int) plan.Memory {
	in, o := w.inbox[i], w.outbox[i]
	switch {
	case o.adopt && !in.mine && !in.del && !o.Deleting && in.epoch > o.Epoch:
		return plan.Forgotten // it was adopted by a report that was false or old, and the cluster refuses it (X9)
	case !in.mine || !in.later || in.del || o.Role == plan.NoRole || o.Deleting || in.epoch < o.Epoch:
		return plan.Remembered
	case in.told == o.Role && in.sync == o.FinalSync && in.why == o.For && in.epoch == o.Epoch:
		return plan.Recalled
	default:
		return plan.Forgotten
	}
}

// fold makes worlds equal that differ in numbers only whose order matters.
func (w *world) fold() {
	e := []*uint8{&w.outbox[0].Epoch, &w.outbox[1].Epoch, &w.spoke[0].epoch, &w.spoke[1].epoch, &w.inbox[0].epoch, &w.inbox[1].epoch,
		&w.backup.outbox[0].Epoch, &w.backup.outbox[1].Epoch, &w.backup.inbox[0].epoch, &w.backup.inbox[1].epoch, &w.term, &w.old.epoch,
		&w.late.writes[0].next.Epoch, &w.late.writes[1].next.Epoch, &w.late.writes[2].next.Epoch}
	var has [256]bool
	for _, p := range e {
		has[*p] = true
	}
	var rank [256]uint8
	next := uint8(1)
	for v := 1; v < 256; v++ {
		if has[v] {
			rank[v] = next
			next++
		}
	}
	for _, p := range e {
		*p = rank[*p]
	}
	one := w.spoke[0].state != plan.IsPrimary || w.spoke[1].state != plan.IsPrimary
	if !w.may(0) || !w.may(1) {
		w.split = false
	}
	if !one && !w.split {
		w.fault("I1: two clusters are Primary and no failover excuses it")
	}
}
