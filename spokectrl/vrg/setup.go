// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"errors"
	"fmt"
	"time"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/internal/rewind"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/spokectrl/optional"
)

const (
	// concurrency is how many groups are looked at in parallel. A pass waits for object stores, not for a processor.
	concurrency = 20
	// Retries after an error wait from the first of these to the second.
	firstRetry, lastRetry = 500 * time.Millisecond, time.Minute
)

// Setup adds the controller to a manager. Everything that a group's status or next step depends on wakes it.
func Setup(mgr manager.Manager, o Options) error {
	r := &Reconciler{Options: o, Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Events: mgr.GetEventRecorder("volumereplicationgroup")}
	w := wake{reader: mgr.GetClient()}
	if err := mgr.GetFieldIndexer().IndexField(context.Background(), &v1alpha1.VolumeReplicationGroup{}, indexNamespaces, namespacesOf); err != nil {
		return fmt.Errorf("index VolumeReplicationGroups: %w", err)
	}
	kinds := map[string]optional.Kind{
		"volumereplications." + replicationv1.GroupVersion.Group:       {Object: &replicationv1.VolumeReplication{}, Wake: w.byOwnerLabels},
		"volumereplicationclasses." + replicationv1.GroupVersion.Group: {Object: &replicationv1.VolumeReplicationClass{}, Wake: w.all},
		"replicationsources." + volsyncv1.GroupVersion.Group:           {Object: &volsyncv1.ReplicationSource{}, Wake: w.byOwnerLabels},
		"replicationdestinations." + volsyncv1.GroupVersion.Group:      {Object: &volsyncv1.ReplicationDestination{}, Wake: w.byOwnerLabels},
		"volumesnapshots." + snapshotv1.GroupName:                      {Object: &snapshotv1.VolumeSnapshot{}, Wake: w.byOwnerLabels},
		"recipes." + v1alpha1.GroupVersion.Group:                       {Object: &v1alpha1.Recipe{}, Wake: w.byRecipe},
		"volumesnapshotclasses." + snapshotv1.GroupName:                {Object: &snapshotv1.VolumeSnapshotClass{}, Wake: w.all},
	}
	c, err := ctrl.NewControllerManagedBy(mgr).
		Named("volumereplicationgroup").
		For(&v1alpha1.VolumeReplicationGroup{}, builder.WithPredicates(predicate.Or(wished(), edited(&r.own)))).
		Watches(&corev1.PersistentVolumeClaim{}, handler.EnqueueRequestsFromMapFunc(w.byClaim)).
		Watches(&corev1.PersistentVolume{}, handler.EnqueueRequestsFromMapFunc(w.byVolume)).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(w.byPod), builder.WithPredicates(usage())).
		Watches(&storagev1.VolumeAttachment{}, handler.EnqueueRequestsFromMapFunc(w.byAttachment)).
		Watches(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(w.byNamespace), builder.WithPredicates(housing())).
		Watches(&v1alpha1.DRClusterConfig{}, handler.EnqueueRequestsFromMapFunc(w.all), builder.WithPredicates(abandoning())).
		Watches(&storagev1.StorageClass{}, handler.EnqueueRequestsFromMapFunc(w.all)).
		Watches(&corev1.ConfigMap{}, handler.EnqueueRequestsFromMapFunc(w.all), builder.WithPredicates(predicate.NewPredicateFuncs(func(o client.Object) bool {
			return o.GetNamespace() == r.Namespace && o.GetName() == ramenconfig.SpokeConfigMap
		}))).
		Watches(&apiextensionsv1.CustomResourceDefinition{}, handler.EnqueueRequestsFromMapFunc(w.all), builder.WithPredicates(served(kinds))).
		WatchesRawSource(objectsSource(r.Objects)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: concurrency,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
		}).
		Build(r)
	if err != nil {
		return fmt.Errorf("build controller of VolumeReplicationGroups: %w", err)
	}
	if r.Objects != nil {
		if err := errors.Join(mgr.Add(manager.RunnableFunc(r.Objects.Recover)), mgr.Add(closing(r.Objects))); err != nil {
			return fmt.Errorf("add the captures of Kubernetes objects: %w", err)
		}
	}
	return optional.Watch(mgr, "volumereplicationgroup", c, kinds)
}

// wished lets pass what is asked of a group, and its deletion.
func wished() predicate.Predicate {
	return predicate.Or(rewind.Changed(), predicate.AnnotationChangedPredicate{}, predicate.LabelChangedPredicate{})
}

// edited lets an update pass if somebody else wrote the status: it is corrected at once. A Secondary at rest would not be looked
// at again. What the mirror of a hub on this cluster writes into its inboxes is no group of ours.
func edited(own *apply.Own) predicate.Predicate {
	return apply.Updates(func(e event.UpdateEvent) bool {
		is, ok := e.ObjectNew.(*v1alpha1.VolumeReplicationGroup)
		if !ok || e.ObjectOld.GetResourceVersion() == is.ResourceVersion {
			return false
		}
		_, boxed := exchange.ClusterOf(is.Namespace)
		return !boxed && !own.Wrote(client.ObjectKeyFromObject(is), is.Status)
	})
}
