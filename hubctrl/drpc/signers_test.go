// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// keyNamed is a public key that can be told from others.
func keyNamed(name byte) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(name), 32)))
}

func keysNamed(names ...byte) string {
	var out []string
	for _, n := range names {
		out = append(out, keyNamed(n))
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

// signing is an application whose clusters sign what they store.
func signing(t *testing.T) *hub {
	t.Helper()
	h := newHub(t, newDRPC())
	h.spokes["dr1"].key, h.spokes["dr2"].key = keyNamed('1'), keyNamed('2')
	h.settle()
	require.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	return h
}

func (h *hub) signers() [2]string {
	return [2]string{h.wish("dr1").Annotations[v1alpha1.AnnotationSigners], h.wish("dr2").Annotations[v1alpha1.AnnotationSigners]}
}

func both(text string) [2]string { return [2]string{text, text} }

func TestBothClustersAreToldWhoSigns(t *testing.T) {
	h := signing(t)
	assert.Equal(t, both(keysNamed('1', '2')), h.signers())
	h.failover("dr2")
	h.settle()
	assert.Equal(t, both(keysNamed('1', '2')), h.signers())
	assert.Empty(t, h.settle())
}

func TestNobodyIsToldBeforeEverythingIsStored(t *testing.T) {
	h := newHub(t, newDRPC())
	h.spokes["dr1"].key, h.spokes["dr2"].key, h.spokes["dr1"].unstored = keyNamed('1'), keyNamed('2'), true
	h.settle()
	assert.Equal(t, both(""), h.signers(), "what is stored may have no signature yet")
	h.spokes["dr1"].unstored = false
	h.obey("dr1")
	h.settle()
	assert.Equal(t, both(keysNamed('1', '2')), h.signers())
}

// TestAClusterOfAnEarlierVersionSignsNothing : what it stores as Primary must be believed, before it and after it.
func TestAClusterOfAnEarlierVersionSignsNothing(t *testing.T) {
	h := newHub(t, newDRPC())
	h.settle()
	assert.Equal(t, both(""), h.signers())
	h.spokes["dr1"].key = keyNamed('1') // dr1 is upgraded first
	h.obey("dr1")
	h.settle()
	assert.Equal(t, both(keysNamed('1')), h.signers())
	h.failover("dr2")
	h.settle()
	assert.Equal(t, both(""), h.signers())
}

// TestAKeyThatChangesIsToldBesideTheOldOne, until everything is stored with it.
func TestAKeyThatChangesIsToldBesideTheOldOne(t *testing.T) {
	h := signing(t)
	h.spokes["dr1"].key, h.spokes["dr1"].unstored = keyNamed('3'), true
	h.obey("dr1")
	h.settle()
	assert.Equal(t, both(keysNamed('1', '2', '3')), h.signers())
	h.spokes["dr1"].unstored = false
	h.obey("dr1")
	h.settle()
	assert.Equal(t, both(keysNamed('2', '3')), h.signers())
}

// TestAFailoverKeepsWhoSigned : the failed cluster may have stored with a key that only the wishes remember.
func TestAFailoverKeepsWhoSigned(t *testing.T) {
	h := signing(t)
	h.cut("dr1")
	require.NoError(t, h.api.Delete(t.Context(), h.inbox("dr1")))
	h.spokes["dr2"].unstored = true
	h.failover("dr2")
	h.settle()
	assert.Equal(t, both(keysNamed('1', '2')), h.signers())
}

// TestAHubThatLostItsMemoryRecallsWhoSigns from what the clusters were told.
func TestAHubThatLostItsMemoryRecallsWhoSigns(t *testing.T) {
	for name, lose := range map[string]func(*hub){
		"a new hub": func(h *hub) {
			h.rebuild("hub-2", newDRPC())
			h.obey("dr2")
		},
		"a hub that was restored from a backup": func(h *hub) { h.restore(h.backup()) },
	} {
		t.Run(name, func(t *testing.T) {
			h := signing(t)
			h.cut("dr1") // and with it is lost what it reported
			lose(h)
			h.cut("dr1")
			h.spokes["dr2"].unstored = true
			h.failover("dr2")
			h.settle()
			require.NotNil(t, h.wish("dr2"), h.shows())
			assert.Equal(t, v1alpha1.Primary, h.wish("dr2").Spec.ReplicationState)
			assert.Equal(t, keysNamed('1', '2'), h.wish("dr2").Annotations[v1alpha1.AnnotationSigners])
		})
	}
}

func TestX16AClusterNamesNoKeysButItsOwn(t *testing.T) {
	h := signing(t)
	s := h.spokes["dr2"]
	s.key = "not a key"
	h.obey("dr2")
	h.settle()
	assert.Equal(t, both(keysNamed('1')), h.signers(), "what is no key is ignored")
	s.signers = strings.Join([]string{keyNamed('a'), keyNamed('b'), keyNamed('c'), keyNamed('d'), keyNamed('e')}, ",")
	h.tell("dr2")
	h.settle()
	assert.Equal(t, both(keysNamed('1')), h.signers(), "while the Primary says what is stored, nobody else's memory counts")
	h.spokes["dr1"].unstored = true
	h.obey("dr1")
	s.signers = strings.Join([]string{keyNamed('a'), keyNamed('b'), keyNamed('c'), keyNamed('d'), keyNamed('e')}, ",")
	h.tell("dr2")
	_, err := h.try(app)
	require.NoError(t, err)
	for _, told := range h.signers() {
		assert.LessOrEqual(t, strings.Count(told, ",")+1, 4)
		assert.Contains(t, told, keyNamed('1'))
	}
}

// TestWhatTheStoresLostWaitsForTheUsersWord : by which the cluster begins with what there is.
func TestWhatTheStoresLostWaitsForTheUsersWord(t *testing.T) {
	for _, reason := range []string{exchange.ReasonStoresEmpty, exchange.ReasonNotBelieved} {
		t.Run(reason, func(t *testing.T) {
			h := signing(t)
			h.spokes["dr2"].conflict = reason
			h.failover("dr2")
			h.settle()
			assert.Equal(t, "FailingOver/WaitForReadiness [dr1 Retain] dr1:primary@1 dr2:primary@2", h.shows())
			w := h.drpc().Status.Waiting
			require.NotNil(t, w)
			assert.Contains(t, w.Message, "nothing is stored of this group")
			word := failoverWord(h.drpc(), "dr2")
			assert.Contains(t, w.NextStep, "kubectl -n shop annotate drpc db --overwrite ramendr.openshift.io/accept-loss="+word)
			assert.True(t, h.spokes["dr1"].inUse, "what runs goes on")

			h.ask(func(d *v1alpha1.DRPlacementControl) { d.Annotations[v1alpha1.AnnotationAcceptLoss] = word })
			h.settle()
			assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@1 dr2:primary@2", strings.Replace(h.shows(), "dr1:secondary@2", "dr1:secondary@1", 1))
			assert.Equal(t, both(keysNamed('1', '2')), h.signers(), "what is stored from then on is signed")
		})
	}
}

// TestAWishThatSomebodyDeletedIsMadeWithoutSigners : its cluster emptied the stores when it obeyed.
func TestAWishThatSomebodyDeletedIsMadeWithoutSigners(t *testing.T) {
	h := signing(t)
	h.spokes["dr1"].conflict, h.spokes["dr1"].unstored = exchange.ReasonStoresEmpty, true
	h.deleteByHand("dr1")
	h.settle()
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@2 dr2:secondary@1", h.shows())
	assert.Equal(t, [2]string{"", keysNamed('1', '2')}, h.signers())
	h.spokes["dr1"].unstored = false
	h.obey("dr1")
	h.settle()
	assert.Equal(t, both(keysNamed('1', '2')), h.signers())
}

func TestAnApplicationThatIsProtectedAgainWasNotStored(t *testing.T) {
	h := signing(t)
	h.disable()
	h.settle()
	require.Nil(t, h.drpc())
	require.NoError(t, h.api.Create(t.Context(), newDRPC()))
	for _, s := range h.spokes {
		s.unstored = true
	}
	h.settle()
	assert.Equal(t, both(""), h.signers())
}

// TestBothClustersAreToldWhoMaySignBeforeAnythingIsStored, as the clusters tell it themselves. Another cluster that uses a name tells nothing.
func TestBothClustersAreToldWhoMaySignBeforeAnythingIsStored(t *testing.T) {
	h := newHub(t, newDRPC())
	tell := func(cluster, id string, key byte) {
		config := &v1alpha1.DRClusterConfig{}
		require.True(t, h.get(config, clientKey("", cluster)))
		config.Status.ClusterID, config.Status.SigningKey = id, keyNamed(key)
		require.NoError(t, h.api.Update(t.Context(), config))
	}
	keys := func() [2]string {
		return [2]string{h.wish("dr1").Annotations[v1alpha1.AnnotationClusterKeys], h.wish("dr2").Annotations[v1alpha1.AnnotationClusterKeys]}
	}
	identity := func(cluster string) string {
		c := &v1alpha1.DRCluster{}
		require.True(t, h.get(c, clientKey("", cluster)))
		return c.Status.ClusterID
	}
	tell("dr1", identity("dr1"), '1')
	h.settle()
	assert.Empty(t, h.wish("dr1").Annotations[v1alpha1.AnnotationClusterKeys], "one key is not known yet")
	tell("dr2", "another cluster", '2')
	h.settle()
	assert.Equal(t, both(""), keys())
	tell("dr2", identity("dr2"), '2')
	h.settle()
	assert.Equal(t, both(keysNamed('1', '2')), keys())
	assert.Equal(t, both(""), h.signers(), "nothing is said of what was stored")
	config := &v1alpha1.DRClusterConfig{}
	require.True(t, h.get(config, clientKey("", "dr2")))
	config.Status.SigningKey = ""
	require.NoError(t, h.api.Update(t.Context(), config))
	h.settle()
	assert.Equal(t, both(keysNamed('1', '2')), keys(), "that it is not told now proves nothing")
	woken := h.woken(func() { tell("dr2", identity("dr2"), '3') })
	assert.Contains(t, woken, app)
	h.settle()
	assert.Equal(t, both(keysNamed('1', '2', '3')), keys(), "what was signed by a former key is no other hub's")

	h = newHub(t, newDRPC())
	tell("dr1", identity("dr1"), '1')
	tell("dr2", identity("dr2"), '2')
	writes := 0
	for _, line := range h.settle() {
		if strings.HasPrefix(line, "wish dr1") {
			writes++
		}
	}
	assert.Equal(t, 1, writes)
	assert.Equal(t, keysNamed('1', '2'), h.wish("dr1").Annotations[v1alpha1.AnnotationClusterKeys], "with the first wish")
}
