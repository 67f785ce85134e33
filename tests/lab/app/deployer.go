// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
)

// retryAfter is how long the deployer waits after an error before it looks again.
const retryAfter = 200 * time.Millisecond

// Deploy follows status.decisions of the DRPlacementControl until ctx ends or DR is disabled: it applies the
// application's objects where they are to run and removes them where they must not exist, as an Argo CD ApplicationSet
// would that uses a DRPlacementControl as its clusterDecisionResource. A cluster that is retained is left alone.
func (a *App) Deploy(ctx context.Context, log func(format string, args ...any)) {
	var looking sync.WaitGroup
	defer looking.Wait()
	d := deployer{App: a, log: log, look: func(cluster string) { looking.Go(func() { a.remember(ctx, cluster) }) }}
	said := "" // a hub that is away is told of once
	for ctx.Err() == nil {
		done, err := d.follow(ctx)
		if done {
			return
		}
		if err != nil && ctx.Err() == nil && err.Error() != said {
			said = err.Error()
			log("deployer: %s", said)
		}
		select {
		case <-time.After(retryAfter):
		case <-ctx.Done():
		}
	}
}

// remember finds out on which volume the application runs, for those who ask when its PVC is gone.
func (a *App) remember(ctx context.Context, cluster string) {
	for ctx.Err() == nil {
		_, err := a.Volume(ctx, cluster)
		if err == nil || apierrors.IsNotFound(err) && a.absent(ctx, cluster) {
			return
		}
		select {
		case <-time.After(retryAfter):
		case <-ctx.Done():
		}
	}
}

// absent says that there is no PVC.
func (a *App) absent(ctx context.Context, cluster string) bool {
	_, err := a.Claim(ctx, cluster)
	return apierrors.IsNotFound(err)
}

// deployer is one run of Deploy.
type deployer struct {
	*App
	log  func(format string, args ...any)
	look func(cluster string) // finds out on which volume it runs
}

// follow watches the decisions until the watch ends; done means that DR is disabled.
func (d deployer) follow(ctx context.Context) (done bool, err error) {
	w, err := d.lab.Cluster(lab.Hub).Client.Watch(ctx, &v1alpha1.DRPlacementControlList{},
		client.InNamespace(d.DRPC().Namespace), client.MatchingFields{"metadata.name": d.DRPC().Name})
	if err != nil {
		return false, fmt.Errorf("watch decisions: %w", err)
	}
	defer w.Stop()
	for event := range w.ResultChan() {
		drpc, ok := event.Object.(*v1alpha1.DRPlacementControl)
		if !ok {
			return false, fmt.Errorf("watch decisions: %w", apierrors.FromObject(event.Object))
		}
		if event.Type == watch.Deleted || drpc.DeletionTimestamp != nil {
			return true, nil // the deployer lets the application run on where it is
		}
		if drpc.Status.Decisions == nil {
			continue // the hub has not decided yet: what exists stays as it is
		}
		if err := d.apply(ctx, drpc.Status.Decisions); err != nil {
			return false, err
		}
	}
	return false, nil
}

func (d deployer) apply(ctx context.Context, decisions []v1alpha1.ClusterDecision) error {
	reason := map[string]v1alpha1.DecisionReason{}
	for _, decision := range decisions {
		reason[decision.ClusterName] = decision.Reason
	}
	for _, cluster := range lab.Spokes() {
		var err error
		switch reason[cluster] {
		case v1alpha1.DecisionRun:
			err = d.install(ctx, cluster)
		case v1alpha1.DecisionRetain:
		default:
			err = d.RemoveFrom(ctx, cluster, d.log)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d deployer) install(ctx context.Context, cluster string) error {
	c := d.lab.Cluster(cluster).Client
	if err := ensureNamespace(ctx, c, d.Namespace); err != nil {
		return err
	}
	found := d.Ran(cluster) != ""
	for _, o := range []client.Object{d.claim(), d.deployment(cluster)} {
		switch made, err := ensure(ctx, c, o); {
		case err != nil:
			return fmt.Errorf("deploy on %s: %w", cluster, err)
		case made:
			found = false
			d.log("deployer: created %T %s on %s", o, d.Key(), cluster)
		}
	}
	if !found {
		d.look(cluster)
	}
	return nil
}

// Install deploys the application on a cluster, as a user would whom no DRPlacementControl tells where, and returns when it
// has a volume.
func (a *App) Install(ctx context.Context, cluster string, log func(format string, args ...any)) error {
	var looking sync.WaitGroup
	defer looking.Wait()
	d := deployer{App: a, log: log, look: func(cluster string) { looking.Go(func() { a.remember(ctx, cluster) }) }}
	return d.install(ctx, cluster)
}

// Remove takes the application away from all clusters, as a user would who needs it no more.
func (a *App) Remove(ctx context.Context, log func(format string, args ...any)) error {
	var errs []error
	for _, cluster := range lab.Spokes() {
		errs = append(errs, a.RemoveFrom(ctx, cluster, log))
	}
	return errors.Join(errs...)
}

// RemoveFrom takes away what install made. Where there is no Deployment nothing was installed: a PVC that is restored there
// ahead of the workload is not the deployer's.
func (a *App) RemoveFrom(ctx context.Context, cluster string, log func(string, ...any)) error {
	c := a.lab.Cluster(cluster).Client
	meta := metav1.ObjectMeta{Namespace: a.Namespace, Name: a.Name}
	switch err := c.Get(ctx, a.Key(), &appsv1.Deployment{}); {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("look for the Deployment on %s: %w", cluster, err)
	}
	for _, o := range []client.Object{&corev1.PersistentVolumeClaim{ObjectMeta: meta}, &appsv1.Deployment{ObjectMeta: meta}} {
		switch err := c.Delete(ctx, o, client.PropagationPolicy(metav1.DeletePropagationBackground)); {
		case apierrors.IsNotFound(err):
		case err != nil:
			return fmt.Errorf("remove from %s: %w", cluster, err)
		default:
			log("deployer: deleted %T %s on %s", o, a.Key(), cluster)
		}
	}
	return nil
}
