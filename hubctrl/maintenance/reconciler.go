// SPDX-License-Identifier: Apache-2.0

package maintenance

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	hublinks "github.com/ramendr/ramen-direct/hubctrl/links"
	"github.com/ramendr/ramen-direct/hubctrl/maintenance/modes"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// fieldOwner is the field manager of the requests in a DRClusterConfig, and of what a DRCluster shows of them.
const fieldOwner = "hubctrl-drcluster-modes"

// Reconciler asks each cluster for the maintenance modes that failovers to it need, and shows their state. It is a controller
// of its own: an object store that does not answer, or anything else that is wrong with a cluster, must not hold up a failover.
type Reconciler struct {
	client client.Client
	live   client.Reader // past the cache: for what is written here, and before a mode is ended
	apply  apply.Applier
	clock  clock.PassiveClock
}

func newReconciler(c client.Client, live client.Reader, now clock.PassiveClock) *Reconciler {
	return &Reconciler{client: c, live: live, apply: apply.New(c, fieldOwner), clock: now}
}

// Reconcile looks at the cluster of one DRCluster.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	dc, config := &v1alpha1.DRCluster{}, &v1alpha1.DRClusterConfig{}
	for _, o := range []client.Object{dc, config} {
		switch err := r.live.Get(ctx, client.ObjectKey{Name: req.Name}, o); {
		case apierrors.IsNotFound(err):
			return reconcile.Result{}, nil // not set up yet, or gone: a watch tells when it is there
		case err != nil:
			return reconcile.Result{}, fmt.Errorf("read %T %s: %w", o, req.Name, err)
		}
	}
	if err := r.ask(ctx, config); err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{}, r.show(ctx, dc, config)
}

// ask brings the requests in config in line with what the failovers need. Before a mode is ended everything is read live:
// the cache may not show yet that somebody asked for a failover.
func (r *Reconciler) ask(ctx context.Context, config *v1alpha1.DRClusterConfig) error {
	was := config.Spec.MaintenanceModes
	want, err := r.requests(ctx, r.client, config)
	if err == nil && ends(was, want) {
		want, err = r.requests(ctx, r.live, config)
	}
	if err != nil || sameRequests(was, want) {
		return err
	}
	log.FromContext(ctx).Info("Asking for maintenance modes", "cluster", config.Name, "before", len(was), "now", len(want))
	intent := &unstructured.Unstructured{}
	intent.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("DRClusterConfig"))
	intent.SetName(config.Name)
	intent.SetUID(config.UID) // so that it is not re-created
	list := []any{}
	for i := range want {
		item, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&want[i])
		if err != nil {
			return fmt.Errorf("convert request %s: %w", want[i].Name, err)
		}
		list = append(list, item)
	}
	intent.Object["spec"] = map[string]any{"maintenanceModes": list}
	if err := r.apply.Owned(ctx, apply.Untyped(intent)); err != nil {
		return fmt.Errorf("ask cluster %s for maintenance modes: %w", config.Name, err)
	}
	config.Spec.MaintenanceModes = want
	return nil
}

// requests are those that the cluster is to get. from is where applications and what is known of them are read.
func (r *Reconciler) requests(ctx context.Context, from client.Reader, config *v1alpha1.DRClusterConfig) ([]v1alpha1.MaintenanceModeRequest, error) {
	if !modes.Asked(config.Status.Classes) {
		return nil, nil // whatever fails over: to look at all of it, at each step of each, would cost more than the failovers do
	}
	list := &v1alpha1.DRPlacementControlList{}
	if err := from.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil { // none is changed here
		return nil, fmt.Errorf("list DRPlacementControls: %w", err)
	}
	var failovers []modes.Failover
	for i := range list.Items {
		drpc := &list.Items[i]
		if drpc.Spec.Action != v1alpha1.ActionFailover {
			continue
		}
		sides, err := r.sides(ctx, from, drpc)
		if err != nil {
			return nil, err
		}
		if f, target, ok := modes.Of(drpc, sides); ok && target == config.Name {
			failovers = append(failovers, f)
		}
	}
	return modes.Requests(modes.Needed(failovers, config.Status.Classes), config.Spec.MaintenanceModes, r.clock.Now()), nil
}

