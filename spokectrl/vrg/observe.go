// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
	"github.com/ramendr/ramen-direct/spokectrl/snapshot"
	"github.com/ramendr/ramen-direct/spokectrl/volumes"
)

func (r observer) observe(ctx context.Context, vrg *v1alpha1.VolumeReplicationGroup) (*snapshot.Snapshot, error) {
	f := &snapshot.Snapshot{VRG: vrg, ID: capsule.Group{Namespace: vrg.Namespace, Name: vrg.Name}}
	if err := snapshot.Valid(vrg); err != nil && vrg.DeletionTimestamp.IsZero() {
		return nil, err
	}
	epoch, err := exchange.EpochOf(vrg)
	if err != nil && vrg.DeletionTimestamp.IsZero() {
		return nil, &outcome.Refused{Reason: provider.ReasonError, Err: err}
	}
	system := &corev1.Namespace{}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: "kube-system"}, system); err != nil {
		return nil, fmt.Errorf("read Namespace kube-system, the identity of the cluster: %w", err)
	}
	f.Term = archive.Term{Epoch: epoch, Cluster: string(system.UID), Generation: vrg.Generation}
	observeTrust(ctx, f, r.Signing)
	if f.Abandoned, err = abandonedStores(ctx, r.Client); err != nil {
		return nil, err
	}
	f.NoObjects, f.Recipe = noObjects(ctx, r.Reconciler, vrg), readRecipe(ctx, r.Reconciler, vrg)
	note := vrg.Annotations[snapshot.AnnotationRestored]
	f.Facts = plan.Facts{
		Role:        snapshot.RoleOf(vrg),
		Ending:      !vrg.DeletionTimestamp.IsZero(),
		Interrupted: !vrg.DeletionTimestamp.IsZero() && !snapshot.Ended(vrg),
		Held:        controllerutil.ContainsFinalizer(vrg, v1alpha1.VRGFinalizer),
		SentAway:    note == exchange.FormatEpoch(epoch)+snapshot.SentAway,
		Released:    note == snapshot.Released,
		FinalSync:   vrg.Spec.PrepareForFinalSync || vrg.Spec.RunFinalSync,
		Discard:     vrg.Spec.Action == v1alpha1.VRGActionFailover,
		Unprotect:   r.unprotect(ctx),
	}
	f.Facts.Served = vrg.Annotations[v1alpha1.AnnotationPeerServes] == "true"
	f.Facts.Taken = f.Facts.Discard || f.Facts.Served
	f.Facts.Severed = note == snapshot.Severed && f.Facts.Role == plan.Secondary && !f.Facts.Ending && !f.Facts.Discard
	if f.Facts.Role == plan.Primary && note == exchange.FormatEpoch(epoch) {
		f.Facts.Restore = plan.RestoreDone
	}
	if f.Facts.FinalSync && f.Facts.Restore == plan.RestoreDone && objectsFirst(r.Reconciler, f) {
		f.Facts.FinalSync = false
	}
	settings, err := r.copies(ctx, vrg)
	if err != nil {
		return nil, err
	}
	if err := r.reach(ctx, vrg); err != nil {
		return nil, err
	}
	f.Provided = snapshot.GroupOf(vrg, f.Facts, f.Term, settings)
	return f, nil
}

// decide looks at a group and decides what to do now. Most passes over a Primary that keeps running find nothing to do, and the
// cache shows that. But it may be behind, or, if the API server was restored from a backup, ahead of the group, which was read
// live: what is done follows from what is true now.
func (r observer) decide(ctx context.Context, vrg *v1alpha1.VolumeReplicationGroup) (*snapshot.Snapshot, plan.Plan, error) {
	known, err := r.observe(ctx, vrg)
	if err != nil {
		return nil, plan.Plan{}, err
	}
	for cached := known.Steady(); ; cached = false {
		look := r.lookLive
		if cached {
			look = r.lookCached
		}
		seen, err := look(ctx, known)
		switch {
		case err != nil && cached:
			continue
		case err != nil:
			return nil, plan.Plan{}, err
		}
		next := plan.Decide(seen.Facts)
		lost := slices.ContainsFunc(seen.Facts.Volumes, func(v plan.Volume) bool { return v.Claim == plan.ClaimLost })
		if !cached || len(next.Writes) == 0 && !lost {
			return seen, next, nil
		}
	}
}

func (r observer) lookCached(ctx context.Context, known *snapshot.Snapshot) (*snapshot.Snapshot, error) {
	return r.look(ctx, r.Client, known)
}

