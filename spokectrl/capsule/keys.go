// SPDX-License-Identifier: Apache-2.0

package capsule

import "strings"

// Components of the keys, after the Go types of the objects: Ramen's tools look for them.
const (
	kindPV   = "v1.PersistentVolume"
	kindPVC  = "v1.PersistentVolumeClaim"
	kindVRG  = "v1alpha1.VolumeReplicationGroup"
	manifest = "manifest.json"
)

// Group names a VolumeReplicationGroup, and so the part of a store that is its own.
type Group struct{ Namespace, Name string }

// Prefix starts all keys of the group.
func (g Group) Prefix() string { return g.Namespace + "/" + g.Name + "/" }

// PV is the key of a PersistentVolume.
func (g Group) PV(name string) string { return g.Prefix() + kindPV + "/" + name }

// PVC is the key of a PersistentVolumeClaim.
func (g Group) PVC(namespace, name string) string {
	return g.Prefix() + kindPVC + "/" + namespace + "/" + name
}

// VRG is the key of the group itself.
func (g Group) VRG() string { return g.Prefix() + kindVRG + "/a" }

// Manifest is the key of the manifest.
func (g Group) Manifest() string { return g.Prefix() + manifest }

func (g Group) isPV(key string) bool  { return strings.HasPrefix(key, g.Prefix()+kindPV+"/") }
func (g Group) isPVC(key string) bool { return strings.HasPrefix(key, g.Prefix()+kindPVC+"/") }
