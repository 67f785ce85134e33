// SPDX-License-Identifier: Apache-2.0

package lab_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

// TestControllersRun takes the whole lab: the hub knows both clusters, and notices when one is cut off.
func TestControllersRun(t *testing.T) {
	l := labtest.Up(t, lab.Options{Restart: true})
	requireConnected(t, l, lab.DR1, metav1.ConditionTrue)
	requireConnected(t, l, lab.DR2, metav1.ConditionTrue)

	for user, id := range map[string]lab.Identity{
		"system:serviceaccount:ramen-system:hubctrl":   lab.HubController(),
		"system:serviceaccount:ramen-system:spokectrl": lab.SpokeController(lab.DR1),
		"system:serviceaccount:ramen-system:mirror":    lab.MirrorOnSpoke(lab.DR1),
		"system:serviceaccount:inbox-dr1:mirror":       lab.MirrorOnHub(lab.DR1),
	} {
		review := &authenticationv1.SelfSubjectReview{}
		require.NoError(t, clientOf(t, l, id).Create(t.Context(), review))
		require.Equal(t, user, review.Status.UserInfo.Username)
	}

	require.NoError(t, l.Fault("dr1-hub", faultproxy.BlackHole))
	requireConnected(t, l, lab.DR1, metav1.ConditionFalse)
	requireConnected(t, l, lab.DR2, metav1.ConditionTrue)
	require.NoError(t, l.Kill("mirror-dr1"))
	require.NoError(t, l.StartProcess(t.Context(), "mirror-dr1"), "a mirror runs without its hub")
	require.NoError(t, l.Heal("dr1-hub"))
	requireConnected(t, l, lab.DR1, metav1.ConditionTrue)
	requireLeave(t, l)
}

// requireLeave takes both clusters away: an administrator may not write in an outbox, and yet all that is in it goes with
// its namespace.
func requireLeave(t *testing.T, l *lab.Lab) {
	t.Helper()
	hub := l.Cluster(lab.Hub).Client
	var keys corev1.SecretList
	require.NoError(t, hub.List(t.Context(), &keys, client.InNamespace(exchange.Outbox(lab.DR1))))
	require.NotEmpty(t, keys.Items, "the outbox holds the keys of the object stores")
	require.True(t, apierrors.IsForbidden(hub.Delete(t.Context(), &keys.Items[0])), "a foreign writer is refused")

	require.NoError(t, hub.Delete(t.Context(), &v1alpha1.DRPolicy{ObjectMeta: metav1.ObjectMeta{Name: lab.Policy}}))
	for _, cluster := range lab.Spokes() {
		require.NoError(t, hub.Delete(t.Context(), &v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: cluster}}))
	}
	require.Eventually(t, func() bool {
		for _, cluster := range lab.Spokes() {
			for _, name := range []string{exchange.Outbox(cluster), exchange.Inbox(cluster)} {
				if !apierrors.IsNotFound(hub.Get(t.Context(), client.ObjectKey{Name: name}, &corev1.Namespace{})) {
					return false
				}
			}
		}
		return true
	}, time.Minute, 100*time.Millisecond, "the namespaces of the exchange go with their clusters")
}

func requireConnected(t *testing.T, l *lab.Lab, cluster string, want metav1.ConditionStatus) {
	t.Helper()
	require.Eventually(t, func() bool {
		var c v1alpha1.DRCluster
		err := l.Cluster(lab.Hub).Client.Get(t.Context(), client.ObjectKey{Name: cluster}, &c)
		return err == nil && meta.IsStatusConditionPresentAndEqual(c.Status.Conditions, v1alpha1.ConditionConnected, want)
	}, time.Minute, 100*time.Millisecond, "Connected of %s becomes %s", cluster, want)
}
