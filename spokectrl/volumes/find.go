// SPDX-License-Identifier: Apache-2.0

package volumes

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

const (
	labelCreatedBy = "app.kubernetes.io/created-by"
	byVolSync      = "volsync"
)

// Item is one volume of a group.
type Item struct {
	Namespace, Name string
	Selected        bool
	Claim           *corev1.PersistentVolumeClaim // nil: gone
	PV              *corev1.PersistentVolume      // nil: not bound, or gone, or of another claim
	// Holder is the claim that the volume which this claim names belongs to; empty: this one, or none.
	Holder client.ObjectKey
	Class  *storagev1.StorageClass // nil: there is none of the claim's class name
}

// Selector is the label selector of a group: its own, without volumes that were made by VolSync or by us.
func Selector(vrg *v1alpha1.VolumeReplicationGroup) (labels.Selector, error) {
	s, err := metav1.LabelSelectorAsSelector(&vrg.Spec.PVCSelector)
	if err != nil {
		return nil, fmt.Errorf("spec.pvcSelector: %w", err)
	}
	return s, nil
}

// Belongs reports whether claim is of the group: selected now, or still carrying the group's marks.
func Belongs(vrg *v1alpha1.VolumeReplicationGroup, selector labels.Selector, claim client.Object) (selected, marked bool) {
	return matches(vrg, selector, claim) && !Ephemeral(claim), Owned(vrg, claim)
}

func matches(vrg *v1alpha1.VolumeReplicationGroup, selector labels.Selector, claim client.Object) bool {
	l := claim.GetLabels()
	return slices.Contains(Namespaces(vrg), claim.GetNamespace()) && selector.Matches(labels.Set(l)) && l[labelCreatedBy] != byVolSync && l[v1alpha1.LabelCreatedByRamen] != "true"
}

// Ephemeral reports whether a claim is a generic ephemeral volume: a Pod controls it, it is named after that Pod, and ends with it.
// Kubernetes makes one for each Pod, and starts no Pod beside a claim of that name which is not its own. A claim of a StatefulSet,
// whose name ends with that of its Pod, belongs to a Pod only while the set deletes both.
func Ephemeral(claim client.Object) bool {
	c := metav1.GetControllerOf(claim)
	return c != nil && c.APIVersion == "v1" && c.Kind == "Pod" && strings.HasPrefix(claim.GetName(), c.Name+"-")
}

// Title names the volume for users of a group in namespace.
func (it *Item) Title(namespace string) string {
	if it.Namespace == namespace {
		return it.Name
	}
	return it.Namespace + "/" + it.Name
}

// Namespaces are those whose claims a group may select, sorted: its own, or those that it lists.
func Namespaces(vrg *v1alpha1.VolumeReplicationGroup) []string {
	if listed := vrg.Spec.ProtectedNamespaces; len(listed) > 0 {
		return slices.Compact(slices.Sorted(slices.Values(listed)))
	}
	return []string{vrg.Namespace}
}

// candidates are the claims of the group's namespaces and, of a group that lists them, those elsewhere that still carry
// its marks: a namespace may have been taken off the list.
func candidates(ctx context.Context, r client.Reader, vrg *v1alpha1.VolumeReplicationGroup) ([]corev1.PersistentVolumeClaim, error) {
	var out []corev1.PersistentVolumeClaim
	add := func(skip []string, opts ...client.ListOption) error {
		claims := &corev1.PersistentVolumeClaimList{}
		if err := r.List(ctx, claims, opts...); err != nil {
			return fmt.Errorf("list PersistentVolumeClaims: %w", err)
		}
		for i := range claims.Items {
			if !slices.Contains(skip, claims.Items[i].Namespace) {
				out = append(out, claims.Items[i])
			}
		}
		return nil
	}
	namespaces := Namespaces(vrg)
	for _, ns := range namespaces {
		if err := add(nil, client.InNamespace(ns)); err != nil {
			return nil, err
		}
	}
	if len(vrg.Spec.ProtectedNamespaces) == 0 {
		return out, nil
	}
	return out, add(namespaces, client.MatchingLabels(OwnerLabels(vrg)))
}

