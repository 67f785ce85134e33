// SPDX-License-Identifier: Apache-2.0

package drcluster_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// TestANamespaceThatWasMadeInAdvanceIsNotUsed : who made it may have rights there.
func TestANamespaceThatWasMadeInAdvanceIsNotUsed(t *testing.T) {
	later := cluster("dr1")
	later.CreationTimestamp = metav1.NewTime(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	trap := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: "inbox-dr1", Labels: map[string]string{"ramendr.openshift.io/cluster": "dr1", "ramendr.openshift.io/exchange": "inbox"},
		CreationTimestamp: metav1.NewTime(later.CreationTimestamp.Add(-time.Minute)),
	}}
	w := newWorld(t, later, trap)
	w.mustReconcile()
	c := w.condition("Validated")
	assert.Equal(t, metav1.ConditionFalse, c.Status)
	assert.Contains(t, c.Message, "namespace inbox-dr1 was there before the DRCluster")
	assert.Contains(t, c.Message, "kubectl annotate drcluster dr1 ramendr.openshift.io/accept-namespaces=true")
	assert.False(t, w.get(&rbacv1.RoleBinding{}, "inbox-dr1", "mirror"), "nothing is put there")
	assert.False(t, w.get(&corev1.Secret{}, "outbox-dr1", "ramen-system.keys-dr1"))

	dc := w.dr1()
	dc.Annotations = map[string]string{v1alpha1.AnnotationAcceptNamespaces: "true"}
	w.update(dc)
	w.mustReconcile()
	assert.True(t, w.get(&rbacv1.RoleBinding{}, "inbox-dr1", "mirror"))
}
