// SPDX-License-Identifier: Apache-2.0

// Package story moves one application of the lab about and counts its records after each step. The demo shows it, the
// tests repeat it under faults. It promises that a step that returns without an error ended as the project promises: in
// status as users see it, and in bytes.
package story

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/app"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
	"github.com/ramendr/ramen-direct/tests/lab/journal"
)

// patience is how long a step may take before it is called stuck. Far more than it needs: machines are noisy.
const patience = 4 * time.Minute

// tick is how often the story looks.
const tick = 100 * time.Millisecond

// settling is what a noisy machine may add to the interval and to the time that a pass takes before a loss is called too
// old.
const settling = 2 * time.Second

// Place is where a story happens: the lab, or clusters of kind.
type Place interface {
	app.Place
	// Fault breaks every link of a cluster, Heal repairs them.
	Fault(cluster string, kind faultproxy.Kind) error
	Heal(cluster string) error
	// ReplaceHub puts a new hub in the place of one that is lost with all its objects, applies manifests to it and connects
	// the clusters.
	ReplaceHub(ctx context.Context, manifests ...client.Object) error
	Stores() []lab.Store
	// StoreCA is the certificate, in PEM, that clients of the object stores have to trust; nil: the system's.
	StoreCA() ([]byte, error)
	StoreURL(from, store string) string
}

// Story is one application and what happened to it.
type Story struct {
	App      *app.App
	lab      Place
	interval time.Duration
	cut      time.Time // when the failed side was cut off
}

// New begins a story. interval is how long the scheduling interval of the policy really lasts.
func New(l Place, a *app.App, interval time.Duration) *Story {
	return &Story{App: a, lab: l, interval: interval}
}

// Moved is what a move took and lost.
type Moved struct {
	Loss app.Loss
	Took time.Duration
}

// Protect protects the application, waits until it runs on cluster and its peer holds a copy.
func (s *Story) Protect(ctx context.Context, cluster string) error {
	if err := s.App.Protect(ctx, cluster); err != nil {
		return err
	}
	return s.Begin(ctx, cluster)
}

// Begin waits until an application that somebody protected runs on cluster and its peer holds a copy.
func (s *Story) Begin(ctx context.Context, cluster string) error {
	if err := s.settled(ctx, v1alpha1.Deployed, cluster); err != nil {
		return err
	}
	err := s.await(ctx, "the application has a volume", func(ctx context.Context) error {
		_, err := s.App.Volume(ctx, cluster)
		return err
	})
	if err != nil {
		return err
	}
	return s.GoesOn(ctx, cluster)
}

// Relocate moves the application and counts: nothing may be lost.
func (s *Story) Relocate(ctx context.Context, target string) (Moved, error) {
	source := peerOf(target)
	began := now()
	err := s.App.Ask(ctx, func(spec *v1alpha1.DRPlacementControlSpec) {
		spec.Action, spec.PreferredCluster = v1alpha1.ActionRelocate, target
	})
	if err != nil {
		return Moved{}, err
	}
	if err := s.settled(ctx, v1alpha1.Relocated, target); err != nil {
		return Moved{}, err
	}
	if err := s.Writes(ctx, target); err != nil {
		return Moved{}, err
	}
	moved := Moved{Took: since(began)}
	last, err := s.App.Acknowledged(source, s.App.Ran(source))
	if err != nil {
		return moved, err
	}
	if moved.Loss, err = s.lost(last, journal.Report{}, target); err != nil { // nobody reads the volume of a secondary
		return moved, err
	}
	if moved.Loss.Records != 0 {
		return moved, fmt.Errorf("the relocate from %s to %s lost data: %s", source, target, moved.Loss)
	}
	return moved, s.protected(ctx)
}

