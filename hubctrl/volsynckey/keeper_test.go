// SPDX-License-Identifier: Apache-2.0

package volsynckey_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/hubctrl/volsynckey"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// application has wishes on both clusters; the first one's tells of a volume that VolSync copies.
func application() *snapshot.Snapshot {
	w := &snapshot.Snapshot{DRPC: &v1alpha1.DRPlacementControl{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "db"}}}
	w.Group.Namespace, w.Group.Name = "shop", "db"
	for i, cluster := range []string{"dr1", "dr2"} {
		w.Sides[i].Cluster, w.Sides[i].Wish = cluster, &v1alpha1.VolumeReplicationGroup{}
	}
	w.Sides[0].Wish.Spec.VolSync.RSSpec = []v1alpha1.VolSyncReplicationSourceSpec{{ProtectedPVC: v1alpha1.ProtectedPVC{Name: "data"}}}
	return w
}

func settle(t *testing.T, keeper volsynckey.Keeper, w *snapshot.Snapshot) {
	for range 9 {
		if !once(t, keeper, w) {
			return
		}
	}
	t.Fatal("the keeper writes without end")
}

// once is what a pass does: the wishes name the key before it lies beside them.
func once(t *testing.T, keeper volsynckey.Keeper, w *snapshot.Snapshot) bool {
	key, wrote, err := keeper.Choose(t.Context(), w)
	require.NoError(t, err)
	for i := range w.Sides {
		if w.Sides[i].Wish != nil && key.Secret != "" {
			w.Sides[i].Wish.Spec.VolSync.KeySecret = key.Secret
		}
	}
	put, err := keeper.Put(t.Context(), w, key)
	require.NoError(t, err)
	return wrote || put
}

func keysIn(t *testing.T, c client.Client) map[string]string {
	var all corev1.SecretList
	require.NoError(t, c.List(t.Context(), &all))
	out := map[string]string{}
	for _, s := range all.Items {
		out[s.Namespace+"/"+s.Name] = string(s.Data["psk.txt"])
	}
	return out
}

func TestAKeyLiesWhereAWishIs(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*snapshot.Snapshot)
		want []string
	}{
		"both clusters":          {func(*snapshot.Snapshot) {}, []string{"outbox-dr1/shop.db-vs-secret", "outbox-dr2/shop.db-vs-secret"}},
		"no volume is told of":   {func(w *snapshot.Snapshot) { w.Sides[0].Wish.Spec.VolSync.RSSpec = nil }, nil},
		"one cluster has a wish": {func(w *snapshot.Snapshot) { w.Sides[1].Wish = nil }, []string{"outbox-dr1/shop.db-vs-secret"}},
		"an application of two namespaces": {func(w *snapshot.Snapshot) {
			w.DRPC.Namespace, w.Config = "ramen-ops", &ramenconfig.Config{RamenOpsNamespace: "ramen-ops"}
			w.DRPC.Spec.ProtectedNamespaces = []string{"b", "a"}
		}, []string{"outbox-dr1/a.db-vs-secret", "outbox-dr1/b.db-vs-secret", "outbox-dr2/a.db-vs-secret", "outbox-dr2/b.db-vs-secret"}},
	} {
		t.Run(name, func(t *testing.T) {
			api, w := fake.NewClientBuilder().Build(), application()
			c.edit(w)
			settle(t, volsynckey.New(api, api, "hub"), w)
			keys := keysIn(t, api)
			var one string
			assert.Len(t, keys, len(c.want))
			for _, at := range c.want {
				at += strings.TrimPrefix(w.Sides[0].Wish.Spec.VolSync.KeySecret, "db-vs-secret")
				require.Contains(t, keys, at)
				require.NotEmpty(t, keys[at])
				if one == "" {
					one = keys[at]
				}
				assert.Equal(t, one, keys[at], "each application has one key")
			}
		})
	}
}

func TestAKeyLeavesWithItsSide(t *testing.T) {
	api, w := fake.NewClientBuilder().Build(), application()
	keeper := volsynckey.New(api, api, "hub")
	settle(t, keeper, w)
	wrote, err := keeper.Drop(t.Context(), w, plan.Second)
	require.NoError(t, err)
	assert.True(t, wrote)
	left, name := &corev1.Secret{}, "shop."+w.Sides[0].Wish.Spec.VolSync.KeySecret
	require.NoError(t, api.Get(t.Context(), client.ObjectKey{Namespace: "outbox-dr2", Name: name}, left))
	assert.NotNil(t, left.DeletionTimestamp, "a tombstone, until the copy has left the cluster")
	require.NoError(t, api.Get(t.Context(), client.ObjectKey{Namespace: "outbox-dr1", Name: name}, left))
	assert.Nil(t, left.DeletionTimestamp)
	wrote, err = keeper.Drop(t.Context(), w, plan.Second)
	require.NoError(t, err)
	assert.False(t, wrote, "it goes once")
}

// TestTwoLeadersNeverPutTwoKeysUnderOneName : one whose read came before the key was made has made another, and finds out when it names
// that in the wishes; had it not, the names would differ.
func TestTwoLeadersNeverPutTwoKeysUnderOneName(t *testing.T) {
	api, w := fake.NewClientBuilder().Build(), application()
	settle(t, volsynckey.New(api, api, "hub"), w)
	made := keysIn(t, api)
	require.Len(t, made, 2)
	stale := volsynckey.New(api, fake.NewClientBuilder().Build(), "hub")
	key, _, err := stale.Choose(t.Context(), application())
	require.NoError(t, err)
	require.NotEqual(t, w.Sides[0].Wish.Spec.VolSync.KeySecret, key.Secret)
	_, err = stale.Put(t.Context(), application(), key)
	require.NoError(t, err)
	for at, was := range made {
		assert.Equal(t, was, keysIn(t, api)[at])
	}
}

// TestWhatAClusterReportsLeadsToNoOtherSecret : a wish may be adopted from a report.
func TestWhatAClusterReportsLeadsToNoOtherSecret(t *testing.T) {
	api, w := fake.NewClientBuilder().Build(), application()
	s3 := &corev1.Secret{}
	s3.Namespace, s3.Name = "outbox-dr1", "shop.s3"
	require.NoError(t, api.Create(t.Context(), s3))
	for i := range w.Sides {
		w.Sides[i].Wish.Spec.VolSync.KeySecret, w.Sides[i].Link.State = "s3", exchange.LinkLive
	}
	settle(t, volsynckey.New(api, api, "hub"), w)
	assert.Regexp(t, "^db-vs-secret-", w.Sides[0].Wish.Spec.VolSync.KeySecret)
	assert.Len(t, keysIn(t, api), 3)
}

func TestTheNameOfAKeyFitsWhateverTheApplicationIsCalled(t *testing.T) {
	api, w := fake.NewClientBuilder().Build(), application()
	w.DRPC.Name = strings.Repeat("a", 231) + "." + strings.Repeat("b", 21)
	settle(t, volsynckey.New(api, api, "hub"), w)
	name := w.Sides[0].Wish.Spec.VolSync.KeySecret
	assert.LessOrEqual(t, len(name), 253)
	assert.Regexp(t, "^a+-vs-secret-[0-9a-f]{10}$", name)
	assert.Len(t, keysIn(t, api), 2)
}
