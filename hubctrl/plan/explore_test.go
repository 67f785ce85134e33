// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// explore visits every reachable world in breadth-first order. It returns how many there are, whether it saw them all,
// and the shortest trace to a violation, if there is one.
func explore(first world, bound int) (states int, complete bool, violation []string) {
	ids := map[world]int32{first: 0}
	list := []world{first}
	from := []int32{-1}
	reverse := [][]int32{nil} // fair edges only
	trace := func(head string, at int32, last string) []string {
		var steps []string
		for i := at; from[i] >= 0; i = from[i] {
			prev := from[i]
			list[prev].next(func(e edge) {
				if ids[e.to] == i && len(steps) >= 0 && (len(steps) == 0 || steps[len(steps)-1] != "@"+strconv.Itoa(int(i))) {
					steps = append(steps, e.name, "@"+strconv.Itoa(int(i)))
				}
			})
		}
		out := []string{head}
		for _, step := range slices.Backward(steps) {
			if !strings.HasPrefix(step, "@") {
				out = append(out, step)
			}
		}
		if last != "" {
			out = append(out, last)
		}
		return out
	}
	complete = true
	for i := int32(0); int(i) < len(list); i++ {
		if len(list) > bound {
			complete = false
			break
		}
		w := list[i]
		why := unexplained(w.observe())
		if w.liar != plan.Nowhere && strings.HasPrefix(why, "I7") {
			why = "" // facts that only a lie brings together
		}
		if why != "" && !w.finished {
			return len(list), false, trace(fmt.Sprintf("%s: plan %+v of %+v", why, plan.Decide(w.observe()), w.observe()), i, "")
		}
		w.next(func(e edge) {
			if violation != nil {
				return
			}
			if e.to.bad != "" {
				violation = trace(e.to.bad, i, e.name)
				return
			}
			j, known := ids[e.to]
			if !known {
				j = int32(len(list))
				ids[e.to] = j
				list, from, reverse = append(list, e.to), append(from, i), append(reverse, nil)
			}
			if e.fair {
				reverse[j] = append(reverse[j], i)
			}
		})
		if violation != nil {
			return len(list), false, violation
		}
	}
	if !complete {
		return len(list), false, nil
	}
	// Liveness: from every reachable world the goal can be reached without further faults or wishes.
	live := make([]bool, len(list))
	var queue []int32
	for i := range list {
		if list[i].settled() || list[i].unharmed() {
			live[i] = true
			queue = append(queue, int32(i))
		}
	}
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		for _, j := range reverse[i] {
			if !live[j] {
				live[j] = true
				queue = append(queue, j)
			}
		}
	}
	for i := range list {
		if !live[i] {
			w := list[i]
			p := plan.Decide(w.observe())
			return len(list), true, trace(fmt.Sprintf("stuck: plan %+v in %+v", p, w), int32(i), "")
		}
	}
	return len(list), true, nil
}

// envStates asks for the large worlds too, and says how many states of each to explore at most.
const envStates = "RAMEN_MODEL_STATES"

// bound is the number of states to explore at most.
func bound(small int) int {
	if n, err := strconv.Atoi(os.Getenv(envStates)); err == nil {
		return n
	}
	return small
}

