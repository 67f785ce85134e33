// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
	"github.com/ramendr/ramen-direct/spokectrl/signing"
	"github.com/ramendr/ramen-direct/spokectrl/snapshot"
	"github.com/ramendr/ramen-direct/spokectrl/status"
)

// Field managers.
const (
	fieldOwnerSpec   = "spokectrl-vrg"
	fieldOwnerStatus = "spokectrl-vrg-status"
)

// Options are what the controller needs besides the manager.
type Options struct {
	Archive   *archive.Archive
	Providers provider.Set
	Signing   *signing.Keeper
	Clock     clock.PassiveClock
	Namespace string // of the operator: configuration
	// Objects captures and restores Kubernetes objects; nil: this program does not.
	Objects *cycle.Worker
}

// Reconciler is the controller of the groups.
type Reconciler struct {
	Options
	Client client.Client // reads from the cache
	Live   client.Reader // reads from the API server
	Events events.EventRecorder
	own    apply.Own // statuses
}

// observer looks at groups and decides. It writes nothing.
type observer struct{ *Reconciler }

// actor carries out what was decided.
type actor struct{ *Reconciler }

// Reconcile makes one pass over a group. It reads the group live: its status is sent only if it differs from the one that
// was read, and a cache may not show yet what the pass before wrote. Nothing would wake us again to correct that.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	group := &v1alpha1.VolumeReplicationGroup{}
	if err := r.Live.Get(ctx, req.NamespacedName, group); err != nil {
		if apierrors.IsNotFound(err) {
			endObjects(ctx, r, req.NamespacedName)
			r.own.Forget(req.NamespacedName)
		}
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	ignored, err := r.ignored(ctx, group)
	if err != nil || ignored {
		return reconcile.Result{}, err
	}
	facts, next, seeErr := observer{r}.decide(ctx, group)
	var done status.Done
	if seeErr == nil {
		stopObjects(ctx, r, facts)
		does := actor{r}
		done = does.act(ctx, facts, next)
		done.Objects = tendObjects(ctx, does, status.Pass{Snapshot: facts, Plan: next, Done: done})
	}
	return r.report(ctx, group, facts, next, done, seeErr)
}

// ignored reports whether a group is part of the exchange between a hub and its clusters, which a hub may have on the
// cluster that we run on.
func (r *Reconciler) ignored(ctx context.Context, group *v1alpha1.VolumeReplicationGroup) (bool, error) {
	ns := &corev1.Namespace{}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: group.Namespace}, ns); err != nil {
		return false, fmt.Errorf("read Namespace %s: %w", group.Namespace, err)
	}
	_, marked := ns.Labels[exchange.LabelExchange]
	return marked, nil
}

func (r *Reconciler) report(ctx context.Context, group *v1alpha1.VolumeReplicationGroup, facts *snapshot.Snapshot, next plan.Plan, done status.Done, seeErr error) (reconcile.Result, error) {
	errs := append(done.All(), seeErr)
	if facts != nil {
		errs = append(errs, retry(facts, done), again(done.Objects, r.Clock.Now()))
	}
	if !done.Released {
		after := group.DeepCopy()
		if seeErr != nil {
			after.Status = status.Blind(group, r.Clock.Now(), seeErr)
		} else {
			after.Status = status.Of(group, facts, next, done, r.Clock.Now())
		}
		r.own.Expect(client.ObjectKeyFromObject(group), 0, after.Status)
		changed, err := apply.New(r.Client, fieldOwnerStatus).ChangedStatus(ctx, group, after)
		if err != nil {
			errs = append(errs, client.IgnoreNotFound(err))
		} else if changed {
			log.FromContext(ctx).Info("Status changed", "state", after.Status.State, "generation", group.Generation)
			r.announce(group, status.EventsOf(&group.Status, &after.Status, done, seeErr)...)
		}
	} else if !facts.Facts.Interrupted {
		r.announce(group, status.Ended())
	}
	_, result, err := outcome.Of(errs...)
	return result, err
}

// retry says that a store has to be asked again: nothing wakes us when one comes back.
func retry(f *snapshot.Snapshot, done status.Done) error {
	if f.Restore.Unread || done.Stores.Err() != nil {
		return &outcome.Waiting{Reason: "ObjectStore", Message: "an object store does not answer", After: archive.Pause}
	}
	if f.Facts.Role == plan.Primary && !f.Facts.Ending && len(f.Profiles()) > 0 {
		return &outcome.Waiting{Reason: "ObjectStore", Message: "what is stored is looked at again", After: archive.Recheck}
	}
	return nil
}
