// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// withoutObjects reports that a cluster was asked to protect Kubernetes objects and can't.
func withoutObjects(s *v1alpha1.VolumeReplicationGroupStatus) {
	objectsAre("False", "NotSupported", "it has to come from elsewhere")(s)
}

// objectsAre has a cluster say something about the Kubernetes objects of the application.
func objectsAre(status metav1.ConditionStatus, reason, message string) func(*v1alpha1.VolumeReplicationGroupStatus) {
	return func(s *v1alpha1.VolumeReplicationGroupStatus) {
		c := condition("KubeObjectsReady", status, reason, message)
		c.ObservedGeneration = s.Exchange.SpokeGeneration
		meta.SetStatusCondition(&s.Conditions, c)
	}
}

func askForObjects(d *v1alpha1.DRPlacementControl) {
	d.Spec.KubeObjectProtection = &v1alpha1.KubeObjectProtectionSpec{}
}

func TestObjectsThatAreNotProtectedAreTold(t *testing.T) {
	h := deployed(t)
	h.ask(askForObjects)
	h.settle()
	h.restate("dr1", withoutObjects)
	h.pass()
	const message = "only the volumes of the application are protected, its Kubernetes objects (spec.kubeObjectProtection) are not: cluster dr1: it has to come from elsewhere"
	for kind, want := range map[string]string{
		"Available": "True Deployed the workload runs on dr1",
		"Protected": "False NotSupported " + message,
		"Ready":     "False NotSupported " + message,
		"Stalled":   "True NotSupported " + message,
	} {
		c := h.condition(kind)
		assert.Equal(t, want, string(c.Status)+" "+c.Reason+" "+c.Message, kind)
	}
	w := h.drpc().Status.Waiting
	require.NotNil(t, w)
	assert.Equal(t, []string{"NotSupported", message}, []string{w.Fact, w.Message})
	assert.Equal(t, "fix the problem described in the message; or remove spec.kubeObjectProtection, and deploy the objects from Git or by hand after a failover or relocation", w.NextStep)
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())

	h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) { s.ProtectedPVCs, s.LastGroupSyncTime = nil, nil })
	h.pass()
	assert.Equal(t, "False NotSupported", string(h.condition("Protected").Status)+" "+h.condition("Protected").Reason, "nothing at all is protected")

	h.failover("dr2")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows(), "it hinders no operation")

	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.KubeObjectProtection = nil })
	h.settle()
	assert.Equal(t, "True", string(h.condition("Protected").Status))
	assert.Nil(t, h.drpc().Status.Waiting)
}

func TestWhatHasNoEffectIsNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*v1alpha1.DRPlacementControl)
		says string
	}{
		"annotations of namespaces, which have one": {
			func(d *v1alpha1.DRPlacementControl) { d.Spec.RetainNamespaceSCCAcrossPeers = true }, "1 volumes are protected",
		},
		"addresses of VolSync": {
			func(d *v1alpha1.DRPlacementControl) {
				d.Spec.VolSyncSpec = &v1alpha1.VolSyncSpec{RDSpec: []v1alpha1.VolSyncReplicationDestinationSpec{{}}}
			},
			"1 volumes are protected; rdSpec and rsSpec of spec.volSyncSpec are not used, because the hub computes them: remove them",
		},
		"an annotation that asks for copies of what differs": {
			annotated("enable-diff", "true"), "1 volumes are protected; annotation drplacementcontrol.ramendr.openshift.io/enable-diff has no effect: VolSync finds out itself what differs. Remove it",
		},
		"an annotation that asks for consistency groups": {
			annotated("is-cg-enabled", "true"), "1 volumes are protected; annotation drplacementcontrol.ramendr.openshift.io/is-cg-enabled has no effect: " + oneByOne + ", and remove the annotation",
		},
		"annotations that ask for nothing": {
			func(d *v1alpha1.DRPlacementControl) {
				annotated("enable-diff", "false")(d)
				annotated("is-cg-enabled", "")(d)
			}, "1 volumes are protected",
		},
		"a key of VolSync": {
			func(d *v1alpha1.DRPlacementControl) { d.Spec.VolSyncSpec = &v1alpha1.VolSyncSpec{KeySecret: "mine"} },
			"1 volumes are protected; keySecret of spec.volSyncSpec is not used, because the hub makes the key: remove it",
		},
		"a cluster that was given up, and answers": {
			func(d *v1alpha1.DRPlacementControl) {
				d.Annotations["ramendr.openshift.io/abandon-cluster"] = "dr2"
			},
			"1 volumes are protected; annotation ramendr.openshift.io/abandon-cluster names cluster dr2, which answers: it has an effect only when DR is disabled, or the cluster is lost again. " +
				"Remove it if it was meant for an outage that is over",
		},
		"nothing": {func(*v1alpha1.DRPlacementControl) {}, "1 volumes are protected"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, newDRPC(tc.edit))
			h.settle()
			c := h.condition("Protected")
			assert.Equal(t, "True "+tc.says, string(c.Status)+" "+c.Message)
			assert.Empty(t, h.wish("dr2").Spec.VolSync.RDSpec)
			assert.Empty(t, h.keyTold("dr2"))
			assert.Equal(t, h.drpc().Spec.RetainNamespaceSCCAcrossPeers, h.wish("dr1").Spec.RetainNamespaceSCCAcrossPeers, "it reaches the group")
		})
	}
}

