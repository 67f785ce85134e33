// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"errors"
	"fmt"
	"slices"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	hublinks "github.com/ramendr/ramen-direct/hubctrl/links"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

// Links tells the state of the links, and what may be believed about a cluster because of that.
type Links interface {
	Link(cluster string) exchange.Link
	View(cluster string, group client.ObjectKey) exchange.View
	Await(cluster string, group, application client.ObjectKey) (known bool)
}

// observer looks at what matters for an application. It only reads.
type observer struct {
	client    client.Reader // cached
	live      client.Reader // past the cache
	links     Links
	clock     clock.PassiveClock
	configs   client.Reader // of the configuration
	namespace string        // of the operator: the configuration is there
	groups    *groups
	contests  *contests
}

// observe looks at everything that matters for drpc. It only reads.
func (r *observer) observe(ctx context.Context, drpc *v1alpha1.DRPlacementControl) (*snapshot.Snapshot, error) {
	w := &snapshot.Snapshot{DRPC: drpc}
	w.Facts.Deleting = drpc.DeletionTimestamp != nil
	if err := wordless(ctx, r.live, drpc); err != nil {
		return nil, err
	}
	if err := r.observePolicy(ctx, w); err != nil {
		return nil, err
	}
	if err := r.observeGroup(ctx, w); err != nil {
		return nil, err
	}
	w.Ask()
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
	w.Accepts()
	w.Config, w.ConfigErr = ramenconfig.Load(ctx, r.configs, r.namespace, ramenconfig.HubConfigMap)
	if err := r.observeFlaws(ctx, w); err != nil {
		return nil, err
	}
	snapshot.ObserveScope(w)
	if err := r.observeStorage(ctx, w); err != nil {
		return nil, err
	}
	w.Rank()
	return w, nil
}

// errNoPolicy is why a protection can't begin, and why what the policy says is not known.
var errNoPolicy = errors.New("there is no such DRPolicy: create it, or delete and re-create the DRPlacementControl with another drPolicyRef")

func (r *observer) observePolicy(ctx context.Context, w *snapshot.Snapshot) error {
	w.Policy = &v1alpha1.DRPolicy{}
	name := w.DRPC.Spec.DRPolicyRef.Name
	err := r.client.Get(ctx, client.ObjectKey{Name: name}, w.Policy)
	switch {
	case apierrors.IsNotFound(err):
		w.Policy.Name = name
		w.PolicyErr = &outcome.Refused{Reason: "NoSuchPolicy", Err: fmt.Errorf("spec.drPolicyRef names %q: %w", name, errNoPolicy)}
		return nil
	case err != nil:
		return fmt.Errorf("read DRPolicy %s: %w", name, err)
	}
	w.Complete = true
	for i, cluster := range w.Policy.Spec.DRClusters {
		w.Sides[i].Cluster = cluster
		c := &v1alpha1.DRCluster{}
		err := r.client.Get(ctx, client.ObjectKey{Name: cluster}, c)
		if apierrors.IsNotFound(err) {
			w.Complete = false // the policy says so; what runs goes on
			continue
		}
		if err != nil {
			return fmt.Errorf("read DRCluster %s: %w", cluster, err)
		}
		if c.DeletionTimestamp != nil {
			w.Leaving = cluster
		}
		w.Sides[i].Identity = c.Status.ClusterID
		if w.Sides[i].Key, err = r.keyOf(ctx, c); err != nil {
			return err
		}
		if !slices.Contains(w.Profiles, c.Spec.S3ProfileName) {
			w.Profiles = append(w.Profiles, c.Spec.S3ProfileName)
		}
	}
	slices.Sort(w.Profiles)
	return nil
}

// keyOf is the key that a cluster signs with, as it tells itself; empty: it is not known. Another cluster that uses its name tells
// another one (X13).
func (r *observer) keyOf(ctx context.Context, c *v1alpha1.DRCluster) (string, error) {
	config := &v1alpha1.DRClusterConfig{}
	switch err := r.client.Get(ctx, client.ObjectKey{Name: c.Name}, config); {
	case apierrors.IsNotFound(err), apierrors.IsForbidden(err): // to those who only look nothing depends on it
		return "", nil
	case err != nil:
		return "", fmt.Errorf("read DRClusterConfig %s: %w", c.Name, err)
	}
	if s := &config.Status; s.ClusterID == c.Status.ClusterID && capsule.IsPublic(s.SigningKey) {
		return s.SigningKey, nil
	}
	return "", nil
}

func (r *observer) observeSide(ctx context.Context, w *snapshot.Snapshot, s plan.Side) error {
	at := w.At(s)
	if at.Cluster == "" {
		w.Facts.At(s).Abandon = true // no policy names it, and nothing of ours is known to lie there
		return nil
	}
	at.Link = r.links.Link(at.Cluster)
	name := exchange.ObjectName(w.Group.Namespace, w.Group.Name)

	at.Wish = &v1alpha1.VolumeReplicationGroup{}
	switch err := r.live.Get(ctx, client.ObjectKey{Namespace: exchange.Outbox(at.Cluster), Name: name}, at.Wish); {
	case apierrors.IsNotFound(err):
		at.Wish = nil
	case err != nil:
		return fmt.Errorf("read wish for %s: %w", at.Cluster, err)
	}
	if at.Wish != nil && at.Wish.Annotations[exchange.AnnotationDRPC] != client.ObjectKeyFromObject(w.DRPC).String() {
		return conflict(w, at.Wish.Annotations[exchange.AnnotationDRPC])
	}
	at.Report = &v1alpha1.VolumeReplicationGroup{}
	switch err := r.client.Get(ctx, client.ObjectKey{Namespace: exchange.Inbox(at.Cluster), Name: name}, at.Report); {
	case apierrors.IsNotFound(err):
		at.Report = nil
	case err != nil:
		return fmt.Errorf("read report of %s: %w", at.Cluster, err)
	default:
		at.Report, err = hublinks.Whole(ctx, r.live, at.Report)
		return err
	}
	return nil
}

// observeReport turns what lies in outbox and inbox of a side into facts. Both sides have been read: what a cluster may claim
// depends on what the hub wished.
func (r *observer) observeReport(ctx context.Context, w *snapshot.Snapshot, s plan.Side) error {
	at := w.At(s)
	if at.Cluster == "" {
		return nil
	}
	snapshot.Hear(w, s, r.clock.Now())
	view, err := r.view(ctx, w, at)
	if err != nil {
		return err
	}
	w.Judge(s, view)
	return nil
}

// view tells what may be believed about the object. A report that was not there to be read, and is there by now, proves
// nothing: its arrival brings another look.
func (r *observer) view(ctx context.Context, w *snapshot.Snapshot, at *snapshot.Side) (plan.View, error) {
	if at.Report != nil {
		return plan.Present, nil
	}
	lease := &coordinationv1.Lease{}
	err := r.client.Get(ctx, client.ObjectKey{Namespace: exchange.Inbox(at.Cluster), Name: exchange.LeaseName}, lease)
	if client.IgnoreNotFound(err) != nil {
		return plan.Unknown, fmt.Errorf("read lease of %s: %w", at.Cluster, err)
	}
	at.Unreported = exchange.Unreported(lease)
	switch r.links.View(at.Cluster, w.Group) {
	case exchange.Absent:
		return plan.Absent, nil
	case exchange.Unknown, exchange.Present:
	}
	return plan.Unknown, nil
}
