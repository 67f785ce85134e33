// SPDX-License-Identifier: Apache-2.0

package volsync

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// annotationEpoch on an image names the promotion that it was chosen for.
const annotationEpoch = "volumereplicationgroups.ramendr.openshift.io/image-epoch"

// Restore brings a destination to a claim: first nothing comes in any more; then an image is chosen, which VolSync is
// told to leave alone, or made; then the claim is made from it. After a failure of the peer the image is the newest that
// VolSync completed, since a copy that was cut off may lie on top of it. Otherwise the peer has sent everything and
// nothing lies on top, but VolSync may not have made an image of it yet: so one is made here; or, by the method Direct,
// none is needed, and the very volume that was received becomes the claim's.
func (Provider) Restore(g provider.Group, d provider.Destination) provider.Restoring {
	rd, image := destinationIn(d), chosen(g, d)
	name := d.Volume.Name
	switch {
	case rd == nil && image == nil:
		return provider.Restoring{Done: true} // nothing was received, or somebody gave it up
	case image != nil && madeFrom(d) == image.Name:
		return filled(d)
	case rd != nil && !d.Received:
		return waiting("ReplicationDestination %s never completed a synchronization: there is nothing to promote; wait until the peer completes one, or fail over to the peer, which has the data", name)
	case rd != nil && !rd.Spec.Paused:
		return step("no more copies of claim "+name+" are let in", pause(g, d))
	case image == nil && g.Failover:
		return step("the newest complete copy of claim "+name+" is chosen", choose(g, d.Volume, rd.Status.LatestImage.Name))
	case image == nil && d.Busy != "":
		return waiting("%s, which may still write to it: it is used when the Pod is gone", d.Busy)
	case image == nil && direct(g) && d.InletPV != nil:
		return handOver(d)
	case image == nil:
		return step("an image of the copy of claim "+name+" is made", newImage(g, d, rd))
	case image.Status != nil && image.Status.Error != nil:
		return waiting("VolumeSnapshot %s: %s", image.Name, ptr.Deref(image.Status.Error.Message, "it failed"))
	case image.Status == nil || !ptr.Deref(image.Status.ReadyToUse, false):
		return waiting("VolumeSnapshot %s is not ready to use yet", image.Name)
	case d.Claim == nil:
		return provider.Restoring{Message: "claim " + name + " is made from VolumeSnapshot " + image.Name, Create: restored(d, image)}
	default:
		return replace(d)
	}
}

// direct reports whether what was received is to be used itself, where that can be.
func direct(g provider.Group) bool { return g.Copies.Method == string(volsyncv1.CopyMethodDirect) }

// handOver makes what was received the volume of the claim.
func handOver(d provider.Destination) provider.Restoring {
	switch c := d.Claim; {
	case !d.Handed:
		claim := described(d)
		claim.Spec.VolumeName = d.InletPV.Name
		capsule.MarkRestored(claim)
		return provider.Restoring{Message: "what was received becomes the volume of claim " + d.Volume.Name, Hand: claim}
	case c != nil && c.Spec.VolumeName != d.InletPV.Name:
		return replace(d)
	default:
		return provider.Restoring{Done: true} // the volume remembers its claim: whatever is missing is restored from there
	}
}

// replace makes way for the claim that is to be made.
func replace(d provider.Destination) provider.Restoring {
	c := d.Claim
	switch {
	case c.DeletionTimestamp != nil:
		return waiting("PersistentVolumeClaim %s/%s of an earlier life is being deleted", c.Namespace, c.Name)
	case !d.Ours && madeFrom(d) == "":
		return provider.Restoring{Blocked: true, Message: fmt.Sprintf(
			"PersistentVolumeClaim %s/%s exists, but was not made from what was received. What it has may be the only copy: keep it, for example in a claim of another name; what was received is restored when the name is free", c.Namespace, c.Name)}
	case d.Used != "":
		return waiting("%s: stop it", d.Used)
	default:
		return provider.Restoring{Message: "claim " + c.Name + " of an earlier term is replaced", Delete: c}
	}
}

// Made reports whether the claim of a destination was made from what was received.
func (Provider) Made(d provider.Destination) bool { return madeFrom(d) != "" }

// madeFrom is the image that the claim of a destination was made from by a restore; empty if it was made by others. A claim
// whose volume was restored along with it has the data source that its manifest names. The annotations may be taken off by
// others, such as an operator that writes the claim as it knows it, or come with a copy; what a claim is made from, nobody can change.
func madeFrom(d provider.Destination) string {
	claim, pv := d.Claim, d.PV
	if claim == nil || claim.Spec.DataSource == nil || pv != nil && pv.Name == claim.Spec.VolumeName && pv.Annotations[v1alpha1.AnnotationRestored] != "" {
		return ""
	}
	from := claim.Spec.DataSource
	if !capsule.Restored(claim) && !slices.ContainsFunc(d.Objects, func(o client.Object) bool {
		_, image := o.(*snapshotv1.VolumeSnapshot)
		return image && o.GetName() == from.Name && from.Kind == "VolumeSnapshot" && ptr.Deref(from.APIGroup, "") == snapshotv1.GroupName
	}) {
		return ""
	}
	return from.Name
}

