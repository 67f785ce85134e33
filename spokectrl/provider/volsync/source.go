// SPDX-License-Identifier: Apache-2.0

package volsync

import (
	"slices"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

func observeSource(s *provider.State, v provider.Volume, rs *volsyncv1.ReplicationSource) {
	if !owned(v.Group, rs) {
		s.Replica = plan.ReplicaForeign
		return
	}
	s.Replica, s.Told = plan.ReplicaPresent, plan.Primary
	if rs.DeletionTimestamp != nil {
		s.Replica = plan.ReplicaLeaving
	}
	if slices.Contains([]string{tagStop, tagFinal}, stage(rs)) || rs.Spec.Paused {
		s.Told = plan.Secondary // it sends no more than what is there
	}
	s.Objects = append(s.Objects, rs)
	if st := rs.Status; st != nil {
		s.LastSyncTime = began(st.LastSyncTime, st.LastSyncDuration)
		if d := st.LastSyncDuration; d != nil {
			s.LastSyncDuration = &d.Duration
		}
	}
}

func sourceIn(s provider.State) *volsyncv1.ReplicationSource {
	for _, o := range s.Objects {
		if rs, ok := o.(*volsyncv1.ReplicationSource); ok {
			return rs
		}
	}
	return nil
}

// addressOf is where the volume is received: by the hub or, while that says nothing, as the source was told before; empty
// if nobody has said so yet.
func addressOf(v provider.Volume, rs *volsyncv1.ReplicationSource) string {
	for _, to := range v.Group.VolSync.RSSpec {
		if same(to.ProtectedPVC, v.Namespace, v.Name) && to.RsyncTLS != nil && to.RsyncTLS.Address != "" {
			return to.RsyncTLS.Address
		}
	}
	if rs != nil && rs.Spec.RsyncTLS != nil && rs.Spec.RsyncTLS.Address != nil {
		return *rs.Spec.RsyncTLS.Address // a secondary is told none, and still has to send
	}
	return ""
}

// desired is the source as the group asks for it.
func desired(v provider.Volume, s provider.State, rs *volsyncv1.ReplicationSource) (*unstructured.Unstructured, error) {
	next, err := trigger(v, rs)
	if err != nil {
		return nil, err
	}
	tls := map[string]any{
		"keySecret":               KeySecret(v.Group),
		"copyMethod":              string(volsyncv1.CopyMethodSnapshot),
		"volumeSnapshotClassName": s.Class,
		"moverPodLabels":          map[string]any{v1alpha1.LabelCreatedByRamen: "true"},
	}
	if address := addressOf(v, rs); address != "" {
		tls["address"] = address
	}
	if v.Claim != nil && v.Claim.Spec.StorageClassName != nil {
		tls["storageClassName"] = *v.Claim.Spec.StorageClassName
	}
	if err := setMover(tls, v.Group, v.Namespace, v.Name); err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"sourcePVC": sourceClaim(v, rs),
		"trigger":   next,
		"rsyncTLS":  tls,
		"paused":    v.Group.Role == plan.Secondary && v.Group.Failover,
	}}}
	u.SetGroupVersionKind(volsyncv1.GroupVersion.WithKind("ReplicationSource"))
	u.SetNamespace(v.Namespace)
	u.SetName(v.Name)
	u.SetLabels(Labels(v.Group))
	return u, sign(u)
}

// sourceClaim is the claim to send: of one that leaves, what stands in for it.
func sourceClaim(v provider.Volume, rs *volsyncv1.ReplicationSource) string {
	switch {
	case standsIn(v):
		return standInOf(v.Name)
	case v.Claim == nil && rs != nil:
		return rs.Spec.SourcePVC
	default:
		return v.Name
	}
}

// exact reports whether a source says what the group asks for.
func exact(v provider.Volume, s provider.State, rs *volsyncv1.ReplicationSource) (bool, error) {
	want, err := desired(v, s, rs)
	if err != nil {
		return false, err
	}
	return says(rs, want)
}
