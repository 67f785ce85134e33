// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"time"
)

// Peer is the store on the other cluster. A Store is one; over a network it is reached through a link.
type Peer interface {
	// Describe returns the state of a volume; Role is Absent if there is none.
	Describe(ctx context.Context, handle string) (State, error)
	// Begin announces a copy and returns where to put it. An earlier copy that was not committed is forgotten.
	Begin(ctx context.Context, handle string, offer Offer) (Staging, error)
	// Commit makes the copy that was begun under the token the newest generation.
	Commit(ctx context.Context, handle, token string) error
	// Forget removes the copy of a primary whose replication ended.
	Forget(ctx context.Context, handle string) error
	// Yield takes the role of primary from a side whose session was failed over to the other one.
	Yield(ctx context.Context, handle string) error
}

// Offer is what a sender says about the copy that it wants to make.
type Offer struct {
	ID    string    `json:"id"`    // identifies the content
	Basis string    `json:"basis"` // a copy whose content is contained in this one, if any
	Start time.Time `json:"start"`
	Final bool      `json:"final,omitempty"` // the sender was demoted: nothing comes after it

	// HandOver makes the receiver primary when the copy is complete, one that replicates each Interval if that is not zero.
	HandOver bool          `json:"handOver,omitempty"`
	Interval time.Duration `json:"interval,omitempty"`
	// Overwrite lets the copy replace what only the receiver has.
	Overwrite bool `json:"overwrite,omitempty"`
}

// Staging is where a sender puts its copy. The two stores share a file system; what makes a copy count is the commit,
// and that has to cross the link.
type Staging struct {
	Token    string    `json:"token"`              // to commit with
	Dir      string    `json:"dir"`                // empty folder
	Previous string    `json:"previous,omitempty"` // newest complete copy; unchanged files are linked from it
	Since    time.Time `json:"since,omitzero"`     // when the pass that made Previous began
}

var (
	// ErrUnreachable means that the peer did not answer; what it did is unknown.
	ErrUnreachable = errors.New("peer does not answer")
	// ErrPeerPrimary means that the peer is primary: two sides would be, or are.
	ErrPeerPrimary = errors.New("peer is primary too")
	// ErrDiverged means that a side has content of its own which the other side does not contain.
	ErrDiverged = errors.New("content has diverged from the peer's")
	// ErrFinalPending means that the peer was demoted, and its final copy has not arrived yet.
	ErrFinalPending = errors.New("final copy of the peer has not arrived yet")
	// ErrNoCopy means that there is no complete copy to promote.
	ErrNoCopy = errors.New("no complete copy")
	// ErrInUse means that the volume is mounted.
	ErrInUse = errors.New("volume is in use")
	// ErrBusy means that another operation works on the volume.
	ErrBusy = errors.New("another operation works on the volume")
	// ErrNotFound means that there is no such volume.
	ErrNotFound = errors.New("no such volume")
	// ErrWrongRole means that the volume's role does not allow the operation.
	ErrWrongRole = errors.New("not possible in this role")
	// ErrSuperseded means that a commit is for a copy that is not the one begun last.
	ErrSuperseded = errors.New("copy was superseded")
	// ErrReplicating means that a volume cannot be deleted because its bytes are not safe elsewhere or are being sent.
	ErrReplicating = errors.New("volume is under replication")
	// ErrNotHandedOver means that the peer did not step down in favor of this side.
	ErrNotHandedOver = errors.New("peer has not handed its role over")
	// ErrFailedOver means that the two sides of a session went apart by a forced promotion.
	ErrFailedOver = errors.New("session is failed over")
	// ErrSession means that the session of a secondary has to be ended where the volume is primary.
	ErrSession = errors.New("session is in use by the primary")
)
