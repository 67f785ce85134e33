// SPDX-License-Identifier: Apache-2.0

package capsule_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

// TestARestoredClaimCanBeAppliedAgain : all that can't be changed of a claim is as its manifest has it.
func TestARestoredClaimCanBeAppliedAgain(t *testing.T) {
	was := corev1.PersistentVolumeClaimSpec{
		StorageClassName: new("sc"), VolumeName: "pv", VolumeMode: new(corev1.PersistentVolumeFilesystem),
		AccessModes:   []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		DataSource:    &corev1.TypedLocalObjectReference{APIGroup: new("snapshot.storage.k8s.io"), Kind: "VolumeSnapshot", Name: "seed"},
		DataSourceRef: &corev1.TypedObjectReference{APIGroup: new("snapshot.storage.k8s.io"), Kind: "VolumeSnapshot", Name: "seed"},
	}
	p := stored(t, func(p capsule.Pair) { p.PVC.Spec = *was.DeepCopy() })
	assert.Equal(t, was, capsule.NewPVC(p).Spec)
	assert.Equal(t, "pv", capsule.NewPVC(p).Spec.VolumeName, "nothing is made from the source")
}

// TestAClaimThatGaveItsVolumeAwayIsNotRestored : an earlier version stored it, and what it stored can be restored all the same.
func TestAClaimThatGaveItsVolumeAwayIsNotRestored(t *testing.T) {
	first, second := pair(), pair()
	second.PVC.Name = "renamed"
	for _, p := range []capsule.Pair{first, second} {
		p.PV.Spec.ClaimRef.Name = "renamed"
	}
	content, err := capsule.Build(vrg(), []capsule.Pair{first, second})
	require.NoError(t, err)
	m, bodies := sealed(content)
	pairs, err := capsule.Open(group, m, bodies)
	require.NoError(t, err)
	require.Len(t, pairs, 1)
	assert.Equal(t, "renamed", pairs[0].PVC.Name)
	assert.Equal(t, "pv", pairs[0].PV.Name)
}
