// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// elected runs do while this replica holds the Lease of the link, and at most once. It lets go of the Lease after do
// returned. It returns nil if do was not called, or when the Lease was lost.
func (f *Fleet) elected(ctx context.Context, cluster string, do func(context.Context) error) error {
	leading := make(chan context.Context, 1)
	lasts := f.options.Timing.Duration // so that a link that moves is hardly lost for longer
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Name: cluster,
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: f.options.Namespace, Name: leaseName("link", cluster)},
			Client:     f.home.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: f.options.Replica},
		},
		LeaseDuration: lasts, RenewDeadline: lasts * 2 / 3, RetryPeriod: lasts * 2 / 15, // the usual proportions: 15, 10 and 2 seconds
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) { leading <- ctx },
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return fmt.Errorf("stand for election: %w", err)
	}
	// The election must outlive what it guards.
	election, release := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		elector.Run(election)
	}()
	defer func() {
		release()
		<-ended
	}()
	select {
	case <-ctx.Done():
		return nil
	case <-ended: // the Lease was lost before it was noticed to be won
		return nil
	case elected := <-leading:
		within, cancel := context.WithCancel(ctx)
		defer cancel()
		stop := context.AfterFunc(elected, cancel) //nolint:contextcheck // within inherits ctx; elected only ends it
		defer stop()
		return do(within)
	}
}
