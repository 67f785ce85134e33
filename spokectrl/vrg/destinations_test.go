// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"fmt"
	"testing"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/testlayer"
)

// groupName is name, where a case has a name of its own.
const groupName = name

func TestACopiedVolumeIsProtected(t *testing.T) {
	w := newCopying(t)
	w.start()
	home, peer := w.sides["dr1"], w.sides["dr2"]
	assert.Equal(t, "True/DataProtected", home.says("DataProtected"))
	assert.Equal(t, "True/Ready", home.says("DataReady"))
	assert.Equal(t, v1alpha1.SecondaryState, peer.group().Status.State)
	g := home.group()
	require.Len(t, g.Status.ProtectedPVCs, 1)
	p := g.Status.ProtectedPVCs[0]
	assert.True(t, p.ProtectedByVolSync)
	assert.True(t, meta.IsStatusConditionTrue(p.Conditions, "ReplicationSourceSetup"))
	assert.Nil(t, meta.FindStatusCondition(p.Conditions, "PVsRestored"), "it was not")
	assert.NotNil(t, p.LastSyncTime)
	assert.NotNil(t, g.Status.LastGroupSyncTime)
	assert.Equal(t, map[string]string{"app": "x"}, p.Labels)
	assert.Contains(t, home.claim("data").Finalizers, v1alpha1.PVCVolSyncFinalizer)
	assert.NotContains(t, w.stores.keys(t, "dr1"), "app/drpc/v1.PersistentVolumeClaim/app/data", "its metadata is of this cluster only")
	require.Len(t, peer.group().Status.RDInfo, 1)
	assert.Equal(t, "dr2/data", peer.group().Status.RDInfo[0].RsyncTLS.Address)
	image := peer.group().Status.RDInfo[0].ProtectedPVC.LastSyncTime
	require.NotNil(t, image, "when it was received")
	assert.False(t, image.Before(p.LastSyncTime), "what the home says was sent before")

	was := w.total()
	for _, id := range []string{"dr1", "dr2"} {
		_, err := w.sides[id].pass()
		require.NoError(t, err)
	}
	assert.Equal(t, was, w.total(), "another pass writes nothing")
}

// byMethod tells a story for both copy methods.
func byMethod(t *testing.T, tell func(*testing.T, *copying)) {
	t.Helper()
	for _, method := range []volsyncv1.CopyMethodType{volsyncv1.CopyMethodSnapshot, volsyncv1.CopyMethodDirect} {
		t.Run(string(method), func(t *testing.T) { tell(t, newCopying(t).by(method)) })
	}
}

func TestACopiedVolumeRelocatesThereAndBack(t *testing.T) {
	byMethod(t, func(t *testing.T, w *copying) {
		w.start()
		for i, from := range []string{"dr1", "dr2", "dr1", "dr2"} {
			word := fmt.Sprintf("round %d", i)
			w.write(from, word)
			w.relocate(from)
			require.Equal(t, word, w.content(peerOf(from), "data"), "nothing is lost")
			require.True(t, meta.IsStatusConditionTrue(w.sides[peerOf(from)].group().Status.ProtectedPVCs[0].Conditions, "PVsRestored"))
			require.Equal(t, []string{"data"}, w.volumesOn(peerOf(from)), "no volume of an earlier term is left")
			require.Equal(t, []string{"data-received"}, w.volumesOn(from))
		}
	})
}

func TestACopiedVolumeFailsOver(t *testing.T) {
	byMethod(t, func(t *testing.T, w *copying) {
		w.start()
		w.write("dr1", "never sent")
		w.failover("dr1", "first", "second")
		require.Equal(t, []string{"data-received"}, w.volumesOn("dr1"), "what only the failed side had is given up, once newer data came in")
		require.Equal(t, []string{"data"}, w.volumesOn("dr2"))
		w.relocate("dr2")
		require.Equal(t, "second", w.content("dr1", "data"))
	})
}

// TestARestoreSurvivesWhoeverWritesTheClaim : an operator that knows only its own annotations takes off what says that we made it.
func TestARestoreSurvivesWhoeverWritesTheClaim(t *testing.T) {
	w := newCopying(t)
	w.start()
	w.cut = true
	w.wish("dr2", v1alpha1.Primary, action(v1alpha1.VRGActionFailover))
	w.settle("dr2")
	w.write("dr2", "second")
	w.cut = false
	w.wish("dr1", v1alpha1.Secondary, action(v1alpha1.VRGActionFailover))
	w.settle()
	w.runsOn("dr2")
	w.cut = true
	w.wish("dr1", v1alpha1.Primary, action(v1alpha1.VRGActionFailover))
	stripped := 0
	for range 12 {
		w.hub()
		w.look("dr1", 1)
		if c := w.sides["dr1"].claim("data"); c != nil && c.DeletionTimestamp == nil && c.Spec.DataSource != nil && c.Annotations != nil {
			c.Annotations = nil
			w.user("dr1", func(api client.Client) { require.NoError(t, api.Update(t.Context(), c)) })
			stripped++
		}
	}
	require.Positive(t, stripped)
	assert.Equal(t, v1alpha1.PrimaryState, w.sides["dr1"].group().Status.State, w.sides["dr1"].message("ClusterDataReady"))
	assert.Equal(t, "second", w.content("dr1", "data"))
}