const oneByOne = "each volume is replicated on its own, so that after a failover the volumes of the application may be of different moments, up to a scheduling interval apart. " +
	"If it can't start from that, keep what has to be of one moment in one volume"

func annotated(key, value string) func(*v1alpha1.DRPlacementControl) {
	return func(d *v1alpha1.DRPlacementControl) {
		d.Annotations["drplacementcontrol.ramendr.openshift.io/"+key] = value
	}
}

// TestVolumesThatCouldBeAGroupAreNamed : the policy says that the storage has consistency groups, and nobody makes one.
func TestVolumesThatCouldBeAGroupAreNamed(t *testing.T) {
	h := newHub(t, newDRPC())
	h.policy(entries(v1alpha1.PeerClass{StorageClassName: "fast", ReplicationID: "rep", GroupReplicationID: "grp", Grouping: true}, v1alpha1.PeerClass{StorageClassName: "slow"}))
	h.settle()
	reported := func(classes ...string) string {
		h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) {
			s.ProtectedPVCs = nil
			for i, class := range classes {
				s.ProtectedPVCs = append(s.ProtectedPVCs, v1alpha1.ProtectedPVC{Namespace: "shop", Name: fmt.Sprint("data-", i), StorageClassName: &class})
			}
		})
		h.pass()
		c := h.condition("Protected")
		return string(c.Status) + " " + c.Message
	}
	assert.Equal(t, "True 3 volumes are protected", reported("fast", "slow", "slow"), "one alone needs no group")
	assert.Equal(t, "True 3 volumes are protected; consistency groups of StorageClass fast, which the DRPolicy offers, are not used: "+oneByOne, reported("fast", "slow", "fast"))
	h.ask(annotated("is-cg-enabled", "true"))
	h.settle()
	assert.Equal(t, "True 3 volumes are protected; annotation drplacementcontrol.ramendr.openshift.io/is-cg-enabled has no effect: "+oneByOne+", and remove the annotation",
		reported("fast", "slow", "fast"), "it is said once")
}

func TestVolSyncIsTurnedOffByTheSpec(t *testing.T) {
	h := deployed(t)
	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.VolSyncSpec = &v1alpha1.VolSyncSpec{Disabled: true} })
	h.settle()
	for _, cluster := range []string{"dr1", "dr2"} {
		assert.True(t, h.wish(cluster).Spec.VolSync.Disabled, cluster)
	}
	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.VolSyncSpec = nil })
	h.settle()
	assert.False(t, h.wish("dr1").Spec.VolSync.Disabled, "and on again")
}

// leave deletes an object that a finalizer holds.
func (h *hub) leave(o client.Object) {
	h.t.Helper()
	o.SetFinalizers([]string{"test/held"})
	require.NoError(h.t, h.api.Update(h.t.Context(), o))
	require.NoError(h.t, h.api.Delete(h.t.Context(), o))
}

func TestProtectionDoesNotBeginOnWhatIsBeingDeleted(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*hub)
		says string
	}{
		"a cluster": {func(h *hub) {
			c := &v1alpha1.DRCluster{}
			require.True(h.t, h.get(c, clientKey("", "dr2")))
			h.leave(c)
		}, "DRCluster dr2 is being deleted: delete the DRPlacementControl and make it again with a DRPolicy of other clusters"},
		"a policy": {func(h *hub) {
			p := &v1alpha1.DRPolicy{}
			require.True(h.t, h.get(p, clientKey("", "policy")))
			h.leave(p)
		}, "DRPolicy policy is being deleted: delete the DRPlacementControl and make it again with another DRPolicy"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, newDRPC())
			tc.edit(h)
			h.pass()
			assert.Empty(t, h.wrote())
			require.NotNil(t, h.drpc().Status.Waiting)
			assert.Equal(t, "PolicyValid", h.drpc().Status.Waiting.Fact)
			assert.Equal(t, tc.says, h.drpc().Status.Waiting.Message)

			h = deployed(t)
			tc.edit(h)
			h.failover("dr2")
			h.settle()
			assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows(), "what is protected is not hindered")
		})
	}
}

