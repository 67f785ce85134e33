// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// promote begins another term of a Primary.
func (sc *scenario) promote(ctx context.Context, s *site, action v1alpha1.VRGAction) error {
	sc.epoch++
	return sc.ask(ctx, s, asks{role: v1alpha1.Primary, action: action})
}

// asks is what a group is asked for on one cluster, as the mirror would bring it from the hub.
type asks struct {
	role           v1alpha1.ReplicationState
	action         v1alpha1.VRGAction
	prepare, final bool // of the last synchronization
	serves         bool // the peer has taken over
}

// ask applies the group of a scenario on a cluster.
func (sc *scenario) ask(ctx context.Context, s *site, a asks) error {
	annotations := map[string]string{
		exchange.AnnotationEpoch:              exchange.FormatEpoch(sc.epoch),
		v1alpha1.AnnotationDestinationCluster: s.name,
	}
	if a.serves {
		annotations[v1alpha1.AnnotationPeerServes] = "true"
	}
	if signers := sc.signers(ctx); signers != "" {
		annotations[v1alpha1.AnnotationSigners] = signers
	}
	group := &v1alpha1.VolumeReplicationGroup{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "VolumeReplicationGroup"},
		ObjectMeta: metav1.ObjectMeta{Namespace: sc.namespace, Name: groupName, Annotations: annotations},
		Spec: v1alpha1.VolumeReplicationGroupSpec{
			PVCSelector:      metav1.LabelSelector{MatchLabels: appLabels()},
			ReplicationState: a.role, Action: a.action, S3Profiles: []string{profile},
			PrepareForFinalSync: a.prepare, RunFinalSync: a.final,
			Async: &v1alpha1.VRGAsyncSpec{
				SchedulingInterval:       s.class.Spec.Parameters["schedulingInterval"],
				ReplicationClassSelector: &metav1.LabelSelector{MatchLabels: s.class.Labels},
			},
		},
	}
	if err := s.client.Patch(ctx, group, client.Apply, client.FieldOwner("conformance"), client.ForceOwnership); err != nil { //nolint:staticcheck // a whole typed object
		return fmt.Errorf("ask %s to be %s: %w", s.name, a.role, err)
	}
	return nil
}

// signers are the keys of both clusters, as soon as both have told theirs.
func (sc *scenario) signers(ctx context.Context) string {
	var keys []string
	for _, s := range sc.sites {
		if group, err := sc.group(ctx, s); err == nil && group.Status.SigningKey != "" {
			keys = append(keys, group.Status.SigningKey)
		}
	}
	if len(keys) < len(sc.sites) {
		return ""
	}
	slices.Sort(keys)
	return strings.Join(keys, ",")
}

func (sc *scenario) group(ctx context.Context, s *site) (*v1alpha1.VolumeReplicationGroup, error) {
	group := &v1alpha1.VolumeReplicationGroup{}
	err := s.client.Get(ctx, client.ObjectKey{Namespace: sc.namespace, Name: groupName}, group)
	return group, err
}

// answers waits until the group on a cluster answers what it is asked for now, and is as wanted.
func (sc *scenario) answers(ctx context.Context, s *site, want func(*v1alpha1.VolumeReplicationGroup) error) error {
	return sc.await(ctx, func(ctx context.Context) error {
		group, err := sc.group(ctx, s)
		switch {
		case err != nil:
			return err
		case group.Status.ObservedGeneration != group.Generation:
			return fmt.Errorf("the group on %s was not looked at yet", s.name)
		}
		return want(group)
	})
}

// is wants a role that is reached.
func is(s *site, state v1alpha1.State) func(*v1alpha1.VolumeReplicationGroup) error {
	return func(group *v1alpha1.VolumeReplicationGroup) error {
		if group.Status.State == state {
			return nil
		}
		return fmt.Errorf("the group on %s is %s, not %s: %s", s.name, group.Status.State, state, said(group, v1alpha1.VRGDataReady))
	}
}

// stored wants a Primary whose metadata is stored, and volumes that were promoted.
func stored(s *site) func(*v1alpha1.VolumeReplicationGroup) error {
	return func(group *v1alpha1.VolumeReplicationGroup) error {
		switch {
		case len(group.Status.ProtectedPVCs) == 0:
			return fmt.Errorf("the group on %s has no volume", s.name)
		case !meta.IsStatusConditionTrue(group.Status.Conditions, v1alpha1.VRGClusterDataProtected):
			return errors.New(said(group, v1alpha1.VRGClusterDataProtected))
		}
		return is(s, v1alpha1.PrimaryState)(group)
	}
}

// said is what a group says in a condition, and of its volumes.
func said(group *v1alpha1.VolumeReplicationGroup, kind string) string {
	text := "condition " + kind + " is missing"
	if c := meta.FindStatusCondition(group.Status.Conditions, kind); c != nil {
		text = c.Message
	}
	for _, pvc := range group.Status.ProtectedPVCs {
		if c := meta.FindStatusCondition(pvc.Conditions, kind); c != nil && c.Status != metav1.ConditionTrue && !strings.Contains(text, c.Message) {
			text += "; " + c.Message
		}
	}
	return text
}

// leave ends the protection on a cluster, and waits until the group is gone.
func (sc *scenario) leave(ctx context.Context, s *site) error {
	group := &v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{Namespace: sc.namespace, Name: groupName}}
	if err := s.client.Delete(ctx, group); apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("delete group: %w", err)
	}
	return nil
}
