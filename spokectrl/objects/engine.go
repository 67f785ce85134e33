// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

// Engine captures and restores the objects of a group. Calls return at once; calling again with a request of the same ID and
// step tells how it gets on. An Engine is safe for concurrent use.
type Engine interface {
	// Name of the engine, as captures remember it.
	Name() string
	// Format of its parts, as captures remember it. An engine reads no other.
	Format() string
	// Ready is why it can't work here; nil: it can.
	Ready(ctx context.Context) error
	// Capture captures one step. An error means that it was not begun.
	Capture(ctx context.Context, r CaptureRequest) (Progress, error)
	// Restore restores one step. An error means that it was not begun.
	Restore(ctx context.Context, r RestoreRequest) (Progress, error)
	// Forget drops what the engine remembers of requests with this ID, and ends what is under way.
	Forget(g capsule.Group, id string)
}

// Selection says which objects a step is about.
type Selection struct {
	Namespaces []string
	// Included are types: a kind, a plural, a short name, or plural.group; none: all. Excluded ones are left out.
	Included, Excluded []string
	Selector           *metav1.LabelSelector // nil: all
	ClusterScoped      bool                  // with those that have no namespace
}

// CaptureRequest asks for the capture of one step.
type CaptureRequest struct {
	Group  capsule.Group
	ID     string // of the capture
	Step   string
	Select Selection
	// Into takes the parts, one after the other.
	Into Sink
	// Before is this step of the capture whose place this one is to take; nil: there is none. What can't be read now is taken
	// from there.
	Before *Before
	// Ended is called once, when the request has come to its end, or when it was forgotten and nothing of it is under way any
	// more; nil: nobody waits.
	Ended func()
}

// Sink takes the parts of a step.
type Sink interface {
	// Put stores one part of at most MaxPart bytes.
	Put(ctx context.Context, part []byte) error
}

// Before is a step of the capture before. Its Each gives all that is left of it, and returns a LostError if that is not all. Any other
// error may pass.
type Before struct {
	Source
	Start  time.Time      // of that capture
	Counts map[string]int // of its objects, by type
	// Kept is what it took from captures before it, and when those were made, as in Progress.
	Kept map[string]time.Time
}

// LostError says what of a step is lost, after the rest was given.
type LostError struct{ Err error }

func (e *LostError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *LostError) Unwrap() error { return e.Err }

// MaxPart is the largest part, in bytes.
const MaxPart = 4 << 20

// Source gives the parts of a step back, in their order. Each time it is asked it gives all.
type Source interface {
	Each(ctx context.Context, do func(part []byte) error) error
}

// RestoreRequest asks for the restore of one step.
type RestoreRequest struct {
	Group  capsule.Group
	ID     string // of the restore: the same for each attempt of one failover
	Step   string
	Select Selection
	From   Source
	// Overwrite changes objects that exist and differ. Without it they are kept.
	Overwrite bool
	// Status selects the types whose status is restored; nil: none.
	Status *Selection
	// Link makes nothing, and links what this restore made to owners that are here by now.
	Link bool
	// Lacked are the marks of what an earlier attempt at this step of the same capture did not have in place when it ended; nil: none
	// ended. All else was in place once, and is not made again if it is gone now.
	Lacked map[string]bool
	// Ended is as for a capture.
	Ended func()
}

// State of a request.
type State uint8

// States.
const (
	Running State = iota
	Done
	Failed
)

// Progress is how a request gets on.
type Progress struct {
	State State
	Err   error // why it failed
	// Objects are how many were captured or are in place, and Of how many there are; 0: not known yet.
	Objects, Of int
	Counts      map[string]int // by type, as plural.group
	// Kept is what could not be read and was taken from an earlier capture, by what the finding names, and when that was made.
	Kept map[string]time.Time
	// Version is the resource version of the API server that all of a capture is of; empty: there is no such one.
	Version  string
	Findings Findings
	// Lacking are the marks of all that a restore has not in place, when it has tried to make all; nil: it has not.
	Lacking []string
}

// Mark stands for an object in a list that may be long, by its title.
func Mark(title string) string {
	sum := sha256.Sum256([]byte(title))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// Reason says what a finding is about.
type Reason string

// Reasons.
const (
	NotRead    Reason = "NotRead"    // a type, a group or a namespace could not be listed: what an earlier capture has of it is kept
	NotAtOnce  Reason = "NotAtOnce"  // a type was captured at another moment than the rest
	NoBefore   Reason = "NoBefore"   // the capture before is of no use: what it had and is not served now is not missed
	LeftOut    Reason = "LeftOut"    // an object belongs to a controller, or is too large, or a type was removed
	Kept       Reason = "Kept"       // an object exists and differs
	NotServed  Reason = "NotServed"  // the cluster has no such type
	NotAllowed Reason = "NotAllowed" // a right is missing
	NotMade    Reason = "NotMade"    // the API server refused an object
	Gone       Reason = "Gone"       // an object was restored by an earlier attempt, and is not here any more
	OwnerGone  Reason = "OwnerGone"  // an owner does not exist here: the object was made without
)

// Fails reports whether a finding of this reason means that something is missing.
func (r Reason) Fails() bool { return r == NotServed || r == NotAllowed || r == NotMade }

// Finding is something to tell the user.
type Finding struct {
	Reason Reason `json:"reason"`
	Object string `json:"object"` // or a type, as users know it
	What   string `json:"what,omitempty"`
}

func (f Finding) String() string {
	if f.What == "" {
		return f.Object
	}
	return fmt.Sprintf("%s: %s", f.Object, f.What)
}

// MaxFindings is how many findings of one reason are listed. More are counted, so that none hides those of another reason.
const MaxFindings = 50

// Findings are what is to be told, as many as are listed, and how many there were of each reason.
type Findings struct {
	List  []Finding      `json:"list,omitempty"`
	Count map[Reason]int `json:"count,omitempty"`
}

// Add adds one.
func (f *Findings) Add(reason Reason, object, what string) {
	if f.Count == nil {
		f.Count = map[Reason]int{}
	}
	if f.Count[reason]++; f.listed(reason) < MaxFindings {
		f.List = append(f.List, Finding{reason, object, what})
	}
}

// Join adds all of other.
func (f *Findings) Join(other Findings) {
	if f.Count == nil && len(other.Count) > 0 {
		f.Count = map[Reason]int{}
	}
	for reason, n := range other.Count {
		f.Count[reason] += n
	}
	f.List = slices.Clone(f.List)
	for _, one := range other.List {
		if f.listed(one.Reason) < MaxFindings {
			f.List = append(f.List, one)
		}
	}
}

func (f *Findings) listed(of Reason) int {
	n := 0
	for _, one := range f.List {
		if one.Reason == of {
			n++
		}
	}
	return n
}

// Without is f but for the findings of a reason.
func (f *Findings) Without(reason Reason) Findings {
	out := Findings{List: slices.DeleteFunc(slices.Clone(f.List), func(one Finding) bool { return one.Reason == reason }), Count: maps.Clone(f.Count)}
	delete(out.Count, reason)
	return out
}

// Of are the listed findings of a reason.
func (f *Findings) Of(reason Reason) []Finding {
	return slices.DeleteFunc(slices.Clone(f.List), func(one Finding) bool { return one.Reason != reason })
}

// Missing is how many objects are not in place.
func (f *Findings) Missing() int {
	n := 0
	for reason, count := range f.Count {
		if reason.Fails() {
			n += count
		}
	}
	return n
}
