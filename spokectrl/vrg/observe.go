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
	"github.com/ramendr/ramen-direct/spokectrl/volumes"
)

// annotationUseVolSync asks for VolSync for every volume of the group.
const annotationUseVolSync = v1alpha1.DRPCAnnotationPrefix + "use-volsync-for-pvc-protection"

// annotationSubmariner asks for addresses of Submariner.
const annotationSubmariner = v1alpha1.DRPCAnnotationPrefix + "is-submariner-enabled"

// facts is what one pass found.
type facts struct {
	vrg     *v1alpha1.VolumeReplicationGroup
	id      capsule.Group
	term    archive.Term
	group   plan.Group
	volumes []volume
	restore restore
	content capsule.Content
	copies  []copied
	remains []remain
	severed error // why a secondary that was re-created can't say that it is one
	houses  []v1alpha1.NamespaceTraits
	// provided is the group as techniques see it.
	provided provider.Group
	mute     error // why this cluster can't sign what it stores

	abandoned []string // S3 profiles whose stores the user gave up
	recipe    followed
	noObjects bool // the configuration turns the capture of Kubernetes objects off
}

// volume is one volume of the group.
type volume struct {
	item     volumes.Item
	view     provider.Volume
	provider provider.Provider // nil: no technique claims it
	state    provider.State
	use      string // what uses the volume, for users
	err      error  // why its objects could not be read
	claim    string // of a volume that is copied: its claim, to be remembered on the PV
}

