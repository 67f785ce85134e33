// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"fmt"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// Offloaded refuses a volume whose storage replicates groups of volumes without being told by us: the policy says so of its
// class, or the class does. No technique may copy it beside that: a failover would bring the copy back, not what the storage has.
// Nil: it is none.
func Offloaded(v Volume) *Refusal {
	is := false
	if v.Class != nil {
		_, is = v.Class.Labels[v1alpha1.LabelOffloaded]
	}
	for i := range v.Group.PeerClasses {
		p := &v.Group.PeerClasses[i]
		is = is || p.StorageClassName == v.ClassName() && p.Offloaded
	}
	if !is {
		return nil
	}
	return &Refusal{Reason: ReasonNotSupported, Message: fmt.Sprintf(
		"the storage of StorageClass %q replicates groups of volumes by itself, which is not supported: to have each volume replicated, remove label %s on both clusters",
		v.ClassName(), v1alpha1.LabelOffloaded)}
}
