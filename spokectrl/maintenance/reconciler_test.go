// SPDX-License-Identifier: Apache-2.0

package maintenance_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoac "k8s.io/client-go/applyconfigurations"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/api/v1alpha1/applyconfiguration"
	"github.com/ramendr/ramen-direct/spokectrl/maintenance"
	"github.com/ramendr/ramen-direct/spokectrl/vrg"
)

// spoke is a cluster that the hub asks for maintenance modes.
type spoke struct {
	client.Client
	t      *testing.T
	m      *maintenance.Reconciler
	writes int
	fail   string // name of the object that can't be written
}

func newSpoke(t *testing.T, with ...client.Object) *spoke {
	t.Helper()
	scheme, err := vrg.Scheme()
	require.NoError(t, err)
	s := &spoke{t: t}
	config := &v1alpha1.DRClusterConfig{ObjectMeta: metav1.ObjectMeta{Name: "dr1", UID: "config-uid"}}
	s.Client = fake.NewClientBuilder().WithScheme(scheme).
		WithTypeConverters(applyconfiguration.NewTypeConverter(scheme), clientgoac.NewTypeConverter(scheme)).
		WithStatusSubresource(&v1alpha1.DRClusterConfig{}, &v1alpha1.MaintenanceMode{}).
		WithObjects(append([]client.Object{config}, with...)...).
		WithInterceptorFuncs(interceptor.Funcs{
			Apply: func(ctx context.Context, c client.WithWatch, intent runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
				s.writes++
				if named, ok := intent.(interface{ GetName() *string }); ok && *named.GetName() == s.fail {
					return errors.New("refused")
				}
				return c.Apply(ctx, intent, opts...)
			},
			SubResourceApply: func(ctx context.Context, c client.Client, sub string, intent runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
				s.writes++
				return c.SubResource(sub).Apply(ctx, intent, opts...)
			},
			Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
				s.writes++
				return c.Delete(ctx, o, opts...)
			},
		}).Build()
	s.m = &maintenance.Reconciler{Client: s.Client, Live: s.Client}
	return s
}

func (s *spoke) pass() {
	s.t.Helper()
	_, err := s.m.Reconcile(s.t.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Name: "dr1"}})
	require.NoError(s.t, err)
}

func (s *spoke) config() *v1alpha1.DRClusterConfig {
	s.t.Helper()
	c := &v1alpha1.DRClusterConfig{}
	require.NoError(s.t, s.Get(s.t.Context(), client.ObjectKey{Name: "dr1"}, c))
	return c
}

// ask lists what the hub asks for.
func (s *spoke) ask(requests ...v1alpha1.MaintenanceModeRequest) {
	s.t.Helper()
	c := s.config()
	c.Spec.MaintenanceModes = requests
	require.NoError(s.t, s.Update(s.t.Context(), c))
}

// mode reads a MaintenanceMode; nil: there is none.
func (s *spoke) mode(name string) *v1alpha1.MaintenanceMode {
	s.t.Helper()
	m := &v1alpha1.MaintenanceMode{}
	err := s.Get(s.t.Context(), client.ObjectKey{Name: name}, m)
	if apierrors.IsNotFound(err) {
		return nil
	}
	require.NoError(s.t, err)
	return m
}

func (s *spoke) answer() v1alpha1.MaintenanceModeAnswer {
	s.t.Helper()
	answers := s.config().Status.MaintenanceModes
	require.Len(s.t, answers, 1)
	return answers[0]
}

// vendor writes what the storage's operator says.
func (s *spoke) vendor(name string, edit func(*v1alpha1.MaintenanceModeStatus)) {
	s.t.Helper()
	m := s.mode(name)
	require.NotNil(s.t, m)
	edit(&m.Status)
	require.NoError(s.t, s.Status().Update(s.t.Context(), m))
}

func activate(status *v1alpha1.MaintenanceModeStatus) {
	status.State = "Completed"
	status.Conditions = []metav1.Condition{{Type: "FailoverActivated", Status: "True", Reason: "Done", LastTransitionTime: metav1.NewTime(noon)}}
}

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func request(name string, at time.Time) v1alpha1.MaintenanceModeRequest {
	return v1alpha1.MaintenanceModeRequest{
		Name: name, StorageProvisioner: "d", TargetID: "rep", Modes: []v1alpha1.MMode{"Failover"}, RequestedTime: metav1.NewMicroTime(at),
	}
}

func TestAMaintenanceModeIsMadeAnsweredAndEnded(t *testing.T) {
	s := newSpoke(t)
	s.pass()
	assert.Zero(t, s.writes, "nothing is asked for")

	s.ask(request("m", noon))
	s.pass()
	made := s.mode("m")
	require.NotNil(t, made)
	assert.Equal(t, v1alpha1.MaintenanceModeSpec{StorageProvisioner: "d", TargetID: "rep", Modes: []v1alpha1.MMode{"Failover"}}, made.Spec)
	assert.Equal(t, "true", made.Labels["ramendr.openshift.io/created-by-ramen"])
	assert.Equal(t, types.UID("config-uid"), made.OwnerReferences[0].UID, "it goes with the object that asks for it")
	s.pass()
	assert.Empty(t, s.answer().Message)
	assert.Empty(t, s.answer().Conditions)
	s.writes = 0
	s.pass()
	assert.Zero(t, s.writes)

	s.vendor("m", activate)
	s.pass()
	a := s.answer()
	assert.Equal(t, "m d rep Completed", a.Name+" "+a.StorageProvisioner+" "+a.TargetID+" "+string(a.State))
	assert.True(t, a.RequestedTime.Time.Equal(noon))
	require.Len(t, a.Conditions, 1)
	assert.Equal(t, "True", string(a.Conditions[0].Status))

	s.ask()
	s.pass()
	assert.Nil(t, s.mode("m"))
	assert.Empty(t, s.config().Status.MaintenanceModes)
}

