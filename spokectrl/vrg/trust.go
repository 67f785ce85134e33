// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/signing"
	"github.com/ramendr/ramen-direct/spokectrl/snapshot"
)

// unvouched is told of a restore from what no cluster of the group is known to have signed.
const unvouched = "no cluster of the application is known to have signed this: it was stored by Ramen, by an earlier version, or before the hub knew of it. " +
	"What is stored from now on is signed"

// observeTrust finds out what this cluster signs with, and whose stored metadata it restores. The hub names the signers as soon
// as the group was stored with a signature; this cluster is one of them, whether the hub has heard of its key or not.
func observeTrust(ctx context.Context, f *snapshot.Snapshot, keeper *signing.Keeper) {
	key, err := keeper.Key(ctx)
	text, stored := f.VRG.Annotations[v1alpha1.AnnotationSigners]
	signers := list(text)
	f.Term.Key, f.Mute = key, err
	if err == nil && stored && !slices.Contains(signers, key.Public()) {
		f.Mute = errors.New("the key that this cluster signs stored metadata with is new, and the hub has not told the peer of it yet, which could restore nothing that it signs: " +
			"it is stored when the hub has; look at condition Connected of the DRCluster if that takes long")
	}
	if err == nil {
		signers = append(signers, key.Public())
	}
	both := list(f.VRG.Annotations[v1alpha1.AnnotationClusterKeys])
	if !stored {
		signers = append(signers, both...)
	}
	f.Term.Trust = capsule.Trust{Stored: stored, Signers: signers, Told: len(both) > 0}
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c == ',' })
}

// storing stores, unless this cluster can't sign so that the peer believes it: then what is stored stays as it is.
func storing(f *snapshot.Snapshot, profiles []string, store func() archive.Problems) archive.Problems {
	if f.Mute == nil {
		return store()
	}
	out := archive.Problems{}
	for _, name := range profiles {
		out[name] = f.Mute
	}
	return out
}
