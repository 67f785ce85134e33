// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// An application has one group for life: the one that its clusters were told of. What its object names (an annotation, a
// policy) says where a group is to be made; once there is one, its wishes say where it is. An object that names another
// place later is refused by name, and what runs is protected as it was: a second group would begin empty, and nobody would
// tend the first.

const reasonInvalidSpec = "InvalidSpec"

// observeGroup finds out where the application's group is, and on which two clusters: where its object says, unless its
// wishes say otherwise.
func (r *Reconciler) observeGroup(ctx context.Context, w *world) error {
	list := &v1alpha1.VolumeReplicationGroupList{}
	if err := r.client.List(ctx, list, client.MatchingFields{indexDRPC: client.ObjectKeyFromObject(w.drpc).String()}, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list wishes and reports: %w", err)
	}
	traces := tracesOf(list.Items, w.drpc)
	w.group = r.groups.of(w.drpc, exchange.GroupOf(w.drpc), len(traces) > 0)
	wishes, reports := telling(traces, w.drpc)
	if len(wishes) == 0 {
		return w.placeUnmade(reports)
	}
	if w.facts.Deleting {
		var err error
		if wishes, err = r.standing(ctx, wishes); err != nil {
			return err
		}
	}
	return w.placeMade(wishes, reports)
}

// placeMade is for an application of which this hub wished something: its wishes say where it is.
func (w *world) placeMade(wishes, reports []trace) error {
	w.choose(wishes)
	if err := w.place(wishes); err != nil {
		return err
	}
	w.lookElsewhere(wishes, reports)
	return nil
}

// placeUnmade is for an application of which this hub wished nothing. It may begin, or adopt what there is, only where its
// object says.
func (w *world) placeUnmade(reports []trace) error {
	if w.policyErr != nil && w.facts.Deleting {
		w.sit(clustersOf(reports)...) // adopted and removed
	}
	for _, t := range reports {
		switch {
		case t.group != w.group:
			return refuseSpec("cluster %s reports VolumeReplicationGroup %s of this application, but the DRPlacementControl names namespace %s: nothing is done, and that group stays as it is. %s; or, %s",
				t.cluster, t.group, w.group.Namespace, w.naming(t.group.Namespace), w.givingUp(t.cluster))
		case !w.sideOf(t.cluster).Named():
			return refuseSpec("cluster %s reports VolumeReplicationGroup %s of this application%s, but DRPolicy %s is for other clusters: nothing is done, and that group stays as it is. "+
				"Delete the DRPlacementControl and create it again with a DRPolicy for that cluster; or, %s", t.cluster, t.group, t.asPrimary(), w.policy.Name, w.givingUp(t.cluster))
		}
	}
	if w.facts.Deleting {
		return nil
	}
	return w.policyErr
}

// standing are the wishes that are there now, where they are of several groups: the index may lag behind a removal, and the
// groups are removed one after the other.
func (r *Reconciler) standing(ctx context.Context, wishes []trace) ([]trace, error) {
	if !slices.ContainsFunc(wishes, func(t trace) bool { return t.group != wishes[0].group }) {
		return wishes, nil
	}
	var out []trace
	for _, t := range wishes {
		key := client.ObjectKey{Namespace: exchange.Outbox(t.cluster), Name: exchange.ObjectName(t.group.Namespace, t.group.Name)}
		switch err := r.live.Get(ctx, key, &v1alpha1.VolumeReplicationGroup{}); {
		case err == nil:
			out = append(out, t)
		case !apierrors.IsNotFound(err):
			return nil, fmt.Errorf("read wish %s: %w", t, err)
		}
	}
	if out == nil {
		return wishes, nil
	}
	return out, nil
}

// choose says which group it is: the one that the object names if it is there, else the one that was promoted last.
func (w *world) choose(wishes []trace) {
	if slices.ContainsFunc(wishes, func(t trace) bool { return t.group == w.group }) {
		return
	}
	w.group = slices.MinFunc(wishes, func(a, b trace) int {
		switch {
		case a.primary && !b.primary:
			return -1
		case b.primary && !a.primary:
			return 1
		default:
			return cmp.Compare(b.epoch, a.epoch)
		}
	}).group
}

