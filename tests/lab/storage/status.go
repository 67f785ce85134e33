// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"time"

	replicationv1alpha1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/internal/cond"
	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// situation is one row of the table of states that csi-addons' controller shows.
type situation int

const (
	promoted situation = iota
	promoteRefused
	promoteFailed
	demoted // and the peer may lack the final copy
	demoteFailed
	resyncing
	resyncFailed
	inSync
)

// finding is what a reconcile found out.
type finding struct {
	is      situation
	message string // why, if it is a failure, or if a demoted volume cannot come in sync

	// Of a promoted volume.
	lastPass       *engine.Pass
	notReplicating string // why, empty if it replicates
	splitBrain     bool
}

// shown is one row: the conditions, and the state, which failures leave as it is.
type shown struct {
	completed, degraded, resyncing, validated metav1.Condition
	state                                     replicationv1alpha1.State
}

func row(kind string, is bool, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: cond.Status(is), Reason: reason, Message: "volume " + message}
}

// row is the row of the situation; a validated without a type is not written.
func (f finding) row() shown {
	failed := func(reason, message string) shown {
		return shown{
			completed: row(replicationv1alpha1.ConditionCompleted, false, reason, message+": "+f.message),
			degraded:  row(replicationv1alpha1.ConditionDegraded, true, replicationv1alpha1.Error, message+": "+f.message),
			resyncing: row(replicationv1alpha1.ConditionResyncing, false, replicationv1alpha1.NotResyncing, replicationv1alpha1.MessageNotResyncing),
		}
	}
	healthy := row(replicationv1alpha1.ConditionDegraded, false, replicationv1alpha1.Healthy, replicationv1alpha1.MessageHealthy)
	degraded := row(replicationv1alpha1.ConditionDegraded, true, replicationv1alpha1.VolumeDegraded, replicationv1alpha1.MessageDegraded)
	quiet := row(replicationv1alpha1.ConditionResyncing, false, replicationv1alpha1.NotResyncing, replicationv1alpha1.MessageNotResyncing)
	done := row(replicationv1alpha1.ConditionCompleted, true, replicationv1alpha1.Demoted, replicationv1alpha1.MessageDemoted)
	switch f.is {
	case promoted:
		s := shown{
			completed: row(replicationv1alpha1.ConditionCompleted, true, replicationv1alpha1.Promoted, replicationv1alpha1.MessagePromoted),
			degraded:  healthy, resyncing: quiet, state: replicationv1alpha1.PrimaryState,
		}
		if f.splitBrain {
			s.degraded = degraded
			s.degraded.Message += ": split brain, the peer is primary too"
		}
		return s
	case promoteRefused:
		s := failed(replicationv1alpha1.FailedToPromote, replicationv1alpha1.MessageFailedPromoted)
		s.validated = row(replicationv1alpha1.ConditionValidated, false, replicationv1alpha1.PrerequisiteNotMet, replicationv1alpha1.MessageFailedPreCondition+": "+f.message)
		return s
	case promoteFailed:
		s := failed(replicationv1alpha1.FailedToPromote, replicationv1alpha1.MessageFailedPromoted)
		s.validated = row(replicationv1alpha1.ConditionValidated, true, replicationv1alpha1.PrerequisiteMet, replicationv1alpha1.MessageValidated)
		return s
	case demoted:
		if f.message != "" {
			degraded.Message += ": " + f.message
		}
		return shown{completed: done, degraded: degraded, resyncing: quiet, state: replicationv1alpha1.SecondaryState}
	case demoteFailed:
		return failed(replicationv1alpha1.FailedToDemote, replicationv1alpha1.MessageFailedDemoted)
	case resyncing:
		return shown{
			completed: done, degraded: degraded, state: replicationv1alpha1.SecondaryState,
			resyncing: row(replicationv1alpha1.ConditionResyncing, true, replicationv1alpha1.ResyncTriggered, replicationv1alpha1.MessageResyncTriggered),
		}
	case resyncFailed:
		s := failed(replicationv1alpha1.FailedToResync, replicationv1alpha1.MessageResyncFailed)
		s.resyncing = row(replicationv1alpha1.ConditionResyncing, false, replicationv1alpha1.FailedToResync, replicationv1alpha1.MessageResyncFailed)
		s.state = replicationv1alpha1.SecondaryState
		return s
	case inSync:
		return shown{completed: done, degraded: healthy, resyncing: quiet, state: replicationv1alpha1.SecondaryState}
	}
	return shown{}
}

// report writes a finding into the status.
func report(vr *replicationv1alpha1.VolumeReplication, f finding, now time.Time) {
	s := f.row()
	at := metav1.NewTime(now.Truncate(time.Second))
	status := &vr.Status
	wasDone := status.ObservedGeneration == vr.Generation && cond.IsTrue(status.Conditions, replicationv1alpha1.ConditionCompleted)
	if status.ObservedGeneration != vr.Generation {
		status.LastStartTime = &at
	}
	write := []metav1.Condition{s.completed, s.degraded, s.resyncing}
	if s.validated.Type != "" {
		write = append(write, s.validated)
	}
	status.LastSyncTime, status.LastSyncDuration, status.LastSyncBytes = nil, nil, nil
	if f.is == promoted {
		write = append(write, f.replicating())
		if p := f.lastPass; p != nil {
			start := metav1.NewTime(p.Start.Truncate(time.Second))
			status.LastSyncTime, status.LastSyncDuration, status.LastSyncBytes = &start, &metav1.Duration{Duration: p.Duration}, &p.Bytes
		}
	} else if s.state == replicationv1alpha1.SecondaryState {
		meta.RemoveStatusCondition(&status.Conditions, replicationv1alpha1.ConditionReplicating)
	}
	for i := range write {
		write[i].ObservedGeneration = vr.Generation
	}
	status.Conditions = cond.Merge(status.Conditions, now, write...)
	if s.completed.Status == metav1.ConditionTrue && !wasDone {
		status.LastCompletionTime = &at
	}
	switch {
	case s.state != "":
		status.State = s.state
	case status.State == "":
		status.State = replicationv1alpha1.UnknownState
	}
	status.Message = s.completed.Message
	status.ObservedGeneration = vr.Generation
}

func (f finding) replicating() metav1.Condition {
	if f.notReplicating != "" {
		return row(replicationv1alpha1.ConditionReplicating, false, replicationv1alpha1.NotReplicating, replicationv1alpha1.MessageNotReplicating+": "+f.notReplicating)
	}
	return row(replicationv1alpha1.ConditionReplicating, true, replicationv1alpha1.Replicating, replicationv1alpha1.MessageReplicating)
}
