// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// reasonInterrupted : somebody else than the hub deletes the group, or deleted it in the middle of its demotion.
const (
	reasonInterrupted  = exchange.ReasonInterrupted
	messageInterrupted = "this VolumeReplicationGroup is being deleted, perhaps with its namespace, and the hub did not ask for it: the volumes stay retained, and their " +
		"replicas and stored metadata stay as they are. The group is re-created, restores its claims and continues automatically, as soon as the namespace can be used. " +
		"To end the protection, delete the DRPlacementControl on the hub"
	messagePruned = "a namespace of the application is being deleted: its volumes stay retained, and the stored metadata stays as it is. The claims are restored as soon as the " +
		"namespace can be used. To end the protection, delete the DRPlacementControl on the hub"
)

// ended reports whether the deletion of a group ends its protection: the mirror marked it for a wish that is being deleted, or
// no mirror made it (X14).
func ended(vrg *v1alpha1.VolumeReplicationGroup) bool {
	wish := vrg.Annotations[exchange.AnnotationWishUID]
	return wish == "" || vrg.Annotations[exchange.AnnotationEndedBy] == wish
}

// warn makes an event about a group. In a namespace that is being deleted the API server refuses it; the hub tells then.
func (r actor) warn(vrg *v1alpha1.VolumeReplicationGroup, reason, note string) {
	r.Events.Eventf(vrg, nil, corev1.EventTypeWarning, reason, "Protect", "%s", bounded.Text(note, bounded.Note))
}

// severable says that a group is told to be Secondary by a relocate, and does not know that it sent the application away: it may
// replace one that was Primary a moment ago.
func (f *facts) severable() bool {
	return f.group.Role == plan.Secondary && !f.group.Ending && !f.group.Released && !f.group.SentAway && f.vrg.Spec.Action == v1alpha1.VRGActionRelocate
}

// observeSevered finds out whether such a group replaces one that was Primary in this very epoch, and whose volumes have no
// replica any more: then nobody knows whether the peer has what was written last. nil: it does not. Volumes that are copied
// are all sent before a relocate makes a group Secondary.
func (r observer) observeSevered(ctx context.Context, f *facts, group provider.Group) error {
	profiles := f.profiles()
	newest := r.Archive.Newest(ctx, f.id, profiles, f.term.Trust)
	switch {
	case f.forlorn() && f.term.Trust.Stored:
		return fmt.Errorf("it is not known whether this cluster was Primary until the group was deleted: %s", f.messageForlorn())
	case newest.Answer == archive.Nothing && f.term.Trust.Stored && len(profiles) > 0:
		f.restore.unread = true
		return fmt.Errorf("it is not known whether this cluster was Primary until the group was deleted: %s", f.emptied(profiles))
	case newest.Answer == archive.Refused, newest.Answer == archive.Unknown && len(profiles) > 0 && newest.Problems.All(profiles):
		f.restore.unread = true
		return fmt.Errorf("it is not known whether this cluster was Primary until the group was deleted: %w", newest.Problems.Err())
	}
	if newest.Answer != archive.Found || newest.Manifest.Epoch != f.term.Epoch || newest.Manifest.Cluster != f.term.Cluster {
		return nil
	}
	replicated := map[client.ObjectKey]bool{}
	for i, v := range f.group.Volumes {
		key := client.ObjectKey{Namespace: f.volumes[i].item.Namespace, Name: f.volumes[i].item.Name}
		replicated[key] = v.Replica == plan.ReplicaPresent && v.Claim != plan.ClaimAbsent && !(v.Claim == plan.ClaimLeaving && v.Marks != plan.MarksAll)
	}
	var lost []string
	for _, pair := range newest.Pairs {
		if key := client.ObjectKeyFromObject(pair.PVC); group.Covers(key.Namespace) && !replicated[key] {
			lost = append(lost, key.String())
		}
	}
	if lost == nil {
		return nil
	}
	return errors.New("the group was deleted here, and the hub did not ask for it, while the application was moving away: it is not known whether the peer has all that was written to the claims " +
		bounded.List(lost, ", ") + ". Their volumes are retained here. To continue with them, set action Failover and failoverCluster to this cluster in the DRPlacementControl; " +
		"to continue with what the peer has, set failoverCluster to the peer")
}
