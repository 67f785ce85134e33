// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/drpc"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

func TestWhatTheUserHasToChangeIsNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		edit          func(*hub)
		fact          string
		message, next string
		stalled       bool
	}{
		"a preferred cluster that is not in the policy": {
			func(h *hub) { h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.PreferredCluster = "dr7" }) }, "TargetNamed",
			`spec.preferredCluster is "dr7", which is not a cluster of DRPolicy policy`, "set spec.preferredCluster to dr1 or dr2", true,
		},
		"no preferred cluster": {
			func(h *hub) { h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.PreferredCluster = "" }) }, "TargetNamed",
			"spec.preferredCluster is empty", "set spec.preferredCluster to dr1 or dr2", true,
		},
		"a policy that is not valid": {
			func(h *hub) {
				h.policy(func(p *v1alpha1.DRPolicy) {
					p.Status.Conditions[0].Status, p.Status.Conditions[0].Message = "False", "no common class"
				})
			}, "PolicyValid",
			"DRPolicy policy is not valid: Succeeded: no common class", "the operation continues automatically when the policy is valid", false,
		},
		"a policy that nobody looked at": {
			func(h *hub) { h.policy(func(p *v1alpha1.DRPolicy) { p.Status.Conditions = nil }) }, "PolicyValid",
			"DRPolicy policy is not valid: not looked at yet", "the operation continues automatically when the policy is valid", false,
		},
		"a DRCluster that is missing": {
			func(h *hub) { require.NoError(h.t, h.api.Delete(h.t.Context(), cluster("dr2", ""))) }, "PolicyValid",
			"a DRCluster of DRPolicy policy is missing", "the operation continues automatically when the policy is valid", false,
		},
		"an object that no hub made": {
			func(h *hub) {
				*h.spokes["dr2"] = spoke{has: true, stamp: v1alpha1.ExchangeStamp{SpokeUID: "theirs", SpokeGeneration: 1}}
				h.tell("dr2")
			}, "ForeignObject",
			"VolumeReplicationGroup shop/db on cluster dr2 is not this hub's: no hub made it", "if it is not needed, remove it: kubectl --context dr2 -n shop delete vrg db", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, newDRPC())
			tc.edit(h)
			h.pass()
			assert.Empty(t, h.wrote())
			w := h.drpc().Status.Waiting
			require.NotNil(t, w)
			assert.Equal(t, []string{tc.fact, tc.message, tc.next}, []string{w.Fact, w.Message, w.NextStep})
			assert.Equal(t, tc.stalled, h.has("Stalled"))
			assert.Equal(t, tc.message, h.condition("Ready").Message)
			assert.Equal(t, int64(h.drpc().Generation), h.drpc().Status.ObservedGeneration)
		})
	}
}

func TestAnActionOnWhatRunsNamesItsTarget(t *testing.T) {
	h := deployed(t)
	h.failover("dr7")
	h.pass()
	assert.Empty(t, h.wrote())
	assert.Equal(t, `spec.failoverCluster is "dr7", which is not a cluster of DRPolicy policy`, h.drpc().Status.Waiting.Message)
	assert.Equal(t, "WaitForUser/Paused [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	assert.Equal(t, "True", string(h.condition("Available").Status), "the workload runs on")
	assert.Equal(t, []string{`Warning DRPCWaitForUser phase WaitForUser: spec.failoverCluster is "dr7", which is not a cluster of DRPolicy policy`}, h.told())
}

func TestAPolicyThatBecameInvalidStopsNoFailover(t *testing.T) {
	h := deployed(t)
	h.policy(func(p *v1alpha1.DRPolicy) { p.Status.Conditions[0].Status, p.Status.Async.PeerClasses = "False", nil })
	h.failover("dr2")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
	assert.Equal(t, []v1alpha1.PeerClass{{StorageClassName: "fast", ReplicationID: "rep"}}, h.wish("dr2").Spec.Async.PeerClasses,
		"the classes that protect the application stay")
}

func TestAMissingPolicyIsNamedAndMovesNothing(t *testing.T) {
	h := deployed(t)
	require.NoError(t, h.api.Delete(t.Context(), policy()))
	h.pass()
	assert.Empty(t, h.wrote())
	c := h.condition("Stalled")
	assert.Equal(t, `True NoSuchPolicy spec.drPolicyRef names "policy": there is no such DRPolicy: create it, or delete and re-create the DRPlacementControl with another drPolicyRef`,
		string(c.Status)+" "+c.Reason+" "+c.Message)
	assert.Equal(t, "True", string(h.condition("Available").Status), "what runs is looked at all the same")
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	if w := h.drpc().Status.Waiting; assert.NotNil(t, w, "it is said where users look") {
		assert.Equal(t, "NoSuchPolicy", w.Fact)
		assert.Equal(t, c.Message, w.Message)
		assert.NotEmpty(t, w.NextStep)
		assert.NotNil(t, w.Since)
	}
}

func TestAnApplicationWithoutAPolicyDoesNotBegin(t *testing.T) {
	h := newHub(t, newDRPC())
	require.NoError(t, h.api.Delete(t.Context(), policy()))
	_, err := h.try(app)
	require.ErrorIs(t, err, reconcile.TerminalError(nil))
	assert.Empty(t, h.wrote())
	assert.Equal(t, "NoSuchPolicy", h.drpc().Status.Waiting.Fact)
}

func TestAMissingDRClusterTakesNoStoreAway(t *testing.T) {
	h := deployed(t)
	require.NoError(t, h.api.Delete(t.Context(), cluster("dr1", "")))
	h.failover("dr2")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
	assert.Equal(t, []string{"s3-a", "s3-b"}, h.wish("dr1").Spec.S3Profiles)
	assert.Equal(t, []string{"s3-a", "s3-b"}, h.wish("dr2").Spec.S3Profiles)
}

func TestTheOlderOfTwoThatProtectTheSameGroupWins(t *testing.T) {
	newcomer := newDRPC(func(d *v1alpha1.DRPlacementControl) {
		d.Namespace, d.UID = "ops", "newcomer"
		d.CreationTimestamp = metav1.NewTime(start.Add(time.Second))
		d.Annotations["drplacementcontrol.ramendr.openshift.io/app-namespace"] = "shop"
		d.Spec.PreferredCluster = "dr2"
	})
	key := clientKey("ops", "db")
	for name, first := range map[string]func(*hub){
		"while it is protected":     func(h *hub) { h.settle() },
		"before anything is wished": func(*hub) {},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, newDRPC(), newcomer)
			first(h)
			h.wrote()
			_, err := h.try(key)
			require.ErrorContains(t, err, "DRPlacementControl shop/db protects shop/db already: rename or delete one of the two")
			assert.Empty(t, h.wrote(), "the older one is unharmed")
			d := &v1alpha1.DRPlacementControl{}
			require.True(t, h.get(d, key))
			assert.Empty(t, d.Finalizers)
			h.settle()
			assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())

			older := h.drpc()
			h.disable()
			h.settle()
			require.Nil(t, h.drpc())
			assert.Equal(t, []reconcile.Request{{NamespacedName: key}}, h.r.OfRival(t.Context(), older), "the newcomer is woken")
			_, err = h.try(key)
			require.NoError(t, err)
			assert.Equal(t, []string{"hold drpc db", "wish dr1 secondary epoch 1"}, h.wrote())
		})
	}
}