func TestAnApplicationThatBreaksAtRestSaysWhatItWaitsFor(t *testing.T) {
	h := moments["deployed-volumes-broken"](t)
	h.pass()
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	w := h.drpc().Status.Waiting
	require.NotNil(t, w)
	assert.Equal(t, []string{"Primary", "dr1"}, []string{w.Fact, w.Cluster})
	assert.Contains(t, w.Message, "cluster dr1 is not Primary and ready yet: DataReady is False")
	assert.NotEmpty(t, w.NextStep)
	assert.Equal(t, "False Primary "+w.Message, string(h.condition("Ready").Status)+" "+h.condition("Ready").Reason+" "+h.condition("Ready").Message)
	h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) {
		for i := range s.Conditions {
			if s.Conditions[i].Type == "DataReady" || s.Conditions[i].Type == "DataProtected" {
				s.Conditions[i].Status = "True"
			}
		}
	})
	h.pass()
	assert.Nil(t, h.drpc().Status.Waiting)
}

// TestAFailoverSaysWhichObjectsAreMissing : volumes do not wait for objects, and neither does the demotion of the peer; the user is
// told until the objects are there.
func TestAFailoverSaysWhichObjectsAreMissing(t *testing.T) {
	h := deployed(t)
	h.ask(askForObjects)
	h.settle()
	h.failover("dr2")
	h.spokes["dr2"].objects = new(condition("KubeObjectsReady", "False", "Progressing", "the Kubernetes objects are being restored"))
	h.settle()
	assert.Equal(t, "FailedOver/WaitingForResourceRestore [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows(), "both sides have their roles")
	available := h.condition("Available")
	assert.Equal(t, "True the workload runs on dr2; KubeObjectsReady is False: Progressing: the Kubernetes objects are being restored", string(available.Status)+" "+available.Message)
	protected := h.condition("Protected")
	assert.Equal(t, "False Progressing", string(protected.Status)+" "+protected.Reason)

	h.spokes["dr2"].objects = new(condition("KubeObjectsReady", "False", "Error", "2 of 7 objects could not be made: Deployment shop/web: exceeded quota"))
	h.obey("dr2")
	h.settle()
	w := h.drpc().Status.Waiting
	require.NotNil(t, w)
	assert.Equal(t, []string{"KubeObjectsReady", "dr2"}, []string{w.Fact, w.Cluster})
	assert.Contains(t, w.Message, "2 of 7 objects could not be made: Deployment shop/web: exceeded quota")
	assert.Contains(t, w.NextStep, "kubectl --context dr2 -n shop get vrg db -o yaml")

	h.spokes["dr2"].objects = new(condition("KubeObjectsReady", "True", "Captured", "7 objects were captured"))
	h.obey("dr2")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
	assert.Nil(t, h.drpc().Status.Waiting)
	assert.Equal(t, "True", string(h.condition("Protected").Status))
}

// TestACaptureThatIsTooOldIsNoProtection : the cluster says so by its own clock.
func TestACaptureThatIsTooOldIsNoProtection(t *testing.T) {
	h := deployed(t)
	h.ask(askForObjects)
	h.settle()
	for _, reason := range []string{"NotCaptured", "CaptureOverdue", "CaptureIncomplete"} {
		h.restate("dr1", objectsAre("False", reason, "last captured 17m0s ago"))
		h.pass()
		protected := h.condition("Protected")
		assert.Equal(t, "False "+reason+" cluster dr1: last captured 17m0s ago", string(protected.Status)+" "+protected.Reason+" "+protected.Message)
		assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	}
}

// TestAHookThatFailsIsNoProtection : as Ramen says it, with the age of what would be restored.
func TestAHookThatFailsIsNoProtection(t *testing.T) {
	h := deployed(t)
	h.ask(askForObjects)
	h.settle()
	failed := func(s *v1alpha1.VolumeReplicationGroupStatus) {
		objectsAre("True", "Captured", "7 objects were captured")(s)
		c := condition("HooksReady", "False", "HookFailed", "Capture hooks failed at 2026-01-01T00:05:00Z: hook db/quiesce: exit code 3")
		c.ObservedGeneration = s.Exchange.SpokeGeneration
		meta.SetStatusCondition(&s.Conditions, c)
		s.KubeObjectProtection.CaptureToRecoverFrom = &v1alpha1.KubeObjectsCaptureIdentifier{StartTime: new(metav1.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))}
	}
	h.restate("dr1", failed)
	h.pass()
	protected := h.condition("Protected")
	assert.Equal(t, "False Error", string(protected.Status)+" "+protected.Reason)
	assert.Equal(t, "VolumeReplicationGroup (shop/db) on cluster dr1 hook execution failed: Capture hooks failed at 2026-01-01T00:05:00Z: hook db/quiesce: exit code 3; "+
		"a failover would restore the Kubernetes objects of 2026-01-01T00:00:00Z", protected.Message)
	h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) {
		failed(s)
		objectsAre("False", "CaptureOverdue", "last captured 17m0s ago")(s)
	})
	h.pass()
	assert.Contains(t, h.condition("Protected").Message, "exit code 3; CaptureOverdue: last captured 17m0s ago")
	h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) {
		objectsAre("True", "Captured", "7 objects were captured")(s)
		meta.RemoveStatusCondition(&s.Conditions, "HooksReady")
	})
	h.pass()
	assert.Equal(t, "True", string(h.condition("Protected").Status))
}
