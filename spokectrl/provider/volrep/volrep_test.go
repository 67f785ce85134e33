// SPDX-License-Identifier: Apache-2.0

package volrep_test

import (
	"context"
	"testing"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
	"github.com/ramendr/ramen-direct/spokectrl/provider/providertest"
	"github.com/ramendr/ramen-direct/spokectrl/provider/volrep"
)

const driver = "driver.example.com"

func volume() provider.Volume {
	return provider.Volume{
		Namespace: "app", Name: "data",
		Group: provider.Group{Namespace: "app", Name: "g", UID: "u", Interval: "60m", Role: plan.Primary},
		Claim: &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: "data"}, Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: new("sc")}},
		Class: &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "sc", Labels: map[string]string{v1alpha1.LabelStorageID: "s1"}}, Provisioner: driver},
	}
}

func class(name string, change ...func(*replicationv1.VolumeReplicationClass)) replicationv1.VolumeReplicationClass {
	c := replicationv1.VolumeReplicationClass{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1alpha1.LabelStorageID: "s1", v1alpha1.LabelReplicationID: "r1"}},
		Spec:       replicationv1.VolumeReplicationClassSpec{Provisioner: driver, Parameters: map[string]string{"schedulingInterval": "1h"}},
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

func TestConformance(t *testing.T) {
	providertest.Run(t, func(t *testing.T) providertest.Subject {
		t.Helper()
		s := runtime.NewScheme()
		require.NoError(t, clientgoscheme.AddToScheme(s))
		require.NoError(t, replicationv1.AddToScheme(s))
		vrc := class("vrc")
		c := fake.NewClientBuilder().WithScheme(s).WithStatusSubresource(&replicationv1.VolumeReplication{}).WithObjects(&vrc).Build()
		none := func(kind string) error {
			return &meta.NoKindMatchError{GroupKind: replicationv1.GroupVersion.WithKind(kind).GroupKind()}
		}
		bare := interceptor.NewClient(c, interceptor.Funcs{
			Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
				return none("VolumeReplication")
			},
			List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
				return none("VolumeReplicationClass")
			},
		})
		var generation int64
		reach := func(ctx context.Context, t *testing.T) {
			t.Helper()
			vr := &replicationv1.VolumeReplication{}
			require.NoError(t, c.Get(ctx, client.ObjectKey{Namespace: "app", Name: "data"}, vr))
			answer(vr, vr.Generation)
			require.NoError(t, c.Status().Update(ctx, vr))
		}
		// The fake client leaves generations to us.
		counting := interceptor.NewClient(c, interceptor.Funcs{
			Apply: func(ctx context.Context, w client.WithWatch, obj runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
				if err := w.Apply(ctx, obj, opts...); err != nil {
					return err
				}
				vr := &replicationv1.VolumeReplication{}
				if err := w.Get(ctx, client.ObjectKey{Namespace: "app", Name: "data"}, vr); err != nil {
					return err
				}
				generation++
				vr.Generation = generation
				return w.Update(ctx, vr)
			},
		})
		return providertest.Subject{Provider: volrep.Provider{}, Client: counting, Bare: bare, Volume: volume(), Reach: reach}
	})
}

// answer is what csi-addons says of a volume that took its role and is in sync.
func answer(vr *replicationv1.VolumeReplication, generation int64) {
	vr.Status.ObservedGeneration = generation
	vr.Status.State = replicationv1.PrimaryState
	reason := "Promoted"
	if vr.Spec.ReplicationState == replicationv1.Secondary {
		vr.Status.State, reason = replicationv1.SecondaryState, "Demoted"
	}
	is(vr, "Completed", metav1.ConditionTrue, reason)
	is(vr, "Degraded", metav1.ConditionFalse, "Healthy")
	is(vr, "Resyncing", metav1.ConditionFalse, "NotResyncing")
}

func is(vr *replicationv1.VolumeReplication, kind string, status metav1.ConditionStatus, reason string) {
	meta.SetStatusCondition(&vr.Status.Conditions, metav1.Condition{Type: kind, Status: status, Reason: reason, Message: "says the storage", ObservedGeneration: vr.Status.ObservedGeneration})
}