// filled reports whether a claim that was made from the image has its data.
func filled(d provider.Destination) provider.Restoring {
	if d.Claim.Status.Phase == corev1.ClaimBound || d.Late {
		return provider.Restoring{Done: true}
	}
	return waiting("claim %s is being made from what was received", d.Claim.Name)
}

func waiting(format string, args ...any) provider.Restoring {
	return provider.Restoring{Message: fmt.Sprintf(format, args...)}
}

func step(message string, u *unstructured.Unstructured) provider.Restoring {
	return provider.Restoring{Message: message, Intents: []apply.Intent{apply.Untyped(u)}}
}

// chosen is the image for this promotion; nil: there is none yet.
func chosen(g provider.Group, d provider.Destination) *snapshotv1.VolumeSnapshot {
	for _, o := range d.Objects {
		if s, ok := o.(*snapshotv1.VolumeSnapshot); ok && s.DeletionTimestamp == nil && s.Annotations[annotationEpoch] == strconv.FormatInt(g.Epoch, 10) {
			return s
		}
	}
	return nil
}

// pause is the ReplicationDestination as it is, paused. Only the pause is said again: what it was made with stays.
func pause(g provider.Group, d provider.Destination) *unstructured.Unstructured {
	rd := destinationIn(d)
	u := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"paused": true}}}
	u.SetGroupVersionKind(volsyncv1.GroupVersion.WithKind("ReplicationDestination"))
	u.SetNamespace(rd.Namespace)
	u.SetName(rd.Name)
	u.SetUID(rd.UID)
	u.SetLabels(Labels(g))
	u.SetAnnotations(map[string]string{annotationVolume: rd.Annotations[annotationVolume]})
	tls := rd.Spec.RsyncTLS
	if tls == nil {
		return u
	}
	spec := map[string]any{}
	for key, value := range map[string]*string{
		"keySecret": tls.KeySecret, "destinationPVC": tls.DestinationPVC, "volumeSnapshotClassName": tls.VolumeSnapshotClassName,
	} {
		if value != nil {
			spec[key] = *value
		}
	}
	spec["copyMethod"] = string(tls.CopyMethod)
	if tls.ServiceType != nil {
		spec["serviceType"] = string(*tls.ServiceType)
	}
	_ = unstructured.SetNestedMap(u.Object, spec, "spec", "rsyncTLS")
	return u
}

func imageFor(g provider.Group, volume v1alpha1.ProtectedPVC, name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{}}
	u.SetGroupVersionKind(snapshotv1.SchemeGroupVersion.WithKind("VolumeSnapshot"))
	u.SetNamespace(volume.Namespace)
	u.SetName(name)
	labels := Labels(g)
	labels[labelKeep] = "true"
	u.SetLabels(labels)
	u.SetAnnotations(map[string]string{annotationClaim: volume.Name, annotationEpoch: strconv.FormatInt(g.Epoch, 10)})
	return u
}

// choose takes an image of VolSync's over.
func choose(g provider.Group, volume v1alpha1.ProtectedPVC, name string) *unstructured.Unstructured {
	return imageFor(g, volume, name)
}

// newImage is one of what came in last.
func newImage(g provider.Group, d provider.Destination, rd *volsyncv1.ReplicationDestination) *unstructured.Unstructured {
	u := imageFor(g, d.Volume, imageOf(d.Volume.Name, g.Epoch))
	spec := map[string]any{"source": map[string]any{"persistentVolumeClaimName": receiverOf(d.Volume.Name)}}
	if tls := rd.Spec.RsyncTLS; tls != nil && tls.VolumeSnapshotClassName != nil {
		spec["volumeSnapshotClassName"] = *tls.VolumeSnapshotClassName
	}
	u.Object["spec"] = spec
	return u
}

// described is the claim, as the peer described it. It is one of the application's: it carries no mark of ours by which
// volumes are told from those.
func described(d provider.Destination) *corev1.PersistentVolumeClaim {
	v := d.Volume
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: v.Namespace, Name: v.Name, Labels: maps.Clone(v.Labels), Annotations: maps.Clone(v.Annotations),
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes:      v.AccessModes,
			StorageClassName: v.StorageClassName,
			VolumeMode:       v.VolumeMode,
			Resources:        corev1.VolumeResourceRequirements{Requests: maps.Clone(v.Resources.Requests)},
		},
	}
	return claim
}

// restored is the claim, to be made from an image.
func restored(d provider.Destination, image *snapshotv1.VolumeSnapshot) *corev1.PersistentVolumeClaim {
	claim := described(d)
	claim.Spec.DataSource = &corev1.TypedLocalObjectReference{APIGroup: ptr.To(snapshotv1.GroupName), Kind: "VolumeSnapshot", Name: image.Name}
	capsule.MarkRestored(claim)
	// Only what it takes: a manifest that asks for less than the volume has could not be applied any more.
	size := image.Status.RestoreSize
	if size == nil || size.IsZero() {
		size = d.Volume.Capacity // not every driver tells what a snapshot needs
	}
	if has := request(claim.Spec.Resources); size != nil && size.Cmp(has) > 0 {
		if claim.Spec.Resources.Requests == nil {
			claim.Spec.Resources.Requests = corev1.ResourceList{}
		}
		claim.Spec.Resources.Requests[corev1.ResourceStorage] = *size
	}
	return claim
}
