// SPDX-License-Identifier: Apache-2.0

package volrep_test

import (
	"testing"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
	"github.com/ramendr/ramen-direct/spokectrl/provider/volrep"
)

// TestStorageWithASessionIsAskedToReplicateAgain only of a primary that does not replicate, once in a term, and never where the class does
// not say that the storage has sessions: another storage may take that as the order to replace what the primary has.
func TestStorageWithASessionIsAskedToReplicateAgain(t *testing.T) {
	type vr = replicationv1.VolumeReplication
	const asked = v1alpha1.AnnotationVRReprotected
	silent := func(r *vr) { answer(r, 2); is(r, "Replicating", metav1.ConditionFalse, "NotReplicating") }
	resync := func(of string, change func(*vr)) func(*vr) {
		return func(r *vr) {
			r.Spec.ReplicationState = replicationv1.Resync
			r.Annotations = map[string]string{asked: of}
			r.Status.State = replicationv1.PrimaryState
			change(r)
		}
	}
	refused := func(r *vr) {
		r.Status.ObservedGeneration = 2
		is(r, "Completed", metav1.ConditionFalse, "FailedToResync")
	}
	began := func(r *vr) {
		r.Status.ObservedGeneration = 2
		is(r, "Completed", metav1.ConditionTrue, "Demoted")
		is(r, "Resyncing", metav1.ConditionTrue, "ResyncTriggered")
	}
	for name, tc := range map[string]struct {
		plain                 bool // the class does not say that there are sessions
		change                func(*vr)
		apart, exact, settled bool
		told                  plan.Role
		protected             string
		writes                replicationv1.ReplicationState // for a primary
		notes                 string
	}{
		"a primary that replicates":                {change: func(r *vr) { answer(r, 2); is(r, "Replicating", metav1.ConditionTrue, "Replicating") }, exact: true, settled: true, told: plan.Primary, protected: "False/Replicating", writes: "primary"},
		"one that does not":                        {change: silent, apart: true, exact: true, settled: true, told: plan.Primary, protected: "False/Error", writes: "resync", notes: "7"},
		"one of storage without sessions":          {plain: true, change: silent, exact: true, settled: true, told: plan.Primary, protected: "False/Error", writes: "primary"},
		"one that was asked before in this term":   {change: func(r *vr) { silent(r); r.Annotations = map[string]string{asked: "7"} }, exact: true, settled: true, told: plan.Primary, protected: "False/Error", writes: "primary", notes: "7"},
		"one that was asked in an earlier term":    {change: func(r *vr) { silent(r); r.Annotations = map[string]string{asked: "6"} }, apart: true, exact: true, settled: true, told: plan.Primary, protected: "False/Error", writes: "resync", notes: "7"},
		"one whose promotion is not complete":      {change: func(r *vr) { silent(r); is(r, "Completed", metav1.ConditionFalse, "FailedToPromote") }, exact: true, told: plan.Primary, protected: "False/Error", writes: "primary"},
		"one that said so before its role changed": {change: func(r *vr) { answer(r, 1); is(r, "Replicating", metav1.ConditionFalse, "NotReplicating"); answer(r, 2) }, exact: true, settled: true, told: plan.Primary, protected: "False/Replicating", writes: "primary"},
		"a secondary":                       {change: func(r *vr) { r.Spec.ReplicationState = replicationv1.Secondary; silent(r) }, settled: true, told: plan.Secondary, protected: "True/DataProtected", writes: "primary"},
		"it is asked, and has not answered": {change: resync("7", func(r *vr) { r.Status.ObservedGeneration = 1 }), exact: true, settled: true, told: plan.Primary, protected: "False/Error", writes: "primary", notes: "7"},
		"it refuses for now":                {change: resync("7", refused), exact: true, settled: true, told: plan.Primary, protected: "False/Error", writes: "primary", notes: "7"},
		"it has begun":                      {change: resync("7", began), settled: true, told: plan.Primary, protected: "False/Error", writes: "primary", notes: "7"},
		"it says that all is in sync, and is told again": {change: resync("7", func(r *vr) { began(r); r.Status.State = replicationv1.SecondaryState }), told: plan.Primary, protected: "False/Progressing", writes: "primary", notes: "7"},
		"a person asks for it":                           {change: resync("", began), told: plan.Secondary, protected: "False/Replicating", writes: "primary"},
		"it was asked in an earlier term, which is over": {change: resync("6", began), told: plan.Secondary, protected: "False/Replicating", writes: "primary", notes: "6"},
	} {
		t.Run(name, func(t *testing.T) {
			s := runtime.NewScheme()
			require.NoError(t, replicationv1.AddToScheme(s))
			r := &vr{
				ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: "data", Generation: 2, Labels: map[string]string{v1alpha1.LabelOwnerNamespace: "app", v1alpha1.LabelOwnerName: "g"}},
				Spec:       replicationv1.VolumeReplicationSpec{ReplicationState: replicationv1.Primary, VolumeReplicationClass: "vrc"},
			}
			tc.change(r)
			vrc := class("vrc")
			if !tc.plain {
				vrc.Labels[v1alpha1.LabelReplicationSession] = "true"
			}
			v := volume()
			v.Group.Epoch = 7
			state, err := volrep.Provider{}.Observe(t.Context(), fake.NewClientBuilder().WithScheme(s).WithObjects(client.Object(r), &vrc).Build(), v)
			require.NoError(t, err)
			assert.Equal(t, !tc.plain, state.Session)
			assert.Equal(t, []any{tc.told, tc.apart, tc.exact, tc.settled}, []any{state.Told, state.Apart, state.Exact, state.Settled})
			assert.Equal(t, tc.protected, string(state.Protected.Status)+"/"+state.Protected.Reason)
			assert.Equal(t, tc.writes, written(t, v, state, plan.Primary).Spec.ReplicationState)
			assert.Equal(t, tc.notes, written(t, v, state, plan.Primary).Annotations[asked])
			assert.Equal(t, replicationv1.Secondary, written(t, v, state, plan.Secondary).Spec.ReplicationState)
		})
	}
}

