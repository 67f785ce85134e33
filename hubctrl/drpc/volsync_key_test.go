// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// keys are the keys in the outboxes, cluster by cluster.
func (h *hub) keys() map[string]string {
	h.t.Helper()
	out := map[string]string{}
	for _, cluster := range []string{"dr1", "dr2"} {
		if s := h.keyWish(cluster); s != nil {
			out[cluster] = string(s.Data["psk.txt"])
		}
	}
	return out
}

func (h *hub) keyWish(cluster string) *corev1.Secret {
	h.t.Helper()
	list := &corev1.SecretList{}
	require.NoError(h.t, h.api.List(h.t.Context(), list, client.InNamespace("outbox-"+cluster)))
	var found []corev1.Secret
	for _, s := range list.Items {
		// A tombstone waits for its cluster, and wishes nothing.
		if strings.HasPrefix(s.Name, "shop.db-vs-secret") && s.DeletionTimestamp == nil {
			found = append(found, s)
		}
	}
	require.LessOrEqual(h.t, len(found), 1, "one key for each application")
	if found == nil {
		return nil
	}
	return &found[0]
}

// keyTold is the name of the key's Secret that a wish tells.
func (h *hub) keyTold(cluster string) string { return h.wish(cluster).Spec.VolSync.KeySecret }

func TestBothClustersGetTheSameKey(t *testing.T) {
	h := withVolSync(t, "data")
	keys := h.keys()
	assert.Regexp(t, "^volsyncramen:[0-9a-f]{128}$", keys["dr1"])
	assert.Equal(t, keys["dr1"], keys["dr2"])
	assert.Regexp(t, "^db-vs-secret-[0-9a-f]{10}$", h.keyTold("dr1"))
	assert.Equal(t, h.keyTold("dr1"), h.keyTold("dr2"))
	for _, cluster := range []string{"dr1", "dr2"} {
		s := h.keyWish(cluster)
		assert.Equal(t, map[string]string{
			"exchange.ramendr.openshift.io/namespace": "shop",
			"exchange.ramendr.openshift.io/name":      h.keyTold(cluster),
			"exchange.ramendr.openshift.io/origin":    "hub-uid",
			"exchange.ramendr.openshift.io/drpc":      "shop/db",
		}, s.Annotations)
		assert.Len(t, s.Data, 1)
	}
	assert.NotEqual(t, keys, withVolSync(t, "data").keys(), "each application has a key of its own")
}

func TestACrashAtAnyWriteLeavesBothClustersWithOneKey(t *testing.T) {
	for n := range 12 {
		t.Run(fmt.Sprintf("before write %d", n), func(t *testing.T) {
			h := newHub(t, newDRPC())
			h.volumes = []string{"data"}
			h.crashAt = n
			h.settle()
			keys := h.keys()
			assert.NotEmpty(t, keys["dr1"])
			assert.Equal(t, keys["dr1"], keys["dr2"])
			assert.Equal(t, "shop."+h.keyTold("dr1"), h.keyWish("dr1").Name)
			assert.Equal(t, h.keyTold("dr1"), h.keyTold("dr2"))
			assert.Equal(t, "dr1 sends data to data.dr2, dr2 holds data", h.toldOfVolSync())
		})
	}
}

func TestAKeyIsHealedFromTheOtherOutboxAndNeverReplaced(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*hub)
		wins string
	}{
		"the first is gone":                      {func(h *hub) { require.NoError(h.t, h.api.Delete(h.t.Context(), h.keyWish("dr1"))) }, "dr2"},
		"the second is gone":                     {func(h *hub) { require.NoError(h.t, h.api.Delete(h.t.Context(), h.keyWish("dr2"))) }, "dr1"},
		"the first is empty":                     {func(h *hub) { h.rekey("dr1", "") }, "dr2"},
		"the first is another":                   {func(h *hub) { h.rekey("dr1", "volsyncramen:ff") }, "dr2"},
		"the second is another":                  {func(h *hub) { h.rekey("dr2", "volsyncramen:ff") }, "dr1"},
		"the first lost what the mirror goes by": {func(h *hub) { h.strip("dr1") }, "dr2"},
	} {
		t.Run(name, func(t *testing.T) {
			h := withVolSync(t, "data")
			want, name := h.keys()[tc.wins], h.keyTold("dr1")
			tc.edit(h)
			h.settle()
			assert.Equal(t, map[string]string{"dr1": want, "dr2": want}, h.keys())
			assert.Equal(t, name, h.keyWish("dr1").Annotations["exchange.ramendr.openshift.io/name"])
			assert.Equal(t, []string{name, name}, []string{h.keyTold("dr1"), h.keyTold("dr2")}, "no mover is started again")
		})
	}
}

func (h *hub) rekey(cluster, key string) {
	h.t.Helper()
	s := h.keyWish(cluster)
	s.Data["psk.txt"] = []byte(key)
	require.NoError(h.t, h.api.Update(h.t.Context(), s))
}

