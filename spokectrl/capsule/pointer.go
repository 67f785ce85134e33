// SPDX-License-Identifier: Apache-2.0

package capsule

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Pointer names the capture of Kubernetes objects that would be restored. It is part of the group's manifest, and so of what
// is signed; it is written after all that it names.
type Pointer struct {
	// Slot is 0 or 1: a capture never goes to the slot of the one before it.
	Slot int64 `json:"slot"`
	// ID of the capture: its epoch and its serial, so that no other capture has its keys.
	ID string `json:"id"`
	// Sum is the SHA-256 of the manifest of the capture, in hexadecimal.
	Sum string `json:"sha256"`
	// Generation of the group when the capture began.
	Generation int64     `json:"generation"`
	Start      time.Time `json:"start"`
	End        time.Time `json:"end"`
}

var captureID = regexp.MustCompile(`^([0-9]{1,19})-([0-9]{1,19})-[0-9a-f]{8}$`)

// NewCaptureID makes the ID of a capture. Two of the same epoch and serial differ, too.
func NewCaptureID(epoch, serial int64) string {
	var unique [4]byte
	_, _ = rand.Read(unique[:]) // it never fails
	return fmt.Sprintf("%d-%d-%x", epoch, serial, unique)
}

// Term is the epoch and the serial of the capture; false: the ID is none.
func (p *Pointer) Term() (epoch, serial int64, ok bool) {
	m := captureID.FindStringSubmatch(p.ID)
	if m == nil {
		return 0, 0, false
	}
	epoch, errEpoch := strconv.ParseInt(m[1], 10, 64)
	serial, errSerial := strconv.ParseInt(m[2], 10, 64)
	return epoch, serial, errEpoch == nil && errSerial == nil
}

// Newer reports whether the capture of p is to be preferred over that of other; nil: there is none.
func (p *Pointer) Newer(other *Pointer) bool {
	if other == nil {
		return true
	}
	epoch, serial, _ := p.Term()
	otherEpoch, otherSerial, _ := other.Term()
	if epoch != otherEpoch {
		return epoch > otherEpoch
	}
	return serial > otherSerial
}

func (p *Pointer) valid() error {
	if _, _, ok := p.Term(); !ok || p.Slot != 0 && p.Slot != 1 {
		return fmt.Errorf("it names slot %d and capture %.60q, which can't be", p.Slot, p.ID)
	}
	return nil
}

// Captures starts all keys of captures.
func (g Group) Captures() string { return g.Prefix() + "kube-objects/" }

// Capture starts the keys of one capture.
func (g Group) Capture(slot int64, id string) string {
	return fmt.Sprintf("%s%d/%s/", g.Captures(), slot, id)
}

// CaptureOf is the capture that a key belongs to, as far as a key tells; nil: it belongs to none of ours.
func (g Group) CaptureOf(key string) *Pointer {
	rest, ok := strings.CutPrefix(key, g.Captures())
	parts := strings.Split(rest, "/")
	if !ok || len(parts) < 3 {
		return nil
	}
	out := &Pointer{ID: parts[1]}
	if _, _, ok := out.Term(); !ok {
		return nil
	}
	return out
}