// sides are what is known of an application on the clusters of its policy. Without the policy nothing is.
func (r *Reconciler) sides(ctx context.Context, from client.Reader, drpc *v1alpha1.DRPlacementControl) (sides [2]modes.Side, err error) {
	policy := &v1alpha1.DRPolicy{}
	switch err := from.Get(ctx, client.ObjectKey{Name: drpc.Spec.DRPolicyRef.Name}, policy); {
	case apierrors.IsNotFound(err):
		return sides, nil
	case err != nil:
		return sides, fmt.Errorf("read DRPolicy %s: %w", drpc.Spec.DRPolicyRef.Name, err)
	}
	group := exchange.GroupOf(drpc)
	name := exchange.ObjectName(group.Namespace, group.Name)
	for i, cluster := range policy.Spec.DRClusters[:min(len(policy.Spec.DRClusters), len(sides))] {
		sides[i].Cluster = cluster
		if sides[i].Wish, err = read(ctx, from, exchange.Outbox(cluster), name); err != nil {
			return sides, err
		}
		if sides[i].Report, err = read(ctx, from, exchange.Inbox(cluster), name); err != nil {
			return sides, err
		}
		if sides[i].Report == nil {
			continue
		}
		if sides[i].Report, err = hublinks.Whole(ctx, r.live, sides[i].Report); err != nil {
			return sides, err
		}
	}
	return sides, nil
}

// read returns a wish or report; nil: there is none.
func read(ctx context.Context, from client.Reader, namespace, name string) (*v1alpha1.VolumeReplicationGroup, error) {
	group := &v1alpha1.VolumeReplicationGroup{}
	switch err := from.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, group); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read VolumeReplicationGroup %s/%s: %w", namespace, name, err)
	}
	return group, nil
}

// show writes the state of the modes into the DRCluster. The rest of its status has another owner.
func (r *Reconciler) show(ctx context.Context, dc *v1alpha1.DRCluster, config *v1alpha1.DRClusterConfig) error {
	before, after := &v1alpha1.DRCluster{}, &v1alpha1.DRCluster{}
	before.Status.MaintenanceModes, after.Status.MaintenanceModes = dc.Status.MaintenanceModes, modes.Shown(config)
	after.Name, after.UID = dc.Name, dc.UID
	// The API server keeps the items of a list of this type in an order of its own.
	slices.SortFunc(before.Status.MaintenanceModes, func(a, b v1alpha1.ClusterMaintenanceMode) int {
		return cmp.Or(strings.Compare(a.StorageProvisioner, b.StorageProvisioner), strings.Compare(a.TargetID, b.TargetID))
	})
	if _, err := r.apply.ChangedStatus(ctx, before, after); err != nil {
		return fmt.Errorf("show the maintenance modes of DRCluster %s: %w", dc.Name, err)
	}
	return nil
}

// ends reports whether a request of was is not in want.
func ends(was, want []v1alpha1.MaintenanceModeRequest) bool {
	return slices.ContainsFunc(was, func(r v1alpha1.MaintenanceModeRequest) bool {
		return !slices.ContainsFunc(want, func(o v1alpha1.MaintenanceModeRequest) bool { return o.Name == r.Name })
	})
}

func sameRequests(a, b []v1alpha1.MaintenanceModeRequest) bool {
	byName := func(x, y v1alpha1.MaintenanceModeRequest) int { return strings.Compare(x.Name, y.Name) }
	return equality.Semantic.DeepEqual(slices.SortedFunc(slices.Values(a), byName), slices.SortedFunc(slices.Values(b), byName))
}
