// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// world is what one look showed: the objects, and the facts in them.
type world struct {
	drpc     *v1alpha1.DRPlacementControl
	policy   *v1alpha1.DRPolicy
	profiles []string // S3 profiles of both clusters, sorted
	complete bool     // every DRCluster was found, so that profiles are all
	leaving  string   // a DRCluster of the policy that is being deleted; empty: none
	group    client.ObjectKey
	sides    [2]side
	facts    plan.Facts
	storage  storage

	config    *ramenconfig.Config // nil if configErr
	configErr error
	flaw      error // why the spec can't be taken as it is, of an application that goes on
	policyErr error // why there is no policy
	displaced bool  // the group is on other clusters than those of the policy: its wishes say which
	more      bool  // there are wishes of the application besides those of the two sides

	words             []string // by which the user accepts a loss, as far as they hold
	selectionAccepted bool     // that volumes which the object does not select lose their protection
}

// side is one cluster.
type side struct {
	cluster  string
	identity string // that the DRCluster has recorded (X13); empty: none
	link     exchange.Link
	wish     *v1alpha1.VolumeReplicationGroup // nil: none
	report   *v1alpha1.VolumeReplicationGroup // nil: not in the inbox
	// believable says that there is a report with a stamp, whose epoch a hub can have wished.
	believable bool
	unreported []string      // objects about which the hub's API server accepts no report, if the inbox was looked at
	ignored    []string      // what else of the report exceeds its bounds, in words
	partial    bool          // volumes were left out of the report for that
}

// wished reports whether anything was wished for the application.
func (w *world) wished() bool { return w.sides[0].wish != nil || w.sides[1].wish != nil }

func (w *world) at(s plan.Side) *side {
	if s == plan.First {
		return &w.sides[0]
	}
	return &w.sides[1]
}

// observe looks at everything that matters for drpc. It only reads.
func (r *Reconciler) observe(ctx context.Context, drpc *v1alpha1.DRPlacementControl) (*world, error) {
	w := &world{drpc: drpc}
	w.facts.Deleting = drpc.DeletionTimestamp != nil
	if err := r.observePolicy(ctx, w); err != nil {
		return nil, err
	}
	if err := r.observeGroup(ctx, w); err != nil {
		return nil, err
	}
	w.ask()
	for _, s := range []plan.Side{plan.First, plan.Second} {
		if err := r.observeSide(ctx, w, s); err != nil {
			return nil, err
		}
	}
	for _, s := range []plan.Side{plan.First, plan.Second} {
		if err := r.observeReport(ctx, w, s); err != nil {
			return nil, err
		}
	}
	w.accepts()
	w.config, w.configErr = ramenconfig.Load(ctx, r.configs, r.namespace, ramenconfig.HubConfigMap)
	if err := r.observeFlaws(ctx, w); err != nil {
		return nil, err
	}
	w.observeScope()
	if err := r.observeStorage(ctx, w); err != nil {
		return nil, err
	}
	w.rank()
	return w, nil
}

// errNoPolicy is why a protection can't begin, and why what the policy says is not known.
var errNoPolicy = errors.New("there is no such DRPolicy: create it, or delete and re-create the DRPlacementControl with another drPolicyRef")

func (r *Reconciler) observePolicy(ctx context.Context, w *world) error {
	w.policy = &v1alpha1.DRPolicy{}
	name := w.drpc.Spec.DRPolicyRef.Name
	err := r.client.Get(ctx, client.ObjectKey{Name: name}, w.policy)
	switch {
	case apierrors.IsNotFound(err):
		w.policy.Name = name
		w.policyErr = &outcome.Refused{Reason: "NoSuchPolicy", Err: fmt.Errorf("spec.drPolicyRef names %q: %w", name, errNoPolicy)}
		return nil
	case err != nil:
		return fmt.Errorf("read DRPolicy %s: %w", name, err)
	}
	w.complete = true
	for i, cluster := range w.policy.Spec.DRClusters {
		w.sides[i].cluster = cluster
		c := &v1alpha1.DRCluster{}
		err := r.client.Get(ctx, client.ObjectKey{Name: cluster}, c)
		if apierrors.IsNotFound(err) {
			w.complete = false // the policy says so; what runs goes on
			continue
		}
		if err != nil {
			return fmt.Errorf("read DRCluster %s: %w", cluster, err)
		}
		if c.DeletionTimestamp != nil {
			w.leaving = cluster
		}
		w.sides[i].identity = c.Status.ClusterID
		if !slices.Contains(w.profiles, c.Spec.S3ProfileName) {
			w.profiles = append(w.profiles, c.Spec.S3ProfileName)
		}
	}
	slices.Sort(w.profiles)
	return nil
}

