// SPDX-License-Identifier: Apache-2.0

package capsule

import (
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// Pair is a claim and the volume that it is bound to.
type Pair struct {
	PV  *corev1.PersistentVolume
	PVC *corev1.PersistentVolumeClaim
	// Own says that the volume itself remembers the claim. It may have been received by another one, which it was bound to.
	Own bool
}

// Content is what a store should hold of a group, by key, without the manifest.
type Content map[string]Object

// Keep has what a store holds of a claim and its volume stay as it is: nobody can describe them now.
func (c Content) Keep(g Group, claim *corev1.PersistentVolumeClaim) {
	c[g.PV(claim.Spec.VolumeName)] = Object{}
	c[g.PVC(claim.Namespace, claim.Name)] = Object{}
}

// Build makes the content for a group and its volumes.
func Build(vrg *v1alpha1.VolumeReplicationGroup, pairs []Pair) (Content, error) {
	g := Group{Namespace: vrg.Namespace, Name: vrg.Name}
	c := Content{}
	add := func(key string, v any) error {
		o, err := Encode(v)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		c[key] = o
		return nil
	}
	for _, p := range pairs {
		if err := add(g.PV(p.PV.Name), portablePVOf(p.PV, p.PVC)); err != nil {
			return nil, err
		}
		if err := add(g.PVC(p.PVC.Namespace, p.PVC.Name), portablePVC(p.PVC)); err != nil {
			return nil, err
		}
	}
	return c, add(g.VRG(), portableVRG(vrg))
}

// Open reads the volumes of a group out of bodies, which are the objects that m vouches for. Each claim must have its
// volume and each volume its claim.
func Open(g Group, m *Manifest, bodies map[string][]byte) ([]Pair, error) {
	volumes := map[string]*corev1.PersistentVolume{}
	claims := map[string]*corev1.PersistentVolumeClaim{}
	for _, key := range m.Keys() {
		var into any
		switch {
		case g.isPV(key):
			into = &corev1.PersistentVolume{}
		case g.isPVC(key):
			into = &corev1.PersistentVolumeClaim{}
		default:
			continue
		}
		body, ok := bodies[key]
		if !ok {
			return nil, fmt.Errorf("object %s is missing, though the manifest lists it", key)
		}
		sum, err := Decode(body, into)
		if err != nil {
			return nil, fmt.Errorf("object %s: %w", key, err)
		}
		if !m.Vouches(key, sum) {
			return nil, fmt.Errorf("object %s is not the one that the manifest lists: its checksum differs", key)
		}
		switch obj := into.(type) {
		case *corev1.PersistentVolume:
			if key != g.PV(obj.Name) {
				return nil, fmt.Errorf("object %s holds PersistentVolume %q", key, obj.Name)
			}
			volumes[obj.Name] = obj
		case *corev1.PersistentVolumeClaim:
			if key != g.PVC(obj.Namespace, obj.Name) {
				return nil, fmt.Errorf("object %s holds PersistentVolumeClaim %s/%s", key, obj.Namespace, obj.Name)
			}
			claims[key] = obj
		}
	}
	return match(g, volumes, claims)
}

// holds reports whether a stored claim names a volume as its own.
func holds(claim *corev1.PersistentVolumeClaim, pv *corev1.PersistentVolume) bool {
	return claim != nil && claim.Spec.VolumeName == pv.Name
}

func match(g Group, volumes map[string]*corev1.PersistentVolume, claims map[string]*corev1.PersistentVolumeClaim) ([]Pair, error) {
	pairs, paired := make([]Pair, 0, len(claims)), map[string]bool{}
	for _, key := range sorted(claims) {
		pvc := claims[key]
		pv := volumes[pvc.Spec.VolumeName]
		if pv == nil {
			return nil, fmt.Errorf("PersistentVolumeClaim %s/%s is stored without its PersistentVolume %q", pvc.Namespace, pvc.Name, pvc.Spec.VolumeName)
		}
		if ref := pv.Spec.ClaimRef; ref != nil && ref.Namespace+"/"+ref.Name != pvc.Namespace+"/"+pvc.Name && holds(claims[g.PVC(ref.Namespace, ref.Name)], pv) {
			continue // an earlier version stored a claim that had given its volume to another one
		}
		if ref := pv.Spec.ClaimRef; ref == nil || ref.Namespace != pvc.Namespace || ref.Name != pvc.Name {
			return nil, fmt.Errorf("PersistentVolume %s is stored for another claim than %s/%s", pv.Name, pvc.Namespace, pvc.Name)
		}
		pairs = append(pairs, Pair{PV: pv, PVC: pvc})
		paired[pv.Name] = true
	}
	maps.DeleteFunc(volumes, func(name string, _ *corev1.PersistentVolume) bool { return paired[name] })
	for _, name := range sorted(volumes) {
		return nil, fmt.Errorf("PersistentVolume %s is stored without its claim (group %s/%s)", name, g.Namespace, g.Name)
	}
	return pairs, nil
}
