// SPDX-License-Identifier: Apache-2.0

package capsule

import (
	"fmt"

	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/utils/ptr"
)

// Unrestorable says why the peer would refuse to restore a pair as it is on the cluster that stores it, and what to do; empty:
// nothing is known that speaks against it. class is the one of the claim's name on this cluster, and nil if there is none, which
// says nothing: the class of the peer counts. It asks by the rules of a restore, so that they are not met in a failover first.
func Unrestorable(p Pair, class *storagev1.StorageClass) string {
	const not = ": the peer would not restore it. "
	name := "PersistentVolume " + p.PV.Name
	switch csi := p.PV.Spec.CSI; {
	case csi == nil:
		return name + " is no CSI volume" + not + "Copy the data into a claim of a StorageClass of a CSI driver"
	case ptr.Deref(p.PVC.Spec.StorageClassName, "") == "":
		return "the claim names no StorageClass" + not + "Copy the data into a claim of a StorageClass"
	case class != nil && class.Provisioner != csi.Driver:
		return fmt.Sprintf("%s is of driver %s, and StorageClass %s has provisioner %s%sCreate the class with provisioner %s again, or copy the data into a new claim",
			name, csi.Driver, *p.PVC.Spec.StorageClassName, class.Provisioner, not, csi.Driver)
	}
	return ""
}
