// SPDX-License-Identifier: Apache-2.0

package volumes_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/volumes"
)

var item = volumes.Item{Namespace: "app", Name: "web-data", PV: &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv"}}}

func pod(change func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: "web"}, Spec: corev1.PodSpec{Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "web-data"}}}}}}
	change(p)
	return p
}

func TestUse(t *testing.T) {
	for name, tc := range map[string]struct {
		object client.Object
		want   plan.Use
		names  string
	}{
		"nothing":         {&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "app"}}, plan.UseFree, ""},
		"a Pod":           {pod(func(*corev1.Pod) {}), plan.UseBusy, "Pod web"},
		"a pending Pod":   {pod(func(p *corev1.Pod) { p.Status.Phase = corev1.PodPending }), plan.UseBusy, "Pod web"},
		"a succeeded Pod": {pod(func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }), plan.UseFree, ""},
		"a failed Pod":    {pod(func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }), plan.UseFree, ""},
		"an ephemeral one": {pod(func(p *corev1.Pod) {
			p.Spec.Volumes[0].VolumeSource = corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{}}
		}), plan.UseBusy, "Pod web"},
		"another namespace":  {pod(func(p *corev1.Pod) { p.Namespace = "other" }), plan.UseFree, ""},
		"an attachment":      {attachment("pv"), plan.UseBusy, "node n"},
		"another attachment": {attachment("pv2"), plan.UseFree, ""},
	} {
		t.Run(name, func(t *testing.T) {
			use, why := volumes.Using(t.Context(), fake.NewClientBuilder().WithObjects(tc.object).Build(), "app").Of(item)
			assert.Equal(t, tc.want, use)
			assert.Contains(t, why, tc.names)
		})
	}
}

func attachment(pv string) client.Object {
	return &storagev1.VolumeAttachment{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Spec: storagev1.VolumeAttachmentSpec{NodeName: "n", Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: new(pv)}}}
}

func TestNothingIsFreeThatCouldNotBeRead(t *testing.T) {
	for name, broken := range map[string]client.ObjectList{"Pods": &corev1.PodList{}, "attachments": &storagev1.VolumeAttachmentList{}} {
		t.Run(name, func(t *testing.T) {
			c := interceptor.NewClient(fake.NewClientBuilder().Build(), interceptor.Funcs{List: func(ctx context.Context, w client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
				if assert.ObjectsAreEqual(typeOf(list), typeOf(broken)) {
					return errors.New("boom")
				}
				return w.List(ctx, list, opts...)
			}})
			use, why := volumes.Using(t.Context(), c, "app").Of(item)
			assert.Equal(t, plan.UseUnknown, use)
			assert.Contains(t, why, "boom")
		})
	}
}

func typeOf(list client.ObjectList) string {
	switch list.(type) {
	case *corev1.PodList:
		return "Pods"
	case *storagev1.VolumeAttachmentList:
		return "attachments"
	default:
		return ""
	}
}

func TestSelection(t *testing.T) {
	group := &v1alpha1.VolumeReplicationGroup{
		ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: "g"},
		Spec:       v1alpha1.VolumeReplicationGroupSpec{PVCSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "x"}}},
	}
	for name, tc := range map[string]struct {
		labels           map[string]string
		selected, marked bool
	}{
		"selected":            {map[string]string{"app": "x"}, true, false},
		"not selected":        {map[string]string{"app": "y"}, false, false},
		"made by VolSync":     {map[string]string{"app": "x", "app.kubernetes.io/created-by": "volsync"}, false, false},
		"made by us":          {map[string]string{"app": "x", "ramendr.openshift.io/created-by-ramen": "true"}, false, false},
		"no longer selected":  {map[string]string{"ramendr.openshift.io/owner-namespace-name": "app", "ramendr.openshift.io/owner-name": "g"}, false, true},
		"of another group":    {map[string]string{"ramendr.openshift.io/owner-namespace-name": "app", "ramendr.openshift.io/owner-name": "h"}, false, false},
		"of a like-named one": {map[string]string{"ramendr.openshift.io/owner-namespace-name": "b", "ramendr.openshift.io/owner-name": "g"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			selector, err := volumes.Selector(group)
			assert.NoError(t, err)
			selected, marked := volumes.Belongs(group, selector, &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "app", Labels: tc.labels}})
			assert.Equal(t, tc.selected, selected)
			assert.Equal(t, tc.marked, marked)
			selected, _ = volumes.Belongs(group, selector, &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "elsewhere", Labels: tc.labels}})
			assert.False(t, selected, "in another namespace")
		})
	}
}

// TestWhoHasAVolumeThatTwoClaimsName: the one that it names itself; but what we made to receive it keeps it until the end of the
// handover, even if the volume names another claim meanwhile.
func TestWhoHasAVolumeThatTwoClaimsName(t *testing.T) {
	claim := func(name string, labels map[string]string) *corev1.PersistentVolumeClaim {
		return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: name, Labels: labels}, Spec: corev1.PersistentVolumeClaimSpec{VolumeName: "pv"}}
	}
	for name, tc := range map[string]struct {
		labels map[string]string
		ceded  bool
	}{
		"a user's claim has given it away":     {nil, true},
		"what received it has it all the same": {map[string]string{v1alpha1.LabelCreatedByRamen: "true"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			pv := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv"}, Spec: corev1.PersistentVolumeSpec{ClaimRef: &corev1.ObjectReference{Namespace: "app", Name: "data"}}}
			c := fake.NewClientBuilder().WithObjects(pv, claim("data", nil), claim("first", tc.labels)).Build()
			is, err := volumes.Lookup(t.Context(), c, "app", "first")
			assert.NoError(t, err)
			assert.Equal(t, tc.ceded, is.Ceded())
			assert.Equal(t, tc.ceded, is.PV == nil)
		})
	}
}