func TestChoose(t *testing.T) {
	peers := func(v *provider.Volume) {
		v.Group.PeerClasses = []v1alpha1.PeerClass{{StorageClassName: "sc", StorageID: []string{"s1", "s2"}, ReplicationID: "r1"}}
	}
	byDefault := func(c *replicationv1.VolumeReplicationClass) {
		c.Annotations = map[string]string{"replication.storage.openshift.io/is-default-class": "true"}
	}
	for name, tc := range map[string]struct {
		volume  []func(*provider.Volume)
		classes []replicationv1.VolumeReplicationClass
		want    string
		reason  string
		says    string
	}{
		"an hour is sixty minutes": {classes: []replicationv1.VolumeReplicationClass{class("a")}, want: "a"},
		"a day is 24 hours": {
			volume:  []func(*provider.Volume){func(v *provider.Volume) { v.Group.Interval = "1d" }},
			classes: []replicationv1.VolumeReplicationClass{class("a", func(c *replicationv1.VolumeReplicationClass) { c.Spec.Parameters["schedulingInterval"] = "24h" })}, want: "a",
		},
		"another interval does not fit": {
			volume:  []func(*provider.Volume){func(v *provider.Volume) { v.Group.Interval = "5m" }},
			classes: []replicationv1.VolumeReplicationClass{class("a")}, reason: "ReplicationClassNotFound", says: `schedulingInterval "5m"`,
		},
		"another provisioner does not fit": {
			classes: []replicationv1.VolumeReplicationClass{class("a", func(c *replicationv1.VolumeReplicationClass) { c.Spec.Provisioner = "x" })},
			reason:  "ReplicationClassNotFound", says: driver,
		},
		"of several the default one": {classes: []replicationv1.VolumeReplicationClass{class("a"), class("b", byDefault)}, want: "b"},
		"of several without a default none": {
			classes: []replicationv1.VolumeReplicationClass{class("b"), class("a")}, reason: "ReplicationClassNotFound", says: "a, b all fit",
		},
		"the peer classes decide": {volume: []func(*provider.Volume){peers}, classes: []replicationv1.VolumeReplicationClass{
			class("a", func(c *replicationv1.VolumeReplicationClass) { c.Labels[v1alpha1.LabelReplicationID] = "r2" }), class("b"),
		}, want: "b"},
		"a class outside of the peer classes": {
			volume: []func(*provider.Volume){peers, func(v *provider.Volume) { v.Claim.Spec.StorageClassName = new("other") }},
			reason: "PeerClassNotFound", says: `StorageClass "other"`,
		},
		"a class whose storage replicates groups by itself": {
			volume: []func(*provider.Volume){peers, func(v *provider.Volume) { v.Group.PeerClasses[0].Offloaded = true }},
			reason: "NotSupported", says: "remove label ramendr.openshift.io/offloaded",
		},
		"a class that says so itself, in a group without peer classes": {
			volume:  []func(*provider.Volume){func(v *provider.Volume) { v.Class.Labels[v1alpha1.LabelOffloaded] = "" }},
			classes: []replicationv1.VolumeReplicationClass{class("a")},
			reason:  "NotSupported", says: "remove label ramendr.openshift.io/offloaded",
		},
		"a storage class without id": {
			volume: []func(*provider.Volume){peers, func(v *provider.Volume) { v.Class.Labels = nil }}, reason: "StorageIDNotFound", says: "storageid",
		},
		"a storage id that the peers do not know": {
			volume: []func(*provider.Volume){peers, func(v *provider.Volume) { v.Class.Labels[v1alpha1.LabelStorageID] = "s9" }}, reason: "PeerClassNotFound", says: "has ramendr.openshift.io/storageid=s9, but the group was told s1, s2: correct the label; or, if the storage was replaced",
		},
		"the group's selector": {
			volume: []func(*provider.Volume){func(v *provider.Volume) {
				v.Group.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{v1alpha1.LabelReplicationID: "r2"}}
			}},
			classes: []replicationv1.VolumeReplicationClass{class("a")}, reason: "ReplicationClassNotFound", says: "replicationid=r2",
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := volume()
			for _, f := range tc.volume {
				f(&v)
			}
			got, refusal := volrep.Choose(v, tc.classes)
			if tc.reason != "" {
				require.NotNil(t, refusal)
				assert.Equal(t, tc.reason, refusal.Reason)
				assert.Contains(t, refusal.Message, tc.says)
				return
			}
			require.Nil(t, refusal)
			assert.Equal(t, tc.want, got.Name)
		})
	}
}

