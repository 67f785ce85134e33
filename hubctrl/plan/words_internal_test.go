// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"strings"
)

// Enums in words, for transcripts and traces.

func (s Side) String() string { return [...]string{"nowhere", "dr1", "dr2", "elsewhere"}[s] }

func (a Ask) String() string { return [...]string{"Stay", "Failover", "Relocate"}[a] }

func (r Role) String() string { return [...]string{"nothing", "Secondary", "Primary"}[r] }

func (s State) String() string { return [...]string{"neither", "Secondary", "Primary"}[s] }

func (f FinalSync) String() string {
	return [...]string{"", "prepare the final synchronization", "run the final synchronization"}[f]
}

func (d Decision) String() string { return [...]string{"untold", "Gone", "Retain", "Run"}[d] }

func (p Phase) String() string {
	return [...]string{"WaitForUser", "Initiating", "Deploying", "Deployed", "FailingOver", "FailedOver", "Relocating", "Relocated", "Deleting"}[p]
}

func (s Progression) String() string {
	return [...]string{
		"Completed", "Paused", "CheckingPrerequisites", "ActivatingMaintenance", "FailingOverToCluster", "WaitingForRestore", "WaitingForReadiness", "CleaningUp",
		"WaitOnUserToCleanUp", "PreparingFinalSync", "ClearingPlacement", "RunningFinalSync", "EnsuringSecondary", "Removing",
	}[s]
}

func (f Fact) String() string {
	return [...]string{
		"nothing", "its link", "its whole inbox", "an answer", "being Primary and ready", "its metadata in every store", "being Secondary and in sync",
		"its Kubernetes objects", "a place for each volume on its peer", "a copy of each volume on its peer", "being prepared", "its final synchronization", "the workload to leave", "the object to go", "a valid policy", "its storage to be ready for a failover",
		"a target", "a choice between two primaries", "a foreign object to be removed", "a choice of where the workload is to run", "the application's Primary to be found", "a word about its lost volumes", "a spec that is said again",
		"the spec to name it, for the workload is there", "claims to go that were never replicated", "the user to say whether what was let go is to be protected again", "a word that the loss is accepted",
	}[f]
}

func (w Write) String() string {
	var out string
	switch w.Kind {
	case PutWish:
		out = fmt.Sprintf("wish %s: %s", w.Side, w.Role)
		if w.FinalSync != NoFinalSync {
			out += ", " + w.FinalSync.String()
		}
		if w.For != Stay {
			out += " for " + w.For.String()
		}
		if w.Promote {
			out += ", in a new epoch"
		}
	case AdoptWish:
		out = fmt.Sprintf("adopt %s as it is", w.Side)
	case RemoveWish:
		out = fmt.Sprintf("remove the wish of %s", w.Side)
	case DropWish:
		out = fmt.Sprintf("drop the tombstone of %s", w.Side)
	case Publish:
		var at []string
		for i, d := range w.Decisions {
			if d != Gone {
				at = append(at, fmt.Sprintf("%s %s", Side(i+1), d))
			}
		}
		out = "decide: " + strings.Join(at, ", ")
		if at == nil {
			out = "decide: nowhere"
		}
	case Finish:
		out = "let the application go"
	}
	return out
}

func (w Wait) String() string {
	switch {
	case w.Fact == Nothing:
		return "done"
	case w.On.Named():
		return fmt.Sprintf("waits for %s: %s", w.On, w.Fact)
	default:
		return fmt.Sprintf("waits for the user: %s", w.Fact)
	}
}