// TestAClassThatIsGoneSaysNothingOfSessions : it may have said that there are some, so nothing is done that needs to know.
func TestAClassThatIsGoneSaysNothingOfSessions(t *testing.T) {
	s := runtime.NewScheme()
	require.NoError(t, replicationv1.AddToScheme(s))
	r := &replicationv1.VolumeReplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: "data", Generation: 2, Labels: map[string]string{v1alpha1.LabelOwnerNamespace: "app", v1alpha1.LabelOwnerName: "g"}},
		Spec:       replicationv1.VolumeReplicationSpec{ReplicationState: replicationv1.Primary, VolumeReplicationClass: "gone"},
	}
	answer(r, 2)
	is(r, "Replicating", metav1.ConditionFalse, "NotReplicating")
	other := class("vrc")
	state, err := volrep.Provider{}.Observe(t.Context(), fake.NewClientBuilder().WithScheme(s).WithObjects(client.Object(r), &other).Build(), volume())
	require.NoError(t, err)
	assert.True(t, state.Session)
	assert.False(t, state.Apart)
	assert.Contains(t, state.Unclassed, "VolumeReplicationClass gone")
}

// written is what is applied for a role.
func written(t *testing.T, v provider.Volume, s provider.State, r plan.Role) *replicationv1.VolumeReplication {
	t.Helper()
	intents, err := volrep.Provider{}.Intents(v, s, r)
	require.NoError(t, err)
	require.Len(t, intents, 1)
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(intents[0])
	require.NoError(t, err)
	out := &replicationv1.VolumeReplication{}
	require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructured((&unstructured.Unstructured{Object: content}).Object, out))
	return out
}
