// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

// TestAStoreThatIsLostForGoodIsGivenUp : the end of a protection waits for it and names the word; with the word the protection
// ends, an application moves as ever, and no byte is lost.
func TestAStoreThatIsLostForGoodIsGivenUp(t *testing.T) {
	l := shared.Lab(t)
	a := protectedOn(t, l, lab.DR1, "store-gone-ends", "store-gone-stays")
	ends, stays := a[0], a[1]
	require.NoError(t, l.Fault(storeDR1, faultproxy.Cut))
	require.NoError(t, ends.App.Unprotect(t.Context()))
	ends.Control("the end waits, and names the word", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		if assert.NotNil(c, drpc.Status.Waiting) {
			assert.Contains(c, drpc.Status.Waiting.Message, v1alpha1.AnnotationAbandonStore+"="+storeDR1)
		}
	})
	_, err := labtest.Kubectl(t.Context(), l, lab.Hub, "", "annotate", "drcluster", lab.DR1, v1alpha1.AnnotationAbandonStore+"="+storeDR1)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := labtest.Kubectl(cleanupContext(t), l, lab.Hub, "", "annotate", "drcluster", lab.DR1, v1alpha1.AnnotationAbandonStore+"-")
		assert.NoError(t, err)
	})
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		_, err := ends.App.Control(t.Context())
		assert.True(c, apierrors.IsNotFound(err), "%v", err)
	}, patience, tick, "the protection ends")
	report, err := ends.App.Journal(lab.DR1, ends.App.Ran(lab.DR1))
	require.NoError(t, err)
	t.Logf("%d records are there, and no gap", report.Count)
	assert.True(t, report.Intact())
	requireValidated(t, l, lab.DR1, metav1.ConditionTrue, "Succeeded", "its object store, S3 profile s3-dr1, was given up")
	moved, err := stays.Relocate(t.Context(), lab.DR2)
	require.NoError(t, err)
	assert.Zero(t, moved.Loss.Records)
	for _, b := range buckets(t, l) {
		if b.Profile() == storeDR1 {
			continue
		}
		g := capsule.Group{Namespace: ends.App.DRPC().Namespace, Name: ends.App.DRPC().Name}
		keys, err := b.List(t.Context(), g.Prefix())
		require.NoError(t, err)
		assert.Empty(t, keys)
	}
	require.NoError(t, stays.App.Unprotect(t.Context()))
	stays.RunsOnlyOn(lab.DR2)
}
