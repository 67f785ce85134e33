// SPDX-License-Identifier: Apache-2.0

package link_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

const ended = "exchange.ramendr.openshift.io/ended-wishes"

// onSpoke is the DRClusterConfig of the spoke.
func (w *world) onSpoke() *v1alpha1.DRClusterConfig {
	w.t.Helper()
	config := &v1alpha1.DRClusterConfig{}
	require.NoError(w.t, w.spoke.Get(w.t.Context(), client.ObjectKey{Name: w.cluster}, config))
	return config
}

// remembers says that the cluster has seen the deletion of a wish, as it has when its hub comes from a backup of before.
func (w *world) remembers(wish client.Object) {
	w.t.Helper()
	edit(w, w.spoke, w.onSpoke(), func(c *v1alpha1.DRClusterConfig) {
		c.Annotations = map[string]string{ended: "another," + string(wish.GetUID())}
	})
}

func TestX6_AWishThatEndedMakesNothingAgain(t *testing.T) {
	w := newWorld(t)
	stop := w.start()
	first, second := w.wish("db"), w.wish("web")
	w.carriedOut(first, "db")
	w.carriedOut(second, "web")
	assert.Empty(t, w.onSpoke().Annotations[ended])
	for _, wish := range []*v1alpha1.VolumeReplicationGroup{first, second} {
		require.NoError(t, w.hub.Delete(t.Context(), wish))
	}
	w.applied(first, metav1.ConditionTrue, "Deleted")
	w.applied(second, metav1.ConditionTrue, "Deleted")
	assert.ElementsMatch(t, []string{string(first.UID), string(second.UID)}, strings.Split(w.onSpoke().Annotations[ended], ","))
	stop()

	again := w.newWish(w.app, "again")
	w.create(w.hub, again)
	w.remembers(again)
	w.start()
	w.applied(again, metav1.ConditionFalse, "EndedBefore")
	assert.Nil(t, w.copy("again"))
	assert.True(t, w.absent("again"))

	// The user lets it go, and protects the application again.
	require.NoError(t, w.hub.Delete(t.Context(), again))
	w.applied(again, metav1.ConditionTrue, "Deleted")
	edit(w, w.hub, again, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Finalizers = nil })
	w.carriedOut(w.wish("again"), "again")
}

func TestX6_AClusterRemembersABoundedNumberOfWishes(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	old := make([]string, exchange.MaxEnded)
	for i := range old {
		old[i] = strings.Repeat("0", 30) + string(rune('a'+i%26))
	}
	edit(w, w.spoke, w.onSpoke(), func(c *v1alpha1.DRClusterConfig) {
		c.Annotations = map[string]string{ended: strings.Join(old, ",")}
	})
	require.NoError(t, w.hub.Delete(t.Context(), wish))
	w.applied(wish, metav1.ConditionTrue, "Deleted")
	list := strings.Split(w.onSpoke().Annotations[ended], ",")
	assert.Len(t, list, exchange.MaxEnded)
	assert.Equal(t, string(wish.UID), list[len(list)-1])
}
