// SPDX-License-Identifier: Apache-2.0

package servertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// askModes tells the cluster which modes the hub asks for, as the mirror does.
func (s *spoke) askModes(names ...string) {
	s.t.Helper()
	config := &v1alpha1.DRClusterConfig{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "DRClusterConfig"},
		ObjectMeta: metaNamed("dr1"),
	}
	config.Spec.ReplicationSchedules = []string{"1h"}
	for _, name := range names {
		config.Spec.MaintenanceModes = append(config.Spec.MaintenanceModes, v1alpha1.MaintenanceModeRequest{
			Name: name, StorageProvisioner: driver, TargetID: "lab-rep-1", Modes: []v1alpha1.MMode{v1alpha1.MModeFailover},
			RequestedTime: metav1.NewMicroTime(time.Date(2026, 1, 1, 12, 0, 0, 123000, time.UTC)),
		})
	}
	require.NoError(s.t, s.client.Patch(s.t.Context(), config, client.Apply, client.FieldOwner("mirror"), client.ForceOwnership)) //nolint:staticcheck // a whole typed object
}

func (s *spoke) answers() []v1alpha1.MaintenanceModeAnswer {
	config := &v1alpha1.DRClusterConfig{}
	_ = s.client.Get(s.t.Context(), client.ObjectKey{Name: "dr1"}, config)
	return config.Status.MaintenanceModes
}

// TestAMaintenanceModeComesAndGoes: the mode is made, what the vendor's operator says is answered, and it ends; one that
// somebody else made is left alone. Each step is woken by a watch.
func TestAMaintenanceModeComesAndGoes(t *testing.T) {
	s := up(t, "modes")
	ctx := t.Context()
	theirs := &v1alpha1.MaintenanceMode{ObjectMeta: metaNamed("theirs"), Spec: v1alpha1.MaintenanceModeSpec{StorageProvisioner: driver}}
	s.create(theirs)
	s.askModes("ours", "theirs")
	mode := &v1alpha1.MaintenanceMode{}
	s.eventually("the mode is made", func() bool {
		return s.client.Get(ctx, client.ObjectKey{Name: "ours"}, mode) == nil
	})
	assert.Equal(t, "lab-rep-1", mode.Spec.TargetID)
	s.eventually("both are answered", func() bool {
		a := s.answers()
		return len(a) == 2 && a[0].Generation == mode.Generation && a[0].Message == "" && a[1].Message != ""
	})
	assert.Equal(t, 123*time.Microsecond, time.Duration(s.answers()[0].RequestedTime.Nanosecond()), "the time of the request comes back as it was")

	mode.Status.State, mode.Status.ObservedGeneration = v1alpha1.MModeStateCompleted, mode.Generation
	meta.SetStatusCondition(&mode.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionFailoverActivated, Status: metav1.ConditionTrue, Reason: "Done"})
	require.NoError(t, s.client.Status().Update(ctx, mode))
	s.eventually("the activation is answered", func() bool {
		a := s.answers()
		return len(a) == 2 && meta.IsStatusConditionTrue(a[0].Conditions, v1alpha1.ConditionFailoverActivated) && a[0].State == v1alpha1.MModeStateCompleted
	})

	require.NoError(t, s.client.Get(ctx, client.ObjectKeyFromObject(mode), mode))
	mode.Spec.StorageProvisioner = "other"
	require.NoError(t, s.client.Update(ctx, mode))
	s.eventually("a changed mode is set again, and what was said of the old one is no answer", func() bool {
		require.NoError(t, s.client.Get(ctx, client.ObjectKeyFromObject(mode), mode))
		a := s.answers()
		return mode.Spec.StorageProvisioner == driver && a[0].Generation == mode.Generation && a[0].ObservedGeneration < a[0].Generation
	})

	s.askModes()
	s.eventually("the mode is ended", func() bool {
		return apierrors.IsNotFound(s.client.Get(ctx, client.ObjectKeyFromObject(mode), mode)) && len(s.answers()) == 0
	})
	require.NoError(t, s.client.Get(ctx, client.ObjectKeyFromObject(theirs), theirs))

	s.askModes("ours")
	s.eventually("it is re-created", func() bool { return s.client.Get(ctx, client.ObjectKey{Name: "ours"}, mode) == nil })
	require.NoError(t, s.client.Delete(ctx, &v1alpha1.DRClusterConfig{ObjectMeta: metaNamed("dr1")}))
	s.eventually("it goes with what asked for it", func() bool {
		return apierrors.IsNotFound(s.client.Get(ctx, client.ObjectKey{Name: "ours"}, mode))
	})
	require.NoError(t, s.client.Delete(ctx, theirs))
}