// failover is the hub's way from a side that is cut off, which has sent the word sent last, and comes back after word was
// written on the other.
func (w *copying) failover(from, sent, word string) {
	w.t.Helper()
	to := peerOf(from)
	w.cut = true
	w.wish(to, v1alpha1.Primary, action(v1alpha1.VRGActionFailover))
	w.settle(to)
	require.Equal(w.t, v1alpha1.PrimaryState, w.sides[to].group().Status.State)
	require.Equal(w.t, sent, w.content(to, "data"))
	w.write(to, word)

	w.cut = false
	w.wish(from, v1alpha1.Secondary, action(v1alpha1.VRGActionFailover))
	w.settle()
	require.Equal(w.t, v1alpha1.SecondaryState, w.sides[from].group().Status.State, "%+v", w.sides[from].group().Status)
	w.undeploy(from)
	w.settle()
	w.runsOn(to)
}

// TestACopiedVolumeWhoseClaimStays: nobody deletes the claims of a StatefulSet. On the way back the old one is replaced.
func TestACopiedVolumeWhoseClaimStays(t *testing.T) {
	byMethod(t, func(t *testing.T, w *copying) {
		w.start()
		w.cut = true
		w.wish("dr2", v1alpha1.Primary, action(v1alpha1.VRGActionFailover))
		w.settle("dr2")
		w.write("dr2", "second")
		w.cut = false
		w.wish("dr1", v1alpha1.Secondary, action(v1alpha1.VRGActionFailover))
		w.settle()
		w.runsOn("dr2")
		require.NotNil(t, w.sides["dr1"].claim("data"))
		w.relocate("dr2")
		require.Equal(t, "second", w.content("dr1", "data"))
		require.Equal(t, []string{"data"}, w.volumesOn("dr1"))
	})
}

// TestARelocationIsGivenUp: before the peer was told, and after; the claim that left comes back with its data.
func TestARelocationIsGivenUp(t *testing.T) {
	if testing.Short() {
		t.Skip("goes through many lives")
	}
	stages := map[string]int{"while it is prepared": 0, "after the claim left": 1, "after it was sent": 2, "after it is secondary": 3, "after the peer was told": 4}
	step := 4 // the first look, one in the middle, and one when it is over
	if testlayer.All() {
		step = 2
	}
	for passes := 1; passes < 10; passes += step {
		stages[fmt.Sprintf("after the peer looked %d times", passes)] = 4 + passes
	}
	for name, until := range stages {
		byMethod(t, func(t *testing.T, w *copying) {
			t.Log(name)
			w.start()
			w.write("dr1", "last")
			w.wish("dr1", v1alpha1.Primary, final(true, false))
			w.settle()
			if until > 0 {
				w.undeploy("dr1")
				w.settle()
			}
			if until > 1 {
				w.wish("dr1", v1alpha1.Primary, final(false, true))
				w.settle()
			}
			if until > 2 {
				w.wish("dr1", v1alpha1.Secondary, action(v1alpha1.VRGActionRelocate))
				w.settle()
			}
			if until > 3 {
				w.wish("dr2", v1alpha1.Primary, action(v1alpha1.VRGActionRelocate))
				w.hub()
				w.look("dr2", until-4)
				if w.sides["dr2"].group().Status.State == v1alpha1.PrimaryState {
					return // it is over: what follows is another move
				}
				w.wish("dr2", v1alpha1.Secondary)
				w.settle()
			}
			w.wish("dr1", v1alpha1.Primary)
			w.settle()
			w.runsOn("dr1")
			require.Equal(t, "last", w.content("dr1", "data"))
			require.Equal(t, "last", w.content("dr2", "data-received"))
			require.Equal(t, []string{"data"}, w.volumesOn("dr1"))
			w.relocate("dr1")
			require.Equal(t, "last", w.content("dr2", "data"))
			require.Equal(t, []string{"data"}, w.volumesOn("dr2"))
		})
	}
}

// TestNothingOfACopiedVolumeIsLeft when DR is disabled: at rest, and after a way there and back.
func TestNothingOfACopiedVolumeIsLeft(t *testing.T) {
	for name, before := range map[string]func(*copying){
		"at once":            func(*copying) {},
		"after a relocation": func(w *copying) { w.relocate("dr1") },
		"after a relocation by the method Direct": func(w *copying) {
			w.by(volsyncv1.CopyMethodDirect)
			w.relocate("dr1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newCopying(t)
			w.start()
			before(w)
			w.disable(t)
		})
	}
}

