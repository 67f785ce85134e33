// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/hubctrl/drpc"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Foresee returns what the hub would decide about an application if its spec were as it is in wanted, by the hub's own code. It
// reads everything that the hub reads about the application; a right that is missing is an error: half of the facts decide
// something else.
func (h *Hub) Foresee(ctx context.Context, d *view.Detail, wanted *v1alpha1.DRPlacementControl) (*drpc.Foresight, error) {
	clusters, err := known(ctx, h, d.Policies[wanted.Spec.DRPolicyRef.Name].Spec.DRClusters)
	if err != nil {
		return nil, err
	}
	links, err := Links(ctx, h, h.clock.Now(), clusters)
	if err != nil {
		return nil, err
	}
	look := drpc.Look{Reader: h, Links: links, Clock: h.clock, Namespace: h.system}
	return Foresee(ctx, look, clusters, wanted)
}

// Foresee gathers what lies on a hub about an application on clusters, and foresees what the hub decides by it.
func Foresee(ctx context.Context, look drpc.Look, clusters []string, wanted *v1alpha1.DRPlacementControl) (*drpc.Foresight, error) {
	group := exchange.GroupOf(wanted)
	for _, cluster := range clusters {
		for _, box := range []string{exchange.Outbox(cluster), exchange.Inbox(cluster)} {
			v := v1alpha1.VolumeReplicationGroup{}
			switch err := look.Reader.Get(ctx, client.ObjectKey{Namespace: box, Name: exchange.ObjectName(group.Namespace, group.Name)}, &v); {
			case err == nil:
				look.Groups = append(look.Groups, v)
			case !apierrors.IsNotFound(err):
				return nil, fmt.Errorf("read what lies in %s: %w", box, err)
			}
		}
	}
	return drpc.Foresee(ctx, look, wanted)
}

// ForeseeNew returns what the hub would decide about an application that is not protected yet, as Foresee does. Others may be in the
// way, so all of the hub are read.
func (h *Hub) ForeseeNew(ctx context.Context, wanted *v1alpha1.DRPlacementControl) (*drpc.Foresight, error) {
	clusters, err := known(ctx, h, nil)
	if err != nil {
		return nil, err
	}
	links, err := Links(ctx, h, h.clock.Now(), clusters)
	if err != nil {
		return nil, err
	}
	return ForeseeAmong(ctx, drpc.Look{Reader: h, Links: links, Clock: h.clock, Namespace: h.system}, clusters, wanted)
}

// ForeseeAmong gathers what lies on a hub about all applications on clusters, and foresees what the hub decides about one by it.
func ForeseeAmong(ctx context.Context, look drpc.Look, clusters []string, wanted *v1alpha1.DRPlacementControl) (*drpc.Foresight, error) {
	applications := &v1alpha1.DRPlacementControlList{}
	if err := look.Reader.List(ctx, applications); err != nil {
		return nil, fmt.Errorf("list DRPlacementControls: %w", err)
	}
	look.Applications = applications.Items
	for _, cluster := range clusters {
		for _, box := range []string{exchange.Outbox(cluster), exchange.Inbox(cluster)} {
			groups := &v1alpha1.VolumeReplicationGroupList{}
			if err := look.Reader.List(ctx, groups, client.InNamespace(box)); err != nil {
				return nil, fmt.Errorf("list what lies in %s: %w", box, err)
			}
			look.Groups = append(look.Groups, groups.Items...)
		}
	}
	return drpc.Foresee(ctx, look, wanted)
}

// Links looks at the links to clusters, by the clock of the hub's API server.
func Links(ctx context.Context, reader client.Reader, now time.Time, clusters []string) (drpc.Links, error) {
	out := &links{reader: reader, now: now, state: map[string]exchange.Link{}, leases: map[string]*coordinationv1.Lease{}, inboxes: map[string]*exchange.Inventory{}}
	for _, cluster := range clusters {
		if err := out.see(ctx, cluster); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// known are the clusters of the hub, and those of the policy at any rate.
func known(ctx context.Context, reader client.Reader, clusters []string) ([]string, error) {
	list := &v1alpha1.DRClusterList{}
	if err := reader.List(ctx, list); err != nil {
		return nil, fmt.Errorf("list DRClusters: %w", err)
	}
	names := map[string]bool{}
	for _, c := range clusters {
		names[c] = true
	}
	for i := range list.Items {
		names[list.Items[i].Name] = true
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// links are the links to clusters by one look at their leases. The hub looks for longer: what it takes for live or lost may
// differ for the seconds in which that changes.
type links struct {
	reader  client.Reader
	now     time.Time
	state   map[string]exchange.Link
	leases  map[string]*coordinationv1.Lease
	inboxes map[string]*exchange.Inventory // of clusters that do not report the application
}

// Link is of drpc.Links.
func (l *links) Link(cluster string) exchange.Link { return l.state[cluster] }

// Await is of drpc.Links: nobody waits here.
func (l *links) Await(string, client.ObjectKey, client.ObjectKey) bool { return false }

// View is of drpc.Links.
func (l *links) View(cluster string, group client.ObjectKey) exchange.View {
	return exchange.ViewOf(l.state[cluster], l.leases[cluster], l.inboxes[cluster], group)
}

// see looks at a cluster: at its leases, by the clock of the hub's API server, and at all that it reports.
func (l *links) see(ctx context.Context, cluster string) error {
	own, err := l.lease(ctx, cluster, exchange.LeaseName)
	if err != nil {
		return err
	}
	stranger, err := l.lease(ctx, cluster, exchange.StrangerLeaseName)
	if err != nil {
		return err
	}
	dc := &v1alpha1.DRCluster{}
	if err := l.reader.Get(ctx, client.ObjectKey{Name: cluster}, dc); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("read DRCluster %s: %w", cluster, err)
	}
	l.leases[cluster] = own
	l.state[cluster] = exchange.Recognize(dc.Status.ClusterID, exchange.ClaimOf(own, l.link(own)), exchange.ClaimOf(stranger, l.link(stranger)))
	inbox := &v1alpha1.VolumeReplicationGroupList{}
	if err := l.reader.List(ctx, inbox, client.InNamespace(exchange.Inbox(cluster))); err != nil {
		return fmt.Errorf("list what %s reports: %w", cluster, err)
	}
	l.inboxes[cluster] = exchange.InventoryOf(inbox.Items)
	return nil
}

func (l *links) lease(ctx context.Context, cluster, name string) (*coordinationv1.Lease, error) {
	lease := &coordinationv1.Lease{}
	switch err := l.reader.Get(ctx, client.ObjectKey{Namespace: exchange.Inbox(cluster), Name: name}, lease); {
	case apierrors.IsNotFound(err):
		return nil, nil // there is none
	case err != nil:
		return nil, fmt.Errorf("read Lease %s of %s: %w", name, cluster, err)
	}
	return lease, nil
}

func (l *links) link(lease *coordinationv1.Lease) exchange.Link {
	if lease == nil {
		return exchange.Link{State: exchange.LinkNever}
	}
	last := view.Heard(lease)
	if expires := last.Add(exchange.DurationOf(lease)); l.now.Before(expires) {
		return exchange.Link{State: exchange.LinkLive, LastRenewal: last, Expires: expires}
	}
	return exchange.Link{State: exchange.LinkLost, LastRenewal: last}
}
