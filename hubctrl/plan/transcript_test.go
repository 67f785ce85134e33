// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// TestTranscripts plays stories in the world of the model, everybody in turn, and compares what the hub writes and what
// the clusters do with testdata/*.txt, so that a change of behavior is read as a text diff. Run with -rewrite to accept
// one. The commands:
//
//	deployed                   a new world in which the application runs on dr1
//	new                        a new world in which the application was just made
//	runs <cluster>             a new world in which the application runs there, and was never protected
//	somebody-runs <cluster>    somebody runs the workload there, on volumes of its own
//	claim <cluster> [copied]   a claim comes there; copied: of a technique that needs a place on the peer
//	user <ask> [<cluster>]     failover, relocate, clear (with a preferred cluster; dr1), delete, abandon, accept (with a cluster: the loss of what it had; else: of this failover)
//	cut <cluster>, heal <cluster>
//	lose-hub, back-up, restore
//	deployer off|on            whether anybody follows the decisions
//	lose-object <cluster>      somebody deletes the group on a cluster, by mistake
//	replace <cluster>          another, empty cluster has its name, and the user accepted that
//	wipe <cluster>             the group goes with its namespace and volumes; the mirror re-creates it
//	lose-store                 the stores hold nothing, and take nothing until the next command lose-store; the clusters say so
//	run [plans=<n>]            everybody acts until nothing changes, or the hub carried out n plans
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := &stage{world: start(limits{})}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.out.Reset()
			s.obey(t, d)
			if s.world.bad != "" {
				d.Fatalf(t, "%s\n%s", s.world.bad, s.out.String())
			}
			return s.out.String()
		})
	})
}

// stage is a world whose events are written down.
type stage struct {
	world  world
	out    strings.Builder
	idle   bool // nobody deploys
	closed bool // the stores take nothing
}

func (s *stage) say(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

func (s *stage) obey(t *testing.T, d *datadriven.TestData) {
	w := &s.world
	switch d.Cmd {
	case "new":
		*w, s.idle, s.closed = start(limits{}), false, false
	case "deployed":
		*w, s.idle, s.closed = start(limits{}), false, false
		s.run(1000)
		s.out.Reset()
	case "runs":
		*w, s.idle, s.closed = start(limits{runs: side(t, d, 0)}), false, false
	case "somebody-runs":
		w.strays = 1
		w.stray(side(t, d, 0).Index())
		w.up(side(t, d, 0).Index())
	case "claim":
		if len(d.CmdArgs) > 1 {
			w.spoke[side(t, d, 0).Index()].loose = true
		} else {
			w.stored = false
		}
		w.up(side(t, d, 0).Index())
	case "user":
		s.user(t, d)
	case "cut":
		w.link[side(t, d, 0).Index()] = false
	case "heal":
		w.link[side(t, d, 0).Index()] = true
	case "lose-hub":
		w.losses = 1
		w.loseHub()
	case "back-up":
		w.backUp()
	case "restore":
		w.restores = 1
		w.restore()
	case "deployer":
		s.idle = d.CmdArgs[0].Key == "off"
	case "lose-object":
		i := side(t, d, 0).Index()
		was := w.spoke[i]
		w.spoke[i] = spoke{app: was.app, state: was.state, latest: was.latest, vols: was.vols}
		w.up(i)
	case "replace":
		w.wipes = 1
		w.replaceCluster(side(t, d, 0).Index())
		w.up(side(t, d, 0).Index())
	case "wipe":
		w.wipes = 1
		w.wipe(side(t, d, 0).Index())
	case "lose-store":
		s.closed = !s.closed
		w.stored = w.stored && !s.closed
		w.up(0)
		w.up(1)
	case "run":
		plans := 1000
		d.MaybeScanArgs(t, "plans", &plans)
		s.run(plans)
	default:
		d.Fatalf(t, "unknown command")
	}
}

func (s *stage) user(t *testing.T, d *datadriven.TestData) {
	w := &s.world
	w.outbox[0].stale, w.outbox[1].stale, w.word = false, false, false
	switch d.CmdArgs[0].Key {
	case "failover":
		w.ask, w.target = plan.Failover, side(t, d, 1)
	case "relocate":
		w.ask, w.target = plan.Relocate, side(t, d, 1)
	case "clear":
		w.ask, w.target = plan.Stay, side(t, d, 1)
		if w.target == plan.Nowhere {
			w.target = plan.First
		}
	case "delete":
		w.deleting = true
	case "accept":
		if on := side(t, d, 1); on.Named() {
			w.accepted[on.Index()] = true
		} else {
			w.word = true
		}
	case "abandon":
		w.abandon[side(t, d, 1).Index()] = true
	default:
		d.Fatalf(t, "unknown wish of the user")
	}
}

// side reads the n-th argument; without it: nowhere.
func side(t *testing.T, d *datadriven.TestData, n int) plan.Side {
	if len(d.CmdArgs) <= n {
		return plan.Nowhere
	}
	for _, s := range []plan.Side{plan.First, plan.Second} {
		if d.CmdArgs[n].Key == s.String() {
			return s
		}
	}
	d.Fatalf(t, "no such cluster")
	return plan.Nowhere
}

// run lets hub and clusters act in turn. At the end it says what the hub tells the user.
func (s *stage) run(plans int) {
	w := &s.world
	var told plan.Wait
	for rounds := 0; !w.finished; rounds++ {
		p := plan.Decide(w.observe())
		if rounds > 100 {
			s.say("= does not come to rest: %+v, %v", p, p.Wait)
			return
		}
		if len(p.Writes) > 0 && plans == 0 {
			break
		}
		was := *w
		if len(p.Writes) > 0 {
			plans--
			s.say("hub: %s/%s", p.Phase, p.Progression)
		}
		if p.Tend && len(p.Writes) == 0 {
			w.tend()
		}
		for _, wr := range p.Writes {
			s.say("  %s", wr)
			w.act(wr)
		}
		w.fold()
		head := s.out.String()
		for i := range 2 {
			s.cluster(i)
		}
		if *w == was {
			break
		}
		if p.Wait.Fact != plan.Nothing && p.Wait != told {
			told = p.Wait
			tail := strings.TrimPrefix(s.out.String(), head)
			s.out.Reset()
			s.out.WriteString(head)
			s.say("hub %s", told)
			s.out.WriteString(tail)
		}
	}
	if w.finished {
		s.say("= gone")
		return
	}
	if p := plan.Decide(w.observe()); len(p.Writes) == 0 {
		s.say("= %s/%s, %s", p.Phase, p.Progression, p.Wait)
	}
}

// cluster lets the mirror, the controller and the deployer act on one cluster.
func (s *stage) cluster(i int) {
	w := &s.world
	was := w.spoke[i].String()
	if w.link[i] {
		w.down(i)
	}
	stored := w.stored
	w.work(i)
	if s.closed {
		w.stored = stored
	}
	if w.link[i] && !s.idle {
		w.deploy(i)
	}
	if w.link[i] {
		w.up(i)
	}
	w.fold()
	if is := w.spoke[i].String(); is != was {
		s.say("%s: %s", plan.Side(i+1), is)
	}
}

func (s spoke) String() string {
	out := "no object"
	if s.has {
		out = fmt.Sprintf("told %s, is %s", s.told, s.state)
		if s.told.String() == s.state.String() {
			out = s.state.String()
		}
	}
	switch {
	case s.sync != plan.NoFinalSync && s.prep:
		out += ", prepared"
	case s.deleting:
		out += ", being deleted"
	}
	if s.app {
		out += ", runs the workload"
	}
	return out
}
