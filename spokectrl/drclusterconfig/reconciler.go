// SPDX-License-Identifier: Apache-2.0

package drclusterconfig

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/internal/cond"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/signing"
)

const (
	owner = "spokectrl-drclusterconfig"
	// lookAgain is how often the stores are asked, and with them everything that no watch tells.
	lookAgain = 3 * time.Minute

	reasonSucceeded   = "Succeeded"
	reasonFailed      = "Failed"
	reasonReachable   = "Reachable"
	reasonUnreachable = "Unreachable"
	reasonNoProfile   = "NoProfile"
)

// Options are what the controller needs besides the manager.
type Options struct {
	Archive *archive.Archive
	Clock   clock.PassiveClock
	Signing *signing.Keeper
}

// Reconciler is the controller of the one DRClusterConfig of a cluster.
type Reconciler struct {
	Options
	Client client.Client // reads from the cache
	Live   client.Reader // reads from the API server
	// Version asks the API server for its version.
	Version func() (*version.Info, error)
}

// facts is what one pass found. An error stands for what could not be read.
type facts struct {
	clusterID, version string
	key                string // that the cluster signs with; empty: it can't be read
	apis               []string
	classes            map[v1alpha1.ClassKind][]v1alpha1.ClassFact
	errs               []error
	stores             archive.Problems
	storesErr          error
	abandoned          []string // profiles whose stores the user gave up
}

// Reconcile makes one pass over the DRClusterConfig.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	config := &v1alpha1.DRClusterConfig{}
	if err := r.Live.Get(ctx, req.NamespacedName, config); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	f := r.observe(ctx, config)
	after := config.DeepCopy()
	after.Status = status(config, f, r.Clock.Now())
	// Maintenance modes have a controller of their own: what both lack is not sent.
	config.Status.MaintenanceModes, after.Status.MaintenanceModes = nil, nil
	_, err := apply.New(r.Client, owner).ChangedStatus(ctx, config, after)
	wait := &outcome.Waiting{Reason: reasonSucceeded, Message: "look again", After: lookAgain}
	_, result, err := outcome.Of(wait, err, errors.Join(f.errs...))
	return result, err
}

func (r *Reconciler) observe(ctx context.Context, config *v1alpha1.DRClusterConfig) facts {
	f := facts{classes: map[v1alpha1.ClassKind][]v1alpha1.ClassFact{}}
	system := &corev1.Namespace{}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: "kube-system"}, system); err != nil {
		f.errs = append(f.errs, fmt.Errorf("read Namespace kube-system: %w", err))
	}
	f.clusterID = string(system.UID)
	if key, err := r.Signing.Key(ctx); err != nil {
		log.FromContext(ctx).Error(err, "Could not read the signing key")
	} else {
		f.key = key.Public()
	}
	if info, err := r.Version(); err != nil {
		f.errs = append(f.errs, fmt.Errorf("read version of the API server: %w", err))
	} else {
		f.version = info.GitVersion
	}
	for _, s := range sources() {
		classes, served, err := s.read(ctx, r.Live)
		if err != nil {
			f.errs = append(f.errs, err)
		}
		f.classes[s.kind] = classes
		if served && s.optionalName != "" {
			f.apis = append(f.apis, s.gvk.GroupVersion().String())
		}
	}
	f.apis = append(f.apis, r.alsoServed()...)
	slices.Sort(f.apis)
	f.apis = slices.Compact(f.apis)
	f.abandoned = config.Spec.AbandonedStores
	f.stores, f.storesErr = r.Archive.Check(ctx, config.Spec.AbandonedStores)
	return f
}

// alsoServed are the optional APIs that have no classes.
func (r *Reconciler) alsoServed() []string {
	var out []string
	for _, gk := range []schema.GroupKind{{Group: "volsync.backube", Kind: "ReplicationSource"}} {
		mapping, err := r.Client.RESTMapper().RESTMapping(gk)
		if err == nil {
			out = append(out, mapping.GroupVersionKind.GroupVersion().String())
		}
	}
	return out
}

