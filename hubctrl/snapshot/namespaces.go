// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"fmt"
	"slices"
	"time"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// retryConfig is how soon an unreadable configuration is read again, besides when it changes.
const retryConfig = 15 * time.Second

// spans reports whether an application is one of several namespaces.
func spans(drpc *v1alpha1.DRPlacementControl, config *ramenconfig.Config) bool {
	return Asking(drpc).spans(config)
}

// Misplaced says what is wrong with where an object is and which namespaces it lists; nil: nothing, or nothing for sure.
func Misplaced(drpc *v1alpha1.DRPlacementControl, config *ramenconfig.Config) error {
	if config == nil {
		return nil
	}
	listed, ops, refuse := drpc.Spec.ProtectedNamespaces, config.RamenOpsNamespace, RefuseSpec
	switch {
	case !spans(drpc, config) && len(listed) > 0:
		return refuse("spec.protectedNamespaces is only for a DRPlacementControl in namespace %s: leave it out, or make the DRPlacementControl there", ops)
	case !spans(drpc, config) && exchange.GroupOf(drpc).Namespace != drpc.Namespace && !config.MayNameOthers(drpc.Namespace):
		return refuse("annotation %[1]s names namespace %[2]s, but a DRPlacementControl in namespace %[3]s may be about namespace %[3]s only: create it in namespace %[2]s, or have an administrator add %[3]s to appNamespacesFrom in ConfigMap %[4]s",
			v1alpha1.AnnotationAppNamespace, exchange.GroupOf(drpc).Namespace, drpc.Namespace, ramenconfig.HubConfigMap)
	case !spans(drpc, config):
		return nil
	case !ramenconfig.Enabled(config.MultiNamespace.FeatureEnabled):
		return refuse("applications of several namespaces are turned off: set multiNamespace.FeatureEnabled to true in ConfigMap %s, or make a DRPlacementControl in the namespace of the application instead of %s",
			ramenconfig.HubConfigMap, ops)
	case len(listed) == 0:
		return refuse("spec.protectedNamespaces is empty: list the namespaces of the application, as a DRPlacementControl in namespace %s must", ops)
	case slices.Contains(listed, ops):
		return refuse("spec.protectedNamespaces lists %s, which is for DRPlacementControls and not for applications: remove it", ops)
	case exchange.GroupOf(drpc).Namespace != ops:
		return refuse("annotation %s names %s, but the group of a DRPlacementControl in namespace %s lies in %s: take the annotation off",
			v1alpha1.AnnotationAppNamespace, exchange.GroupOf(drpc).Namespace, ops, ops)
	default:
		return nil
	}
}

// Unplaced is what a new application waits for that is about other namespaces while the configuration can't be read.
func Unplaced(w *Snapshot) error {
	field := ""
	switch {
	case w.Config != nil:
		return nil
	case len(w.DRPC.Spec.ProtectedNamespaces) > 0:
		field = "spec.protectedNamespaces"
	case exchange.GroupOf(w.DRPC).Namespace != w.DRPC.Namespace:
		field = "annotation " + v1alpha1.AnnotationAppNamespace
	default:
		return nil
	}
	return &outcome.Waiting{Reason: "ConfigMapGetFailed", After: retryConfig,
		Message: fmt.Sprintf("whether %s is allowed in namespace %s is not known: %v", field, w.DRPC.Namespace, w.ConfigErr)}
}

// ProtectedNamespaces are those of the spec; but what runs keeps its own while those of the spec can't be taken.
func (w *Snapshot) ProtectedNamespaces() []string {
	if w.Flaw != nil || Unplaced(w) != nil {
		for i := range w.Sides {
			if wish := w.Sides[i].Wish; wish != nil {
				return wish.Spec.ProtectedNamespaces
			}
		}
	}
	return w.DRPC.Spec.ProtectedNamespaces
}

// WithoutVolSync reports whether the spec or the configuration turns VolSync off for the application; unknown: as was
// wished.
func WithoutVolSync(w *Snapshot, wish *v1alpha1.VolumeReplicationGroup) bool {
	switch {
	case w.DRPC.Spec.VolSyncSpec != nil && w.DRPC.Spec.VolSyncSpec.Disabled:
		return true
	case w.Config != nil:
		return ramenconfig.On(w.Config.VolSync.Disabled) || spans(w.DRPC, w.Config) && !ramenconfig.Enabled(w.Config.MultiNamespace.VolsyncSupported)
	case wish != nil:
		return wish.Spec.VolSync.Disabled
	default:
		return false
	}
}
