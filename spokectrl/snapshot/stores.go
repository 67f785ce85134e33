// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ramendr/ramen-direct/internal/bounded"
)

// named are the stores of the group. Ramen's name for "no store" is none.
func (s *Snapshot) named() []string {
	return slices.DeleteFunc(slices.Clone(s.VRG.Spec.S3Profiles), func(p string) bool { return p == "NoS3" })
}

// Profiles are the stores of the group that are asked: those that nobody gave up.
func (s *Snapshot) Profiles() []string {
	return slices.DeleteFunc(s.named(), func(p string) bool { return slices.Contains(s.Abandoned, p) })
}

// Without are the stores of the group that the user gave up.
func (s *Snapshot) Without() []string {
	return slices.DeleteFunc(s.named(), func(p string) bool { return !slices.Contains(s.Abandoned, p) })
}

// Forlorn says that every store of the group was given up. What was stored can't be known any more.
func (s *Snapshot) Forlorn() bool { return len(s.Profiles()) == 0 && len(s.Without()) > 0 }

// GivenUp names the stores that were given up, after what is said of the others; empty if there are none.
func (s *Snapshot) GivenUp() string {
	if gone := s.Without(); len(gone) > 0 {
		return "; given up, and not used: " + bounded.List(gone, ", ")
	}
	return ""
}

// MessageForlorn says what helps a group whose stores were all given up.
func (s *Snapshot) MessageForlorn() string {
	return fmt.Sprintf("all object stores of this group were given up: %s. On the hub, name an S3 profile of another store in s3ProfileName of a DRCluster", bounded.List(s.Without(), ", "))
}

// WasPrimary says that a group was Primary here until now, and has its claims: it is promoted to take a failover back. Then nothing
// that the stores lack is missing.
func (s *Snapshot) WasPrimary() bool {
	note := s.VRG.Annotations[AnnotationRestored]
	_, err := strconv.ParseInt(note, 10, 64)
	return err == nil
}

// Emptied says that profiles have nothing of a group that was stored in them.
func (s *Snapshot) Emptied(profiles []string) string {
	return fmt.Sprintf("nothing is stored of this group in %s, and it was stored there before: somebody emptied the buckets, a rule expired what they held, or the profiles name other buckets now. "+
		"Bring back what was below %s, for example from earlier versions in a bucket, and it is restored", strings.Join(profiles, ", "), s.ID.Prefix())
}