// status is the whole status after a pass. Of the old one it takes the times, and what could not be read this time.
func status(config *v1alpha1.DRClusterConfig, f facts, now time.Time) v1alpha1.DRClusterConfigStatus {
	was := config.Status
	out := v1alpha1.DRClusterConfigStatus{
		ClusterID: f.clusterID, KubernetesVersion: f.version, APIs: f.apis, SigningKey: cmp.Or(f.key, was.SigningKey),
		ObservedGeneration: config.Generation,
		Profiles:           profiles(was.Profiles, f, now),
	}
	if f.errs == nil {
		lists := map[v1alpha1.ClassKind]*[]string{
			v1alpha1.KindStorageClass:                &out.StorageClasses,
			v1alpha1.KindVolumeSnapshotClass:         &out.VolumeSnapshotClasses,
			v1alpha1.KindVolumeGroupSnapshotClass:    &out.VolumeGroupSnapshotClasses,
			v1alpha1.KindVolumeReplicationClass:      &out.VolumeReplicationClasses,
			v1alpha1.KindVolumeGroupReplicationClass: &out.VolumeGroupReplicationClasses,
		}
		for _, s := range sources() {
			out.Classes = append(out.Classes, f.classes[s.kind]...)
			*lists[s.kind] = s.names(f.classes[s.kind])
		}
	} else {
		profilesNow := out.Profiles
		out = *was.DeepCopy()
		out.ObservedGeneration, out.Profiles, out.SigningKey = config.Generation, profilesNow, cmp.Or(f.key, was.SigningKey)
	}
	out.Conditions = cond.Merge(was.Conditions, now, processed(f, config.Generation), reachable(f, config.Generation))
	return out
}

func processed(f facts, generation int64) metav1.Condition {
	if err := errors.Join(f.errs...); err != nil {
		return cond.New(v1alpha1.ConditionProcessed, metav1.ConditionFalse, reasonFailed, err.Error(), generation)
	}
	return cond.New(v1alpha1.ConditionProcessed, metav1.ConditionTrue, reasonSucceeded, "the classes of the cluster are listed", generation)
}

func reachable(f facts, generation int64) metav1.Condition {
	kind := v1alpha1.ConditionReachable
	switch {
	case f.storesErr != nil:
		return cond.New(kind, metav1.ConditionFalse, reasonUnreachable, f.storesErr.Error(), generation)
	case len(f.stores) == 0 && len(f.abandoned) > 0:
		return cond.New(kind, metav1.ConditionFalse, reasonUnreachable, "every object store was given up: "+bounded.List(f.abandoned, ", "), generation)
	case len(f.stores) == 0:
		return cond.New(kind, metav1.ConditionFalse, reasonNoProfile, "the configuration lists no s3StoreProfiles: add them", generation)
	case f.stores.Err() != nil:
		return cond.New(kind, metav1.ConditionFalse, reasonUnreachable, f.stores.Err().Error(), generation)
	default:
		return cond.New(kind, metav1.ConditionTrue, reasonReachable, "all S3 profiles answer from here"+f.without(), generation)
	}
}

// without names the stores that were given up; empty if there are none.
func (f facts) without() string {
	if len(f.abandoned) == 0 {
		return ""
	}
	return "; given up, and not asked: " + bounded.List(f.abandoned, ", ")
}

// profiles are the facts of the stores, sorted, with the time at which each last changed.
func profiles(was []v1alpha1.ProfileFact, f facts, now time.Time) []v1alpha1.ProfileFact {
	if f.storesErr != nil {
		return was
	}
	out := make([]v1alpha1.ProfileFact, 0, len(f.stores))
	for name, err := range f.stores {
		fact := v1alpha1.ProfileFact{Name: name, Reachable: err == nil}
		if err != nil {
			fact.Message = err.Error()
		}
		at := metav1.NewTime(now.Truncate(time.Second))
		fact.ObservedTime = &at
		for _, old := range was {
			if old.Name == name && old.Reachable == fact.Reachable {
				fact.ObservedTime = old.ObservedTime
			}
		}
		out = append(out, fact)
	}
	slices.SortFunc(out, func(a, b v1alpha1.ProfileFact) int { return strings.Compare(a.Name, b.Name) })
	return out
}
