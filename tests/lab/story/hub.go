// SPDX-License-Identifier: Apache-2.0

package story

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/app"
	"github.com/ramendr/ramen-direct/tests/lab/journal"
)

// ReplaceHub loses the hub with all its objects while the application rests on a cluster, and feeds a new one with the
// same manifests. It returns when the application is adopted and protected again, and fails if it was touched meanwhile.
func (s *Story) ReplaceHub(ctx context.Context) (time.Duration, error) {
	drpc, err := s.App.Control(ctx)
	if err != nil {
		return 0, err
	}
	phase, home := drpc.Status.Phase, drpc.Status.PreferredDecision.ClusterName
	manifests, err := Manifests(ctx, s.lab, s.App)
	if err != nil {
		return 0, err
	}
	before, err := s.untouchable(ctx, home)
	if err != nil {
		return 0, err
	}
	last, err := s.App.Acknowledged(home, s.App.Ran(home))
	if err != nil {
		return 0, err
	}
	began := now()
	if err := s.lab.ReplaceHub(ctx, manifests...); err != nil {
		return 0, err
	}
	if err := s.settled(ctx, phase, home); err != nil {
		return 0, err
	}
	took := since(began)
	after, err := s.untouchable(ctx, home)
	if err != nil {
		return took, err
	}
	if err := before.same(after); err != nil {
		return took, fmt.Errorf("the hub was replaced: %w", err)
	}
	if err := s.GoesOn(ctx, home); err != nil {
		return took, err
	}
	lost, err := s.lost(last, journal.Report{}, home)
	if err == nil && lost.Records != 0 {
		err = fmt.Errorf("the hub was replaced: %s", lost)
	}
	return took, err
}

// Manifests are what a user has in Git: the clusters, the policies and the applications, as they were last asked for.
func Manifests(ctx context.Context, l app.Place, apps ...*app.App) ([]client.Object, error) {
	hub := l.Cluster(lab.Hub).Client
	clusters, policies := &v1alpha1.DRClusterList{}, &v1alpha1.DRPolicyList{}
	if err := errors.Join(hub.List(ctx, clusters), hub.List(ctx, policies)); err != nil {
		return nil, fmt.Errorf("read the manifests of the hub: %w", err)
	}
	var out []client.Object
	for i := range clusters.Items {
		c := &clusters.Items[i]
		out = append(out, &v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: c.Name}, Spec: c.Spec})
	}
	for i := range policies.Items {
		p := &policies.Items[i]
		out = append(out, &v1alpha1.DRPolicy{ObjectMeta: metav1.ObjectMeta{Name: p.Name}, Spec: p.Spec})
	}
	for _, a := range apps {
		drpc, err := a.Control(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, a.Home(), &v1alpha1.DRPlacementControl{
			ObjectMeta: metav1.ObjectMeta{Namespace: drpc.Namespace, Name: drpc.Name}, Spec: drpc.Spec,
		})
	}
	return out, nil
}

// standing is what nobody may touch while a hub is replaced.
type standing struct {
	pod    types.UID
	groups map[string]v1alpha1.VolumeReplicationGroup // by cluster
}

func (s *Story) untouchable(ctx context.Context, home string) (standing, error) {
	out := standing{groups: map[string]v1alpha1.VolumeReplicationGroup{}}
	for _, spoke := range lab.Spokes() {
		group := v1alpha1.VolumeReplicationGroup{}
		if err := s.lab.Cluster(spoke).Client.Get(ctx, s.App.DRPC(), &group); err != nil {
			return out, fmt.Errorf("read VolumeReplicationGroup %s on %s: %w", s.App.DRPC(), spoke, err)
		}
		out.groups[spoke] = group
	}
	pods := &corev1.PodList{}
	if err := s.lab.Cluster(home).Client.List(ctx, pods, client.InNamespace(s.App.Namespace)); err != nil {
		return out, fmt.Errorf("list Pods on %s: %w", home, err)
	}
	if len(pods.Items) != 1 {
		return out, fmt.Errorf("%d Pods run on %s, want one", len(pods.Items), home)
	}
	out.pod = pods.Items[0].UID
	return out, nil
}

// same fails if the workload is another one, or if a cluster was told anything in between.
func (s standing) same(after standing) error {
	var errs []error
	if s.pod != after.pod {
		errs = append(errs, errors.New("the workload runs in another Pod"))
	}
	for spoke, was := range s.groups {
		is := after.groups[spoke]
		switch {
		case was.UID != is.UID:
			errs = append(errs, fmt.Errorf("the group on %s was re-created", spoke))
		case was.Generation != is.Generation, !equality.Semantic.DeepEqual(was.Spec, is.Spec):
			errs = append(errs, fmt.Errorf("%s was told something else: %+v, before %+v", spoke, is.Spec, was.Spec))
		}
	}
	return errors.Join(errs...)
}
