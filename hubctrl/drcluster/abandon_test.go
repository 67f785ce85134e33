// SPDX-License-Identifier: Apache-2.0

package drcluster_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/drcluster"
	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/storetest"
)

// TestALostStoreIsGivenUpByOneWord : the condition has it, each cluster is told of it, and nobody asks the store any more.
func TestALostStoreIsGivenUpByOneWord(t *testing.T) {
	w := newWorld(t)
	w.store["s3-dr1"] = storetest.Failure("s3-dr1", store.ReasonUnreachable, errors.New("no route to host"))
	w.mustReconcile()
	c := w.condition("Validated")
	assert.Equal(t, "False s3ConnectionFailed", string(c.Status)+" "+c.Reason)
	assert.Contains(t, c.Message, "kubectl annotate --overwrite drcluster dr1 ramendr.openshift.io/abandon-store=s3-dr1")

	dc := w.dr1()
	metav1.SetMetaDataAnnotation(&dc.ObjectMeta, v1alpha1.AnnotationAbandonStore, "s3-dr1, s3-old")
	w.update(dc)
	w.checks = 0
	w.mustReconcile()
	c = w.condition("Validated")
	assert.Equal(t, "True Succeeded", string(c.Status)+" "+c.Reason)
	assert.Contains(t, c.Message, "its object store, S3 profile s3-dr1, was given up")
	assert.Zero(t, w.checks)
	config := &v1alpha1.DRClusterConfig{}
	require.True(t, w.get(config, "", "dr1"))
	assert.Equal(t, []string{"s3-dr1", "s3-old"}, config.Spec.AbandonedStores)

	dc = w.dr1()
	dc.Annotations = nil
	w.update(dc)
	w.mustReconcile()
	config = &v1alpha1.DRClusterConfig{}
	require.True(t, w.get(config, "", "dr1"))
	assert.Empty(t, config.Spec.AbandonedStores)
	assert.Positive(t, w.checks, "it is asked again")
}

// TestAStoreThatThePeerGivesUpIsGivenUpHereToo, at once.
func TestAStoreThatThePeerGivesUpIsGivenUpHereToo(t *testing.T) {
	peer := cluster("dr2")
	metav1.SetMetaDataAnnotation(&peer.ObjectMeta, v1alpha1.AnnotationAbandonStore, "s3-dr2")
	w := newWorld(t, peer)
	w.mustReconcile()
	config := &v1alpha1.DRClusterConfig{}
	require.True(t, w.get(config, "", "dr1"))
	assert.Equal(t, []string{"s3-dr2"}, config.Spec.AbandonedStores)
	assert.True(t, drcluster.ConcernsAll().Update(event.UpdateEvent{ObjectOld: cluster("dr2"), ObjectNew: peer}))
	assert.False(t, drcluster.ConcernsAll().Update(event.UpdateEvent{ObjectOld: peer, ObjectNew: peer}))
}
