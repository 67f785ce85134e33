// SPDX-License-Identifier: Apache-2.0

package drpc

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

// loss is what a user can accept.
type loss string

const (
	// lossReplaced : what a cluster had before it, or the group on it, was replaced. The id is the identity of the new cluster,
	// or the UID of the new group.
	lossReplaced loss = "replaced"
	// lossFailover : what a failover to a cluster does not find there. The id is the generation and the UID of the object.
	lossFailover loss = "failover"
	// lossSelection : the protection of volumes that an object made again does not select. The id is the UID of the object.
	lossSelection loss = "selection"
)

// word is the word by which a user accepts a loss.
func word(l loss, cluster, id string) string { return fmt.Sprintf("%s/%s/%s", l, cluster, id) }

// failoverID names the failover that a spec asks for.
func failoverID(drpc *v1alpha1.DRPlacementControl) string {
	return fmt.Sprintf("%d.%s", drpc.Generation, drpc.UID)
}

// said reports whether the user gave a word. It is remembered: a command that adds another one keeps it.
func (w *world) said(word string) bool {
	words := strings.FieldsFunc(w.drpc.Annotations[v1alpha1.AnnotationAcceptLoss], func(c rune) bool { return c == ',' || c == ' ' })
	if !slices.Contains(words, word) {
		return false
	}
	if !slices.Contains(w.words, word) {
		w.words = append(w.words, word)
	}
	return true
}

// accept is the command by which the user gives a word, besides those that hold.
func (w *world) accept(word string) string {
	return fmt.Sprintf("kubectl -n %s annotate drpc %s --overwrite %s=%s",
		w.drpc.Namespace, w.drpc.Name, v1alpha1.AnnotationAcceptLoss, strings.Join(append(slices.Clone(w.words), word), ","))
}

// acceptsFailover reports whether the user accepts what the failover that the spec asks for loses.
func (w *world) acceptsFailover() bool {
	if w.facts.Ask != plan.Failover {
		return false
	}
	return slices.ContainsFunc(w.sides[:], func(at side) bool {
		named := w.drpc.Spec.FailoverCluster == "" || w.drpc.Spec.FailoverCluster == at.cluster
		return named && at.cluster != "" && w.said(word(lossFailover, at.cluster, failoverID(w.drpc)))
	})
}

// acceptsSelection reports whether the user accepts that an object that was made again selects other volumes.
func (w *world) acceptsSelection(uid types.UID) bool {
	return slices.ContainsFunc(w.sides[:], func(at side) bool {
		return at.cluster != "" && w.said(word(lossSelection, at.cluster, string(uid)))
	})
}
