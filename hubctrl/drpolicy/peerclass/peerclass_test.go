// SPDX-License-Identifier: Apache-2.0

package peerclass_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/drpolicy/peerclass"
)

type labels = map[string]string

const (
	storageID     = "ramendr.openshift.io/storageid"
	replicationID = "ramendr.openshift.io/replicationid"
	groupID       = "ramendr.openshift.io/groupreplicationid"
	offloaded     = "ramendr.openshift.io/offloaded"
	global        = "ramendr.openshift.io/global"
)

func class(kind v1alpha1.ClassKind, name string, l labels) v1alpha1.ClassFact {
	return v1alpha1.ClassFact{Kind: kind, Name: name, Provisioner: "csi.example.com", Labels: l}
}

func storage(id string, more ...string) v1alpha1.ClassFact {
	c := class("StorageClass", "fast", labels{storageID: id})
	for i := 0; i+1 < len(more); i += 2 {
		c.Labels[more[i]] = more[i+1]
	}
	return c
}

func replication(id, pairing, interval string) v1alpha1.ClassFact {
	c := class("VolumeReplicationClass", "vrc-"+pairing+"-"+interval, labels{storageID: id, replicationID: pairing})
	c.Parameters = map[string]string{"schedulingInterval": interval}
	return c
}

func group(id, pairing, interval string) v1alpha1.ClassFact {
	c := class("VolumeGroupReplicationClass", "vgrc-"+pairing, labels{storageID: id, groupID: pairing})
	c.Parameters = map[string]string{"schedulingInterval": interval}
	return c
}

func snapshot(id string) v1alpha1.ClassFact {
	return class("VolumeSnapshotClass", "snap", labels{storageID: id})
}

func groupSnapshot(id string) v1alpha1.ClassFact {
	return class("VolumeGroupSnapshotClass", "groupsnap", labels{storageID: id})
}

func with(c v1alpha1.ClassFact, change func(*v1alpha1.ClassFact)) v1alpha1.ClassFact {
	change(&c)
	return c
}

func facts(c ...v1alpha1.ClassFact) []v1alpha1.ClassFact { return c }