func (w *world) sideOf(cluster string) plan.Side {
	switch cluster {
	case "":
		return plan.Nowhere
	case w.sides[0].cluster:
		return plan.First
	case w.sides[1].cluster:
		return plan.Second
	default:
		return plan.Elsewhere
	}
}

func (r *Reconciler) observeSide(ctx context.Context, w *world, s plan.Side) error {
	at := w.at(s)
	if at.cluster == "" {
		w.facts.At(s).Abandon = true // no policy names it, and nothing of ours is known to lie there
		return nil
	}
	at.link = r.links.Link(at.cluster)
	name := exchange.ObjectName(w.group.Namespace, w.group.Name)

	at.wish = &v1alpha1.VolumeReplicationGroup{}
	switch err := r.live.Get(ctx, client.ObjectKey{Namespace: exchange.Outbox(at.cluster), Name: name}, at.wish); {
	case apierrors.IsNotFound(err):
		at.wish = nil
	case err != nil:
		return fmt.Errorf("read wish for %s: %w", at.cluster, err)
	}
	if at.wish != nil && at.wish.Annotations[exchange.AnnotationDRPC] != client.ObjectKeyFromObject(w.drpc).String() {
		return conflict(w, at.wish.Annotations[exchange.AnnotationDRPC])
	}
	at.report = &v1alpha1.VolumeReplicationGroup{}
	switch err := r.client.Get(ctx, client.ObjectKey{Namespace: exchange.Inbox(at.cluster), Name: name}, at.report); {
	case apierrors.IsNotFound(err):
		at.report = nil
	case err != nil:
		return fmt.Errorf("read report of %s: %w", at.cluster, err)
	}
	return nil
}

// observeReport turns what lies in outbox and inbox of a side into facts. Both sides have been read: what a cluster may claim
// depends on what the hub wished.
func (r *Reconciler) observeReport(ctx context.Context, w *world, s plan.Side) error {
	at := w.at(s)
	if at.cluster == "" {
		return nil
	}
	w.hear(s, r.clock.Now())
	view, err := r.view(ctx, w, at)
	if err != nil {
		return err
	}
	w.judge(s, view)
	return nil
}

// hear takes out of the report of a side what is not believed.
func (w *world) hear(s plan.Side, now time.Time) {
	at := w.at(s)
	at.believable = at.report != nil && at.report.Status.Exchange != nil && exchange.Believable(at.report.Status.Exchange.Epoch, w.wishedEpoch())
	if at.report != nil {
		h := hearing{namespaces: w.namespacesToHear(), now: now}
		h.hear(&at.report.Status)
		at.ignored, at.partial = h.ignored, h.partial
	}
}

// view tells what may be believed about the object. A report that was not there to be read, and is there by now, proves
// nothing: its arrival brings another look.
func (r *Reconciler) view(ctx context.Context, w *world, at *side) (plan.View, error) {
	if at.report != nil {
		return plan.Present, nil
	}
	lease := &coordinationv1.Lease{}
	err := r.client.Get(ctx, client.ObjectKey{Namespace: exchange.Inbox(at.cluster), Name: exchange.LeaseName}, lease)
	if client.IgnoreNotFound(err) != nil {
		return plan.Unknown, fmt.Errorf("read lease of %s: %w", at.cluster, err)
	}
	at.unreported = exchange.Unreported(lease)
	switch r.links.View(at.cluster, w.group) {
	case exchange.Absent:
		return plan.Absent, nil
	case exchange.Unknown, exchange.Present:
	}
	return plan.Unknown, nil
}
