// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// What was received in a namespace that was taken off the list is not restored, and nothing waits for it: nobody reads
// there what uses it.
func TestACopyInANamespaceThatIsNotCoveredIsNotRestored(t *testing.T) {
	d := provider.Destination{Volume: v1alpha1.ProtectedPVC{Namespace: "dropped", Name: "data"}, Objects: []client.Object{&corev1.PersistentVolumeClaim{}}}
	out, done := RestoreCopies(&Snapshot{Copies: []Copy{{Destination: d}}}, provider.Group{Namespace: "ramen-ops", Namespaces: []string{"shop"}})
	assert.Equal(t, plan.RestoreComplete, out.State)
	assert.Empty(t, out.Copies)
	assert.Empty(t, done)
}
