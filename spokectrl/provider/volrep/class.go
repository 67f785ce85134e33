// SPDX-License-Identifier: Apache-2.0

package volrep

import (
	"fmt"
	"slices"
	"strings"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

const (
	// parameterInterval is the parameter of a VolumeReplicationClass that says how often it replicates.
	parameterInterval = "schedulingInterval"
	// annotationDefault marks the class to prefer among several.
	annotationDefault = "replication.storage.openshift.io/is-default-class"
)

// Choose finds the one VolumeReplicationClass for a volume: of its provisioner, with the group's interval, selected by
// the group and, if the group has peer classes, of the same storage and pairing. Of several the default one is taken.
func Choose(v provider.Volume, classes []replicationv1.VolumeReplicationClass) (*replicationv1.VolumeReplicationClass, *provider.Refusal) {
	w, refusal := want(v)
	if refusal != nil {
		return nil, refusal
	}
	var fit, preferred []*replicationv1.VolumeReplicationClass
	for i := range classes {
		c := &classes[i]
		if !w.fits(c) {
			continue
		}
		fit = append(fit, c)
		if c.Annotations[annotationDefault] == "true" {
			preferred = append(preferred, c)
		}
	}
	switch {
	case len(fit) == 1:
		return fit[0], nil
	case len(fit) == 0:
		return nil, &provider.Refusal{Reason: w.reason, Message: fmt.Sprintf(
			"there is no VolumeReplicationClass %s: create one, or correct the labels and parameters of the existing ones", w)}
	case len(preferred) == 1:
		return preferred[0], nil
	default:
		return nil, &provider.Refusal{Reason: provider.ReasonClassNotFound, Message: fmt.Sprintf(
			"the VolumeReplicationClasses %s all fit: annotate exactly one with %s=true", names(fit), annotationDefault)}
	}
}

func names(classes []*replicationv1.VolumeReplicationClass) string {
	out := make([]string, 0, len(classes))
	for _, c := range classes {
		out = append(out, c.Name)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// wanted is what a class must have.
type wanted struct {
	provisioner              string
	interval                 string
	selector                 labels.Selector
	byPeer                   bool
	storageID, replicationID string
	reason                   string // if no class fits
}

func (w wanted) String() string {
	s := fmt.Sprintf("with provisioner %q and parameter %s %q", w.provisioner, parameterInterval, w.interval)
	if w.byPeer {
		s += fmt.Sprintf(", label %s=%s and label %s=%s", v1alpha1.LabelStorageID, w.storageID, v1alpha1.LabelReplicationID, w.replicationID)
	}
	if w.selector != nil && !w.selector.Empty() {
		s += fmt.Sprintf(", selected by %q", w.selector)
	}
	return s
}

func (w wanted) fits(c *replicationv1.VolumeReplicationClass) bool {
	return c.Spec.Provisioner == w.provisioner &&
		sameInterval(c.Spec.Parameters[parameterInterval], w.interval) &&
		(w.selector == nil || w.selector.Matches(labels.Set(c.Labels))) &&
		(!w.byPeer || c.Labels[v1alpha1.LabelStorageID] == w.storageID && c.Labels[v1alpha1.LabelReplicationID] == w.replicationID)
}

// sameInterval compares durations: 1h is 60m.
func sameInterval(a, b string) bool {
	da, errA := Interval(a)
	db, errB := Interval(b)
	return errA == nil && errB == nil && da == db
}

func want(v provider.Volume) (wanted, *provider.Refusal) {
	w := wanted{provisioner: v.Driver(), interval: v.Group.Interval, reason: provider.ReasonClassNotFound}
	if v.Group.Selector != nil {
		selector, err := metav1.LabelSelectorAsSelector(v.Group.Selector)
		if err != nil {
			return w, &provider.Refusal{Reason: provider.ReasonError, Message: fmt.Sprintf("spec.async.replicationClassSelector: %v", err)}
		}
		w.selector = selector
	}
	if refusal := provider.Offloaded(v); refusal != nil {
		return w, refusal
	}
	if len(v.Group.PeerClasses) == 0 {
		return w, nil
	}
	peer := peerClass(v)
	if peer == nil {
		return w, &provider.Refusal{Reason: provider.ReasonPeerClassNotFound, Message: fmt.Sprintf(
			"StorageClass %q is not among the peer classes of the policy: label it and its VolumeReplicationClass alike on both clusters, or use another class", v.ClassName())}
	}
	if v.Class == nil {
		return w, &provider.Refusal{Reason: provider.ReasonStorageIDNotFound, Message: fmt.Sprintf("there is no StorageClass %q: create it", v.ClassName())}
	}
	id := v.Class.Labels[v1alpha1.LabelStorageID]
	switch {
	case id == "":
		return w, &provider.Refusal{Reason: provider.ReasonStorageIDNotFound, Message: fmt.Sprintf(
			"StorageClass %s has no label %s: add it", v.Class.Name, v1alpha1.LabelStorageID)}
	case !slices.Contains(peer.StorageID, id):
		return w, &provider.Refusal{Reason: provider.ReasonPeerClassNotFound, Message: fmt.Sprintf(
			"StorageClass %s has %s=%s, but the group was told %s: correct the label; or, if the storage was replaced, give StorageClass and VolumeReplicationClass "+
				"the same new labels that pair them with those of the other cluster: status.async.peerClasses of the DRPolicy on the hub then names the new ids, and the group follows",
			v.Class.Name, v1alpha1.LabelStorageID, id, strings.Join(peer.StorageID, ", "))}
	}
	w.byPeer, w.storageID, w.replicationID = true, id, peer.ReplicationID
	w.reason = provider.ReasonPeerClassNotFound
	return w, nil
}
