// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// start is an application that runs and is protected.
func (w *copying) start() {
	w.t.Helper()
	w.wish("dr1", v1alpha1.Primary)
	w.wish("dr2", v1alpha1.Secondary)
	w.settle()
	w.deploy("dr1")
	w.settle()
	w.write("dr1", "first")
	w.tick("dr1")
	w.settle()
}

func final(prepare, run bool) func(*v1alpha1.VolumeReplicationGroup) {
	return func(g *v1alpha1.VolumeReplicationGroup) {
		g.Spec.PrepareForFinalSync, g.Spec.RunFinalSync = prepare, run
	}
}

// relocate is the hub's way from one side to the other.
func (w *copying) relocate(from string) {
	w.t.Helper()
	to := peerOf(from)
	w.wish(from, v1alpha1.Primary, final(true, false))
	w.settle()
	require.True(w.t, w.sides[from].group().Status.PrepareForFinalSyncComplete, "%s is prepared", from)
	w.undeploy(from)
	w.wish(from, v1alpha1.Primary, final(false, true))
	w.settle()
	require.True(w.t, w.sides[from].group().Status.FinalSyncComplete, "%s has sent everything", from)
	w.wish(from, v1alpha1.Secondary, action(v1alpha1.VRGActionRelocate))
	w.settle()
	require.Equal(w.t, v1alpha1.SecondaryState, w.sides[from].group().Status.State)
	w.wish(to, v1alpha1.Primary, action(v1alpha1.VRGActionRelocate))
	w.settle()
	w.runsOn(to)
}

func (w *copying) runsOn(id string) {
	w.t.Helper()
	g := w.sides[id].group()
	require.Equal(w.t, v1alpha1.PrimaryState, g.Status.State, "%+v", g.Status.Conditions)
	require.Equal(w.t, "True/Restored", w.sides[id].says("ClusterDataReady"), w.sides[id].message("ClusterDataReady"))
	w.deploy(id)
	w.settle()
	w.tick(id)
	w.settle()
	require.Equal(w.t, "True/DataProtected", w.sides[id].says("DataProtected"), w.sides[id].message("DataProtected"))
}

// onlyOne requires that one volume is left on a side, and nothing of VolSync but what its role needs.
func (w *copying) volumesOn(id string) []string {
	w.t.Helper()
	list := &corev1.PersistentVolumeList{}
	require.NoError(w.t, w.sides[id].client.List(w.t.Context(), list))
	var out []string
	for _, pv := range list.Items {
		out = append(out, pv.Spec.ClaimRef.Name)
	}
	return out
}