func TestJudge(t *testing.T) {
	type vr = replicationv1.VolumeReplication
	secondary := func(change func(*vr)) func(*vr) {
		return func(r *vr) {
			r.Spec.ReplicationState = replicationv1.Secondary
			answer(r, 2)
			change(r)
		}
	}
	for name, tc := range map[string]struct {
		change    func(*vr)
		settled   bool
		ready     string
		protected string
	}{
		"no answer yet":                     {func(r *vr) { answer(r, 1) }, false, "False/Progressing", "False/Progressing"},
		"promoted":                          {func(r *vr) { answer(r, 2) }, true, "True/Ready", "False/Replicating"},
		"promoted after a refusal":          {func(r *vr) { answer(r, 2); is(r, "Validated", metav1.ConditionFalse, "PrerequisiteNotMet") }, true, "True/Ready", "False/Replicating"},
		"promoted, a note of an older wish": {func(r *vr) { answer(r, 1); r.Status.ObservedGeneration = 2 }, false, "False/Progressing", "False/Progressing"},
		"promoted, and replicates":          {func(r *vr) { answer(r, 2); is(r, "Replicating", metav1.ConditionTrue, "Replicating") }, true, "True/Ready", "False/Replicating"},
		"promoted, and the storage does not know whether it does": {func(r *vr) {
			answer(r, 2)
			is(r, "Replicating", metav1.ConditionUnknown, "Replicating")
		}, true, "True/Ready", "False/NotReplicated"},
		"promoted, and the storage does not know, but tells of a copy": {func(r *vr) {
			answer(r, 2)
			is(r, "Replicating", metav1.ConditionUnknown, "Replicating")
			r.Status.LastSyncTime = new(metav1.Now())
		}, true, "True/Ready", "False/Replicating"},
		"promoted, and does not replicate": {func(r *vr) { answer(r, 2); is(r, "Replicating", metav1.ConditionFalse, "NotReplicating") }, true, "True/Ready", "False/Error"},
		"promoted, and did not replicate before its role changed": {func(r *vr) {
			answer(r, 1)
			is(r, "Replicating", metav1.ConditionFalse, "NotReplicating")
			answer(r, 2)
		}, true, "True/Ready", "False/Replicating"},
		"refused": {func(r *vr) {
			answer(r, 2)
			is(r, "Completed", metav1.ConditionFalse, "FailedToPromote")
			is(r, "Validated", metav1.ConditionFalse, "PrerequisiteNotMet")
		}, false, "False/Error", "False/Error"},
		"demoted and in sync": {secondary(func(*vr) {}), true, "True/Replicated", "True/DataProtected"},
		"just demoted":        {secondary(func(r *vr) { is(r, "Degraded", metav1.ConditionTrue, "VolumeDegraded") }), false, "False/Progressing", "False/Replicating"},
		"resyncing": {secondary(func(r *vr) {
			is(r, "Degraded", metav1.ConditionTrue, "VolumeDegraded")
			is(r, "Resyncing", metav1.ConditionTrue, "ResyncTriggered")
		}), false, "False/Progressing", "False/Replicating"},
		"demoted, but not in state":   {secondary(func(r *vr) { r.Status.State = replicationv1.UnknownState }), false, "False/Progressing", "False/Replicating"},
		"nothing known of the resync": {secondary(func(r *vr) { meta.RemoveStatusCondition(&r.Status.Conditions, "Resyncing") }), false, "False/Progressing", "False/Replicating"},
		"demotion failed":             {secondary(func(r *vr) { is(r, "Completed", metav1.ConditionFalse, "FailedToDemote") }), false, "False/Progressing", "False/Replicating"},
		"resync failed": {secondary(func(r *vr) {
			is(r, "Completed", metav1.ConditionFalse, "FailedToResync")
			is(r, "Resyncing", metav1.ConditionFalse, "FailedToResync")
		}), false, "False/Progressing", "False/Replicating"},
	} {
		t.Run(name, func(t *testing.T) {
			s := runtime.NewScheme()
			require.NoError(t, replicationv1.AddToScheme(s))
			r := &vr{
				ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: "data", Generation: 2, Labels: map[string]string{v1alpha1.LabelOwnerNamespace: "app", v1alpha1.LabelOwnerName: "g"}},
				Spec:       replicationv1.VolumeReplicationSpec{ReplicationState: replicationv1.Primary},
			}
			tc.change(r)
			v := volume()
			v.Claim = nil
			state, err := volrep.Provider{}.Observe(t.Context(), fake.NewClientBuilder().WithScheme(s).WithObjects(r).Build(), v)
			require.NoError(t, err)
			assert.Equal(t, tc.settled, state.Settled)
			assert.Equal(t, tc.ready, string(state.Ready.Status)+"/"+state.Ready.Reason)
			assert.Equal(t, tc.protected, string(state.Protected.Status)+"/"+state.Protected.Reason)
			assert.NotEmpty(t, state.Ready.Message)
		})
	}
}

func TestClaims(t *testing.T) {
	v := volume()
	assert.True(t, volrep.Provider{}.Claims(v))
	v.Group.ForceVolSync = true
	assert.False(t, volrep.Provider{}.Claims(v))
	v = volume()
	v.Group.PeerClasses = []v1alpha1.PeerClass{{StorageClassName: "sc"}}
	assert.False(t, volrep.Provider{}.Claims(v), "its storage does not replicate by itself")
	v.Group.PeerClasses[0].Offloaded = true
	assert.True(t, volrep.Provider{}.Claims(v), "and refuses it: VolSync would copy what the storage replicates already")
}