// FailoverWithout breaks every link of the cluster that runs the application, fails over to target and counts: only what
// was written after the last synchronization that the status told of may be lost, which is one interval.
func (s *Story) FailoverWithout(ctx context.Context, target string, kind faultproxy.Kind) (Moved, error) {
	source := peerOf(target)
	if err := s.lab.Fault(source, kind); err != nil {
		return Moved{}, err
	}
	s.cut = now()
	last, err := s.App.Acknowledged(source, s.App.Ran(source))
	if err != nil {
		return Moved{}, err
	}
	before, err := s.App.Control(ctx)
	if err != nil {
		return Moved{}, err
	}
	moved, err := s.Failover(ctx, target)
	if err != nil {
		return moved, err
	}
	was, err := s.App.Journal(source, s.App.Ran(source))
	if err != nil {
		return moved, err
	}
	if moved.Loss, err = s.lost(last, was, target); err != nil {
		return moved, err
	}
	// A pass that was cut off does not count: the one before it began an interval earlier.
	limit := s.interval + settling
	if d := before.Status.LastGroupSyncDuration; d != nil {
		limit += 2 * d.Duration
	}
	if moved.Loss.Age > limit {
		return moved, fmt.Errorf("the failover from %s to %s lost data older than one interval and a pass (%s): %s", source, target, limit, moved.Loss)
	}
	if synced := before.Status.LastGroupSyncTime; moved.Loss.Records > 0 && synced != nil && moved.Loss.Oldest.Time.Before(synced.Time) {
		return moved, fmt.Errorf("the failover from %s to %s lost data that was written at %s: %w: up to %s",
			source, target, moved.Loss.Oldest.Time, ErrSaidSynchronized, synced)
	}
	return moved, nil
}

// ErrSaidSynchronized means that a failover lost what was said to be on the peer. Arrays that say that all is synchronized now, whatever
// the peer has, make that so.
var ErrSaidSynchronized = errors.New("all was said to be synchronized")

// Before is what there was when a failover was asked for: how much of it may be missing is known later only.
type Before struct {
	was    journal.Report // on the source
	synced time.Time      // up to when all was said to be synchronized
}

// Before looks at an application that runs on source, ahead of a failover.
func (s *Story) Before(ctx context.Context, source string) (Before, error) {
	drpc, err := s.App.Control(ctx)
	if err != nil {
		return Before{}, err
	}
	b := Before{}
	if t := drpc.Status.LastGroupSyncTime; t != nil {
		b.synced = t.Time
	}
	b.was, err = s.App.Journal(source, s.App.Ran(source))
	return b, err
}

// Kept fails if cluster lacks anything that was said to be synchronized before the failover to it.
func (s *Story) Kept(b Before, cluster string) error {
	now, err := s.App.Journal(cluster, s.App.Ran(cluster))
	if err != nil {
		return err
	}
	if !now.Intact() {
		return fmt.Errorf("the journal is damaged: %s", now)
	}
	want := b.was.Until(b.synced)
	if has := now.Until(b.synced); has.Number != want.Number || !has.Time.Equal(want.Time) {
		return fmt.Errorf("the failover to %s lost data that was said to be synchronized: of what was written up to %s, the last is record %d of %s, not %d of %s",
			cluster, b.synced, has.Number, has.Time, want.Number, want.Time)
	}
	return nil
}

// Noticed waits until the DRPlacementControl says that it waits for a cluster that can't be reached.
func (s *Story) Noticed(ctx context.Context, cluster string) error {
	return s.control(ctx, "it says that it waits for "+cluster, func(drpc *v1alpha1.DRPlacementControl) error {
		w := drpc.Status.Waiting
		if w == nil || w.Cluster != cluster || w.Fact != "LinkLive" || w.Since == nil || w.NextStep == "" {
			return fmt.Errorf("waiting is %+v", w)
		}
		return nil
	})
}

// Failover fails over to target and waits until the application runs there. It counts nothing.
func (s *Story) Failover(ctx context.Context, target string) (Moved, error) {
	began := now()
	err := s.App.Ask(ctx, func(spec *v1alpha1.DRPlacementControlSpec) {
		spec.Action, spec.FailoverCluster = v1alpha1.ActionFailover, target
	})
	if err != nil {
		return Moved{}, err
	}
	err = s.control(ctx, "it is failed over to "+target, func(drpc *v1alpha1.DRPlacementControl) error {
		return errors.Join(phase(drpc, v1alpha1.FailedOver), runs(drpc, target), condition(drpc, v1alpha1.ConditionAvailable))
	})
	if err != nil {
		return Moved{}, err
	}
	if err := s.Writes(ctx, target); err != nil {
		return Moved{}, err
	}
	return Moved{Took: since(began)}, nil
}