// place says which two clusters have the group, and what is wrong with what the object names.
func (w *world) place(wishes []trace) error {
	var own, others []trace
	for _, t := range wishes {
		if t.group == w.group {
			own = append(own, t)
		} else {
			others = append(others, t)
		}
	}
	clusters := clustersOf(own)
	outside := slices.DeleteFunc(slices.Clone(clusters), func(c string) bool { return w.sideOf(c).Named() })
	w.more = len(others) > 0 || len(outside) > 0 && len(clusters) > len(w.sides)
	named, where := exchange.GroupOf(w.drpc).Namespace, strings.Join(slices.Sorted(slices.Values(clusters)), " and ")
	switch {
	case w.group.Namespace != named:
		w.flaw = refuseSpec("the DRPlacementControl names namespace %s, but the application's VolumeReplicationGroup is %s, on %s: it stays there. %s. To protect namespace %s instead, disable DR first",
			named, w.group, where, w.naming(w.group.Namespace), named)
	case len(others) > 0:
		w.flaw = refuseSpec("there are wishes of another VolumeReplicationGroup of this application, which nothing keeps up to date: %s. They are removed when DR is disabled", joined(others))
	}
	switch {
	case len(outside) == 0 && w.policyErr == nil:
		return nil
	case w.facts.Deleting:
		w.sit(clusters...)
		return nil
	case w.policyErr != nil:
		w.flaw = w.policyErr
	default:
		w.flaw = refuseSpec("DRPolicy %s is for %s, but the application's VolumeReplicationGroup %s lies on %s: it stays there. "+
			"Delete the DRPlacementControl, which disables DR, and create it again with the other DRPolicy; or create it again with a DRPolicy for the clusters where the group lies",
			w.policy.Name, strings.Join(w.policy.Spec.DRClusters, " and "), w.group, where)
	}
	if len(clusters) != len(w.sides) {
		return w.flaw
	}
	w.sit(clusters...)
	return nil
}

// lookElsewhere looks for what clusters report of the application where this hub wished nothing.
func (w *world) lookElsewhere(wishes, reports []trace) {
	for _, t := range reports {
		if t.group == w.group && w.sideOf(t.cluster).Named() ||
			slices.ContainsFunc(wishes, func(o trace) bool { return o.cluster == t.cluster && o.group == t.group }) {
			continue
		}
		w.facts.Elsewhere = w.facts.Elsewhere || t.primary && t.group == w.group
		if w.flaw == nil {
			w.flaw = refuseSpec("cluster %s reports VolumeReplicationGroup %s of this application%s too, where nothing is wished: nothing keeps it up to date. "+
				"Look there for data that is needed; then, %s", t.cluster, t.group, t.asPrimary(), w.givingUp(t.cluster))
		}
	}
}

// sit says that the group is on these clusters, whatever the policy lists. What depends on the policy stays as it is wished.
func (w *world) sit(clusters ...string) {
	if len(clusters) <= len(w.sides) {
		slices.Sort(clusters) // the same at each look
	}
	w.sides, w.profiles, w.complete, w.displaced = [2]side{}, nil, false, true
	for i := range min(len(clusters), len(w.sides)) {
		w.sides[i].cluster = clusters[i]
	}
}

// naming says how to have the object name a namespace.
func (w *world) naming(namespace string) string {
	if namespace == w.drpc.Namespace {
		return fmt.Sprintf("Take annotation %s off", v1alpha1.AnnotationAppNamespace)
	}
	return fmt.Sprintf("Set annotation %s to %s", v1alpha1.AnnotationAppNamespace, namespace)
}

// givingUp says how to give up what a cluster has. Clusters that were given up before stay so.
func (w *world) givingUp(cluster string) string {
	return fmt.Sprintf("to give up what cluster %s has: kubectl -n %s annotate --overwrite drpc %s %s=%s", cluster,
		w.drpc.Namespace, w.drpc.Name, v1alpha1.AnnotationAbandonCluster, strings.Join(append(abandoned(w.drpc), cluster), ","))
}

// abandoned are the clusters that the user gave up.
func abandoned(drpc *v1alpha1.DRPlacementControl) []string {
	return strings.FieldsFunc(drpc.Annotations[v1alpha1.AnnotationAbandonCluster], func(c rune) bool { return c == ',' || c == ' ' })
}

func refuseSpec(format string, args ...any) error {
	return &outcome.Refused{Reason: reasonInvalidSpec, Err: fmt.Errorf(format, args...)}
}

// groups are those of which this process wrote a wish that its cache has not shown yet: meanwhile the object may have been
// changed to name another one.
type groups struct {
	mu   sync.Mutex
	made map[client.ObjectKey]madeFor
}

type madeFor struct {
	uid   types.UID
	group client.ObjectKey
}

func newGroups() *groups { return &groups{made: map[client.ObjectKey]madeFor{}} }

// of is the group to begin with: the one that was made, while the cache is behind, else the one that the object names.
func (g *groups) of(drpc *v1alpha1.DRPlacementControl, named client.ObjectKey, shown bool) client.ObjectKey {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := client.ObjectKeyFromObject(drpc)
	made, ok := g.made[key]
	if !ok || shown || made.uid != drpc.UID {
		delete(g.made, key)
		return named
	}
	return made.group
}

func (g *groups) wrote(drpc *v1alpha1.DRPlacementControl, group client.ObjectKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.made[client.ObjectKeyFromObject(drpc)] = madeFor{drpc.UID, group}
}

func (g *groups) forget(key client.ObjectKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.made, key)
}