func (h *hub) strip(cluster string) {
	h.t.Helper()
	s := h.keyWish(cluster)
	delete(s.Annotations, "exchange.ramendr.openshift.io/name")
	require.NoError(h.t, h.api.Update(h.t.Context(), s))
}

func TestASecretOfSomebodyElseIsLeftAlone(t *testing.T) {
	h := newHub(t, newDRPC())
	h.settle()
	h.volumes = []string{"data"}
	theirs := &corev1.Secret{Data: map[string][]byte{"psk.txt": []byte("theirs")}}
	theirs.Namespace, theirs.Name = "outbox-dr1", "shop.db-vs-secret"
	require.NoError(t, h.api.Create(t.Context(), theirs))
	for range 6 {
		_, _ = h.try(app)
		h.follow()
		h.obey("dr1")
		h.obey("dr2")
	}
	assert.Equal(t, map[string]string{"dr1": "theirs"}, h.keys())
	assert.Contains(t, h.condition("Ready").Message, "the Secret outbox-dr1/shop.db-vs-secret is in the way of the VolSync key")
	assert.Contains(t, h.toldOfVolSync(), "dr2 holds data", "the rest goes on")
}

func TestDisablingRemovesTheKey(t *testing.T) {
	for name, begin := range map[string]func(*hub){
		"with both clusters": func(*hub) {},
		"with a cluster that is given up": func(h *hub) {
			h.cut("dr2")
			h.ask(func(d *v1alpha1.DRPlacementControl) { d.Annotations["ramendr.openshift.io/abandon-cluster"] = "dr2" })
		},
		"after the policy, and after a crash between the wishes": func(h *hub) {
			h.disable()
			h.fail = func(_, what string) error {
				if what == "release wish dr2" {
					return errCrash
				}
				return nil
			}
			h.settleDespite(errCrash)
			h.fail = nil
			require.NoError(h.t, h.api.Delete(h.t.Context(), policy()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := withVolSync(t, "data")
			require.Len(t, h.keys(), 2)
			begin(h)
			if h.drpc().DeletionTimestamp == nil {
				h.disable()
			}
			h.settle()
			assert.Nil(t, h.drpc())
			assert.Empty(t, h.keys())
		})
	}
}

// settleDespite lets everybody act for a while, whatever the hub meets.
func (h *hub) settleDespite(want error) {
	h.t.Helper()
	for range 10 {
		if _, err := h.try(app); err != nil {
			require.ErrorIs(h.t, err, want)
		}
		h.obey("dr1")
		h.obey("dr2")
	}
}

func TestTheKeyIsTheKeysSecret(t *testing.T) {
	h := newHub(t, newDRPC())
	h.volumes = []string{"data"}
	var said strings.Builder
	ctx := log.IntoContext(t.Context(), funcr.New(func(prefix, args string) { said.WriteString(prefix + args + "\n") }, funcr.Options{Verbosity: 9}))
	for range 10 {
		_, err := h.r.Reconcile(ctx, reconcile.Request{NamespacedName: app})
		require.NoError(t, err)
		h.follow()
		h.obey("dr1")
		h.obey("dr2")
	}
	require.Contains(t, said.String(), "Wishing the VolSync key")
	shown, err := json.Marshal([]any{h.drpc(), h.wish("dr1"), h.wish("dr2"), h.told()})
	require.NoError(t, err)
	said.Write(shown)
	_, secret, ok := strings.Cut(h.keys()["dr1"], ":")
	require.True(t, ok)
	assert.NotContains(t, said.String(), secret)
}

func TestEachNamespaceOfAnApplicationGetsTheKey(t *testing.T) {
	d := wide("web", "shop")
	key := client.ObjectKeyFromObject(d)
	h := newHub(t, d)
	h.mustTry(key)
	h.answer("dr2", "ramen-ops.wide")
	h.mustTry(key)
	w := &v1alpha1.VolumeReplicationGroup{}
	require.True(t, h.get(w, clientKey("outbox-dr2", "ramen-ops.wide")))
	w.Spec.VolSync.RDSpec = []v1alpha1.VolSyncReplicationDestinationSpec{{ProtectedPVC: v1alpha1.ProtectedPVC{Namespace: "web", Name: "data"}}}
	require.NoError(t, h.api.Update(t.Context(), w))
	h.mustTry(key)
	h.mustTry(key)
	held := func() map[string]string {
		out := map[string]string{}
		list := &corev1.SecretList{}
		require.NoError(t, h.api.List(t.Context(), list))
		for _, s := range list.Items {
			if data, is := s.Data["psk.txt"]; is && s.DeletionTimestamp == nil {
				out[s.Namespace+" "+s.Annotations["exchange.ramendr.openshift.io/namespace"]+"/"+s.Annotations["exchange.ramendr.openshift.io/name"]] = string(data)
			}
		}
		return out
	}
	require.NotEmpty(t, held())
	one := slices.Collect(maps.Values(held()))[0]
	require.True(t, h.get(w, clientKey("outbox-dr2", "ramen-ops.wide")))
	name := w.Spec.VolSync.KeySecret
	require.Regexp(t, "^wide-vs-secret-", name)
	assert.Equal(t, map[string]string{
		"outbox-dr1 web/" + name: one, "outbox-dr1 shop/" + name: one,
		"outbox-dr2 web/" + name: one, "outbox-dr2 shop/" + name: one,
	}, held())

	now := h.shown(d)
	now.Spec.ProtectedNamespaces = []string{"web"}
	require.NoError(t, h.api.Update(t.Context(), now))
	h.mustTry(key)
	assert.Equal(t, map[string]string{"outbox-dr1 web/" + name: one, "outbox-dr2 web/" + name: one}, held(),
		"it leaves with the namespace")
}

func (h *hub) mustTry(key client.ObjectKey) {
	h.t.Helper()
	_, err := h.try(key)
	require.NoError(h.t, err)
}

// loseKeys is the state of a hub that was restored from a backup of before the keys.
func (h *hub) loseKeys() {
	h.t.Helper()
	for _, cluster := range []string{"dr1", "dr2"} {
		s := h.keyWish(cluster)
		s.Finalizers = nil
		require.NoError(h.t, h.api.Update(h.t.Context(), s))
		require.NoError(h.t, h.api.Delete(h.t.Context(), s))
	}
}

// TestANameStandsForOneKey : movers that run hold on to the key that they were started with as long as the name of its Secret is
// the same, so that two keys of one name would never let both ends meet again.
func TestANameStandsForOneKey(t *testing.T) {
	for name, begin := range map[string]func(*hub){
		"a hub that is rebuilt": func(h *hub) { h.rebuild("hub-2", again()) },
		"a hub that is rebuilt after a failover": func(h *hub) {
			h.failover("dr2")
			h.settle()
			h.rebuild("hub-2", again())
		},
		"a hub that lost the keys": (*hub).loseKeys,
		"a hub whose keys somebody changed": func(h *hub) {
			h.rekey("dr1", "volsyncramen:ff")
			h.rekey("dr2", "volsyncramen:ee")
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := withVolSync(t, "data")
			was, key := h.keyTold("dr1"), h.keys()["dr1"]
			begin(h)
			h.settle()
			is := h.keyTold("dr1")
			assert.NotEqual(t, was, is)
			assert.Equal(t, is, h.keyTold("dr2"))
			assert.NotEqual(t, key, h.keys()["dr1"])
			assert.Equal(t, h.keys()["dr1"], h.keys()["dr2"])
			assert.Equal(t, []string{"shop." + is, "shop." + is}, []string{h.keyWish("dr1").Name, h.keyWish("dr2").Name})
			for _, s := range append(h.wish("dr1").Spec.VolSync.RSSpec, h.wish("dr2").Spec.VolSync.RSSpec...) {
				assert.Equal(t, is, s.RsyncTLS.TLSSecretRef.Name)
			}
			h.settle()
			assert.Equal(t, is, h.keyTold("dr1"), "once")
		})
	}
}