func TestAModeOfSomebodyElseIsLeftAlone(t *testing.T) {
	owned := func(uid types.UID) []metav1.OwnerReference {
		return []metav1.OwnerReference{{APIVersion: "ramendr.openshift.io/v1alpha1", Kind: "DRClusterConfig", Name: "dr1", UID: uid, Controller: new(true)}}
	}
	label := map[string]string{"ramendr.openshift.io/created-by-ramen": "true"}
	for name, meta := range map[string]metav1.ObjectMeta{
		"without our label":          {Name: "m", OwnerReferences: owned("config-uid")},
		"with our label alone":       {Name: "m", Labels: label},
		"of another DRClusterConfig": {Name: "m", Labels: label, OwnerReferences: owned("other")},
		"made by nobody knows whom":  {Name: "m"},
	} {
		t.Run(name, func(t *testing.T) {
			theirs := &v1alpha1.MaintenanceMode{ObjectMeta: meta, Spec: v1alpha1.MaintenanceModeSpec{StorageProvisioner: "e"}}
			s := newSpoke(t, theirs)
			s.vendor("m", activate)
			before := s.mode("m")
			s.ask(request("m", noon))
			s.pass()
			assert.Equal(t, "MaintenanceMode m on the cluster was made by somebody else and is left alone: remove it there", s.answer().Message)
			assert.Empty(t, s.answer().Conditions, "what the storage says of it is no answer")
			assert.Zero(t, s.answer().Generation)
			s.ask()
			s.pass()
			assert.Equal(t, before, s.mode("m"))
		})
	}
}

func TestAModeThatSomebodyMadeMeanwhileIsNotTakenOver(t *testing.T) {
	before := newSpoke(t)
	before.ask(request("m", noon))
	theirs := &v1alpha1.MaintenanceMode{ObjectMeta: metav1.ObjectMeta{Name: "m"}, Spec: v1alpha1.MaintenanceModeSpec{StorageProvisioner: "e"}}
	s := newSpoke(t, theirs)
	s.m.Live = before.Client // in which it was not there yet
	_, err := s.m.Reconcile(t.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Name: "dr1"}})
	require.True(t, apierrors.IsConflict(err), err)
	assert.Equal(t, "e", s.mode("m").Spec.StorageProvisioner)
	assert.Empty(t, s.mode("m").Labels)
}

func TestAModeThatIsStillBeingRemovedAnswersNoNewRequest(t *testing.T) {
	s := newSpoke(t)
	s.ask(request("m", noon))
	s.pass()
	held := s.mode("m")
	held.Finalizers = []string{"vendor.example.com/leaves-the-mode"}
	require.NoError(t, s.Update(t.Context(), held))
	s.vendor("m", activate)
	s.ask()
	s.pass()
	s.ask(request("m", noon.Add(time.Minute)))
	s.pass()
	assert.Equal(t, "MaintenanceMode m of an earlier failover is still being removed on the cluster", s.answer().Message)
	assert.Empty(t, s.answer().Conditions)
	assert.True(t, s.answer().RequestedTime.Time.Equal(noon.Add(time.Minute)))

	held = s.mode("m")
	held.Finalizers = nil
	require.NoError(t, s.Update(t.Context(), held))
	s.pass()
	require.NotNil(t, s.mode("m"), "then it is re-created")
	s.pass()
	assert.Empty(t, s.answer().Message)
	assert.Empty(t, s.answer().Conditions)
}

func TestAModeThatWasChangedIsSetAgain(t *testing.T) {
	s := newSpoke(t)
	s.ask(request("m", noon))
	s.pass()
	s.vendor("m", activate)
	changed := s.mode("m")
	changed.Spec.Modes = nil
	require.NoError(t, s.Update(t.Context(), changed))
	s.pass()
	assert.Equal(t, "the MaintenanceMode is being set", s.answer().Message)
	assert.Empty(t, s.answer().Conditions)
	assert.Equal(t, []v1alpha1.MMode{"Failover"}, s.mode("m").Spec.Modes)
}

func TestAModeThatCannotBeMadeStopsNoOther(t *testing.T) {
	s := newSpoke(t)
	s.fail = "a"
	s.ask(request("a", noon), request("m", noon))
	_, err := s.m.Reconcile(t.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Name: "dr1"}})
	require.ErrorContains(t, err, "apply MaintenanceMode a")
	assert.NotNil(t, s.mode("m"))
	assert.Len(t, s.config().Status.MaintenanceModes, 2)
}
