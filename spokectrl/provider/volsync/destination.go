// SPDX-License-Identifier: Apache-2.0

package volsync

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// Destinations reads what the hub asks for and what is there.
func (Provider) Destinations(ctx context.Context, r client.Reader, g provider.Group) ([]provider.Destination, error) {
	found := map[client.ObjectKey]*provider.Destination{}
	at := func(namespace, name string) *provider.Destination {
		key := client.ObjectKey{Namespace: namespace, Name: name}
		if found[key] == nil {
			found[key] = &provider.Destination{Volume: v1alpha1.ProtectedPVC{Namespace: namespace, Name: name}}
		}
		return found[key]
	}
	served, err := collect(ctx, r, g, at)
	if err != nil {
		return nil, err
	}
	for _, d := range g.VolSync.RDSpec {
		if d.ProtectedPVC.Namespace == "" {
			d.ProtectedPVC.Namespace = g.Namespace
		}
		to := at(d.ProtectedPVC.Namespace, d.ProtectedPVC.Name)
		to.Volume, to.Wanted = d.ProtectedPVC, true
	}
	out := make([]provider.Destination, 0, len(found))
	for key, d := range found {
		if other := found[client.ObjectKey{Namespace: key.Namespace, Name: receiverOf(key.Name)}]; d.Wanted && other != nil && other.Wanted {
			// What is received of the one would be taken for the other.
			d.Refusal = &provider.Refusal{Reason: provider.ReasonNotSupported, Message: fmt.Sprintf(
				"VolSync can't copy claims %s and %s of one application: the second name is needed for what is received of the first. Give one of them another name", key.Name, receiverOf(key.Name))}
			out = append(out, *d)
			continue
		}
		if err := complete(ctx, r, g, d, served); err != nil {
			return nil, err
		}
		out = append(out, *d)
	}
	slices.SortFunc(out, func(a, b provider.Destination) int {
		return cmp.Or(strings.Compare(a.Volume.Namespace, b.Volume.Namespace), strings.Compare(a.Volume.Name, b.Volume.Name))
	})
	return out, nil
}

// collect lists the objects of all destinations of a group: in the order in which they are to be deleted. served says
// whether the cluster has VolSync.
func collect(ctx context.Context, r client.Reader, g provider.Group, at func(namespace, name string) *provider.Destination) (served bool, err error) {
	ours := g.Own(Labels(g))
	rds := &volsyncv1.ReplicationDestinationList{}
	switch err := r.List(ctx, rds, ours...); {
	case meta.IsNoMatchError(err):
	case err != nil:
		return false, fmt.Errorf("list ReplicationDestinations: %w", err)
	default:
		served = true
	}
	for i := range rds.Items {
		rd := &rds.Items[i]
		d := at(rd.Namespace, rd.Name)
		d.Objects = append(d.Objects, rd)
		remember(d, rd)
	}
	claims := &corev1.PersistentVolumeClaimList{}
	if err := r.List(ctx, claims, ours...); err != nil {
		return served, fmt.Errorf("list PersistentVolumeClaims: %w", err)
	}
	for i := range claims.Items {
		c := &claims.Items[i]
		if of := c.Annotations[annotationClaim]; c.Name == receiverOf(of) {
			d := at(c.Namespace, of)
			d.Inlet = c.Name
			hold(d, c)
		}
	}
	images := &snapshotv1.VolumeSnapshotList{}
	if err := r.List(ctx, images, ours...); err != nil && !meta.IsNoMatchError(err) {
		return served, fmt.Errorf("list VolumeSnapshots: %w", err)
	}
	for i := range images.Items {
		if of := images.Items[i].Annotations[annotationClaim]; of != "" {
			hold(at(images.Items[i].Namespace, of), &images.Items[i])
		}
	}
	return served, nil
}

func hold(d *provider.Destination, o client.Object) {
	d.Objects, d.Holds = append(d.Objects, o), append(d.Holds, o)
	d.Marks = []string{LabelOwnerNamespace, LabelOwnerName, v1alpha1.LabelCreatedByRamen}
}

// remember reads what a ReplicationDestination tells.
func remember(d *provider.Destination, rd *volsyncv1.ReplicationDestination) {
	var volume v1alpha1.ProtectedPVC
	if json.Unmarshal([]byte(rd.Annotations[annotationVolume]), &volume) == nil && volume.Name == rd.Name && volume.Namespace == rd.Namespace {
		d.Volume = volume // what cannot be read is asked for again, or else only ended
	}
	d.Stale = rd.Spec.Paused
	st := rd.Status
	if st == nil {
		return
	}
	if st.RsyncTLS != nil {
		d.Address = ptr.Deref(st.RsyncTLS.Address, "")
	}
	if d.Received = st.LatestImage != nil; d.Received {
		d.Image = st.LastSyncTime // VolSync ends a synchronization after it has taken the image
	}
	d.Trouble = complaint(st.Conditions, st.LatestMoverStatus)
}