func (r observer) observe(ctx context.Context, vrg *v1alpha1.VolumeReplicationGroup) (*facts, error) {
	f := &facts{vrg: vrg, id: capsule.Group{Namespace: vrg.Namespace, Name: vrg.Name}}
	if err := valid(vrg); err != nil && vrg.DeletionTimestamp.IsZero() {
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
	f.term = archive.Term{Epoch: epoch, Cluster: string(system.UID), Generation: vrg.Generation}
	observeTrust(ctx, f, r.Signing)
	if f.abandoned, err = abandonedStores(ctx, r.Client); err != nil {
		return nil, err
	}
	f.noObjects, f.recipe = noObjects(ctx, r.Reconciler, vrg), readRecipe(ctx, r.Reconciler, vrg)
	note := vrg.Annotations[AnnotationRestored]
	f.group = plan.Group{
		Role:        role(vrg),
		Ending:      !vrg.DeletionTimestamp.IsZero(),
		Interrupted: !vrg.DeletionTimestamp.IsZero() && !ended(vrg),
		Held:        controllerutil.ContainsFinalizer(vrg, v1alpha1.VRGFinalizer),
		SentAway:    note == exchange.FormatEpoch(epoch)+sentAway,
		Released:    note == released,
		FinalSync:   vrg.Spec.PrepareForFinalSync || vrg.Spec.RunFinalSync,
		Discard:     vrg.Spec.Action == v1alpha1.VRGActionFailover,
		Unprotect:   true,
	}
	f.group.Taken = f.group.Discard || vrg.Annotations[v1alpha1.AnnotationPeerServes] == "true"
	if f.group.Role == plan.Primary && note == exchange.FormatEpoch(epoch) {
		f.group.Restore = plan.RestoreDone
	}
	if f.group.FinalSync && f.group.Restore == plan.RestoreDone && objectsFirst(r.Reconciler, f) {
		f.group.FinalSync = false
	}
	settings, err := r.copies(ctx, vrg)
	if err != nil {
		return nil, err
	}
	if err := r.reach(ctx, vrg); err != nil {
		return nil, err
	}
	f.provided = groupOf(vrg, f.group, f.term, settings)
	if f.steady() {
		f.group.Unprotect = r.unprotect(ctx)
	}
	return f, nil
}

// decide looks at a group and decides what to do now. Most passes over a Primary that keeps running find nothing to do, and the
// cache shows that. But it may be behind, or, if the API server was restored from a backup, ahead of the group, which was read
// live: what is done follows from what is true now.
func (r observer) decide(ctx context.Context, vrg *v1alpha1.VolumeReplicationGroup) (*facts, plan.Plan, error) {
	known, err := r.observe(ctx, vrg)
	if err != nil {
		return nil, plan.Plan{}, err
	}
	for cached := known.steady(); ; cached = false {
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
		next := plan.Decide(seen.group)
		lost := slices.ContainsFunc(seen.group.Volumes, func(v plan.Volume) bool { return v.Claim == plan.ClaimLost })
		if !cached || len(next.Steps) == 0 && !lost {
			return seen, next, nil
		}
	}
}

func (r observer) lookCached(ctx context.Context, known *facts) (*facts, error) {
	return r.look(ctx, r.Client, known)
}

func (r observer) lookLive(ctx context.Context, known *facts) (*facts, error) {
	seen, err := r.look(ctx, r.Live, known)
	if err != nil {
		return nil, err
	}
	switch {
	case seen.group.Pruned && !known.group.Ending:
		return seen, nil // nothing is restored or stored now
	case seen.severable():
		seen.severed = r.observeSevered(ctx, seen, known.provided)
		seen.group.Severed = seen.severed != nil
		return seen, nil
	case seen.steady() || known.group.Role != plan.Primary || known.group.Ending:
		return seen, nil
	case known.group.FinalSync && (known.group.SentAway || known.group.Restore == plan.RestoreDone):
		r.Archive.Learn(ctx, known.id, known.profiles()) // what is stored already need not be written again
	default:
		seen.restore = r.observeRestore(ctx, seen, known.provided)
		seen.group.Restore = seen.restore.state
	}
	return seen, observeContent(seen, r.Archive)
}

// look adds to what is known of a group what reader tells of its volumes.
func (r observer) look(ctx context.Context, reader client.Reader, known *facts) (*facts, error) {
	f := *known
	users, err := r.observeVolumes(ctx, reader, &f, known.provided)
	if err != nil {
		return nil, err
	}
	if err := r.observeCopies(ctx, reader, &f, known.provided, users); err != nil {
		return nil, err
	}
	if f.houses, f.group.Pruned, err = houses(ctx, reader, volumes.Namespaces(f.vrg)); err != nil {
		return nil, err
	}
	if f.steady() {
		return &f, observeContent(&f, r.Archive)
	}
	return &f, nil
}

// steady says that a Primary keeps running, and nothing else is under way.
func (f *facts) steady() bool {
	return f.group.Role == plan.Primary && f.group.Restore == plan.RestoreDone && !f.group.FinalSync && !f.group.Ending
}

func role(vrg *v1alpha1.VolumeReplicationGroup) plan.Role {
	switch vrg.Spec.ReplicationState {
	case v1alpha1.Primary:
		return plan.Primary
	case v1alpha1.Secondary:
		return plan.Secondary
	}
	return plan.NoRole
}

// valid finds what the user has to correct before anything can be done.
func valid(vrg *v1alpha1.VolumeReplicationGroup) error {
	if vrg.Spec.Async == nil {
		return &outcome.Refused{Reason: provider.ReasonError, Err: errors.New("spec.async is missing: set spec.async.schedulingInterval")}
	}
	if _, err := volumes.Selector(vrg); err != nil {
		return &outcome.Refused{Reason: provider.ReasonError, Err: err}
	}
	return nil
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
func (r observer) observeVolumes(ctx context.Context, reader client.Reader, f *facts, group provider.Group) (volumes.Users, error) {
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
	items, err := volumes.Find(ctx, reader, f.vrg, extra)
	if err != nil {
		return none, err
	}
	namespaces := volumes.Namespaces(f.vrg)
	for _, it := range items {
		namespaces = append(namespaces, it.Namespace)
	}
	slices.Sort(namespaces)
	users := volumes.Using(ctx, reader, slices.Compact(namespaces)...)
	for _, it := range items {
		v := volume{item: it, view: provider.Volume{
			Group: group, Namespace: it.Namespace, Name: it.Name, Claim: it.Claim, PV: it.PV, Class: it.Class,
		}}
		fact := it.Facts(f.vrg)
		fact.Use, v.use = users.Of(it)
		v.view.Free = fact.Use == plan.UseFree
		if v.provider = holders[client.ObjectKey{Namespace: it.Namespace, Name: it.Name}]; v.provider == nil {
			v.provider = r.Providers.For(v.view)
		}
		if err := observeReplica(ctx, reader, f.vrg, &v, &fact); err != nil {
			return none, err
		}
		f.volumes = append(f.volumes, v)
		f.group.Volumes = append(f.group.Volumes, fact)
	}
	f.cede()
	return users, nil
}

// observeReplica adds to what is known of a volume what its technique says.
func observeReplica(ctx context.Context, reader client.Reader, vrg *v1alpha1.VolumeReplicationGroup, v *volume, fact *plan.Volume) error {
	if v.provider == nil {
		v.state = provider.State{Replica: plan.ReplicaAbsent, Refusal: &provider.Refusal{
			Reason:  provider.ReasonNotSupported,
			Message: "no technique replicates the volume: use a StorageClass of the peer classes of the policy, or exclude the volume from the selector",
		}}
	} else {
		v.state, v.err = v.provider.Observe(ctx, reader, v.view)
		if v.err != nil {
			v.state.Replica = plan.ReplicaUnknown
		}
	}
	fact.Able = v.err == nil && v.state.Refusal == nil
	fact.Replica, fact.Told, fact.Exact, fact.Settled = v.state.Replica, v.state.Told, v.state.Exact, v.state.Settled
	fact.Following, fact.Reached = v.state.Following, v.state.Reached
	fact.Session, fact.Apart = v.state.Session, v.state.Apart
	fact.Copied, fact.Early = v.state.Copied, v.state.Early != ""
	if !v.state.Copied || v.item.Claim == nil || v.item.PV == nil {
		return nil
	}
	var err error
	if v.claim, err = capsule.ClaimText(v.item.Claim); err != nil {
		return err
	}
	fact.Kept = volumes.KeptWithClaim(vrg, v.item.PV, v.claim)
	return nil
}

// copies is how the operator is configured for techniques that copy. Without a configuration it has the defaults.
func (r observer) copies(ctx context.Context, vrg *v1alpha1.VolumeReplicationGroup) (provider.Copies, error) {
	out := provider.Copies{Submariner: vrg.Annotations[annotationSubmariner] == "true"}
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

func groupOf(vrg *v1alpha1.VolumeReplicationGroup, g plan.Group, term archive.Term, settings provider.Copies) provider.Group {
	out := provider.Group{
		Namespace: vrg.Namespace, Name: vrg.Name, UID: string(vrg.UID), Role: g.Role,
		Failover:     vrg.Spec.Action == v1alpha1.VRGActionFailover,
		ForceVolSync: vrg.Annotations[annotationUseVolSync] == "true",
		Prepare:      vrg.Spec.PrepareForFinalSync && g.FinalSync, Final: vrg.Spec.RunFinalSync,
		Epoch: term.Epoch, Generation: vrg.Generation,
		VolSync: vrg.Spec.VolSync, Copies: settings,
	}
	if g.Ending {
		out.Role = plan.NoRole
	}
	if len(vrg.Spec.ProtectedNamespaces) > 0 {
		out.Namespaces = volumes.Namespaces(vrg)
	}
	if a := vrg.Spec.Async; a != nil {
		out.Interval, out.Selector, out.PeerClasses = a.SchedulingInterval, a.ReplicationClassSelector, a.PeerClasses
		out.SnapshotSelector = a.VolumeSnapshotClassSelector
	}
	return out
}

// observeContent builds what the stores should hold: the volumes that are protected, or are about to be.
func observeContent(f *facts, a *archive.Archive) error {
	var pairs []capsule.Pair
	var kept []*corev1.PersistentVolumeClaim
	for i, stored := range plan.Stored(f.group) {
		switch it := f.volumes[i].item; {
		case !stored:
		case it.PV != nil:
			pairs = append(pairs, capsule.Pair{PV: it.PV, PVC: it.Claim})
		case it.Claim != nil && it.Claim.Spec.VolumeName != "":
			kept = append(kept, it.Claim)
		}
	}
	var err error
	if f.content, err = capsule.Build(f.vrg, pairs); err != nil {
		return fmt.Errorf("build the stored metadata: %w", err)
	}
	for _, c := range kept {
		f.content.Keep(f.id, c)
	}
	f.group.Archived = a.Current(f.id, f.profiles(), f.term, f.content)
	if f.group.FinalSync {
		f.group.Archived = a.Covered(f.id, f.profiles(), f.term, f.content)
	}
	return nil
}
