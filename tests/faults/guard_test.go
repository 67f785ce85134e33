// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/actors"
)

// guard watches an application that only ever relocates: at no moment may two clusters be wished Primary, or be it (I1).
type guard struct {
	t *testing.T
	l *lab.Lab
	a *actors.Actor

	mu         sync.Mutex
	wished, is map[string]bool // by cluster: Primary
	violations []string
}

// watchOver begins to watch; the test fails in the end if the promise was broken.
func watchOver(t *testing.T, l *lab.Lab, a *actors.Actor) *guard {
	t.Helper()
	g := &guard{t: t, l: l, a: a, wished: map[string]bool{}, is: map[string]bool{}}
	ctx, stop := context.WithCancel(t.Context())
	var gone sync.WaitGroup
	for _, cluster := range lab.Spokes() {
		wish := a.WishKey(cluster)
		gone.Go(func() {
			g.follow(ctx, lab.Hub, wish, func(vrg *v1alpha1.VolumeReplicationGroup) {
				g.note(g.wished, "wished", cluster, vrg.Spec.ReplicationState == v1alpha1.Primary)
			})
		})
		gone.Go(func() {
			g.follow(ctx, cluster, a.App.Key(), func(vrg *v1alpha1.VolumeReplicationGroup) {
				g.note(g.is, "", cluster, vrg.Status.State == v1alpha1.PrimaryState)
			})
		})
	}
	t.Cleanup(func() {
		stop()
		gone.Wait()
		g.mu.Lock()
		defer g.mu.Unlock()
		assert.Empty(t, g.violations, "of %s one cluster at most is Primary", a.App.Key())
	})
	return g
}

// follow watches one group, also over the ends of watches.
func (g *guard) follow(ctx context.Context, cluster string, key client.ObjectKey, saw func(*v1alpha1.VolumeReplicationGroup)) {
	for ctx.Err() == nil {
		events, err := g.l.Cluster(cluster).Client.Watch(ctx, &v1alpha1.VolumeReplicationGroupList{},
			client.InNamespace(key.Namespace), client.MatchingFields{"metadata.name": key.Name})
		if err != nil {
			select {
			case <-time.After(actors.Tick):
			case <-ctx.Done():
			}
			continue
		}
		for event := range events.ResultChan() {
			vrg, ok := event.Object.(*v1alpha1.VolumeReplicationGroup)
			if !ok {
				break
			}
			if event.Type == watch.Deleted {
				vrg = &v1alpha1.VolumeReplicationGroup{}
			}
			saw(vrg)
		}
		events.Stop()
	}
}

// note remembers what a cluster is. Two watches are not one moment: what looks like two Primaries is asked again.
func (g *guard) note(of map[string]bool, how, cluster string, primary bool) {
	g.mu.Lock()
	of[cluster] = primary
	both := of[lab.DR1] && of[lab.DR2]
	g.mu.Unlock()
	if both && g.confirmed(how) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.violations = append(g.violations, fmt.Sprintf("%s: both clusters are %s Primary", time.Now().Format(time.RFC3339Nano), how))
	}
}

func (g *guard) confirmed(how string) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(g.t.Context()), answerTime)
	defer cancel()
	for _, cluster := range lab.Spokes() {
		vrg := &v1alpha1.VolumeReplicationGroup{}
		at, key := cluster, g.a.App.Key()
		if how == "wished" {
			at, key = lab.Hub, g.a.WishKey(cluster)
		}
		if err := g.l.Cluster(at).Client.Get(ctx, key, vrg); err != nil {
			return false
		}
		if how == "wished" && vrg.Spec.ReplicationState != v1alpha1.Primary || how != "wished" && vrg.Status.State != v1alpha1.PrimaryState {
			return false
		}
	}
	return true
}

// requireNoForeignDeletions requires that the mirrors deleted no group but those of applications that were let go (I4).
func requireNoForeignDeletions(t *testing.T, l *lab.Lab, since time.Time, letGo func(namespace string) bool) {
	t.Helper()
	for _, cluster := range lab.Spokes() {
		writes, err := l.Writes(cluster, since)
		require.NoError(t, err)
		for _, w := range writes {
			if w.Verb == "delete" && w.Resource == "volumereplicationgroups" && w.By(lab.MirrorOnSpoke(cluster)) && !letGo(w.Namespace) {
				assert.Fail(t, "the mirror deleted what nobody wished away", "%s on %s at %s", w, cluster, w.At)
			}
		}
	}
}