// complete finds out whether a destination can be, and is, as the group asks for it.
func complete(ctx context.Context, r client.Reader, g provider.Group, d *provider.Destination, served bool) error {
	switch {
	case !d.Wanted:
		return nil
	case !g.Covers(d.Volume.Namespace):
		d.Refusal = &provider.Refusal{Reason: provider.ReasonError, Message: fmt.Sprintf(
			"namespace %s is none of the group's: add it to spec.protectedNamespaces of the DRPlacementControl", d.Volume.Namespace)}
		return nil
	case !served:
		d.Refusal = missingAPI()
		return nil
	}
	if d.Refusal = refused(g); d.Refusal != nil {
		return nil //nolint:nilerr // a refusal is a finding
	}
	class := &storagev1.StorageClass{}
	name := ptr.Deref(d.Volume.StorageClassName, "")
	switch err := r.Get(ctx, client.ObjectKey{Name: name}, class); {
	case apierrors.IsNotFound(err):
		d.Refusal = &provider.Refusal{Reason: provider.ReasonStorageIDNotFound, Message: fmt.Sprintf(
			"there is no StorageClass %q, which the volume has on the peer: create it", name)}
		return nil
	case err != nil:
		return fmt.Errorf("read StorageClass %s: %w", name, err)
	}
	var err error
	if d.Class, d.Refusal, err = classFor(ctx, r, g, class.Provisioner, class.Labels[v1alpha1.LabelStorageID]); err != nil || d.Refusal != nil {
		return err
	}
	if d.Refusal = misfit(*d); d.Refusal != nil {
		return nil //nolint:nilerr // a refusal is a finding
	}
	rd := destinationIn(*d)
	if rd == nil || d.Inlet == "" || rd.DeletionTimestamp != nil {
		return nil
	}
	want, err := destination(g, *d)
	if err != nil {
		return err
	}
	exact, err := says(rd, want)
	d.Exact = exact && grown(inletIn(*d), d.Volume).Cmp(request(inletIn(*d).Spec.Resources)) == 0
	return err
}

func destinationIn(d provider.Destination) *volsyncv1.ReplicationDestination {
	return first[*volsyncv1.ReplicationDestination](d.Objects)
}

func inletIn(d provider.Destination) *corev1.PersistentVolumeClaim {
	return first[*corev1.PersistentVolumeClaim](d.Objects)
}

func first[T client.Object](objects []client.Object) T {
	for _, o := range objects {
		if t, ok := o.(T); ok {
			return t
		}
	}
	var none T
	return none
}

func request(r corev1.VolumeResourceRequirements) resource.Quantity {
	return r.Requests[corev1.ResourceStorage]
}

// grown is the size of the inlet: that of the volume, but never less than it is.
func grown(inlet *corev1.PersistentVolumeClaim, volume v1alpha1.ProtectedPVC) *resource.Quantity {
	size := request(volume.Resources)
	if volume.Capacity != nil && volume.Capacity.Cmp(size) > 0 {
		size = *volume.Capacity
	}
	if inlet == nil {
		return &size
	}
	if has := request(inlet.Spec.Resources); has.Cmp(size) > 0 {
		size = has
	}
	return &size
}

// writable are the access modes of the inlet: those of the volume, if it can be written in one of them. An inlet that is there
// keeps its own, which can't be changed.
func writable(inlet *corev1.PersistentVolumeClaim, volume v1alpha1.ProtectedPVC) []corev1.PersistentVolumeAccessMode {
	if inlet != nil {
		return inlet.Spec.AccessModes
	}
	for _, mode := range volume.AccessModes {
		if mode != corev1.ReadOnlyMany {
			return volume.AccessModes
		}
	}
	return []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
}

// destination is the ReplicationDestination as the group asks for it. A side that is promoted receives no more.
func destination(g provider.Group, d provider.Destination) (*unstructured.Unstructured, error) {
	service := g.Copies.ServiceType
	if service == "" {
		service = string(corev1.ServiceTypeLoadBalancer)
	}
	tls := map[string]any{
		"keySecret":               KeySecret(g),
		"copyMethod":              string(volsyncv1.CopyMethodSnapshot),
		"volumeSnapshotClassName": d.Class,
		"destinationPVC":          receiverOf(d.Volume.Name),
		"serviceType":             service,
		"moverPodLabels":          map[string]any{v1alpha1.LabelCreatedByRamen: "true"},
	}
	if len(g.Copies.ServiceAnnotations) > 0 {
		about := map[string]any{}
		for k, v := range g.Copies.ServiceAnnotations {
			about[k] = v
		}
		tls["serviceAnnotations"] = about
	}
	if err := setMover(tls, g, d.Volume.Namespace, d.Volume.Name); err != nil {
		return nil, err
	}
	volume, err := json.Marshal(d.Volume)
	if err != nil {
		return nil, fmt.Errorf("encode the description of claim %s: %w", d.Volume.Name, err)
	}
	u := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"rsyncTLS": tls,
		"paused":   g.Role == plan.Primary,
	}}}
	u.SetGroupVersionKind(volsyncv1.GroupVersion.WithKind("ReplicationDestination"))
	u.SetNamespace(d.Volume.Namespace)
	u.SetName(d.Volume.Name)
	u.SetLabels(Labels(g))
	u.SetAnnotations(map[string]string{annotationVolume: string(volume)})
	return u, sign(u)
}

// Receive is the claim that the copies come into, and the ReplicationDestination. The claim is ours, not VolSync's: its
// name has to be known when the side is promoted.
func (Provider) Receive(g provider.Group, d provider.Destination) ([]apply.Intent, error) {
	if d.Refusal != nil {
		return nil, d.Refusal
	}
	inlet := &corev1.PersistentVolumeClaim{Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes:      writable(inletIn(d), d.Volume),
		StorageClassName: d.Volume.StorageClassName,
		VolumeMode:       d.Volume.VolumeMode,
		Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{
			corev1.ResourceStorage: *grown(inletIn(d), d.Volume),
		}},
	}}
	inlet.Namespace, inlet.Name = d.Volume.Namespace, receiverOf(d.Volume.Name)
	inlet.Labels, inlet.Annotations = Labels(g), map[string]string{annotationClaim: d.Volume.Name}
	out, err := intents(map[string]client.Object{"PersistentVolumeClaim": inlet}, "PersistentVolumeClaim")
	if err != nil {
		return nil, err
	}
	rd, err := destination(g, d)
	return append(out, apply.Untyped(rd)), err
}