// TestAKeyInUseIsReplacedOnceBothClustersHear : one alone would not be understood by the other, with which it works now.
func TestAKeyInUseIsReplacedOnceBothClustersHear(t *testing.T) {
	h := withVolSync(t, "data")
	first := h.keyTold("dr1")
	h.loseKeys()
	h.cut("dr2")
	h.settle()
	assert.Equal(t, first, h.keyTold("dr1"))
	assert.Empty(t, h.keys())
	h.connect("dr2")
	h.settle()
	assert.NotEqual(t, first, h.keyTold("dr1"))
	assert.Equal(t, h.keyTold("dr1"), h.keyTold("dr2"))
	assert.Len(t, h.keys(), 2)
}

// TestAKeyThatWasMadeBeforeNamesStoodForKeysIsKept : no mover is started again for a new version of the hub.
func TestAKeyThatWasMadeBeforeNamesStoodForKeysIsKept(t *testing.T) {
	h := withVolSync(t, "data")
	for _, cluster := range []string{"dr1", "dr2"} {
		s := h.keyWish(cluster)
		old := s.DeepCopy()
		old.ResourceVersion, old.UID, old.Name = "", "", "shop.db-vs-secret"
		old.Annotations["exchange.ramendr.openshift.io/name"] = "db-vs-secret"
		old.Data["psk.txt"] = []byte("volsyncramen:00")
		s.Finalizers = nil
		require.NoError(t, h.api.Update(t.Context(), s))
		require.NoError(t, h.api.Delete(t.Context(), s))
		require.NoError(t, h.api.Create(t.Context(), old))
		w := h.wish(cluster)
		w.Spec.VolSync.KeySecret = ""
		require.NoError(t, h.api.Update(t.Context(), w))
	}
	h.settle()
	assert.Equal(t, "db-vs-secret", h.keyTold("dr1"))
	assert.Equal(t, "db-vs-secret", h.keyTold("dr2"))
	assert.Equal(t, map[string]string{"dr1": "volsyncramen:00", "dr2": "volsyncramen:00"}, h.keys())
}