func TestEveryReachableStateIsSafeAndLive(t *testing.T) {
	worlds := []struct {
		name string
		limits
		large bool // only where states are asked for: make model
	}{
		{"an application that runs on the preferred cluster, and one wish", limits{asks: 1, runs: plan.First}, false},
		{"an application that runs on the other cluster, and one wish", limits{asks: 1, runs: plan.Second}, false},
		{"a running application, one wish and a volume that comes", limits{asks: 1, comes: 1, deployed: true}, false},
		{"a running application, one wish and a workload where nobody expects it", limits{asks: 1, strays: 1, deployed: true}, false},
		{"a running application that was never stored, and two wishes", limits{asks: 2, refused: true, deployed: true}, false},
		{"one wish and one cut", limits{asks: 1, cuts: 1}, false},
		{"two wishes of the user", limits{asks: 2}, false},
		{"one wish and the loss of the hub", limits{asks: 1, losses: 1}, false},
		{"one wish, and storage that needs a maintenance mode", limits{asks: 1, modes: true}, false},
		{"a running application, one wish and a hub restored from a backup", limits{asks: 1, restores: 1, deployed: true}, false},
		{"a running application, one wish and a cluster that returns from a backup", limits{asks: 1, returns: 1, deployed: true}, false},
		{"a running application, one wish and one deleted by hand", limits{asks: 1, hands: 1, deployed: true}, false},
		{"a running application, one wish deleted by hand and a hub restored from a backup", limits{hands: 1, restores: 1, deployed: true}, false},
		{"a running application, one wish deleted by hand and a cluster that returns from a backup", limits{hands: 1, returns: 1, deployed: true}, false},
		{"a running application and two lies of one cluster", limits{lies: 2, deployed: true}, false},
		{"a running application, a lie and a cut", limits{lies: 1, cuts: 1, deployed: true}, false},
		{"a running application, a lie and the loss of the hub", limits{lies: 1, losses: 1, deployed: true}, false},
		{"a running application, a lie and a hub restored from a backup", limits{lies: 1, restores: 1, deployed: true}, false},
		{"a running application, one wish and a lie", limits{asks: 1, lies: 1, deployed: true}, false},
		{"a running application, one wish deleted by hand and a lie", limits{hands: 1, lies: 1, deployed: true}, true},
		{"a running application, one wish, a lie and a cut", limits{asks: 1, cuts: 1, lies: 1, deployed: true}, true},
		{"a running application, one wish, a lie and a hub restored from a backup", limits{asks: 1, restores: 1, lies: 1, deployed: true}, true},
		{"a running application, one wish, two lies and the loss of the hub", limits{asks: 1, losses: 1, lies: 2, deployed: true}, true},
		{"a running application, one wish and a hub lost whose policy names another cluster", limits{asks: 1, swaps: 1, deployed: true}, false},
		{"a running application, one wish and a cluster that is replaced or wiped", limits{asks: 1, wipes: 1, deployed: true}, false},
		{"a running application, one wish and two clusters that are replaced or wiped", limits{asks: 1, wipes: 2, deployed: true}, true},
		{"one wish, a cut and a cluster that is replaced or wiped", limits{asks: 1, cuts: 1, wipes: 1}, true},
		{"two wishes and a cluster that is replaced or wiped", limits{asks: 2, wipes: 1}, true},
		{"an application that runs on the other cluster, two wishes and a cut", limits{asks: 2, cuts: 1, runs: plan.Second}, true},
		{"an application that runs on the other cluster, one wish and the loss of the hub", limits{asks: 1, losses: 1, runs: plan.Second}, true},
		{"one wish, a volume that comes and a workload where nobody expects it", limits{asks: 1, comes: 1, strays: 1}, true},
		{"a running application, two wishes, a cut and a volume that comes", limits{asks: 2, cuts: 1, comes: 1, deployed: true}, true},
		{"an application that was never stored, two wishes and a cut", limits{asks: 2, cuts: 1, refused: true}, true},
		{"one wish and one deleted by hand", limits{asks: 1, hands: 1}, true},
		{"a running application, one wish and two deleted by hand", limits{asks: 1, hands: 2, deployed: true}, true},
		{"a running application, two wishes and one deleted by hand", limits{asks: 2, hands: 1, deployed: true}, true},
		{"a running application, one wish, a cut and one deleted by hand", limits{asks: 1, cuts: 1, hands: 1, deployed: true}, true},
		{"two wishes, a cut and two deleted by hand", limits{asks: 2, cuts: 1, hands: 2}, true},
		{"a running application, one wish and a namespace of a Secondary that is deleted", limits{asks: 1, prunes: 1, deployed: true}, false},
		{"a failover, one wish and a namespace of a Secondary that is deleted", limits{asks: 1, prunes: 1, deployed: true, failedOver: true}, false},
		{"a running application, two wishes and a namespace of a Secondary that is deleted", limits{asks: 2, prunes: 1, deployed: true}, true},
		{"a running application, a cut and a promotion past the hub", limits{cuts: 1, glasses: 1, deployed: true}, false},
		{"a running application, one wish, a cut and a promotion past the hub", limits{asks: 1, cuts: 1, glasses: 1, deployed: true}, false},
		{"a running application, two cuts and a promotion past the hub", limits{cuts: 2, glasses: 1, deployed: true}, false},
		{"a running application, the loss of the hub, a cut and a promotion past it", limits{losses: 1, cuts: 1, glasses: 1, deployed: true}, false},
		{"a running application, a hub restored from a backup, a cut and a promotion past it", limits{restores: 1, cuts: 1, glasses: 1, deployed: true}, false},
		{"two wishes and a cut", limits{asks: 2, cuts: 1}, true},
		{"two wishes and the loss of the hub", limits{asks: 2, losses: 1}, true},
		{"one wish and a hub restored from a backup", limits{asks: 1, restores: 1}, true},
		{"one wish and a cluster that returns from a backup", limits{asks: 1, returns: 1}, true},
		{"a running application, two wishes and a hub restored from a backup", limits{asks: 2, restores: 1, deployed: true}, true},
	}
	total := 0
	for _, w := range worlds {
		if w.large && os.Getenv(envStates) == "" {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			n, complete, violation := explore(start(w.limits), bound(6_000_000))
			total += n
			t.Logf("%d states, all of them: %v", n, complete)
			if violation != nil {
				t.Fatal(strings.Join(violation, "\n  "))
			}
		})
	}
	t.Logf("%d states in all, no violation", total)
}
