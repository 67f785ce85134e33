// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// What may be the only copy of something is given up only by the user's word. There is one grammar for all such words, in one
// annotation: <loss>/<cluster>/<id>, several separated by commas. A word names what is lost, on which cluster, and the moment:
// the id is that of what the loss came with. So it holds for nothing that happens later, and may stay where it is, in Git too.

// Loss is what a user can accept.
type Loss string

const (
	// LossReplaced : what a cluster had before it, or the group on it, was replaced. The id is the identity of the new cluster,
	// or the UID of the new group.
	LossReplaced Loss = "replaced"
	// LossFailover : what a failover to a cluster does not find there. The id is the generation and the UID of the object.
	LossFailover Loss = "failover"
	// lossSelection : the protection of volumes that an object made again does not select. The id is the UID of the object.
	lossSelection Loss = "selection"
)

// Word is the word by which a user accepts a loss.
func Word(l Loss, cluster, id string) string { return fmt.Sprintf("%s/%s/%s", l, cluster, id) }

// FailoverID names the failover that a spec asks for.
func FailoverID(drpc *v1alpha1.DRPlacementControl) string {
	return fmt.Sprintf("%d.%s", drpc.Generation, drpc.UID)
}

// said reports whether the user gave a word. It is remembered: a command that adds another one keeps it.
func said(w *Snapshot, word string) bool {
	words := strings.FieldsFunc(w.DRPC.Annotations[v1alpha1.AnnotationAcceptLoss], func(c rune) bool { return c == ',' || c == ' ' })
	if !slices.Contains(words, word) {
		return false
	}
	if !slices.Contains(w.words, word) {
		w.words = append(w.words, word)
	}
	return true
}

// Accept is the command by which the user gives a word, besides those that hold.
func (w *Snapshot) Accept(word string) string {
	return fmt.Sprintf("kubectl -n %s annotate drpc %s --overwrite %s=%s",
		w.DRPC.Namespace, w.DRPC.Name, v1alpha1.AnnotationAcceptLoss, strings.Join(append(slices.Clone(w.words), word), ","))
}

// acceptsFailover reports whether the user accepts what the failover that the spec asks for loses.
func acceptsFailover(w *Snapshot) bool {
	if w.Facts.Ask != plan.Failover {
		return false
	}
	return slices.ContainsFunc(w.Sides[:], func(at Side) bool {
		named := w.DRPC.Spec.FailoverCluster == "" || w.DRPC.Spec.FailoverCluster == at.Cluster
		return named && at.Cluster != "" && said(w, Word(LossFailover, at.Cluster, FailoverID(w.DRPC)))
	})
}

// AcceptsSelection reports whether the user accepts that an object that was made again selects other volumes.
func (w *Snapshot) AcceptsSelection(uid types.UID) bool {
	return slices.ContainsFunc(w.Sides[:], func(at Side) bool {
		return at.Cluster != "" && said(w, Word(lossSelection, at.Cluster, string(uid)))
	})
}