func TestAnErrorIsToldAndTriedAgain(t *testing.T) {
	boom := errors.New("the API server is down")
	for name, tc := range map[string]struct {
		fail      func(verb, what string) error
		available string
	}{
		"nothing can be read": {func(verb, what string) error {
			if verb == "get" && strings.HasPrefix(what, "DRPolicy") {
				return boom
			}
			return nil
		}, "Unknown"},
		"a wish can't be written": {func(_, what string) error {
			if strings.HasPrefix(what, "wish") {
				return boom
			}
			return nil
		}, "True"},
	} {
		t.Run(name, func(t *testing.T) {
			h := deployed(t)
			h.failover("dr2")
			h.fail = tc.fail
			_, err := h.try(app)
			require.ErrorIs(t, err, boom)
			if tc.available == "Unknown" {
				assert.Equal(t, "True", string(h.condition("Available").Status), "a hiccup of the API server is no news of the workload")
				assert.Equal(t, "True", string(h.condition("Ready").Status))
				h.at(drpc.Patience)
				_, err := h.try(app)
				require.ErrorIs(t, err, boom)
				assert.Equal(t, "the hub has not been able to read what it needs since 2026-01-01T12:00:00Z, and tries again at least every minute: read DRPolicy policy: the API server is down",
					h.condition("Available").Message)
			}
			c := h.condition("Ready")
			assert.Equal(t, "False Error", string(c.Status)+" "+c.Reason)
			assert.Contains(t, c.Message, "the API server is down")
			assert.Equal(t, "True", string(h.condition("Reconciling").Status))
			assert.Equal(t, tc.available, string(h.condition("Available").Status))
			h.fail = nil
			h.settle()
			assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
		})
	}
}

func TestASpecThatCouldNotBeLookedAtIsNotObserved(t *testing.T) {
	h := deployed(t)
	was := h.drpc().Status.ObservedGeneration
	h.failover("dr2")
	h.fail = func(verb, what string) error {
		if verb == "get" && strings.HasPrefix(what, "DRPolicy") {
			return errors.New("the API server is down")
		}
		return nil
	}
	_, err := h.try(app)
	require.Error(t, err)
	assert.Equal(t, was, h.drpc().Status.ObservedGeneration)
	assert.Less(t, was, h.drpc().Generation)
}

func TestLinksThatConnectAreNotLive(t *testing.T) {
	h := deployed(t)
	h.links.state["dr1"] = exchange.Link{State: exchange.LinkConnecting, LastRenewal: start.Add(-time.Hour)}
	h.pass()
	assert.Equal(t, "Unknown", string(h.condition("Available").Status))
	assert.Equal(t, "the mirror of cluster dr1 is connecting; last heard of at 2026-01-01T11:00:00Z", h.drpc().Status.Waiting.Message)
}
