// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
)

// Owner is the field manager of what the plugin writes.
const Owner = "kubectl-ramen-direct"

// attempts is how often an order is written, if the hub writes the status each time in between.
const attempts = 10

// Write sets the fields of an order, on condition that nobody has changed the spec since it was looked at; dry: the API server
// says whether it would accept that, and keeps nothing.
func (h *Hub) Write(ctx context.Context, o *view.Order, dry bool) (*v1alpha1.DRPlacementControl, error) {
	version := o.ResourceVersion
	for n := 1; ; n++ {
		drpc, err := h.writeOver(ctx, o, version, dry)
		if !apierrors.IsConflict(err) || n == attempts {
			return drpc, err
		}
		now := &v1alpha1.DRPlacementControl{}
		if getErr := h.Get(ctx, client.ObjectKey{Namespace: o.Application.Namespace, Name: o.Application.Name}, now); getErr != nil {
			return nil, fmt.Errorf("read DRPlacementControl: %w", getErr)
		}
		if now.UID != o.UID || now.Generation != o.Generation {
			return nil, err
		}
		version = now.ResourceVersion
	}
}

// writeOver sets the fields of an order in a version of the object.
func (h *Hub) writeOver(ctx context.Context, o *view.Order, version string, dry bool) (*v1alpha1.DRPlacementControl, error) {
	request, err := json.Marshal(map[string]any{"generation": o.Becomes, "by": o.RequestedBy, "reason": o.Reason})
	if err != nil {
		return nil, fmt.Errorf("write DRPlacementControl: %w", err)
	}
	annotations := map[string]string{v1alpha1.AnnotationRequest: string(request)}
	if o.Run != "" {
		annotations[v1alpha1.AnnotationSiteFailover] = o.Run
	}
	metadata := map[string]any{"resourceVersion": version, "annotations": annotations}
	body, err := json.Marshal(map[string]any{"metadata": metadata, "spec": o.Spec})
	if err != nil {
		return nil, fmt.Errorf("write DRPlacementControl: %w", err)
	}
	drpc := &v1alpha1.DRPlacementControl{}
	drpc.Namespace, drpc.Name = o.Application.Namespace, o.Application.Name
	options := []client.PatchOption{client.FieldOwner(Owner)}
	if dry {
		options = append(options, client.DryRunAll)
	}
	if err := h.Patch(ctx, drpc, client.RawPatch(types.MergePatchType, body), options...); err != nil {
		return nil, fmt.Errorf("write DRPlacementControl: %w", err)
	}
	return drpc, nil
}

// See is how an application is now, with what was known around it when an order was made.
func (h *Hub) See(drpc *v1alpha1.DRPlacementControl, around *view.Snapshot) view.Application {
	s := *around
	s.Applications, s.Now = []v1alpha1.DRPlacementControl{*drpc}, h.clock.Now()
	return view.StatusOf(&s).Items[0]
}

// again is how soon a watch that ended, or could not begin, begins again.
const again = time.Second

// ErrGone ends a watch of an application that is deleted.
var ErrGone = errors.New("the DRPlacementControl was deleted meanwhile")

// Follow shows an application to see at once and whenever it changes, until see says that it has seen enough. An API server
// that can't be reached meanwhile is asked again; a lack of rights, or the end of the application, ends it.
func (h *Hub) Follow(ctx context.Context, of *v1alpha1.DRPlacementControl, see func(*v1alpha1.DRPlacementControl) (bool, error)) error {
	return Follow(ctx, h, client.ObjectKeyFromObject(of), &v1alpha1.DRPlacementControlList{}, func(drpc *v1alpha1.DRPlacementControl) (bool, error) {
		if drpc == nil || drpc.UID != of.UID {
			return false, ErrGone
		}
		return see(drpc)
	})
}

// denied reports whether asking again is of no use.
func denied(err error) bool { return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) }

// repeat looks, with a pause in between, until a look says that it has seen enough, or fails.
func (h *Hub) repeat(ctx context.Context, look func() (enough bool, err error)) error {
	for {
		if enough, err := look(); err != nil || enough {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-h.timers.After(again):
		}
	}
}
