// SPDX-License-Identifier: Apache-2.0

// Package volrep replicates volumes by the storage itself, through VolumeReplication of csi-addons. It promises that a
// volume counts as in sync only when the storage says so of the role that it has now, that a normal demotion or
// resynchronization is never called an error, that no resynchronization is ordered that is not needed, and that a class
// that is missing is named together with the remedy.
package volrep

import (
	"context"
	"fmt"
	"strings"
	"time"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// Provider is the technique. The zero value is ready.
type Provider struct{}

var _ provider.Provider = Provider{}

// Name of the technique.
func (Provider) Name() string { return "VolumeReplication" }

// Claims all volumes but those that are VolSync's: by the group's annotation, or because the peer classes say that
// their storage does not replicate by itself.
func (Provider) Claims(v provider.Volume) bool {
	if v.Group.ForceVolSync {
		return false
	}
	peer := peerClass(v)
	return peer == nil || peer.ReplicationID != "" || peer.Offloaded
}

func peerClass(v provider.Volume) *v1alpha1.PeerClass {
	for i := range v.Group.PeerClasses {
		if p := &v.Group.PeerClasses[i]; p.StorageClassName == v.ClassName() {
			return p
		}
	}
	return nil
}

// Volumes are the claims that the group has a VolumeReplication for.
func (Provider) Volumes(ctx context.Context, r client.Reader, g provider.Group) ([]types.NamespacedName, error) {
	list := &replicationv1.VolumeReplicationList{}
	err := r.List(ctx, list, g.Own(map[string]string{
		v1alpha1.LabelOwnerNamespace: g.Namespace,
		v1alpha1.LabelOwnerName:      g.Name,
	})...)
	switch {
	case meta.IsNoMatchError(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("list VolumeReplications: %w", err)
	}
	names := make([]types.NamespacedName, 0, len(list.Items))
	for i := range list.Items {
		names = append(names, client.ObjectKeyFromObject(&list.Items[i]))
	}
	return names, nil
}

// Observe reads the VolumeReplication of the volume and, if it has to be made, chooses its class.
func (Provider) Observe(ctx context.Context, r client.Reader, v provider.Volume) (provider.State, error) {
	s := provider.State{Replica: plan.ReplicaUnknown}
	classes := &replicationv1.VolumeReplicationClassList{}
	vr := &replicationv1.VolumeReplication{}
	switch err := r.Get(ctx, client.ObjectKey{Namespace: v.Namespace, Name: v.Name}, vr); {
	case meta.IsNoMatchError(err):
		return missingAPI(), nil
	case apierrors.IsNotFound(err):
		s.Replica = plan.ReplicaAbsent
	case err != nil:
		return s, fmt.Errorf("read VolumeReplication %s/%s: %w", v.Namespace, v.Name, err)
	default:
		s = observed(v, vr)
	}
	if s.Replica == plan.ReplicaLeaving {
		// Whether the replica goes after the group, and what it waits for.
		class, err := classOf(ctx, r, s.Class)
		if err != nil {
			return s, err
		}
		s.Session, s.Held = sessions(class), held(v, s.Class, class)
	}
	if v.Claim == nil || v.Group.Role == plan.NoRole {
		return s, nil // the group ends, or the claim is gone: no class is needed
	}
	switch err := r.List(ctx, classes); {
	case meta.IsNoMatchError(err):
		s.Refusal = missingAPI().Refusal
		return s, nil
	case err != nil:
		return s, fmt.Errorf("list VolumeReplicationClasses: %w", err)
	}
	identify(&s, v, classes.Items)
	if err := learnHandle(ctx, r, v, &s, vr); err != nil {
		return s, err
	}
	s.Apart = s.Session && s.Unclassed == "" && s.Replica == plan.ReplicaPresent && apart(v, s, vr)
	return s, nil
}

func missingAPI() provider.State {
	return provider.State{Replica: plan.ReplicaAbsent, Refusal: &provider.Refusal{
		Reason:  provider.ReasonNotSupported,
		Message: "the cluster does not serve VolumeReplication: install kubernetes-csi-addons",
	}}
}

// identify fills in the ids of the volume's classes, and the class to use or why there is none.
func identify(s *provider.State, v provider.Volume, classes []replicationv1.VolumeReplicationClass) {
	if v.Class != nil {
		s.StorageID = identifier(v.Class.Labels, v1alpha1.LabelStorageID)
	}
	var class *replicationv1.VolumeReplicationClass
	if s.Class != "" {
		for i := range classes {
			if classes[i].Name == s.Class {
				class = &classes[i]
			}
		}
	} else {
		chosen, refusal := Choose(v, classes)
		if refusal != nil {
			s.Refusal = refusal
			return
		}
		class, s.Class = chosen, chosen.Name
	}
	if class == nil {
		// Whether the storage has sessions can't be known: it is taken for one that has, which gives nothing up that could be needed.
		s.Session, s.Unclassed = true, held(v, s.Class, nil)
	} else {
		s.ReplicationID = identifier(class.Labels, v1alpha1.LabelReplicationID)
		s.Session = sessions(class)
	}
}

func identifier(labels map[string]string, key string) v1alpha1.Identifier {
	id := v1alpha1.Identifier{ID: labels[key]}
	for m := range strings.SplitSeq(labels[v1alpha1.LabelMaintenanceModes], ",") {
		if m = strings.TrimSpace(m); m != "" {
			id.Modes = append(id.Modes, v1alpha1.MMode(m))
		}
	}
	return id
}

// observed turns a VolumeReplication into a state.
func observed(v provider.Volume, vr *replicationv1.VolumeReplication) provider.State {
	s := provider.State{
		Replica: plan.ReplicaPresent,
		Told:    told(v, vr),
		Class:   vr.Spec.VolumeReplicationClass,
		Objects: []client.Object{vr},
		Asked:   vr.Annotations[v1alpha1.AnnotationVRReprotected],
	}
	switch {
	case vr.Labels[v1alpha1.LabelOwnerNamespace] != v.Group.Namespace || vr.Labels[v1alpha1.LabelOwnerName] != v.Group.Name:
		s.Replica = plan.ReplicaForeign
		s.Objects = nil
		return s
	case vr.DeletionTimestamp != nil:
		s.Replica = plan.ReplicaLeaving
	}
	if rejoins(v, vr) {
		judgeRejoin(&s, vr)
	} else {
		judge(&s, vr)
	}
	switch vr.Status.State {
	case replicationv1.PrimaryState:
		s.Reached = plan.Primary
	case replicationv1.SecondaryState:
		s.Reached = plan.Secondary
	case replicationv1.UnknownState:
	}
	s.Exact = s.Told == v.Group.Role && !s.Rejoined && (vr.Spec.AutoResync == autoResync(v.Group, v.Group.Role) || inLine(v, s))
	if s.Told == plan.Primary {
		s.LastSyncTime = vr.Status.LastSyncTime
		s.LastSyncBytes = vr.Status.LastSyncBytes
		if d := vr.Status.LastSyncDuration; d != nil {
			s.LastSyncDuration = &d.Duration
		}
	}
	return s
}

// told is the role that a VolumeReplication asks for. One that asks to join the sides again is a primary's, on our word only.
func told(v provider.Volume, vr *replicationv1.VolumeReplication) plan.Role {
	if rejoins(v, vr) {
		return plan.Primary
	}
	return role(vr.Spec.ReplicationState)
}

func role(s replicationv1.ReplicationState) plan.Role {
	switch s {
	case replicationv1.Primary:
		return plan.Primary
	case replicationv1.Secondary, replicationv1.Resync:
		return plan.Secondary
	}
	return plan.NoRole
}

// autoResync lets the storage overwrite what only this side has: after a failover nobody wants that any more.
func autoResync(g provider.Group, r plan.Role) bool { return r == plan.Secondary && g.Failover }

// inLine reports whether a secondary needs no resynchronization. Storages carry out an order for one without a look at
// whether it is needed, and throw away the copy that is there.
func inLine(v provider.Volume, s provider.State) bool {
	released := v.Claim != nil && v.Claim.Annotations[v1alpha1.AnnotationVRReleased] != ""
	return s.Told == plan.Secondary && (s.Settled || s.Following || released)
}

// Intents is the VolumeReplication in the role.
func (Provider) Intents(v provider.Volume, s provider.State, r plan.Role) ([]apply.Intent, error) {
	state, asked := replicationv1.Primary, s.Asked
	switch r {
	case plan.Secondary:
		state = replicationv1.Secondary
	case plan.Primary:
		if s.Apart {
			state, asked = replicationv1.Resync, term(v)
		}
	case plan.NoRole:
		return nil, fmt.Errorf("volume %s/%s: no role to take", v.Namespace, v.Name)
	}
	if s.Class == "" {
		if s.Refusal != nil {
			return nil, s.Refusal
		}
		return nil, fmt.Errorf("volume %s/%s: no VolumeReplicationClass was chosen", v.Namespace, v.Name)
	}
	u := &unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{
			"volumeReplicationClass": s.Class,
			"replicationState":       string(state),
			"autoResync":             autoResync(v.Group, r),
			"dataSource":             map[string]any{"kind": "PersistentVolumeClaim", "name": v.Name},
		},
	}}
	u.SetGroupVersionKind(replicationv1.GroupVersion.WithKind("VolumeReplication"))
	u.SetNamespace(v.Namespace)
	u.SetName(v.Name)
	u.SetLabels(map[string]string{
		v1alpha1.LabelOwnerNamespace: v.Group.Namespace,
		v1alpha1.LabelOwnerName:      v.Group.Name,
		v1alpha1.LabelCreatedByRamen: "true",
	})
	if r == plan.Primary && asked != "" {
		u.SetAnnotations(map[string]string{v1alpha1.AnnotationVRReprotected: asked})
	}
	// No owner: it would be collected with a group that somebody deletes by mistake, and the peer's copy might go with it.
	return []apply.Intent{apply.Untyped(u)}, nil
}

// Leftovers is the VolumeReplication.
func (Provider) Leftovers(s provider.State) []client.Object { return s.Objects }

// Interval is the length of an interval as the API writes it: a number and m, h or d.
func Interval(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		d, err := time.ParseDuration(days + "h")
		if err != nil {
			return 0, fmt.Errorf("interval %q: %w", text, err)
		}
		return 24 * d, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("interval %q: %w", text, err)
	}
	return d, nil
}