func TestMatch(t *testing.T) {
	peer := v1alpha1.PeerClass{
		StorageClassName: "fast",
		StorageID:        []string{"one", "two"},
		ClusterIDs:       []string{"id-a", "id-b"},
	}
	is := func(change func(*v1alpha1.PeerClass)) *v1alpha1.PeerClass {
		p := peer
		change(&p)
		return &p
	}
	for name, tc := range map[string]struct {
		interval string // empty: 5m
		a, b     []v1alpha1.ClassFact
		want     *v1alpha1.PeerClass // nil: none
		why      string
	}{
		"a common replication id is VolumeReplication": {
			a:    facts(storage("one"), replication("one", "r", "5m")),
			b:    facts(storage("two"), replication("two", "r", "5m")),
			want: is(func(p *v1alpha1.PeerClass) { p.ReplicationID = "r" }),
		},
		"intervals are compared as durations": {
			interval: "1h",
			a:        facts(storage("one"), replication("one", "r", "60m")),
			b:        facts(storage("two"), replication("two", "r", "1h")),
			want:     is(func(p *v1alpha1.PeerClass) { p.ReplicationID = "r" }),
		},
		"a day is 24 hours": {
			interval: "1d",
			a:        facts(storage("one"), replication("one", "r", "24h")),
			b:        facts(storage("two"), replication("two", "r", "1440m")),
			want:     is(func(p *v1alpha1.PeerClass) { p.ReplicationID = "r" }),
		},
		"another interval on one side pairs nothing": {
			a:   facts(storage("one"), replication("one", "r", "5m")),
			b:   facts(storage("two"), replication("two", "r", "10m")),
			why: "no VolumeReplicationClass of the policy's interval",
		},
		"an interval that is none pairs nothing": {
			interval: "often",
			a:        facts(storage("one"), replication("one", "r", "often")),
			b:        facts(storage("two"), replication("two", "r", "often")),
			why:      "no VolumeReplicationClass of the policy's interval",
		},
		"two replication ids pair nothing": {
			a:   facts(storage("one"), replication("one", "r", "5m")),
			b:   facts(storage("two"), replication("two", "s", "5m")),
			why: "no VolumeReplicationClass of the policy's interval",
		},
		"classes without a replication id pair nothing": {
			a:   facts(storage("one"), replication("one", "", "5m")),
			b:   facts(storage("two"), replication("two", "", "5m")),
			why: "no VolumeReplicationClass of the policy's interval",
		},
		"a replication class of another storage pairs nothing": {
			a:   facts(storage("one"), replication("one", "r", "5m")),
			b:   facts(storage("two"), replication("three", "r", "5m")),
			why: "no VolumeReplicationClass of the policy's interval",
		},
		"a replication class of another driver pairs nothing": {
			a:   facts(storage("one"), replication("one", "r", "5m")),
			b:   facts(storage("two"), with(replication("two", "r", "5m"), func(c *v1alpha1.ClassFact) { c.Provisioner = "other" })),
			why: "no VolumeReplicationClass of the policy's interval",
		},
		"of several common ids the first is taken, whatever the order of the facts": {
			a:    facts(replication("one", "z", "5m"), replication("one", "b", "5m"), replication("one", "a", "5m"), storage("one")),
			b:    facts(storage("two"), replication("two", "b", "5m"), replication("two", "z", "5m")),
			want: is(func(p *v1alpha1.PeerClass) { p.ReplicationID = "b" }),
		},
		"a label of the StorageClass does not choose the replication id": {
			a:    facts(storage("one", replicationID, "x"), replication("one", "r", "5m")),
			b:    facts(storage("two"), replication("two", "r", "5m")),
			want: is(func(p *v1alpha1.PeerClass) { p.ReplicationID = "r" }),
		},
		"a common group id adds grouping": {
			a: facts(storage("one"), replication("one", "r", "5m"), group("one", "g", "5m")),
			b: facts(storage("two"), replication("two", "r", "5m"), group("two", "g", "5m")),
			want: is(func(p *v1alpha1.PeerClass) {
				p.ReplicationID, p.GroupReplicationID, p.Grouping = "r", "g", true
			}),
		},
		"a StorageClass chooses its group": {
			a: facts(storage("one", groupID, "h"), replication("one", "r", "5m"), group("one", "g", "5m"), group("one", "h", "5m")),
			b: facts(storage("two"), replication("two", "r", "5m"), group("two", "g", "5m"), group("two", "h", "5m")),
			want: is(func(p *v1alpha1.PeerClass) {
				p.ReplicationID, p.GroupReplicationID, p.Grouping = "r", "h", true
			}),
		},
		"a group id alone is dropped": {
			a:    facts(storage("one"), group("one", "g", "5m"), snapshot("one")),
			b:    facts(storage("two"), group("two", "g", "5m"), snapshot("two")),
			want: is(func(*v1alpha1.PeerClass) {}),
		},
		"snapshot classes on both sides are VolSync": {
			a:    facts(storage("one"), snapshot("one")),
			b:    facts(storage("two"), snapshot("two")),
			want: is(func(*v1alpha1.PeerClass) {}),
		},
		"group snapshot classes on both sides are VolSync with groups": {
			a:    facts(storage("one"), snapshot("one"), groupSnapshot("one")),
			b:    facts(storage("two"), snapshot("two"), groupSnapshot("two")),
			want: is(func(p *v1alpha1.PeerClass) { p.Grouping = true }),
		},
		"a group snapshot class on one side only does not group": {
			a:    facts(storage("one"), snapshot("one"), groupSnapshot("one")),
			b:    facts(storage("two"), snapshot("two")),
			want: is(func(*v1alpha1.PeerClass) {}),
		},
		"a snapshot class on one side only is none": {
			a:   facts(storage("one"), snapshot("one")),
			b:   facts(storage("two")),
			why: "no VolumeSnapshotClass",
		},
		"a snapshot class of another driver is none": {
			a:   facts(storage("one"), snapshot("one")),
			b:   facts(storage("two"), with(snapshot("two"), func(c *v1alpha1.ClassFact) { c.Provisioner = "other" })),
			why: "no VolumeSnapshotClass",
		},
		"VolumeReplication comes before VolSync": {
			a:    facts(storage("one"), replication("one", "r", "5m"), snapshot("one"), groupSnapshot("one")),
			b:    facts(storage("two"), replication("two", "r", "5m"), snapshot("two"), groupSnapshot("two")),
			want: is(func(p *v1alpha1.PeerClass) { p.ReplicationID = "r" }),
		},
		"the same storage id on both sides is synchronous DR": {
			a:   facts(storage("one"), replication("one", "r", "5m")),
			b:   facts(storage("one"), replication("one", "r", "5m")),
			why: "synchronous DR",
		},
		"a storage id on one side only is no pair": {
			a:   facts(storage("one"), replication("one", "r", "5m")),
			b:   facts(class("StorageClass", "fast", nil), replication("two", "r", "5m")),
			why: "has no label ramendr.openshift.io/storageid",
		},
		"a StorageClass of another name is no pair": {
			a:   facts(storage("one"), replication("one", "r", "5m")),
			b:   facts(with(storage("two"), func(c *v1alpha1.ClassFact) { c.Name = "slow" }), replication("two", "r", "5m")),
			why: "no StorageClass of this name",
		},
		"a class of the same name but another kind is no pair": {
			a:   facts(storage("one"), replication("one", "r", "5m")),
			b:   facts(with(snapshot("two"), func(c *v1alpha1.ClassFact) { c.Name = "fast" }), replication("two", "r", "5m")),
			why: "no StorageClass of this name",
		},
		"an offloaded class is not taken for one of VolSync": {
			a:   facts(storage("one", offloaded, ""), snapshot("one")),
			b:   facts(storage("two", offloaded, "true"), snapshot("two")),
			why: "replicates groups of volumes by itself, which is not supported: to have each volume replicated, remove label ramendr.openshift.io/offloaded on both clusters",
		},
		"nor for one of VolumeReplication": {
			a:   facts(storage("one", offloaded, ""), replication("one", "r", "5m"), group("one", "g", "5m")),
			b:   facts(storage("two", offloaded, ""), replication("two", "r", "5m"), group("two", "g", "5m")),
			why: "not supported",
		},
		"a class whose groups are global is none": {
			a:   facts(storage("one", offloaded, ""), with(group("one", "g", "5m"), func(c *v1alpha1.ClassFact) { c.Labels[global] = "true" })),
			b:   facts(storage("two", offloaded, ""), with(group("two", "g", "5m"), func(c *v1alpha1.ClassFact) { c.Labels[global] = "true" })),
			why: "not supported",
		},
		"a class that is offloaded on one side only is none": {
			a:   facts(storage("one", offloaded, ""), replication("one", "r", "5m")),
			b:   facts(storage("two"), replication("two", "r", "5m")),
			why: "not supported",
		},
		"a class that is offloaded on the other side only is none": {
			a:   facts(storage("one"), replication("one", "r", "5m")),
			b:   facts(storage("two", offloaded, ""), replication("two", "r", "5m")),
			why: "not supported",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.interval == "" {
				tc.interval = "5m"
			}
			a, b := peerclass.Side{ClusterID: "id-a", Classes: tc.a}, peerclass.Side{ClusterID: "id-b", Classes: tc.b}
			peers, skipped := peerclass.Match(tc.interval, a, b)
			if tc.want != nil {
				assert.Equal(t, []v1alpha1.PeerClass{*tc.want}, peers)
				assert.Empty(t, skipped)
			} else {
				assert.Empty(t, peers)
				if assert.Len(t, skipped, 1) {
					assert.Equal(t, "fast", skipped[0].StorageClass)
					assert.Contains(t, skipped[0].Why, tc.why)
				}
			}

			slices.Reverse(a.Classes)
			slices.Reverse(b.Classes)
			again, _ := peerclass.Match(tc.interval, a, b)
			assert.Equal(t, peers, again, "the order of the facts does not matter")
		})
	}
}

func TestPeersAreSortedAndClassesWithoutStorageIDAreNotMentioned(t *testing.T) {
	slow := func(id string) v1alpha1.ClassFact {
		return with(storage(id), func(c *v1alpha1.ClassFact) { c.Name = "a-slow" })
	}
	peers, skipped := peerclass.Match("5m",
		peerclass.Side{Classes: facts(storage("one"), slow("one"), class("StorageClass", "plain", nil), snapshot("one"))},
		peerclass.Side{Classes: facts(storage("two"), slow("two"), class("StorageClass", "plain", nil), snapshot("two"))})
	assert.Empty(t, skipped)
	var names []string
	for _, p := range peers {
		names = append(names, p.StorageClassName)
	}
	assert.Equal(t, []string{"a-slow", "fast"}, names)
}
