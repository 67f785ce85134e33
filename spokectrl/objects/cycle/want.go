// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// Mode is what may be done for a group now.
type Mode uint8

// Modes.
const (
	Off     Mode = iota // nothing: what runs is ended, and what is known forgotten
	Pause               // nothing: what runs is ended
	Idle                // nothing new: what runs goes on
	Restore             // what was captured is restored, once
	Capture             // captures are made
)

// Want is what a group asks for.
type Want struct {
	Group capsule.Group
	Mode  Mode
	Term  archive.Term
	// Profiles are its stores.
	Profiles []string
	// Readers are the public keys of the clusters that may read its captures.
	Readers []string
	// App says what a Recipe is resolved for, and what is captured without one.
	App recipe.Application
	// Recipe names the one that the group asks for; empty: none. Spec is that, and Unread why there is none here.
	Recipe string
	Spec   *v1alpha1.RecipeSpec
	Unread error
	// Interval is the time from the start of one capture to that of the next.
	Interval time.Duration
	// For is the generation of the group that asks for a capture before the application leaves; 0: none does. The capture that
	// begins in that generation, or later, is one.
	For int64
	// Skip ends the restore without what is missing: by the user's word.
	Skip bool
	// Attempted is what Standing.Attempted said before this process knew of the group; empty: nothing.
	Attempted string
	// SkipUndo names an attempt whose hooks are not undone: by the user's word.
	SkipUndo string
}

// term is what all that is known of a group is known for.
func (w *Want) term() string {
	return fmt.Sprintf("%d/%s/%s", w.Term.Epoch, w.Term.Cluster, w.Term.Key.Public())
}

// content is what a capture is made of, and for whom: if it changes, another one is due.
func (w *Want) content() string {
	readers := slices.Sorted(slices.Values(w.Readers))
	how, err := json.Marshal([]any{w.App, w.Spec})
	if err != nil {
		how = []byte(err.Error())
	}
	return fmt.Sprint(w.Profiles, readers, string(how))
}

// shared reports whether another cluster than this one could read a capture.
func (w *Want) shared() bool {
	return slices.ContainsFunc(w.Readers, func(key string) bool { return key != w.Term.Key.Public() })
}

// Fresh is how long a capture is waited for before the application leaves.
const Fresh = time.Minute

// Overdue is how many intervals old the last capture of a group may be.
const Overdue = 2
