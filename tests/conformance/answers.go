// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Answer is a refusal of the storage, as csi-addons tells it in the status of a VolumeReplication.
type Answer struct {
	Cluster string
	RPC     string // the call
	Code    string // of gRPC; empty if csi-addons does not tell it
	Text    string // in the storage's words
}

func (a Answer) String() string {
	text := a.Cluster + ": " + a.RPC
	if a.Code != "" {
		text += " answers " + a.Code
	} else {
		text += " fails"
	}
	if a.Text != "" {
		text += ": " + a.Text
	}
	return text
}

// calls are the RPCs behind a reason.
var calls = map[string]string{
	replicationv1.PrerequisiteNotMet: "EnableVolumeReplication",
	replicationv1.FailedToDemote:     "DemoteVolume",
	replicationv1.FailedToResync:     "ResyncVolume",
	replicationv1.NotReplicating:     "GetVolumeReplicationInfo",
}

var coded = regexp.MustCompile(`rpc error: code = (\w+) desc = (.*)`)

// answer reads what the storage refuses; false: nothing.
func answer(cluster string, vr *replicationv1.VolumeReplication) (Answer, bool) {
	if vr == nil || vr.Status.ObservedGeneration != vr.Generation {
		return Answer{}, false
	}
	completed := meta.FindStatusCondition(vr.Status.Conditions, replicationv1.ConditionCompleted)
	if completed == nil || completed.Status != metav1.ConditionFalse {
		return Answer{}, false
	}
	reason := completed.Reason
	if v := meta.FindStatusCondition(vr.Status.Conditions, replicationv1.ConditionValidated); v != nil && v.Status == metav1.ConditionFalse {
		reason = v.Reason
	}
	out := Answer{Cluster: cluster, RPC: calls[reason], Text: vr.Status.Message}
	if reason == replicationv1.FailedToPromote { // the message tells which of two calls it was
		out.RPC = "PromoteVolume"
		if strings.Contains(completed.Message, "enable") {
			out.RPC = "EnableVolumeReplication"
		}
	}
	if out.RPC == "" {
		out.RPC = "csi-addons (" + reason + ")"
	}
	if m := coded.FindStringSubmatch(strings.ReplaceAll(vr.Status.Message, "\n", " ")); m != nil {
		out.Code, out.Text = m[1], m[2]
	}
	if out.Text == "" {
		out.Text = completed.Message
	}
	return out, true
}

// look notes what both clusters' VolumeReplications say now.
func (sc *scenario) look(ctx context.Context) {
	for _, s := range sc.sites {
		vr, err := s.replication(ctx, sc.namespace)
		if err != nil || vr == nil {
			continue
		}
		if a, refuses := answer(s.name, vr); refuses {
			sc.note(a)
		}
	}
}

// note keeps each kind of answer once: their texts may hold times.
func (sc *scenario) note(a Answer) {
	for _, was := range sc.heard {
		if was.Cluster == a.Cluster && was.RPC == a.RPC && was.Code == a.Code {
			return
		}
	}
	sc.heard = append(sc.heard, a)
}

// described is a claim and its VolumeReplication in one line, for a promise that was not kept.
func described(s *site, claim *corev1.PersistentVolumeClaim, vr *replicationv1.VolumeReplication) string {
	text := s.name + ": no claim"
	if claim != nil {
		text = fmt.Sprintf("%s: claim %s%s", s.name, claim.Status.Phase, leaving(claim))
	}
	if vr == nil {
		return text + ", no VolumeReplication"
	}
	text += fmt.Sprintf("; VolumeReplication asked to be %s, is %s%s", vr.Spec.ReplicationState, or(string(vr.Status.State), "without a status"), leaving(vr))
	for _, c := range vr.Status.Conditions {
		text += fmt.Sprintf(", %s=%s/%s", c.Type, c.Status, c.Reason)
	}
	return text
}

func leaving(obj client.Object) string {
	if obj.GetDeletionTimestamp() == nil {
		return ""
	}
	return ", being deleted"
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
