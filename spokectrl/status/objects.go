// SPDX-License-Identifier: Apache-2.0

package status

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// Messages of KubeObjectsReady.
const (
	messageNoObjects = "this program does not capture Kubernetes objects: deploy them from their source, such as Git"
	messageNoStores  = "spec.s3Profiles names no store: add one to the policy's clusters"
	messageNotStored = "the Kubernetes objects are captured when the metadata of the volumes is stored: see ClusterDataProtected"
)

// Objects is what a pass found out about the Kubernetes objects of a group, and did.
type Objects struct {
	Want cycle.Want
	Is   cycle.Standing
	Due  bool // the restore is not noted as done
	None bool // this program captures none
	Now  time.Time
	Err  error // why it could not be noted that all is restored
}

// ready is condition KubeObjectsReady.
func (o Objects) ready(s Pass) provider.Finding {
	finding := func(f cycle.Finding) provider.Finding {
		return provider.Finding{Status: f.Status, Reason: f.Reason, Message: f.Message}
	}
	_, trouble := o.Want.Resolved()
	rests := !o.Due && (o.Want.Mode == cycle.Pause || s.Facts.Restore == plan.RestoreDone) // nothing is to be restored
	switch {
	case s.VRG.Spec.KubeObjectProtection == nil:
		return yes(reasonUnused, "not asked for")
	case s.NoObjects:
		return yes(reasonUnused, "turned off by kubeObjectProtection.disabled in ConfigMap "+ramenconfig.SpokeConfigMap)
	case s.Facts.Role != plan.Primary || s.Facts.Ending:
		return yes(reasonUnused, "nothing to capture or restore in this role")
	case o.None:
		return no(provider.ReasonNotSupported, messageNoObjects)
	case o.Want.Mode == cycle.Pause && s.Facts.Pruned:
		return no(ReasonInterrupted, messagePruned)
	case trouble != nil && rests:
		return no(provider.ReasonNotSupported, trouble.Error())
	case o.Is.Unread(&o.Want, o.Now) && rests && earlier(s.VRG) != nil:
		return *earlier(s.VRG)
	case o.Want.Mode == cycle.Pause:
		return finding(cycle.OfPause(&o.Want, &o.Is))
	case o.Due && o.Want.Mode != cycle.Restore, s.Facts.Restore != plan.RestoreDone:
		return no(provider.ReasonProgressing, s.volumesFirst())
	case o.Due:
		return finding(cycle.OfRestore(&o.Want, &o.Is))
	case len(s.Profiles()) == 0:
		return no(cycle.ReasonNotCaptured, messageNoStores)
	case o.Is.Last == nil && o.Want.Mode != cycle.Capture:
		return no(cycle.ReasonNotCaptured, messageNotStored)
	default:
		return finding(cycle.OfCaptures(&o.Want, &o.Is, o.Now))
	}
}

// earlier is what the process before this one said about captures; nil: it knew of none.
func earlier(vrg *v1alpha1.VolumeReplicationGroup) *provider.Finding {
	c := meta.FindStatusCondition(vrg.Status.Conditions, v1alpha1.VRGKubeObjectsReady)
	if c == nil || vrg.Status.KubeObjectProtection.CaptureToRecoverFrom == nil {
		return nil
	}
	return &provider.Finding{Status: c.Status, Reason: c.Reason, Message: c.Message}
}

// volumesFirst says what the restore of the objects waits for.
func (s Pass) volumesFirst() string {
	if ready := s.DataReady(); ready.Status != metav1.ConditionTrue {
		return "the volumes come before the Kubernetes objects: " + ready.Message
	}
	return "the Kubernetes objects are restored as soon as the restore of the volumes is noted"
}

// status says which capture would be restored.
func (o Objects) status(was *v1alpha1.VolumeReplicationGroup) v1alpha1.KubeObjectProtectionStatus {
	var out v1alpha1.KubeObjectProtectionStatus
	switch last := o.Is.Last; {
	case o.Want.Mode == cycle.Off:
	case last == nil:
		out.CaptureToRecoverFrom = was.Status.KubeObjectProtection.CaptureToRecoverFrom // it is not looked up yet
	default:
		out.CaptureToRecoverFrom = &v1alpha1.KubeObjectsCaptureIdentifier{
			Number: last.Pointer.Slot, StartTime: stamp(last.Pointer.Start), EndTime: stamp(last.Pointer.End),
			StartGeneration: last.Pointer.Generation,
		}
	}
	return out
}

// stamp is a time as a status has it.
func stamp(t time.Time) *metav1.Time { return new(metav1.NewTime(t.Truncate(time.Second))) }
