// SPDX-License-Identifier: Apache-2.0

package maintenance

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Failover is what is known of an application whose user asks for a failover.
type Failover struct {
	// Wish and Report are those of the target. Nil: there is none.
	Wish, Report *v1alpha1.VolumeReplicationGroup
	// Source is the last report of the other cluster, whether that can be reached or not. Nil: there is none.
	Source *v1alpha1.VolumeReplicationGroup
	// Decided : it was published that the workload runs on the target.
	Decided bool
}

// UnderWay reports whether the failover has yet to happen, or is not over. It is over when the target was Primary and
// ready once, and the workload was sent there: what happens to it later is none of its business, however long the user
// leaves the action in the spec.
func (f Failover) UnderWay() bool {
	wished := f.Wish != nil && f.Wish.Spec.ReplicationState == v1alpha1.Primary
	switch {
	case f.Wish == nil && f.Report == nil:
		return false // nothing to promote is known there
	case f.forgotten():
		return false
	case wished && f.Decided:
		return false
	case (wished || f.Wish == nil) && runs(f.Report):
		return false // a new hub has not adopted it yet, or not published it
	default:
		return true
	}
}

// forgotten reports whether the cluster obeys a later wish than the hub's, which was restored from a backup then: what it
// asks for may have happened, and been undone, long ago.
func (f Failover) forgotten() bool {
	if f.Wish == nil || f.Report == nil || f.Report.Status.Exchange == nil {
		return false
	}
	obeys := f.Report.Status.Exchange
	epoch, err := exchange.EpochOf(f.Wish)
	return err == nil && obeys.WishUID == string(f.Wish.UID) &&
		(obeys.Epoch > epoch || obeys.Epoch == epoch && obeys.WishGeneration > f.Wish.Generation)
}

func runs(report *v1alpha1.VolumeReplicationGroup) bool {
	is := func(kind string) bool { return exchange.Condition(report, kind).Status == metav1.ConditionTrue }
	return report != nil && report.Status.State == v1alpha1.PrimaryState && is(v1alpha1.VRGDataReady) && is(v1alpha1.VRGClusterDataReady)
}

// Needed are the modes that a cluster needs for all failovers to it that are under way, by its class facts.
func Needed(failovers []Failover, classes []v1alpha1.ClassFact) []Mode {
	var out []Mode
	for _, f := range failovers {
		if f.UnderWay() {
			out = append(out, f.Needs(classes)...)
		}
	}
	return sorted(out)
}

// Needs are the modes that the target needs, by its class facts.
func (f Failover) Needs(classes []v1alpha1.ClassFact) []Mode {
	var out []Mode
	for _, v := range f.volumes() {
		out = append(out, v.replicationModes(classes)...)
		out = append(out, v.storageModes(classes)...)
	}
	return sorted(out)
}

// Blind reports whether the target has not told its classes yet, so that it is not known what it needs.
func (f Failover) Blind(config *v1alpha1.DRClusterConfig) bool {
	told := config != nil && (len(config.Status.Classes) > 0 ||
		slices.ContainsFunc(config.Status.Conditions, func(c metav1.Condition) bool {
			return c.Type == v1alpha1.ConditionProcessed && c.Status == metav1.ConditionTrue
		}))
	return !told && len(f.volumes()) > 0
}

// volume is one volume, or all of a class that may be in use.
type volume struct {
	class, provisioner   string // empty: not known
	replication, storage v1alpha1.Identifier
}

// volumes are those that the failed side reported when it last was Primary. If it never did, or was demoted since, those
// that it lists may not be all; and of one that it had not looked at, nothing is known.
func (f Failover) volumes() []volume {
	peers := f.peerClasses()
	known := f.Source != nil && f.Source.Status.Exchange != nil && f.Source.Status.State == v1alpha1.PrimaryState
	var out []volume
	if f.Source != nil {
		for i := range f.Source.Status.ProtectedPVCs {
			p := &f.Source.Status.ProtectedPVCs[i]
			v := volume{provisioner: p.CSIProvisioner, replication: p.ReplicationID, storage: p.StorageID}
			if p.StorageClassName != nil {
				v.class = *p.StorageClassName
			}
			if v.replication.ID == "" && !p.ProtectedByVolSync {
				v.replication.ID = pairing(peers, v.class) // not looked at yet when it was reported
			}
			known = known && (v.class != "" || v.replication.ID != "")
			out = append(out, v)
		}
	}
	if !known {
		for _, c := range peers {
			out = append(out, volume{class: c.StorageClassName, replication: v1alpha1.Identifier{ID: c.ReplicationID}})
		}
	}
	return out
}