// disable deletes both groups, and requires that nothing of the protection is left.
func (w *copying) disable(t *testing.T) {
	t.Helper()
	home := "dr1"
	if w.role["dr2"] == v1alpha1.Primary {
		home = "dr2"
	}
	for _, id := range []string{peerOf(home), home} {
		w.user(id, func(client.Client) { w.sides[id].remove(&v1alpha1.VolumeReplicationGroup{}, ns, groupName) })
	}
	for range 40 {
		for _, id := range []string{"dr1", "dr2"} {
			if w.sides[id].group() != nil {
				if _, err := w.sides[id].pass(); err != nil {
					require.ErrorContains(t, err, errKilled.Error())
					w.sides[id].restart(w.stores)
				}
			}
			w.user(id, func(client.Client) {
				w.neighbors(id)
				w.sides[id].binder()
			})
		}
	}
	for _, id := range []string{"dr1", "dr2"} {
		c := w.sides[id]
		require.Nil(t, c.group(), id)
		for _, l := range []client.ObjectList{&volsyncv1.ReplicationSourceList{}, &volsyncv1.ReplicationDestinationList{}} {
			require.NoError(t, c.client.List(t.Context(), l))
			assert.Empty(t, items(t, l), id)
		}
		images := &snapshotv1.VolumeSnapshotList{}
		require.NoError(t, c.client.List(t.Context(), images, client.HasLabels{v1alpha1.LabelCreatedByRamen}))
		assert.Empty(t, images.Items, id)
	}
	assert.Empty(t, w.volumesOn(peerOf(home)))
	require.Equal(t, []string{"data"}, w.volumesOn(home))
	claim := w.sides[home].claim("data")
	assert.Empty(t, marks(claim))
	pv := w.sides[home].pv(claim.Spec.VolumeName)
	assert.Equal(t, corev1.PersistentVolumeReclaimDelete, pv.Spec.PersistentVolumeReclaimPolicy)
	assert.Empty(t, pv.Labels)
	assert.Empty(t, pv.Annotations)
	assert.Empty(t, w.stores.keys(t, "dr1"))
}

func items(t *testing.T, l client.ObjectList) []string {
	t.Helper()
	var out []string
	switch l := l.(type) {
	case *volsyncv1.ReplicationSourceList:
		for _, i := range l.Items {
			out = append(out, i.Name)
		}
	case *volsyncv1.ReplicationDestinationList:
		for _, i := range l.Items {
			out = append(out, i.Name)
		}
	}
	return out
}

// thereAndBack is a way there and back, a failover, and the end of DR.
func (w *copying) thereAndBack(t *testing.T, next func(stage string)) {
	t.Helper()
	next("there")
	w.write("dr1", "there")
	w.relocate("dr1")
	require.Equal(t, "there", w.content("dr2", "data"))
	next("back")
	w.write("dr2", "and back")
	w.relocate("dr2")
	require.Equal(t, "and back", w.content("dr1", "data"))
	require.Equal(t, []string{"data"}, w.volumesOn("dr1"))
	require.Equal(t, []string{"data-received"}, w.volumesOn("dr2"))
	next("failover")
	w.failover("dr1", "and back", "elsewhere")
	require.Equal(t, []string{"data"}, w.volumesOn("dr2"))
	next("end")
	w.disable(t)
}

// TestAKillAtEachKindOfWriteChangesNothing: the operator dies before its first write of each kind to each cluster, on each
// of the ways.
func TestAKillAtEachKindOfWriteChangesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("goes through many lives")
	}
	byMethod(t, func(t *testing.T, w *copying) {
		w.start()
		stage, killed := "", map[string]bool{}
		w.dies = func(_ int, kind string) bool {
			if killed[stage+": "+kind] {
				return false
			}
			killed[stage+": "+kind] = true
			return true
		}
		w.thereAndBack(t, func(s string) { stage = s })
		t.Log(len(killed), "kills")
		require.Greater(t, len(killed), 30)
	})
}

// TestAKillAtEachWriteChangesNothing: the operator dies before each of its writes in one of the runs, several times in each.
func TestAKillAtEachWriteChangesNothing(t *testing.T) {
	testlayer.Slow(t, "TestAKillAtEachKindOfWriteChangesNothing")
	const runs = 8
	for run := range runs {
		byMethod(t, func(t *testing.T, w *copying) {
			t.Logf("run %d", run)
			w.start()
			first, kills := w.writes, 0
			w.dies = func(write int, _ string) bool {
				if (write-first)%runs != run {
					return false
				}
				kills++
				return true
			}
			w.thereAndBack(t, func(string) {})
			require.Greater(t, kills, 12)
		})
	}
}
