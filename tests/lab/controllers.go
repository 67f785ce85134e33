// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/tests/lab/binaries"
	"github.com/ramendr/ramen-direct/tests/lab/supervise"
)

// Policy is the name of the DRPolicy of the lab: both spokes, every SchedulingInterval.
const Policy = "lab-1m"

// Up starts everything: clusters, object stores, links, storage, nodes and controllers.
func Up(ctx context.Context, o Options) (*Lab, error) {
	l, err := Start(ctx, o)
	if err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{l.Install, l.StartStorage, l.StartControllers} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, l.Down())
		}
	}
	if err := l.save(func(s *State) { s.Ready = true }); err != nil {
		return nil, errors.Join(err, l.Down())
	}
	return l, nil
}

// StartControllers builds the project's controllers, runs hubctrl, one spokectrl and one mirror per spoke, makes the
// spokes known to the hub by a DRCluster each and makes the DRPolicy. Each controller acts as its own ServiceAccount.
func (l *Lab) StartControllers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	wall := clock.RealClock{}
	began := wall.Now()
	if err := binaries.Project(ctx, l.binDir(), serviceHubctrl, serviceSpokectrl, serviceMirror); err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.startController(groupCtx, serviceHubctrl, serviceHubctrl, HubController()) })
	for _, spoke := range Spokes() {
		group.Go(func() error {
			return l.startController(groupCtx, serviceSpokectrl, on(serviceSpokectrl, spoke), SpokeController(spoke))
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("start controllers: %w", err)
	}
	if err := l.introduce(ctx); err != nil {
		return err
	}
	group, groupCtx = errgroup.WithContext(ctx)
	for _, spoke := range Spokes() {
		group.Go(func() error { return l.startMirror(groupCtx, spoke) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("start controllers: %w", err)
	}
	l.log("the controllers are ready after %s", wall.Since(began).Round(time.Millisecond))
	return nil
}

// StartSecondHubctrl runs another hubctrl on the same hub, as a replica whose lease was taken from it does for a while, and
// returns its service. Neither elects a leader: the rules have to hold without that.
func (l *Lab) StartSecondHubctrl(ctx context.Context) (service string, err error) {
	if l.supervisor == nil {
		return "", errNotOwner
	}
	if slices.ContainsFunc(l.State().Services, func(s supervise.State) bool { return s.Name == serviceSecond }) {
		return serviceSecond, l.StartProcess(ctx, serviceSecond)
	}
	return serviceSecond, l.startController(ctx, serviceHubctrl, serviceSecond, HubController())
}

// introduce tells the hub of the spokes and of the policy.
func (l *Lab) introduce(ctx context.Context) error {
	hub := l.Cluster(Hub).Client
	for _, spoke := range Spokes() {
		cluster := &v1alpha1.DRCluster{
			ObjectMeta: metav1.ObjectMeta{Name: spoke},
			Spec:       v1alpha1.DRClusterSpec{Region: spoke, S3ProfileName: storeOf(spoke)},
		}
		if err := hub.Create(ctx, cluster); err != nil {
			return fmt.Errorf("create DRCluster %s: %w", spoke, err)
		}
	}
	policy := &v1alpha1.DRPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: Policy},
		Spec:       v1alpha1.DRPolicySpec{SchedulingInterval: SchedulingInterval, DRClusters: Spokes()},
	}
	if err := hub.Create(ctx, policy); err != nil {
		return fmt.Errorf("create DRPolicy %s: %w", Policy, err)
	}
	return nil
}

func (l *Lab) startController(ctx context.Context, program, service string, id Identity, args ...string) error {
	kubeconfig, err := l.Kubeconfig(ctx, id)
	if err != nil {
		return err
	}
	health := l.address(portHealth + service)
	args = append(args, "--kubeconfig="+kubeconfig, "--health-address="+health)
	return l.supervisor.Start(ctx, supervise.Service{
		Name:    service,
		Address: "http://" + health,
		Command: l.command(service, filepath.Join(l.binDir(), program), args...),
		// Not /readyz: a mirror that is started while its link is cut runs well.
		Ready:   func(ctx context.Context) error { return probe(ctx, "http://"+health+"/healthz", "") },
		Restart: l.options.Restart,
	})
}

// awaitAccount waits until hubctrl has made the ServiceAccount of a spoke's mirror.
func (l *Lab) awaitAccount(ctx context.Context, id Identity) error {
	account := client.ObjectKey{Namespace: id.Namespace, Name: id.ServiceAccount}
	return await(ctx, "hubctrl makes ServiceAccount "+account.String(), func(ctx context.Context) error {
		return l.Cluster(Hub).Client.Get(ctx, account, &corev1.ServiceAccount{})
	})
}

func (l *Lab) startMirror(ctx context.Context, spoke string) error {
	id := MirrorOnHub(spoke)
	if err := l.awaitAccount(ctx, id); err != nil {
		return err
	}
	hub, err := l.Kubeconfig(ctx, id)
	if err != nil {
		return err
	}
	service := on(serviceMirror, spoke)
	if err := l.startController(ctx, serviceMirror, service, MirrorOnSpoke(spoke),
		"--cluster="+spoke, "--hub-kubeconfig="+hub, "--lease-duration="+cmp.Or(l.options.LeaseDuration, exchange.MinLeaseDuration).String()); err != nil {
		return err
	}
	return await(ctx, service+" has a live link", func(ctx context.Context) error {
		return probe(ctx, "http://"+l.address(portHealth+service)+"/readyz", "")
	})
}