// Find lists the volumes of a group, sorted by namespace and name. extra are claims that belong to it besides, for
// example because a replica of them exists. ephemeral are the claims that the selector matches and that are no volumes of the group,
// since they end with their Pods.
func Find(ctx context.Context, r client.Reader, vrg *v1alpha1.VolumeReplicationGroup, extra []client.ObjectKey) (items []Item, ephemeral []client.ObjectKey, err error) {
	selector, err := Selector(vrg)
	if err != nil {
		return nil, nil, err
	}
	claims, err := candidates(ctx, r, vrg)
	if err != nil {
		return nil, nil, err
	}
	for i := range claims {
		c := &claims[i]
		selected, marked := Belongs(vrg, selector, c)
		if !selected && !marked && !slices.Contains(extra, client.ObjectKeyFromObject(c)) {
			if Ephemeral(c) && matches(vrg, selector, c) {
				ephemeral = append(ephemeral, client.ObjectKeyFromObject(c))
			}
			continue
		}
		item := Item{Namespace: c.Namespace, Name: c.Name, Selected: selected, Claim: c}
		if err := item.complete(ctx, r); err != nil {
			return nil, nil, err
		}
		items = append(items, item)
	}
	for _, key := range extra {
		known := slices.ContainsFunc(items, func(it Item) bool { return it.Namespace == key.Namespace && it.Name == key.Name })
		if !known {
			items = append(items, Item{Namespace: key.Namespace, Name: key.Name})
		}
	}
	slices.SortFunc(items, func(a, b Item) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return items, ephemeral, nil
}

// Lookup is one claim, with what belongs to it.
func Lookup(ctx context.Context, r client.Reader, namespace, name string) (Item, error) {
	item := Item{Namespace: namespace, Name: name}
	claim := &corev1.PersistentVolumeClaim{}
	switch err := r.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, claim); {
	case apierrors.IsNotFound(err):
		return item, nil
	case err != nil:
		return item, fmt.Errorf("read PersistentVolumeClaim %s/%s: %w", namespace, name, err)
	}
	item.Claim = claim
	return item, item.complete(ctx, r)
}

// complete reads what belongs to the claim.
func (it *Item) complete(ctx context.Context, r client.Reader) error {
	if name := it.Claim.Spec.VolumeName; name != "" {
		pv := &corev1.PersistentVolume{}
		switch err := r.Get(ctx, client.ObjectKey{Name: name}, pv); {
		case err == nil:
			if err := it.take(ctx, r, pv); err != nil {
				return err
			}
		case !apierrors.IsNotFound(err):
			return fmt.Errorf("read PersistentVolume %s: %w", name, err)
		}
	}
	if name := it.Claim.Spec.StorageClassName; name != nil && *name != "" {
		class := &storagev1.StorageClass{}
		switch err := r.Get(ctx, client.ObjectKey{Name: *name}, class); {
		case err == nil:
			it.Class = class
		case !apierrors.IsNotFound(err):
			return fmt.Errorf("read StorageClass %s: %w", *name, err)
		}
	}
	return nil
}

// take notes the volume that the claim names, or the claim that has it instead. Tools that import or rename volumes hand them over
// so, and leave the first claim behind for a while. What we make for a volume ourselves, to send or to receive it, has it only for
// the claim.
func (it *Item) take(ctx context.Context, r client.Reader, pv *corev1.PersistentVolume) error {
	ref := pv.Spec.ClaimRef
	if ref == nil || ref.Name == "" || ref.Namespace == it.Namespace && ref.Name == it.Name || it.Claim.Labels[v1alpha1.LabelCreatedByRamen] == "true" {
		it.PV = pv
		return nil
	}
	key, holder := client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, &corev1.PersistentVolumeClaim{}
	switch err := r.Get(ctx, key, holder); {
	case err != nil && !apierrors.IsNotFound(err):
		return fmt.Errorf("read PersistentVolumeClaim %s: %w", key, err)
	case err != nil, holder.Spec.VolumeName != pv.Name, holder.Labels[v1alpha1.LabelCreatedByRamen] == "true":
		it.PV = pv
	default:
		it.Holder = key
	}
	return nil
}

// Ceded reports whether the claim has given its volume to another claim. It has no data then.
func (it *Item) Ceded() bool { return it.Holder.Name != "" }

