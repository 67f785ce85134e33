// SPDX-License-Identifier: Apache-2.0

package modes

import (
	"maps"
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

// Asked reports whether any failover to a cluster may need a mode, by its class facts.
func Asked(classes []v1alpha1.ClassFact) bool {
	return slices.ContainsFunc(classes, func(c v1alpha1.ClassFact) bool { return asksForMode(&c) })
}

// Needs are the modes that the target needs, by its class facts.
func (f Failover) Needs(classes []v1alpha1.ClassFact) []Mode {
	var out []Mode
	for _, peer := range f.peerClasses() {
		for i := range classes {
			c := &classes[i]
			if id := serves(c, peer); id != "" && asksForMode(c) {
				out = append(out, Mode{Provisioner: c.Provisioner, TargetID: id})
			}
		}
	}
	return sorted(out)
}

// Blind reports whether the target has not told its classes yet, so that it is not known what it needs.
func (f Failover) Blind(config *v1alpha1.DRClusterConfig) bool {
	told := config != nil && (len(config.Status.Classes) > 0 ||
		slices.ContainsFunc(config.Status.Conditions, func(c metav1.Condition) bool {
			return c.Type == v1alpha1.ConditionProcessed && c.Status == metav1.ConditionTrue
		}))
	return !told && len(f.peerClasses()) > 0
}

// peerClasses are those that the target was told of. Volumes of any of them may be in use: which ones, only the failed side
// could tell, and a failover away from it believes nothing that it says (I8, X16).
func (f Failover) peerClasses() []v1alpha1.PeerClass {
	for _, group := range []*v1alpha1.VolumeReplicationGroup{f.Wish, f.Report} {
		if group != nil && group.Spec.Async != nil {
			return group.Spec.Async.PeerClasses
		}
	}
	return nil
}

// serves is the id of what a class of the target stands for, if volumes of the peer class use that: the pairing that
// replicates them, which has one id on both clusters, or the storage behind them, whose id is the target's own. Empty: they
// do not use it.
func serves(c *v1alpha1.ClassFact, peer v1alpha1.PeerClass) string {
	id := c.Labels[v1alpha1.LabelReplicationID]
	switch {
	case c.Kind == v1alpha1.KindVolumeReplicationClass && id == peer.ReplicationID:
		return id
	case c.Kind == v1alpha1.KindStorageClass && c.Name == peer.StorageClassName:
		return c.Labels[v1alpha1.LabelStorageID]
	default:
		return ""
	}
}

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
// synchronization is not.
func Alike(a, b *v1alpha1.VolumeReplicationGroup) bool {
	return a.Generation == b.Generation && maps.Equal(a.Annotations, b.Annotations) &&
		a.Status.State == b.Status.State && runs(a) == runs(b) && equalStamps(a.Status.Exchange, b.Status.Exchange)
}

func equalStamps(a, b *v1alpha1.ExchangeStamp) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.WishUID == b.WishUID && a.WishGeneration == b.WishGeneration && a.Epoch == b.Epoch
}
