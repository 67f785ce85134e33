// SPDX-License-Identifier: Apache-2.0

package status

import (
	"errors"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
)

// Reasons of the events of a group, which are Ramen's.
const (
	eventPrimary   = "PrimaryVRGProcessSuccess"
	eventSecondary = "SecondaryVRGProcessSuccess"
	eventInvalid   = "FailedValidation"
	eventNotStored = "UploadFailed"
	eventNotMade   = "VRCreateFailed"
	eventNotTold   = "VRUpdateFailed"
	eventEnded     = "VRGDeleteSuccess"
)

// Event is what users are told by an event of a group.
type Event struct{ Kind, Reason, Note string }

// Untold is why a VolumeReplication could not be made, or told its role.
type Untold struct {
	Absent bool // it was to be made
	Err    error
}

func (e *Untold) Error() string { return e.Err.Error() }

func (e *Untold) Unwrap() error { return e.Err }

// EventsOf is what is new in the status of a group since was, the one that was saved before. seeErr is why the pass could not see;
// done is what it did. A pass that finds what the one before it found is no event.
func EventsOf(was, is *v1alpha1.VolumeReplicationGroupStatus, done Done, seeErr error) []Event {
	t := teller{was: was, is: is}
	t.invalid(seeErr)
	t.replicas(done)
	t.stores()
	t.role()
	return t.news
}

// Ended is the event of a group whose protection ended.
func Ended() Event {
	return Event{corev1.EventTypeNormal, eventEnded, "the protection of the volumes ended"}
}

type teller struct {
	was, is *v1alpha1.VolumeReplicationGroupStatus
	news    []Event
}

func (t *teller) say(kind, reason, note string) {
	t.news = append(t.news, Event{kind, reason, bounded.Text(note, bounded.Note)})
}

// role tells that the group reached the role that it was told.
func (t *teller) role() {
	if t.is.State == t.was.State {
		return
	}
	switch t.is.State {
	case v1alpha1.PrimaryState:
		t.say(corev1.EventTypeNormal, eventPrimary, "the group is Primary: "+messageOf(t.is, v1alpha1.VRGDataReady))
	case v1alpha1.SecondaryState:
		t.say(corev1.EventTypeNormal, eventSecondary, "the group is Secondary: "+messageOf(t.is, v1alpha1.VRGDataReady))
	case v1alpha1.UnknownState:
	}
}

// invalid tells that what the group asks for is refused.
func (t *teller) invalid(seeErr error) {
	if refusedReason(seeErr) && messageOf(t.was, v1alpha1.VRGDataReady) != messageOf(t.is, v1alpha1.VRGDataReady) {
		t.say(corev1.EventTypeWarning, eventInvalid, messageOf(t.is, v1alpha1.VRGDataReady))
	}
}

// stores tells that a store does not take the metadata.
func (t *teller) stores() {
	failed := func(s *v1alpha1.VolumeReplicationGroupStatus) bool {
		c := meta.FindStatusCondition(s.Conditions, v1alpha1.VRGClusterDataProtected)
		return c != nil && c.Status == metav1.ConditionFalse && c.Reason == reasonUploadError
	}
	if failed(t.is) && !failed(t.was) {
		t.say(corev1.EventTypeWarning, eventNotStored, messageOf(t.is, v1alpha1.VRGClusterDataProtected))
	}
}

// replicas tells which VolumeReplications could not be written.
func (t *teller) replicas(done Done) {
	failed := map[string][]string{}
	for _, i := range slices.Sorted(maps.Keys(done.Volumes)) {
		var err *Untold
		if !errors.As(done.Volumes[i], &err) || t.said(err.Error()) {
			continue
		}
		reason := eventNotTold
		if err.Absent {
			reason = eventNotMade
		}
		failed[reason] = append(failed[reason], err.Error())
	}
	for _, reason := range slices.Sorted(maps.Keys(failed)) {
		t.say(corev1.EventTypeWarning, reason, bounded.Messages(failed[reason]))
	}
}

// said reports whether the status before says of a volume what is wrong with it now.
func (t *teller) said(message string) bool {
	return slices.ContainsFunc(t.was.ProtectedPVCs, func(p v1alpha1.ProtectedPVC) bool {
		c := meta.FindStatusCondition(p.Conditions, v1alpha1.VRGDataReady)
		return c != nil && c.Message == bounded.Text(message, bounded.Message)
	})
}

func messageOf(s *v1alpha1.VolumeReplicationGroupStatus, kind string) string {
	if c := meta.FindStatusCondition(s.Conditions, kind); c != nil {
		return c.Message
	}
	return ""
}