func (r observer) lookLive(ctx context.Context, known *snapshot.Snapshot) (*snapshot.Snapshot, error) {
	seen, err := r.look(ctx, r.Live, known)
	if err != nil {
		return nil, err
	}
	switch {
	case seen.Severable():
		seen.Severed = r.observeSevered(ctx, seen, known.Provided)
		if known.Facts.Severed && (seen.Severed == nil || seen.Restore.Unread) {
			seen.Severed = severed("of this group") // it noted so itself, and no store says which
		}
		seen.Facts.Severed = seen.Severed != nil
		return seen, nil
	case seen.Stranded() && !known.Facts.Ending:
		r.observeSuccession(ctx, seen)
		return seen, nil
	case seen.Facts.Pruned && !known.Facts.Ending:
		return seen, nil // nothing is restored or stored now
	case seen.Steady() || known.Facts.Role != plan.Primary || known.Facts.Ending:
		return seen, nil
	case known.Facts.FinalSync && (known.Facts.SentAway || known.Facts.Restore == plan.RestoreDone):
		r.Archive.Learn(ctx, known.ID, known.Profiles()) // what is stored already need not be written again
	default:
		seen.Restore = r.observeRestore(ctx, seen, known.Provided)
		seen.Facts.Restore = seen.Restore.State
	}
	return seen, observeContent(seen, r.Archive)
}

// look adds to what is known of a group what reader tells of its volumes.
func (r observer) look(ctx context.Context, reader client.Reader, known *snapshot.Snapshot) (*snapshot.Snapshot, error) {
	f := *known
	users, err := r.observeVolumes(ctx, reader, &f, known.Provided)
	if err != nil {
		return nil, err
	}
	if err := r.observeCopies(ctx, reader, &f, known.Provided, users); err != nil {
		return nil, err
	}
	if f.Namespaces, f.Facts.Pruned, err = houses(ctx, reader, volumes.Namespaces(f.VRG)); err != nil {
		return nil, err
	}
	if f.Steady() {
		return &f, observeContent(&f, r.Archive)
	}
	return &f, nil
}

// reach refuses a group that lists namespaces, unless it lies where only the platform's own may: otherwise anyone who may create
// a group in their own namespace could touch the volumes of others.
func (r observer) reach(ctx context.Context, vrg *v1alpha1.VolumeReplicationGroup) error {
	listed := vrg.Spec.ProtectedNamespaces
	if len(listed) == 0 || !vrg.DeletionTimestamp.IsZero() {
		return nil // one that is being deleted only lets go what carries its marks
	}
	ops := ramenconfig.DefaultRamenOpsNamespace
	switch cfg, err := ramenconfig.Load(ctx, r.Client, r.Namespace, ramenconfig.SpokeConfigMap); {
	case err == nil:
		ops = cfg.RamenOpsNamespace
	case !errors.Is(err, ramenconfig.ErrNotFound):
		return fmt.Errorf("which namespace is for groups that list others: %w", err)
	}
	switch {
	case vrg.Namespace != ops:
		return &outcome.Refused{Reason: provider.ReasonError, Err: fmt.Errorf(
			"spec.protectedNamespaces is only for groups in namespace %s (ramenOpsNamespace in ConfigMap %s): make the DRPlacementControl there", ops, ramenconfig.SpokeConfigMap)}
	case slices.Contains(listed, ops):
		return &outcome.Refused{Reason: provider.ReasonError, Err: fmt.Errorf(
			"spec.protectedNamespaces lists %s, which is for groups and not for applications: remove it", ops)}
	default:
		return nil
	}
}

// unprotect reports whether single volumes may be unprotected. Not if the configuration can't be read.
func (r observer) unprotect(ctx context.Context) bool {
	cfg, err := ramenconfig.Load(ctx, r.Client, r.Namespace, ramenconfig.SpokeConfigMap)
	return err == nil && ramenconfig.Enabled(cfg.VolumeUnprotectionEnabled)
}

// observeVolumes finds the volumes of the group, and what uses them and all else in their namespaces.
func (r observer) observeVolumes(ctx context.Context, reader client.Reader, f *snapshot.Snapshot, group provider.Group) (volumes.Users, error) {
	var none volumes.Users
	var extra []client.ObjectKey
	holders := map[client.ObjectKey]provider.Provider{} // the technique of a volume never changes under it
	for _, p := range r.Providers {
		keys, err := p.Volumes(ctx, reader, group)
		if err != nil {
			return none, fmt.Errorf("%s: %w", p.Name(), err)
		}
		extra = append(extra, keys...)
		for _, key := range keys {
			holders[key] = p
		}
	}
	items, ephemeral, err := volumes.Find(ctx, reader, f.VRG, extra)
	if err != nil {
		return none, err
	}
	f.Ephemeral = ephemeral
	namespaces := volumes.Namespaces(f.VRG)
	for _, it := range items {
		namespaces = append(namespaces, it.Namespace)
	}
	slices.Sort(namespaces)
	users := volumes.Using(ctx, reader, slices.Compact(namespaces)...)
	for _, it := range items {
		v := snapshot.Volume{Item: it, View: provider.Volume{
			Group: group, Namespace: it.Namespace, Name: it.Name, Claim: it.Claim, PV: it.PV, Class: it.Class,
		}}
		fact := it.Facts(f.VRG)
		fact.Use, v.Use = users.Of(it)
		v.View.Free = fact.Use == plan.UseFree
		if v.Provider = holders[client.ObjectKey{Namespace: it.Namespace, Name: it.Name}]; v.Provider == nil {
			v.Provider = r.Providers.For(v.View)
		}
		if err := observeReplica(ctx, reader, f.VRG, &v, &fact); err != nil {
			return none, err
		}
		f.Volumes = append(f.Volumes, v)
		f.Facts.Volumes = append(f.Facts.Volumes, fact)
	}
	f.Cede()
	return users, nil
}