// Facts are the facts of the plan that claim and volume tell.
func (it *Item) Facts(vrg *v1alpha1.VolumeReplicationGroup) plan.Volume {
	v := plan.Volume{Selected: it.Selected, Claim: it.claim(), Ceded: it.Ceded(), Holder: plan.NoVolume, Idle: it.Idle(), Kept: it.kept(vrg)}
	if it.Claim == nil {
		return v
	}
	l := it.Claim.Labels
	name := l[v1alpha1.LabelOwnerName]
	labeled := Owned(vrg, it.Claim)
	v.Foreign = name != "" && !labeled
	v.Sealed = it.Claim.Annotations[v1alpha1.AnnotationVRProtected] != ""
	v.Released = it.Demoted()
	v.Restored = restored(it.Claim)
	held := controllerutil.ContainsFinalizer(it.Claim, v1alpha1.PVCVolRepFinalizer) ||
		controllerutil.ContainsFinalizer(it.Claim, v1alpha1.PVCVolSyncFinalizer)
	switch {
	case labeled && held:
		v.Marks = plan.MarksAll
	case labeled || held:
		v.Marks = plan.MarksSome
	}
	return v
}

// Demoted reports whether the claim remembers that its volume was demoted here for good.
func (it *Item) Demoted() bool {
	return it.Claim != nil && it.Claim.Annotations[v1alpha1.AnnotationVRReleased] != ""
}

// kept says whether the PV is retained, and remembers its group, and a demotion as its claim does.
func (it *Item) kept(vrg *v1alpha1.VolumeReplicationGroup) plan.Kept {
	switch {
	case !Kept(it.PV):
		return plan.KeptNone
	case !Owned(vrg, it.PV), it.Demoted() != Demoted(it.PV):
		return plan.KeptSome
	default:
		return plan.KeptAll
	}
}

// Idle reports whether the claim is bound when a Pod first uses it, and none has done so yet.
func (it *Item) Idle() bool {
	if it.Claim == nil || it.claim() != plan.ClaimPending || it.Claim.Spec.VolumeName != "" || it.Claim.Annotations[annotationNode] != "" {
		return false
	}
	return it.Class != nil && it.Class.VolumeBindingMode != nil && *it.Class.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer
}

// Unused reports whether nothing was ever written to a claim: it is Idle, and its volume will not be made from anything.
func (it *Item) Unused() bool {
	return it.Idle() && it.Claim.Spec.DataSource == nil && it.Claim.Spec.DataSourceRef == nil
}

// annotationNode is what the scheduler sets on a claim whose Pod it has found a node for.
const annotationNode = "volume.kubernetes.io/selected-node"

// Unbound says why a claim is not bound, as far as that can be told.
func (it *Item) Unbound() string {
	const is = "the claim is not bound to a volume yet"
	switch c := it.Claim; {
	case c == nil:
		return is
	case it.Ceded():
		return fmt.Sprintf("PersistentVolume %s belongs to claim %s", c.Spec.VolumeName, it.Holder)
	case c.Spec.VolumeName != "":
		return fmt.Sprintf("%s: it waits for PersistentVolume %s", is, c.Spec.VolumeName)
	case c.Spec.StorageClassName != nil && *c.Spec.StorageClassName != "" && it.Class == nil:
		return fmt.Sprintf("%s: there is no StorageClass %s: create it", is, *c.Spec.StorageClassName)
	case it.Class != nil:
		return fmt.Sprintf("%s: %s has not made a volume for it: see the events of the claim", is, it.Class.Provisioner)
	default:
		return is
	}
}

func (it *Item) claim() plan.Claim {
	switch {
	case it.Claim == nil:
		return plan.ClaimAbsent
	case it.Claim.DeletionTimestamp != nil:
		return plan.ClaimLeaving
	case it.Claim.Status.Phase == corev1.ClaimBound && it.PV != nil:
		return plan.ClaimBound
	case it.Claim.Status.Phase == corev1.ClaimBound || it.Claim.Status.Phase == corev1.ClaimLost:
		return plan.ClaimLost
	default:
		return plan.ClaimPending
	}
}
