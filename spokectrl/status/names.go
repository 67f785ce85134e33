// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"slices"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/volumes"
)

// What a message says of the volumes that something is special about.

// held names the claims that stay though their users delete them, or select them no more; empty if there are none.
func held(s Pass) string {
	var names []string
	for i, v := range s.Plan.Verdicts {
		if v.Why == plan.WhyLeaving && v.State == plan.AtPrimary && !s.Facts.FinalSync && !s.Facts.Unprotect {
			names = append(names, s.volume(i).title())
		}
	}
	if names == nil {
		return ""
	}
	return fmt.Sprintf("; these claims are deleted or not selected any more, and stay protected because volumeUnprotectionEnabled is false in ConfigMap %s of this cluster: %s. "+
		"To release them, set it to true", ramenconfig.SpokeConfigMap, bounded.List(names, ", "))
}

// ceded names the claims that the group would select, and that have no volume of their own; empty if there are none.
func ceded(s Pass) string {
	var names []string
	for i, v := range s.Volumes {
		if v.Item.Selected && s.Facts.Volumes[i].Ceded {
			names = append(names, fmt.Sprintf("%s (%s)", s.volume(i).title(), v.Item.Unbound()))
		}
	}
	if names == nil {
		return ""
	}
	return "; these claims are left out, since their volumes belong to other claims: " + bounded.List(names, ", ") + ". Delete them when nothing needs them"
}

// ephemeral names the claims that the selector matches, and that are left out because they end with their Pods; empty: there are none.
func ephemeral(s Pass) string {
	var names []string
	for _, key := range s.Ephemeral {
		it := volumes.Item{Namespace: key.Namespace, Name: key.Name}
		names = append(names, it.Title(s.VRG.Namespace))
	}
	if names == nil {
		return ""
	}
	slices.Sort(names)
	return "; these claims are left out, since each ends with its Pod, for which Kubernetes makes another one: " + bounded.List(names, ", ")
}

// sessions names the claims of a secondary that are being deleted, and that their storage holds; empty if there are none.
func sessions(s Pass) string {
	var names []string
	for i, v := range s.Plan.Verdicts {
		if v.Why == plan.WhySession {
			names = append(names, s.volume(i).title())
		}
	}
	if names == nil {
		return ""
	}
	return "; these claims are being deleted, and stay until the protection ends or the application moves back, since their storage lets go of a secondary only after the primary: " +
		bounded.List(names, ", ")
}

// notReceived names the volumes that a secondary can't receive, and why; empty if there are none.
func notReceived(s Pass) string {
	var messages []string
	for i, c := range s.Copies {
		switch err := s.Done.Copies[i]; {
		case !c.Wanted:
		case c.Refusal != nil:
			messages = append(messages, fmt.Sprintf("claim %s can't be received: %s", title(c.Volume, s.VRG.Namespace), c.Refusal.Message))
		case err != nil:
			messages = append(messages, fmt.Sprintf("claim %s can't be received: %v", title(c.Volume, s.VRG.Namespace), err))
		case c.Trouble != "":
			messages = append(messages, fmt.Sprintf("claim %s is not received: %s", title(c.Volume, s.VRG.Namespace), c.Trouble))
		}
	}
	return bounded.Messages(messages)
}

// leaving names the claims that are being deleted; empty if there are none. While their application moves away nothing is
// done to them: if it stays after all they come back from the stores, and copies that someone made before would be in the way.
func leaving(s Pass) string {
	var names []string
	for i, v := range s.Facts.Volumes {
		if v.Leaving() {
			names = append(names, s.volume(i).title())
		}
	}
	if names == nil {
		return ""
	}
	return "claims are being deleted while the application moves away: " + bounded.Messages(names)
}

// unprotected names the claims of a secondary that were never replicated from here; empty if there are none.
func unprotected(s Pass) string {
	var names []string
	for i, v := range s.Plan.Verdicts {
		if v.Why == plan.WhyUnprotected {
			names = append(names, s.volume(i).title())
		}
	}
	if names == nil {
		return ""
	}
	return fmt.Sprintf("the group is secondary, but here are claims of it that were never replicated: %s. They may be the only copy of their data: to keep them out of the group, change their labels so that spec.pvcSelector does not match them", bounded.List(names, ", "))
}

func title(p v1alpha1.ProtectedPVC, namespace string) string {
	return (&volumes.Item{Namespace: p.Namespace, Name: p.Name}).Title(namespace)
}
