// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/internal/store"
)

// cleaning bounds how long what a run made is removed.
const cleaning = 2 * time.Minute

// Run runs all scenarios beside each other. An error means that they could not be run; what the storage can't do is in the report.
func Run(ctx context.Context, o Options) (Report, error) {
	o, err := o.complete()
	if err != nil {
		return Report{}, fmt.Errorf("conformance: %w", err)
	}
	var sites [2]*site
	for i, c := range o.Clusters {
		if sites[i], err = open(ctx, c, o); err != nil {
			return Report{}, fmt.Errorf("conformance: %w", err)
		}
	}
	report := Report{Driver: sites[0].class.Spec.Provisioner}
	running, stop := context.WithCancel(ctx)
	defer stop()
	memory := server()
	var ended []<-chan error
	for _, s := range sites {
		done, err := s.begin(running, memory.Open)
		if err != nil {
			stop()
			return report, errors.Join(fmt.Errorf("conformance: cluster %s: %w", s.name, err), s.clean(ctx, nil, &report))
		}
		ended = append(ended, done)
	}
	scenarios := tell(ctx, o, sites)
	var namespaces []string
	for _, sc := range scenarios {
		report.Results = append(report.Results, sc.results...)
		namespaces = append(namespaces, sc.namespace)
	}
	var errs []error
	for _, s := range sites {
		errs = append(errs, s.clean(context.WithoutCancel(ctx), namespaces, &report))
	}
	stop()
	for _, done := range ended {
		errs = append(errs, <-done)
	}
	for _, s := range sites {
		errs = append(errs, s.undefine(context.WithoutCancel(ctx)))
	}
	return report, errors.Join(errs...)
}

// tell runs the scenarios, each with an application of its own.
func tell(ctx context.Context, o Options, sites [2]*site) []*scenario {
	stories := []struct {
		name string
		run  func(context.Context, *scenario)
	}{{Relocate, relocate}, {Return, changeOfMind}, {Failover, failover}, {Snapshots, snapshots}}
	var all []*scenario
	var running sync.WaitGroup
	log := &lines{to: o.Log}
	for _, story := range stories {
		if story.name == Snapshots && o.SnapshotClass == "" || len(o.Scenarios) > 0 && !slices.Contains(o.Scenarios, story.name) {
			continue
		}
		sc := &scenario{name: story.name, namespace: o.Namespace + "-" + story.name, sites: sites, options: o, clock: clock.RealClock{}}
		sc.options.Log = log
		all = append(all, sc)
		running.Go(func() { story.run(ctx, sc) })
	}
	running.Wait()
	return all
}

// begin installs the controller on a cluster and runs it.
func (s *site) begin(ctx context.Context, open store.Opener) (<-chan error, error) {
	if err := s.install(ctx); err != nil {
		return nil, err
	}
	return s.start(ctx, open)
}

// clean removes what a run made on a cluster, as far as the storage lets it go. The controller still runs.
func (s *site) clean(ctx context.Context, namespaces []string, report *Report) error {
	ctx, cancel := context.WithTimeout(ctx, min(cleaning, s.options.Patience))
	defer cancel()
	var errs []error
	for _, name := range namespaces {
		sc := &scenario{namespace: name}
		errs = append(errs, sc.leave(ctx, s))
	}
	for _, name := range append(namespaces, s.options.operator()) {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if err := s.client.Delete(ctx, ns); client.IgnoreNotFound(err) != nil {
			errs = append(errs, fmt.Errorf("delete Namespace %s on %s: %w", name, s.name, err))
		}
	}
	for _, name := range namespaces {
		if vr, err := s.replication(ctx, name); err == nil && vr != nil {
			if err := s.gone(ctx, vr); err != nil {
				report.Left = append(report.Left, s.describe(context.WithoutCancel(ctx), name)+", in namespace "+name)
			}
		}
	}
	return errors.Join(errs...)
}

// undefine removes the definition that a run made, with what is left of groups: the storage has let go what it lets go.
func (s *site) undefine(ctx context.Context) error {
	if s.defined == nil {
		return nil
	}
	if err := s.client.Delete(ctx, s.defined); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete definition on %s: %w", s.name, err)
	}
	return nil
}

// lines lets several scenarios write lines to one log.
type lines struct {
	mu sync.Mutex
	to io.Writer
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(line)
}
