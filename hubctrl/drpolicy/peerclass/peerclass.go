// SPDX-License-Identifier: Apache-2.0

// Package peerclass finds the storage classes that a policy can protect, and how, from the class facts that its two
// clusters reported. It is pure: equal facts give equal answers, in a fixed order.
//
// A StorageClass is a peer if it exists under one name on both clusters with different storage ids, and either a common
// replication id pairs the two storages at the policy's interval (VolumeReplication), or both have a VolumeSnapshotClass
// for it (VolSync). One that is labeled as offloaded is none: no technique here drives such storage, and VolSync would copy
// what the storage replicates already. Intervals are compared as durations: 1h is 60m.
package peerclass

import (
	"slices"
	"strings"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// parameterInterval is the parameter of replication classes that holds their interval.
const parameterInterval = "schedulingInterval"

// Side is what one cluster reported.
type Side struct {
	ClusterID string
	Classes   []v1alpha1.ClassFact
}

// Skipped is a StorageClass with a storage id that can't be protected, and why.
type Skipped struct {
	StorageClass string
	Why          string
}

// Match finds the peers of a policy with the given interval, sorted by StorageClass, and the classes that are none.
func Match(interval string, a, b Side) (peers []v1alpha1.PeerClass, skipped []Skipped) {
	for _, here := range a.of(v1alpha1.KindStorageClass) {
		if here.Labels[v1alpha1.LabelStorageID] == "" {
			continue
		}
		peer, why := pair{interval: interval, a: a, b: b, here: here}.match()
		if why != "" {
			skipped = append(skipped, Skipped{StorageClass: here.Name, Why: why})
			continue
		}
		peers = append(peers, peer)
	}
	slices.SortFunc(peers, func(x, y v1alpha1.PeerClass) int { return strings.Compare(x.StorageClassName, y.StorageClassName) })
	slices.SortFunc(skipped, func(x, y Skipped) int { return strings.Compare(x.StorageClass, y.StorageClass) })
	return peers, skipped
}

// pair is one StorageClass on the two sides.
type pair struct {
	interval    string
	a, b        Side
	here, there v1alpha1.ClassFact
}

// match is the peer, or why there is none.
func (p pair) match() (peer v1alpha1.PeerClass, why string) {
	i := slices.IndexFunc(p.b.Classes, func(c v1alpha1.ClassFact) bool {
		return c.Kind == v1alpha1.KindStorageClass && c.Name == p.here.Name
	})
	if i < 0 {
		return peer, "the other cluster has no StorageClass of this name"
	}
	p.there = p.b.Classes[i]
	ids := []string{p.here.Labels[v1alpha1.LabelStorageID], p.there.Labels[v1alpha1.LabelStorageID]}
	switch {
	case ids[1] == "":
		return peer, "the StorageClass of the other cluster has no label " + v1alpha1.LabelStorageID
	case ids[0] == ids[1]:
		return peer, "both clusters use the same storage, which is synchronous DR"
	case has(p.here, v1alpha1.LabelOffloaded), has(p.there, v1alpha1.LabelOffloaded):
		return peer, "its storage replicates groups of volumes by itself, which is not supported: to have each volume replicated, remove label " +
			v1alpha1.LabelOffloaded + " on both clusters"
	}
	peer = v1alpha1.PeerClass{
		StorageClassName: p.here.Name,
		StorageID:        ids,
		ClusterIDs:       []string{p.a.ClusterID, p.b.ClusterID},
	}
	if peer.ReplicationID = p.common(v1alpha1.KindVolumeReplicationClass, v1alpha1.LabelReplicationID); peer.ReplicationID != "" {
		peer.GroupReplicationID = p.common(v1alpha1.KindVolumeGroupReplicationClass, v1alpha1.LabelGroupReplicationID)
		peer.Grouping = peer.GroupReplicationID != ""
		return peer, ""
	}
	switch {
	case p.snapshots(v1alpha1.KindVolumeGroupSnapshotClass):
		peer.Grouping = true
	case !p.snapshots(v1alpha1.KindVolumeSnapshotClass):
		return peer, "no VolumeReplicationClass of the policy's interval pairs the storages, and there is no VolumeSnapshotClass for them on both clusters"
	}
	return peer, ""
}

// common is the id, the value of label, that replication classes of kind carry on both sides; empty: none. Of several,
// it is the first in the order of the alphabet.
func (p pair) common(kind v1alpha1.ClassKind, label string) string {
	theirs := p.ids(p.b, p.there, kind, label)
	for _, id := range p.ids(p.a, p.here, kind, label) {
		if slices.Contains(theirs, id) {
			return id
		}
	}
	return ""
}

// ids are the values of label on the replication classes of side that serve storage at the policy's interval, sorted.
func (p pair) ids(side Side, storage v1alpha1.ClassFact, kind v1alpha1.ClassKind, label string) []string {
	var out []string
	for _, c := range side.of(kind) {
		id := c.Labels[label]
		// A StorageClass may choose among several groups.
		chosen := storage.Labels[label]
		if kind != v1alpha1.KindVolumeGroupReplicationClass {
			chosen = ""
		}
		if id != "" && (chosen == "" || chosen == id) && serves(c, storage) && sameInterval(c.Parameters[parameterInterval], p.interval) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// snapshots reports whether both sides have a snapshot class of kind for the storage.
func (p pair) snapshots(kind v1alpha1.ClassKind) bool {
	found := func(side Side, storage v1alpha1.ClassFact) bool {
		return slices.ContainsFunc(side.of(kind), func(c v1alpha1.ClassFact) bool { return serves(c, storage) })
	}
	return found(p.a, p.here) && found(p.b, p.there)
}

// serves reports whether class is for the driver and the storage of a StorageClass.
func serves(class, storage v1alpha1.ClassFact) bool {
	return class.Provisioner == storage.Provisioner &&
		class.Labels[v1alpha1.LabelStorageID] == storage.Labels[v1alpha1.LabelStorageID]
}

func has(c v1alpha1.ClassFact, label string) bool {
	_, ok := c.Labels[label]
	return ok
}

func (s Side) of(kind v1alpha1.ClassKind) []v1alpha1.ClassFact {
	var out []v1alpha1.ClassFact
	for _, c := range s.Classes {
		if c.Kind == kind {
			out = append(out, c)
		}
	}
	return out
}
