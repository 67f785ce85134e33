// SPDX-License-Identifier: Apache-2.0

package links

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// fat is a report of a number of bytes, and a bit.
func fat(i, bytes int) *v1alpha1.VolumeReplicationGroup {
	return &v1alpha1.VolumeReplicationGroup{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "inbox-dr1", Name: fmt.Sprintf("shop.g-%d", i), UID: types.UID(fmt.Sprintf("u-%d", i)), ResourceVersion: "7",
			Labels: map[string]string{"x": strings.Repeat("l", 60)},
			Annotations: map[string]string{
				exchange.AnnotationNamespace: "shop", exchange.AnnotationName: fmt.Sprintf("g-%d", i), exchange.AnnotationDRPC: "shop/g", "note": strings.Repeat("n", 100),
			},
		},
		Spec: v1alpha1.VolumeReplicationGroupSpec{ReplicationState: v1alpha1.Primary},
		Status: v1alpha1.VolumeReplicationGroupStatus{
			State: v1alpha1.PrimaryState, Exchange: &v1alpha1.ExchangeStamp{SpokeUID: fmt.Sprintf("s-%d", i)},
			ProtectedPVCs: []v1alpha1.ProtectedPVC{{Name: strings.Repeat("p", bytes)}},
		},
	}
}

// TestX16_WhatOneClusterReportsIsBounded in the memory of the hub: what is too much is read when it is needed, and what the exchange needs to
// know about it is kept.
func TestX16_WhatOneClusterReportsIsBounded(t *testing.T) {
	b := NewBudget(12_000)
	kept := func(o *v1alpha1.VolumeReplicationGroup) *v1alpha1.VolumeReplicationGroup {
		t.Helper()
		got, err := b.Transform(o)
		require.NoError(t, err)
		return got.(*v1alpha1.VolumeReplicationGroup)
	}
	for i := range 4 {
		assert.False(t, Apart(kept(fat(i, 2_000))), i)
	}
	assert.False(t, b.news("dr1"))
	fifth := kept(fat(4, 2_000))
	require.True(t, Apart(fifth))
	assert.Equal(t, 1, b.Apart("dr1"))
	assert.True(t, b.news("dr1"), "it is told")
	assert.False(t, b.news("dr1"), "once")
	assert.NotContains(t, fmt.Sprint(fifth.Status.ProtectedPVCs), "ppp", "of volumes their labels only")
	assert.NotContains(t, fifth.Annotations, "note")
	assert.Equal(t, exchange.ItemOf(fat(4, 0)), exchange.ItemOf(fifth), "it counts as reported")
	assert.Equal(t, fat(4, 0).UID, fifth.UID)
	assert.Equal(t, "7", fifth.ResourceVersion)
	assert.Equal(t, v1alpha1.Primary, fifth.Spec.ReplicationState)
	assert.Equal(t, "shop/g", fifth.Annotations[exchange.AnnotationDRPC])

	other := fat(5, 2_000)
	other.Namespace = "inbox-dr2"
	assert.False(t, Apart(kept(other)), "another cluster has a budget of its own")
	other.Namespace = "outbox-dr1"
	assert.False(t, Apart(kept(other)), "wishes are the hub's own")

	assert.False(t, Apart(kept(fat(0, 100))), "one that got smaller")
	assert.False(t, Apart(kept(fat(4, 1_000))), "leaves room for another")
	assert.True(t, b.news("dr1"), "that all are kept is told")
	assert.Zero(t, b.Apart("dr1"))

	gone := fat(1, 2_000)
	gone.UID = "an earlier one of its name"
	b.gone("dr1", gone)
	assert.True(t, Apart(kept(fat(6, 2_500))))
	b.gone("dr1", fat(1, 2_000))
	assert.False(t, Apart(kept(fat(6, 2_500))))

	huge := fat(7, 20_000)
	huge.Annotations[exchange.AnnotationOrigin] = strings.Repeat("o", 100_000)
	huge.Status.Exchange.WishUID = strings.Repeat("w", 100_000)
	outline := kept(huge)
	assert.NotContains(t, outline.Annotations, exchange.AnnotationOrigin)
	assert.Nil(t, outline.Status.Exchange, "an outline is small, whatever the report is")
}

// TestX16_ARestartedHubStillCountsWhatIsNotKept: an informer that begins with a watch collects what there is in a store that transforms
// it, and then has it transformed again.
func TestX16_ARestartedHubStillCountsWhatIsNotKept(t *testing.T) {
	b := NewBudget(12_000)
	begun := toolscache.NewStore(toolscache.MetaNamespaceKeyFunc, toolscache.WithTransformer(b.Transform))
	for i, bytes := range []int{2_000, 2_000, 20_000, 20_000, 20_000} {
		require.NoError(t, begun.Add(fat(i, bytes)))
	}
	require.Equal(t, 3, b.Apart("dr1"))
	queue := toolscache.NewRealFIFOWithOptions(toolscache.RealFIFOOptions{
		KeyFunction: toolscache.MetaNamespaceKeyFunc, KnownObjects: toolscache.NewStore(toolscache.MetaNamespaceKeyFunc), Transformer: b.Transform,
	})
	require.NoError(t, queue.Replace(begun.List(), "7"))
	assert.Equal(t, 3, b.Apart("dr1"))
	assert.True(t, b.news("dr1"))
}

// TestX16_TheListenersHearOfTooManyReports when they begin to be too many, and when they end to be.
func TestX16_TheListenersHearOfTooManyReports(t *testing.T) {
	b := newInboxes()
	b.budget = NewBudget(3_000)
	var told []string
	b.budgeted = func(_ context.Context, cluster string) { told = append(told, cluster) }
	for i := range 3 {
		o, err := b.budget.Transform(fat(i, 2_000))
		require.NoError(t, err)
		b.note(t.Context(), o, false)
	}
	assert.Equal(t, []string{"dr1"}, told)
	for i := range 3 {
		b.note(t.Context(), fat(2-i, 2_000), true)
	}
	assert.Equal(t, []string{"dr1", "dr1"}, told)
	assert.Zero(t, b.budget.Apart("dr1"))
}

// TestX16_AnOutlineTellsByWhichLabelsItsVolumesAreFound, and stays small whatever a cluster writes.
func TestX16_AnOutlineTellsByWhichLabelsItsVolumesAreFound(t *testing.T) {
	volume := func(ns, name string, labels map[string]string) v1alpha1.ProtectedPVC {
		return v1alpha1.ProtectedPVC{Namespace: ns, Name: name, Labels: labels}
	}
	group := fat(1, 100)
	group.Status.ProtectedPVCs = []v1alpha1.ProtectedPVC{
		volume("shop", "a", map[string]string{"app": "db"}), volume("shop", "b", map[string]string{"app": "db"}),
		volume("web", "a", map[string]string{"app": "db"}), volume("shop", "c", nil),
	}
	assert.Equal(t, []v1alpha1.ProtectedPVC{
		volume("shop", "", map[string]string{"app": "db"}), volume("web", "", map[string]string{"app": "db"}), volume("shop", "", map[string]string{}),
	}, outline(group).Status.ProtectedPVCs)

	group.Status.ProtectedPVCs = nil
	for i := range 1000 {
		group.Status.ProtectedPVCs = append(group.Status.ProtectedPVCs, volume("shop", "v", map[string]string{"n": fmt.Sprint(i)}))
	}
	text, err := json.Marshal(outline(group))
	require.NoError(t, err)
	assert.Less(t, len(text), 6*maxText)
}
