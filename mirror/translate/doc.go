// SPDX-License-Identifier: Apache-2.0

// Package translate turns wishes into copies and copies into reports, and decides what a wish asks for. It is pure: it
// reads no clock and touches no API server, and it never changes what it is given.
//
// It promises rules X6 to X11 of package exchange as far as one object goes: what it does not know passes (X7), an
// object of another origin is refused unless the wish names its UID (X8), a lower epoch is refused (X9), nothing is
// deleted but for a wish that is itself being deleted and whose UID the copy carries (X6), and marked before (X14), and what
// already is as wished asks for no write (X11).
package translate

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Object is the only form in which the mirror handles what it carries.
type Object = unstructured.Unstructured

// Field managers of the mirror: one for each kind and direction. They are part of what is stored on both sides: another
// name would leave the old manager's fields behind.
const (
	// ManagerCopy writes copies on a spoke.
	ManagerCopy = "mirror-copy"
	// ManagerEnd marks copies whose protection ends.
	ManagerEnd = "mirror-end"
	// ManagerReport writes reports in an inbox.
	ManagerReport = "mirror-report"
	// ManagerDelivery writes the status of wishes.
	ManagerDelivery = "mirror-delivery"
	// ManagerConfig writes the spec of a DRClusterConfig on a spoke.
	ManagerConfig = "mirror-config"
	// ManagerConfigReport writes the status of a DRClusterConfig on the hub.
	ManagerConfigReport = "mirror-config-report"
	// ManagerMemory writes into a DRClusterConfig on a spoke what the cluster has to remember.
	ManagerMemory = "mirror-memory"
	// ManagerLease writes the lease.
	ManagerLease = "mirror-lease"
)

// named is an empty object of the kind of like.
func named(like *Object, namespace, name string) *Object {
	out := &Object{Object: map[string]any{}}
	out.SetAPIVersion(like.GetAPIVersion())
	out.SetKind(like.GetKind())
	out.SetNamespace(namespace)
	out.SetName(name)
	return out
}