// observeReplica adds to what is known of a volume what its technique says.
func observeReplica(ctx context.Context, reader client.Reader, vrg *v1alpha1.VolumeReplicationGroup, v *snapshot.Volume, fact *plan.Volume) error {
	if v.Provider == nil {
		v.State = provider.State{Replica: plan.ReplicaAbsent, Refusal: &provider.Refusal{
			Reason:  provider.ReasonNotSupported,
			Message: "no technique replicates the volume: use a StorageClass of the peer classes of the policy, or exclude the volume from the selector",
		}}
	} else {
		v.State, v.Err = v.Provider.Observe(ctx, reader, v.View)
		if v.Err != nil {
			v.State.Replica = plan.ReplicaUnknown
		}
	}
	fact.Able = v.Err == nil && v.State.Refusal == nil
	fact.Replica, fact.Told, fact.Exact, fact.Settled = v.State.Replica, v.State.Told, v.State.Exact, v.State.Settled
	fact.Following, fact.Reached = v.State.Following, v.State.Reached
	fact.Session, fact.Apart = v.State.Session, v.State.Apart
	if v.State.PeerHandleSaid != "" {
		fact.Kept = min(fact.Kept, plan.KeptSome) // it is to remember the handle, too
	}
	fact.Copied, fact.Early = v.State.Copied, v.State.Early != ""
	if !v.State.Copied || v.Item.Claim == nil || v.Item.PV == nil {
		return nil
	}
	var err error
	if v.Claim, err = capsule.ClaimText(v.Item.Claim); err != nil {
		return err
	}
	switch { // it remembers its claim instead
	case volumes.KeptWithClaim(vrg, v.Item.PV, v.Claim):
		fact.Kept = plan.KeptAll
	case volumes.Kept(v.Item.PV):
		fact.Kept = plan.KeptSome
	}
	return nil
}

// copies is how the operator is configured for techniques that copy. Without a configuration it has the defaults.
func (r observer) copies(ctx context.Context, vrg *v1alpha1.VolumeReplicationGroup) (provider.Copies, error) {
	out := provider.Copies{Submariner: vrg.Annotations[snapshot.AnnotationSubmariner] == "true"}
	cfg, err := ramenconfig.Load(ctx, r.Client, r.Namespace, ramenconfig.SpokeConfigMap)
	switch {
	case errors.Is(err, ramenconfig.ErrNotFound), !vrg.DeletionTimestamp.IsZero():
		return out, nil
	case err != nil:
		return out, fmt.Errorf("how to copy volumes: %w", err)
	}
	out.Method, out.ServiceType, out.ServiceAnnotations = cfg.VolSync.DestinationCopyMethod, cfg.VolSync.ServiceType, cfg.VolSync.ServiceAnnotations
	return out, nil
}

// observeContent builds what the stores should hold: the volumes that are protected, or are about to be.
func observeContent(f *snapshot.Snapshot, a *archive.Archive) error {
	var pairs []capsule.Pair
	var kept []*corev1.PersistentVolumeClaim
	for i, stored := range plan.Stored(f.Facts) {
		switch it := f.Volumes[i].Item; {
		case !stored:
		case it.PV != nil:
			pairs = append(pairs, capsule.Pair{PV: it.PV, PVC: it.Claim})
		case it.Claim != nil && it.Claim.Spec.VolumeName != "":
			kept = append(kept, it.Claim)
		}
	}
	var err error
	if f.Content, err = capsule.Build(f.VRG, pairs); err != nil {
		return fmt.Errorf("build the stored metadata: %w", err)
	}
	for _, c := range kept {
		f.Content.Keep(f.ID, c)
	}
	f.Facts.Archived = a.Current(f.ID, f.Profiles(), f.Term, f.Content)
	if f.Facts.FinalSync {
		f.Facts.Archived = a.Covered(f.ID, f.Profiles(), f.Term, f.Content)
	}
	return nil
}
