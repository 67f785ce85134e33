// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/hubctrl/drpc"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Site is a look at all applications of a hub. It costs a list for each cluster, however many applications there are.
type Site struct {
	// Around is what all applications have in common.
	Around *view.Snapshot
	// Details has one for each application, without reports.
	Details []*view.Detail

	hub    *Hub
	reader *memo
	links  drpc.Links
}

// Site looks at all applications, and at what the clusters of their policies are told.
func (h *Hub) Site(ctx context.Context) (*Site, error) {
	around, err := h.Look(ctx, Selection{})
	if err != nil {
		return nil, err
	}
	out := &Site{Around: around, hub: h, reader: newMemo(h)}
	clusters := map[string]bool{}
	for i := range around.Applications {
		for _, c := range clustersOf(&view.Detail{Snapshot: *alone(around, i)}) {
			clusters[c] = true
		}
	}
	unread := map[string]bool{}
	for _, c := range slices.Sorted(maps.Keys(clusters)) {
		ok, err := h.try(out.reader.take(ctx, exchange.Outbox(c)), around, "VolumeReplicationGroups in "+exchange.Outbox(c), "what lies there")
		if err != nil {
			return nil, err
		}
		unread[c] = !ok
	}
	for i := range around.Applications {
		d := &view.Detail{Snapshot: *alone(around, i)}
		group := exchange.GroupOf(&around.Applications[i])
		for _, c := range clustersOf(d) {
			d.Sides = append(d.Sides, view.Side{Cluster: c, Unread: unread[c], Wish: out.reader.group(exchange.Outbox(c), exchange.ObjectName(group.Namespace, group.Name))})
		}
		out.Details = append(out.Details, d)
	}
	return out, nil
}

// Known checks that a cluster is one of the hub's. One that a policy names is, and who may not list DRClusters can't know better.
func (s *Site) Known(ctx context.Context, cluster string) error {
	for _, d := range s.Details {
		for i := range d.Sides {
			if d.Sides[i].Cluster == cluster {
				return nil
			}
		}
	}
	list := &v1alpha1.DRClusterList{}
	switch err := s.hub.List(ctx, list); {
	case apierrors.IsForbidden(err):
		return nil
	case err != nil:
		return fmt.Errorf("list DRClusters: %w", err)
	}
	var names []string
	for i := range list.Items {
		if list.Items[i].Name == cluster {
			return nil
		}
		names = append(names, list.Items[i].Name)
	}
	slices.Sort(names)
	has := "it has none"
	if names != nil {
		has = "it has " + bounded.List(names, ", ")
	}
	return fmt.Errorf("the hub has no DRCluster %s: %s. Name the cluster that is given up with --from", cluster, has)
}

// alone is a snapshot of the i-th application.
func alone(s *view.Snapshot, i int) *view.Snapshot {
	one := *s
	one.Applications = s.Applications[i : i+1 : i+1]
	return &one
}

// Foresee is Hub.Foresee about an application of the site: what several applications need is read once.
func (s *Site) Foresee(ctx context.Context, wanted *v1alpha1.DRPlacementControl) (*drpc.Foresight, error) {
	if s.links == nil {
		clusters := map[string]bool{}
		for _, d := range s.Details {
			for i := range d.Sides {
				clusters[d.Sides[i].Cluster] = true
			}
		}
		all, err := known(ctx, s.hub, slices.Sorted(maps.Keys(clusters)))
		if err != nil {
			return nil, err
		}
		for _, c := range all {
			for _, box := range []string{exchange.Outbox(c), exchange.Inbox(c)} {
				if err := s.reader.take(ctx, box); err != nil {
					return nil, fmt.Errorf("list what lies in %s: %w", box, err)
				}
			}
		}
		if s.links, err = Links(ctx, s.reader, s.hub.clock.Now(), all); err != nil {
			return nil, err
		}
		s.reader.clusters = all
	}
	look := drpc.Look{Reader: s.reader, Links: s.links, Clock: s.hub.clock, Namespace: s.hub.system}
	return Foresee(ctx, look, s.reader.clusters, wanted)
}

// memo reads each object once, and groups of the exchange by lists of whole namespaces.
type memo struct {
	client.Reader
	clusters []string
	boxes    map[string]map[string]*v1alpha1.VolumeReplicationGroup // by namespace and name
	read     map[string]answer
}

// answer is what reading an object gave.
type answer struct {
	object client.Object
	err    error
}

func newMemo(reader client.Reader) *memo {
	return &memo{Reader: reader, boxes: map[string]map[string]*v1alpha1.VolumeReplicationGroup{}, read: map[string]answer{}}
}

// take reads all groups of a namespace, once.
func (m *memo) take(ctx context.Context, namespace string) error {
	if m.boxes[namespace] != nil {
		return nil
	}
	found := map[string]*v1alpha1.VolumeReplicationGroup{}
	for next := ""; ; {
		list := &v1alpha1.VolumeReplicationGroupList{}
		if err := m.Reader.List(ctx, list, client.InNamespace(namespace), client.Limit(page), client.Continue(next)); err != nil {
			return err
		}
		for i := range list.Items {
			found[list.Items[i].Name] = &list.Items[i]
		}
		if next = list.Continue; next == "" {
			m.boxes[namespace] = found
			return nil
		}
	}
}

func (m *memo) group(namespace, name string) *v1alpha1.VolumeReplicationGroup {
	return m.boxes[namespace][name]
}

// Get is of client.Reader.
func (m *memo) Get(ctx context.Context, key client.ObjectKey, into client.Object, options ...client.GetOption) error {
	if v, ok := into.(*v1alpha1.VolumeReplicationGroup); ok && m.boxes[key.Namespace] != nil {
		found := m.group(key.Namespace, key.Name)
		if found == nil {
			return apierrors.NewNotFound(v1alpha1.GroupVersion.WithResource("volumereplicationgroups").GroupResource(), key.Name)
		}
		found.DeepCopyInto(v)
		return nil
	}
	name := fmt.Sprintf("%T %s", into, key)
	known, ok := m.read[name]
	if !ok {
		known.err = m.Reader.Get(ctx, key, into, options...)
		known.object, _ = into.DeepCopyObject().(client.Object)
		m.read[name] = known
		return known.err
	}
	if known.err == nil {
		reflect.ValueOf(into).Elem().Set(reflect.ValueOf(known.object.DeepCopyObject()).Elem())
	}
	return known.err
}

// List is of client.Reader.
func (m *memo) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	asked := (&client.ListOptions{}).ApplyOptions(options)
	groups, ok := list.(*v1alpha1.VolumeReplicationGroupList)
	if !ok || m.boxes[asked.Namespace] == nil || asked.FieldSelector != nil || asked.LabelSelector != nil {
		return m.Reader.List(ctx, list, options...)
	}
	for _, v := range m.boxes[asked.Namespace] {
		groups.Items = append(groups.Items, *v.DeepCopy())
	}
	slices.SortFunc(groups.Items, func(a, b v1alpha1.VolumeReplicationGroup) int { return strings.Compare(a.Name, b.Name) })
	return nil
}
