// SPDX-License-Identifier: Apache-2.0

package maintenance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	v1alpha1ac "github.com/ramendr/ramen-direct/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
)

// fieldOwner is the field manager of MaintenanceModes, and of the answers in a DRClusterConfig.
const fieldOwner = "spokectrl-drclusterconfig-modes"

// Reconciler is the controller of the MaintenanceModes that the hub asks the cluster for. It is apart from the one that
// describes the cluster: an object store that does not answer must not hold up a failover.
type Reconciler struct {
	Client client.Client
	// Live reads from the API server: in a cache a mode may stand that was just ended.
	Live client.Reader
}

// Reconcile makes one pass over the requests in a DRClusterConfig.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	config, list := &v1alpha1.DRClusterConfig{}, &v1alpha1.MaintenanceModeList{}
	switch err := r.Live.Get(ctx, req.NamespacedName, config); {
	case apierrors.IsNotFound(err):
		return reconcile.Result{}, nil // what it owns is collected
	case err != nil:
		return reconcile.Result{}, fmt.Errorf("read DRClusterConfig %s: %w", req.Name, err)
	case config.DeletionTimestamp != nil:
		return reconcile.Result{}, nil
	}
	if err := r.Live.List(ctx, list); err != nil {
		return reconcile.Result{}, fmt.Errorf("list MaintenanceModes: %w", err)
	}
	next := decide(config, list.Items)
	err := r.act(ctx, config, next)
	return reconcile.Result{}, errors.Join(err, r.report(ctx, config, next))
}

// chores are what a pass decided: what to write and remove, and what to answer.
type chores struct {
	write   []chore
	remove  []v1alpha1.MaintenanceMode
	answers []v1alpha1.MaintenanceModeAnswer
}

// chore is a request, and the MaintenanceMode that is to be as it says.
type chore struct {
	request *v1alpha1.MaintenanceModeRequest
	have    *v1alpha1.MaintenanceMode // nil: none
}

// decide compares what the hub asks for with what there is. It is pure.
func decide(config *v1alpha1.DRClusterConfig, list []v1alpha1.MaintenanceMode) chores {
	var out chores
	asked := map[string]bool{}
	for i := range config.Spec.MaintenanceModes {
		request := &config.Spec.MaintenanceModes[i]
		asked[request.Name] = true
		a := v1alpha1.MaintenanceModeAnswer{
			Name: request.Name, StorageProvisioner: request.StorageProvisioner, TargetID: request.TargetID, RequestedTime: request.RequestedTime,
		}
		at := slices.IndexFunc(list, func(o v1alpha1.MaintenanceMode) bool { return o.Name == request.Name })
		switch {
		case at < 0:
			out.write = append(out.write, chore{request: request})
			a.Message = "the MaintenanceMode is being made"
		case !ours(&list[at], config):
			a.Message = fmt.Sprintf("MaintenanceMode %s on the cluster was made by somebody else and is left alone: remove it there", request.Name)
		case list[at].DeletionTimestamp != nil:
			a.Message = fmt.Sprintf("MaintenanceMode %s of an earlier failover is still being removed on the cluster", request.Name)
		case !says(&list[at], request):
			out.write = append(out.write, chore{request: request, have: &list[at]})
			a.Message = "the MaintenanceMode is being set"
		default:
			status := &list[at].Status
			a.Generation, a.ObservedGeneration = list[at].Generation, status.ObservedGeneration
			a.State, a.Conditions = status.State, status.Conditions
		}
		out.answers = append(out.answers, a)
	}
	slices.SortFunc(out.answers, byName)
	for i := range list {
		if ours(&list[i], config) && !asked[list[i].Name] && list[i].DeletionTimestamp == nil {
			out.remove = append(out.remove, list[i])
		}
	}
	return out
}

func byName(a, b v1alpha1.MaintenanceModeAnswer) int { return strings.Compare(a.Name, b.Name) }

// ours reports whether a mode was made for this DRClusterConfig: it has our label, and belongs to that very object.
func ours(mode *v1alpha1.MaintenanceMode, config *v1alpha1.DRClusterConfig) bool {
	return mode.Labels[v1alpha1.LabelCreatedByRamen] == "true" && metav1.IsControlledBy(mode, config)
}

func says(mode *v1alpha1.MaintenanceMode, request *v1alpha1.MaintenanceModeRequest) bool {
	spec := &mode.Spec
	return spec.StorageProvisioner == request.StorageProvisioner && spec.TargetID == request.TargetID && slices.Equal(spec.Modes, request.Modes)
}

// act does what was decided; what fails does not stop the rest. What it wrote is answered by the next pass, which the
// event of the write wakes.
func (r *Reconciler) act(ctx context.Context, config *v1alpha1.DRClusterConfig, next chores) error {
	var errs []error
	for _, c := range next.write {
		log.FromContext(ctx).Info("Asking the storage for a maintenance mode", "MaintenanceMode", c.request.Name, "provisioner", c.request.StorageProvisioner, "target", c.request.TargetID)
		if err := apply.New(r.Client, fieldOwner).Owned(ctx, intent(config, c)); err != nil {
			errs = append(errs, fmt.Errorf("apply MaintenanceMode %s: %w", c.request.Name, err))
		}
	}
	for i := range next.remove {
		mode := &next.remove[i]
		log.FromContext(ctx).Info("Ending a maintenance mode", "MaintenanceMode", mode.Name)
		if err := r.Client.Delete(ctx, mode, client.Preconditions{UID: &mode.UID}); client.IgnoreNotFound(err) != nil {
			errs = append(errs, fmt.Errorf("delete MaintenanceMode %s: %w", mode.Name, err))
		}
	}
	return errors.Join(errs...)
}

// intent is the MaintenanceMode that a chore asks for. It goes with the DRClusterConfig, and takes nothing over that
// somebody else made meanwhile.
func intent(config *v1alpha1.DRClusterConfig, c chore) apply.Intent {
	mode := v1alpha1ac.MaintenanceMode(c.request.Name).
		WithLabels(map[string]string{v1alpha1.LabelCreatedByRamen: "true"}).
		WithOwnerReferences(metav1ac.OwnerReference().
			WithAPIVersion(v1alpha1.GroupVersion.String()).WithKind("DRClusterConfig").
			WithName(config.Name).WithUID(config.UID).WithController(true)).
		WithSpec(v1alpha1ac.MaintenanceModeSpec().
			WithStorageProvisioner(c.request.StorageProvisioner).WithTargetID(c.request.TargetID).WithModes(c.request.Modes...))
	if c.have == nil {
		return mode.WithResourceVersion("0") // there must be none
	}
	return mode.WithUID(c.have.UID)
}

// report writes the answers. The rest of the status has another owner.
func (r *Reconciler) report(ctx context.Context, config *v1alpha1.DRClusterConfig, next chores) error {
	before, after := &v1alpha1.DRClusterConfig{}, &v1alpha1.DRClusterConfig{}
	before.Status.MaintenanceModes = slices.SortedFunc(slices.Values(config.Status.MaintenanceModes), byName)
	after.Name, after.UID, after.Status.MaintenanceModes = config.Name, config.UID, next.answers
	if _, err := apply.New(r.Client, fieldOwner).ChangedStatus(ctx, before, after); err != nil {
		return fmt.Errorf("answer about maintenance modes: %w", err)
	}
	return nil
}
