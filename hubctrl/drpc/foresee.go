// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/status"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/internal/outcome"
)

// Look is what somebody besides the reconciler needs to foresee what it would decide. Nothing is written.
type Look struct {
	// Reader answers Get for the kinds that the hub reads.
	Reader client.Reader
	// Groups are the wishes and the reports of the application, on whatever cluster; with Applications, those of all applications.
	Groups []v1alpha1.VolumeReplicationGroup
	// Applications are all of the hub; nil: others are not looked at.
	Applications []v1alpha1.DRPlacementControl
	// Links tells the state of the links; Await is not asked.
	Links Links
	// Clock is the hub's.
	Clock clock.PassiveClock
	// Namespace of the operator: its configuration is there.
	Namespace string
}

// Foresight is what the hub would decide about an application now.
type Foresight struct {
	// Clusters are the sides of the plan.
	Clusters [2]string
	// Facts by which it is decided.
	Facts plan.Facts
	// Course begins with the plan that the hub would carry out now, and ends where the operation does not continue automatically.
	Course []plan.Plan
	// Waiting is what the hub would say that it waits for, if it would write nothing now.
	Waiting *v1alpha1.Waiting
}

// Foresee decides about drpc, as somebody may intend to change it, by the code and the facts by which the reconciler would. Whether
// another application is in the way matters only before a protection begins.
func Foresee(ctx context.Context, look Look, drpc *v1alpha1.DRPlacementControl) (*Foresight, error) {
	reads := &gathered{Reader: look.Reader, groups: look.Groups, applications: look.Applications}
	r := &observer{
		client: reads, live: look.Reader, configs: look.Reader, links: look.Links, clock: look.Clock, namespace: look.Namespace,
		groups: newGroups(), contests: newContests(),
	}
	w, err := r.observe(ctx, drpc.DeepCopy())
	var refused *outcome.Refused
	var waits *outcome.Waiting
	switch {
	case errors.As(err, &refused):
		return &Foresight{Waiting: &v1alpha1.Waiting{Fact: refused.Reason, Message: bounded.Text(err.Error(), bounded.Message)}}, nil
	case errors.As(err, &waits):
		return &Foresight{Waiting: &v1alpha1.Waiting{Fact: waits.Reason, Message: bounded.Text(waits.Message, bounded.Message)}}, nil
	case err != nil:
		return nil, err
	}
	out := &Foresight{Clusters: [2]string{w.Sides[0].Cluster, w.Sides[1].Cluster}, Facts: w.Facts, Course: plan.Course(w.Facts)}
	if now := out.Course[0]; len(now.Writes) == 0 {
		out.Waiting = status.Waiting(w, now.Wait, status.Explain(w, now.Wait), drpc.Status.Waiting, r.clock.Now())
	}
	return out, nil
}

// ID is a fingerprint of what was decided by: it changes when the facts do, and with the spec.
func (f *Foresight) ID(drpc *v1alpha1.DRPlacementControl) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %q %q %+v %v", drpc.UID, drpc.Spec.Action, drpc.Spec.FailoverCluster, drpc.Spec.PreferredCluster, f.Facts, f.Clusters))
	return hex.EncodeToString(sum[:4])
}

// Cluster is the name of a side; empty: it is none.
func (f *Foresight) Cluster(s plan.Side) string {
	switch s {
	case plan.First:
		return f.Clusters[0]
	case plan.Second:
		return f.Clusters[1]
	case plan.Nowhere, plan.Elsewhere:
	}
	return ""
}

// Says says in words what a write does.
func (f *Foresight) Says(w plan.Write) string {
	cluster := f.Cluster(w.Side)
	switch w.Kind {
	case plan.PutWish:
		role := map[plan.Role]string{plan.Primary: "Primary", plan.Secondary: "Secondary", plan.NoRole: "nothing"}[w.Role]
		sync := map[plan.FinalSync]string{plan.NoFinalSync: "", plan.Prepare: ", and to prepare the final synchronization", plan.Run: ", and to run the final synchronization"}[w.FinalSync]
		return fmt.Sprintf("tell %s to be %s%s", cluster, role, sync)
	case plan.AdoptWish:
		return "take over what runs on " + cluster
	case plan.MarkWish:
		return "note that you are asked about " + cluster
	case plan.RemoveWish:
		return "end the protection on " + cluster
	case plan.DropWish:
		return "forget " + cluster
	case plan.Publish:
		var parts []string
		for i, d := range w.Decisions {
			switch d {
			case plan.RunHere:
				parts = append(parts, "the workload runs on "+f.Clusters[i])
			case plan.Retain:
				parts = append(parts, "its objects on "+f.Clusters[i]+" are left alone")
			case plan.Gone:
				parts = append(parts, "its objects leave "+f.Clusters[i])
			case plan.Untold:
			}
		}
		return fmt.Sprintf("publish in status.decisions: %s", bounded.List(parts, ", "))
	case plan.Finish:
		return "let the DRPlacementControl go"
	}
	return ""
}

// gathered reads from a hub, and lists only what was gathered.
type gathered struct {
	client.Reader
	groups       []v1alpha1.VolumeReplicationGroup
	applications []v1alpha1.DRPlacementControl
}

// Get is of client.Reader.
func (g *gathered) Get(ctx context.Context, key client.ObjectKey, into client.Object, o ...client.GetOption) error {
	return g.Reader.Get(ctx, key, into, o...)
}

// List is of client.Reader, by the indices of the hub's cache.
func (g *gathered) List(_ context.Context, list client.ObjectList, options ...client.ListOption) error {
	asked := (&client.ListOptions{}).ApplyOptions(options)
	switch list := list.(type) {
	case *v1alpha1.VolumeReplicationGroupList:
		list.Items = slices.DeleteFunc(slices.Clone(g.groups), func(v v1alpha1.VolumeReplicationGroup) bool { return !indexed(&v, asked) })
		list.ListMeta = metav1.ListMeta{}
	case *v1alpha1.DRPlacementControlList:
		list.Items = slices.DeleteFunc(slices.Clone(g.applications), func(d v1alpha1.DRPlacementControl) bool { return !indexed(&d, asked) })
		list.ListMeta = metav1.ListMeta{}
	}
	return nil
}

// indexed reports whether an object lies where a list looks.
func indexed(o client.Object, asked *client.ListOptions) bool {
	for _, q := range asked.FieldSelector.Requirements() {
		for _, i := range indices() {
			if reflect.TypeOf(i.of) == reflect.TypeOf(o) && i.name == q.Field && !slices.Contains(i.values(o), q.Value) {
				return false
			}
		}
	}
	return true
}