// Return heals the links of a cluster and waits until it stands by again.
func (s *Story) Return(ctx context.Context, cluster string) (time.Duration, error) {
	began := now()
	if err := s.lab.Heal(cluster); err != nil {
		return 0, err
	}
	home := peerOf(cluster)
	if err := s.settled(ctx, v1alpha1.FailedOver, home); err != nil {
		return 0, err
	}
	took := since(began)
	return took, s.GoesOn(ctx, home)
}

// Ends waits until a move is over: the application runs on cluster and writes, its peer stands by and holds a copy.
func (s *Story) Ends(ctx context.Context, want v1alpha1.DRState, cluster string) error {
	if err := s.settled(ctx, want, cluster); err != nil {
		return err
	}
	return s.GoesOn(ctx, cluster)
}

// GoesOn waits until the application on cluster has written something new, and its peer holds a copy that was made after
// now.
func (s *Story) GoesOn(ctx context.Context, cluster string) error {
	if err := s.Writes(ctx, cluster); err != nil {
		return err
	}
	return s.protected(ctx)
}

// Disable ends the protection and checks that application and data stay, and nothing else.
func (s *Story) Disable(ctx context.Context) (journal.Report, error) {
	drpc, err := s.App.Control(ctx)
	if err != nil {
		return journal.Report{}, err
	}
	if err := s.App.Unprotect(ctx); err != nil {
		return journal.Report{}, err
	}
	return s.Disabled(ctx, drpc.Status.PreferredDecision.ClusterName)
}

// Disabled waits until a protection that somebody ended is over, and checks that application and data stay at home, and
// nothing else.
func (s *Story) Disabled(ctx context.Context, home string) (journal.Report, error) {
	err := s.await(ctx, "the DRPlacementControl is gone", func(ctx context.Context) error {
		drpc, err := s.App.Control(ctx)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		return errors.New(describe(drpc))
	})
	if err != nil {
		return journal.Report{}, err
	}
	if err := s.Writes(ctx, home); err != nil {
		return journal.Report{}, err
	}
	if err := s.leftovers(ctx, home); err != nil {
		return journal.Report{}, err
	}
	report, err := s.App.Journal(home, s.App.Ran(home))
	if err == nil && !report.Intact() {
		err = fmt.Errorf("the journal is damaged: %s", report)
	}
	return report, err
}

// lost counts what the application on cluster lacks of what was acknowledged elsewhere; was is the journal there.
func (s *Story) lost(last journal.Record, was journal.Report, cluster string) (app.Loss, error) {
	now, err := s.App.Journal(cluster, s.App.Ran(cluster))
	if err != nil {
		return app.Loss{}, err
	}
	return app.LostSince(last, was, now)
}

// settled waits until the operation is over: the application runs on cluster, its peer stands by.
func (s *Story) settled(ctx context.Context, want v1alpha1.DRState, cluster string) error {
	return s.control(ctx, fmt.Sprintf("it is %s on %s, with its peer ready", want, cluster), func(drpc *v1alpha1.DRPlacementControl) error {
		return errors.Join(phase(drpc, want), runs(drpc, cluster), condition(drpc, v1alpha1.ConditionReady), progression(drpc))
	})
}

// protected waits until the peer holds a copy that was made after now.
func (s *Story) protected(ctx context.Context) error {
	from := now().Truncate(time.Second)
	return s.control(ctx, "it is protected", func(drpc *v1alpha1.DRPlacementControl) error {
		if t := drpc.Status.LastGroupSyncTime; t == nil || t.Time.Before(from) {
			return fmt.Errorf("last synchronization at %v, want one after %v", t, from)
		}
		return condition(drpc, v1alpha1.ConditionProtected)
	})
}

// Writes waits until the application on cluster has written something new.
func (s *Story) Writes(ctx context.Context, cluster string) error {
	from := now()
	return s.await(ctx, "the application writes on "+cluster, func(ctx context.Context) error {
		handle, err := s.App.Volume(ctx, cluster)
		if err != nil {
			return err
		}
		report, err := s.App.Journal(cluster, handle)
		if err != nil {
			return err
		}
		if !report.Last.Time.After(from) {
			return fmt.Errorf("last record at %s", report.Last.Time)
		}
		return nil
	})
}
