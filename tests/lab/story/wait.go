// SPDX-License-Identifier: Apache-2.0

package story

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
)

func phase(drpc *v1alpha1.DRPlacementControl, want v1alpha1.DRState) error {
	if drpc.Status.Phase != want || drpc.Status.ObservedGeneration != drpc.Generation {
		return fmt.Errorf("phase is %q, want %q", drpc.Status.Phase, want)
	}
	return nil
}

func progression(drpc *v1alpha1.DRPlacementControl) error {
	if drpc.Status.Progression != v1alpha1.ProgressionCompleted {
		return fmt.Errorf("progression is %q", drpc.Status.Progression)
	}
	return nil
}

func runs(drpc *v1alpha1.DRPlacementControl, cluster string) error {
	if got := drpc.Status.PreferredDecision.ClusterName; got != cluster {
		return fmt.Errorf("it runs on %q, want %q", got, cluster)
	}
	return nil
}

func condition(drpc *v1alpha1.DRPlacementControl, kind string) error {
	c := meta.FindStatusCondition(drpc.Status.Conditions, kind)
	if c == nil {
		return fmt.Errorf("there is no condition %s", kind)
	}
	if c.Status != metav1.ConditionTrue {
		return fmt.Errorf("%s is %s, %s: %s", kind, c.Status, c.Reason, c.Message)
	}
	return nil
}

func describe(drpc *v1alpha1.DRPlacementControl) string {
	text := fmt.Sprintf("phase %s, progression %s", drpc.Status.Phase, drpc.Status.Progression)
	if w := drpc.Status.Waiting; w != nil {
		text += ", waiting: " + w.Message
	}
	return text
}

func peerOf(cluster string) string {
	if cluster == lab.DR1 {
		return lab.DR2
	}
	return lab.DR1
}

// control waits until the DRPlacementControl is as ok wants it.
func (s *Story) control(ctx context.Context, what string, ok func(*v1alpha1.DRPlacementControl) error) error {
	read := s.App.Awaited()
	return s.await(ctx, what, func(ctx context.Context) error {
		drpc, err := read(ctx)
		if err != nil {
			return err
		}
		if err := ok(drpc); err != nil {
			return fmt.Errorf("%s: %w", describe(drpc), err)
		}
		return nil
	})
}

func (s *Story) await(ctx context.Context, what string, ok func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	timer := time.NewTicker(tick)
	defer timer.Stop()
	var last error
	for {
		err := ok(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-timer.C:
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w: %w", what, ctx.Err(), last)
		}
	}
}

// The story happens in real time: the lab's processes do.
func now() time.Time                  { return time.Now() }
func since(t time.Time) time.Duration { return time.Since(t) }
