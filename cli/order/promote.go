// SPDX-License-Identifier: Apache-2.0

package order

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// lead is by how much a promotion past the hub raises the epoch. The cluster does not know the epochs that the hub gave to the other
// one meanwhile; the hub raises them by one at each promotion, and believes a lead of up to exchange.MaxLead.
const lead = 1000

// Survivor is what is known on a cluster that is to be promoted without its hub.
type Survivor struct {
	Now time.Time
	// Group of the application on the cluster.
	Group *v1alpha1.VolumeReplicationGroup
	// Cluster is its name at the hub, and Identity its own.
	Cluster, Identity string
	// LinkLive : the mirror on the cluster says that the hub hears of it. HubAnswers is the address at which the hub answers; empty: it
	// does not, or nobody knows where it is.
	LinkLive   bool
	HubAnswers string
	// Traced : a mirror runs on the cluster, or a Secret there leads to the hub. Otherwise nothing there tells whether it works.
	Traced bool
}

// Promote judges a promotion past the hub. hubIsDown is the user's word that a hub which answers does not work.
func Promote(s *Survivor, hubIsDown bool) *view.Promotion {
	g := s.Group
	p := &view.Promotion{
		APIVersion: view.Version, Kind: "Promotion", AsOf: metav1.NewTime(s.Now.UTC()), Namespace: g.Namespace, Name: g.Name,
		Cluster: s.Cluster, ClusterID: s.Identity, Application: g.Annotations[exchange.AnnotationDRPC],
	}
	for i := range g.Status.ProtectedPVCs {
		p.Claims = append(p.Claims, g.Status.ProtectedPVCs[i].Namespace+"/"+g.Status.ProtectedPVCs[i].Name)
	}
	refuse := func(guard view.Guard, format string, args ...any) {
		p.Refusals = append(p.Refusals, view.Refusal{Guard: guard, Message: fmt.Sprintf(format, args...)})
	}
	epoch, err := exchange.EpochOf(g)
	if err == nil {
		p.Epoch, p.NextEpoch = epoch, min(epoch+lead, exchange.MaxEpoch)
	}
	switch {
	case g.Spec.ReplicationState == v1alpha1.Primary:
		p.Already = "the cluster is told to be Primary already"
		return p
	case err != nil:
		refuse(view.GuardGroup, "its epoch can't be read: %s", err)
	case g.Annotations[exchange.AnnotationOrigin] == "" || g.Annotations[exchange.AnnotationWishUID] == "":
		refuse(view.GuardGroup, "no hub made it: who made it may set spec.replicationState")
	case g.DeletionTimestamp != nil || g.Annotations[exchange.AnnotationEndedBy] != "":
		refuse(view.GuardGroup, "its protection is being ended")
	case p.NextEpoch <= epoch:
		refuse(view.GuardGroup, "its epoch is the highest that there is")
	}
	warnings, refusals := hubDecides(s, hubIsDown)
	p.Warnings, p.Refusals = append(p.Warnings, warnings...), append(p.Refusals, refusals...)
	p.Warnings = append(p.Warnings, lossWarning, twiceWarning)
	if !ready(g) {
		p.Warnings = append(p.Warnings, unready)
	}
	return p
}

// What holds of every promotion past the hub.
const (
	lossWarning  = "what was written on the other cluster after the last synchronization is lost; how much that is nobody can tell without the hub"
	twiceWarning = "if the other cluster still runs the application there are two that write, and what the other one writes is lost when it is connected again: see to it that it is down, or stop the workload there first"
	unready      = "the cluster does not report its copies as ready"
)

// hubDecides refuses a promotion if the hub may work, in which case it is the one that fails over; with the user's word it warns.
func hubDecides(s *Survivor, hubIsDown bool) (warnings []string, refusals []view.Refusal) {
	answers := ""
	switch {
	case !s.Traced:
		answers = "nothing on the cluster tells whether its hub works, as no mirror runs there"
	case s.LinkLive:
		answers = "the mirror on the cluster is connected to the hub"
	case s.HubAnswers != "":
		answers = "the API server of the hub answers at " + s.HubAnswers
	}
	switch {
	case answers == "":
		return nil, nil
	case hubIsDown:
		return []string{answers + ": if the hub works all the same, it and you decide at the same time"}, nil
	}
	return nil, []view.Refusal{{Guard: view.GuardHubAnswers, Message: answers +
		": fail over on the hub: kubectl ramen-direct failover. If the hub can't do it, because its controller does not run, say so with --hub-is-down"}}
}

// Promoted is the patch by which a group is promoted: what a hub would tell it for a failover, in a later epoch.
func Promoted(s *Survivor, p *view.Promotion) ([]byte, error) {
	return json.Marshal(map[string]any{
		"metadata": map[string]any{
			"resourceVersion": s.Group.ResourceVersion,
			"annotations": map[string]any{
				exchange.AnnotationEpoch: strconv.FormatInt(p.NextEpoch, 10), v1alpha1.AnnotationPeerServes: nil,
			},
		},
		"spec": map[string]any{
			"replicationState": v1alpha1.Primary, "action": v1alpha1.VRGActionFailover, "prepareForFinalSync": nil, "runFinalSync": nil,
			"volSync": map[string]any{"rdSpec": nil, "rsSpec": nil},
		},
	})
}

// Took reports whether a group that was promoted runs as Primary with all that it restores, and says what it lacks if not.
func Took(g *v1alpha1.VolumeReplicationGroup) (done bool, state, lacks string) {
	state = string(g.Status.State)
	if g.Status.ObservedGeneration != g.Generation {
		return false, state, "the controller on the cluster has not looked at it yet"
	}
	for _, kind := range []string{v1alpha1.VRGClusterDataReady, v1alpha1.VRGDataReady} {
		c := meta.FindStatusCondition(g.Status.Conditions, kind)
		if c == nil || c.ObservedGeneration != g.Generation || c.Status != metav1.ConditionTrue {
			lacks = kind + " is not reported"
			if c != nil {
				lacks = fmt.Sprintf("%s is %s (%s): %s", kind, c.Status, c.Reason, c.Message)
			}
			return false, state, lacks
		}
	}
	return g.Status.State == v1alpha1.PrimaryState, state, "it is " + state
}
