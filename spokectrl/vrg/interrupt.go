// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"errors"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
	"github.com/ramendr/ramen-direct/spokectrl/snapshot"
	"github.com/ramendr/ramen-direct/spokectrl/status"
)

// observeSevered finds out whether such a group replaces one that was Primary in this very epoch, and whose volumes have no
// replica any more: then nobody knows whether the peer has what was written last. nil: it does not. Volumes that are copied
// are all sent before a relocate makes a group Secondary.
func (r observer) observeSevered(ctx context.Context, f *snapshot.Snapshot, group provider.Group) error {
	profiles := f.Profiles()
	newest := r.Archive.Newest(ctx, f.ID, profiles, f.Term.Trust)
	switch {
	case f.Forlorn() && f.Term.Trust.Stored:
		return fmt.Errorf("it is not known whether this cluster was Primary until the group was deleted: %s", f.MessageForlorn())
	case newest.Answer == archive.Nothing && f.Term.Trust.Stored && len(profiles) > 0:
		f.Restore.Unread = true
		return fmt.Errorf("it is not known whether this cluster was Primary until the group was deleted: %s", f.Emptied(profiles))
	case newest.Answer == archive.Refused, newest.Answer == archive.Unknown && len(profiles) > 0 && (f.Term.Trust.Stored || newest.Problems.All(profiles)):
		// Of a group that was stored, a store that has nothing was emptied: one that does not answer may know.
		f.Restore.Unread = true
		return fmt.Errorf("it is not known whether this cluster was Primary until the group was deleted: %w", newest.Problems.Err())
	}
	if newest.Answer != archive.Found || newest.Manifest.Epoch != f.Term.Epoch || newest.Manifest.Cluster != f.Term.Cluster {
		return nil
	}
	replicated := map[client.ObjectKey]bool{}
	for i, v := range f.Facts.Volumes {
		key := client.ObjectKey{Namespace: f.Volumes[i].Item.Namespace, Name: f.Volumes[i].Item.Name}
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
	return severed(bounded.List(lost, ", "))
}

// severed says what a person has to decide about claims that went before their volumes were demoted.
func severed(claims string) error {
	return errors.New("the group or a namespace of the application was deleted here, and the hub did not ask for it, while the application was moving away: it is not known whether " +
		"the peer has all that was written to the claims " + claims + ". Their volumes are retained here. " + status.Choice)
}