// peerClasses are those that the target was told of.
func (f Failover) peerClasses() []v1alpha1.PeerClass {
	for _, group := range []*v1alpha1.VolumeReplicationGroup{f.Wish, f.Report} {
		if group != nil && group.Spec.Async != nil {
			return group.Spec.Async.PeerClasses
		}
	}
	return nil
}

func pairing(peers []v1alpha1.PeerClass, class string) string {
	for _, c := range peers {
		if c.StorageClassName == class {
			return c.ReplicationID
		}
	}
	return ""
}

// replicationModes are for the pairing that replicates the volume, which has one id on both clusters.
func (v volume) replicationModes(classes []v1alpha1.ClassFact) []Mode {
	id := v.replication.ID
	if id == "" {
		return nil
	}
	var out []Mode
	if needsMode(v.replication) && v.provisioner != "" {
		out = append(out, Mode{Provisioner: v.provisioner, TargetID: id})
	}
	for i := range classes {
		c := &classes[i]
		if c.Kind == v1alpha1.KindVolumeReplicationClass && c.Labels[v1alpha1.LabelReplicationID] == id &&
			asksForMode(c) && (v.provisioner == "" || v.provisioner == c.Provisioner) {
			out = append(out, Mode{Provisioner: c.Provisioner, TargetID: id})
		}
	}
	return out
}

// storageModes are for the storage behind the volume. Its id differs between the clusters: the target's is meant.
func (v volume) storageModes(classes []v1alpha1.ClassFact) []Mode {
	here := slices.IndexFunc(classes, func(c v1alpha1.ClassFact) bool {
		return c.Kind == v1alpha1.KindStorageClass && c.Name == v.class
	})
	switch {
	case here >= 0 && classes[here].Labels[v1alpha1.LabelStorageID] != "" && (asksForMode(&classes[here]) || needsMode(v.storage)):
		return []Mode{{Provisioner: classes[here].Provisioner, TargetID: classes[here].Labels[v1alpha1.LabelStorageID]}}
	case here < 0 && needsMode(v.storage) && v.storage.ID != "" && v.provisioner != "":
		return []Mode{{Provisioner: v.provisioner, TargetID: v.storage.ID}}
	default:
		return nil
	}
}

func needsMode(id v1alpha1.Identifier) bool { return slices.Contains(id.Modes, v1alpha1.MModeFailover) }

// asksForMode reads the label of a class, a list separated by commas.
func asksForMode(c *v1alpha1.ClassFact) bool {
	for mode := range strings.SplitSeq(c.Labels[v1alpha1.LabelMaintenanceModes], ",") {
		if strings.TrimSpace(mode) == string(v1alpha1.MModeFailover) {
			return true
		}
	}
	return false
}

// Alike reports whether two versions of a wish or report say the same of all that is read here. What changes with each
// synchronisation is not.
func Alike(a, b *v1alpha1.VolumeReplicationGroup) bool {
	x, y := Failover{Source: a}, Failover{Source: b}
	return a.Generation == b.Generation && maps.Equal(a.Annotations, b.Annotations) &&
		a.Status.State == b.Status.State && runs(a) == runs(b) && equalStamps(a.Status.Exchange, b.Status.Exchange) &&
		reflect.DeepEqual(x.volumes(), y.volumes())
}

func equalStamps(a, b *v1alpha1.ExchangeStamp) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.WishUID == b.WishUID && a.WishGeneration == b.WishGeneration && a.Epoch == b.Epoch
}
