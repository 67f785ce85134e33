// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"errors"
	"maps"
	"sync"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
	clientgoac "k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/api/v1alpha1/applyconfiguration"
	"github.com/ramendr/ramen-direct/hubctrl/drpc"
)

// known is what a hub's API server knows of its objects.
type known struct {
	scheme     *runtime.Scheme
	converters []managedfields.TypeConverter
}

// shared is what all hubs know: to make it costs much.
var shared = sync.OnceValues(func() (known, error) {
	s := runtime.NewScheme()
	err := errors.Join(coordinationv1.AddToScheme(s), apiextensionsv1.AddToScheme(s), corev1.AddToScheme(s), v1alpha1.AddToScheme(s))
	return known{s, []managedfields.TypeConverter{applyconfiguration.NewTypeConverter(s), clientgoac.NewTypeConverter(s), managedfields.NewDeducedTypeConverter()}}, err
})

// serve gives the hub an API server that holds objects.
func (h *hub) serve(objects ...client.Object) {
	h.t.Helper()
	all, err := shared()
	require.NoError(h.t, err)
	b := fake.NewClientBuilder().WithScheme(all.scheme).
		WithTypeConverters(all.converters...).
		WithStatusSubresource(&v1alpha1.DRPlacementControl{}, &v1alpha1.VolumeReplicationGroup{}).
		WithObjects(objects...)
	for _, i := range drpc.Indices() {
		b = b.WithIndex(i.Of, i.Name, i.Values)
	}
	if h.forks {
		b = b.WithReturnManagedFields()
	}
	h.api = versioned(b.Build(), &h.made)
	h.events = events.NewFakeRecorder(1000)
}

// fork is another hub in the same state, with its own clusters. Its process has just started.
func (h *hub) fork() *hub {
	h.t.Helper()
	require.True(h.t, h.forks)
	f := &hub{
		t: h.t, clock: clocktesting.NewFakePassiveClock(h.clock.Now()), links: &links{state: maps.Clone(h.links.state)},
		spokes: map[string]*spoke{}, volumes: h.volumes, forks: true, made: h.made,
	}
	f.links.h = f
	for name, s := range h.spokes {
		same := *s
		f.spokes[name] = &same
	}
	f.serve(h.holds()...)
	f.start(h.origin)
	return f
}

// backup is all that the hub's API server holds, as another one can take it.
func (h *hub) backup() []client.Object {
	h.t.Helper()
	out := h.holds()
	for _, o := range out {
		o.SetResourceVersion("")
	}
	return out
}

// holds is all that the hub's API server holds.
func (h *hub) holds() []client.Object {
	h.t.Helper()
	var out []client.Object
	for _, list := range []client.ObjectList{
		&v1alpha1.DRPlacementControlList{}, &v1alpha1.DRPolicyList{}, &v1alpha1.DRClusterList{}, &v1alpha1.DRClusterConfigList{},
		&v1alpha1.VolumeReplicationGroupList{}, &coordinationv1.LeaseList{}, &corev1.SecretList{}, &corev1.ConfigMapList{},
	} {
		require.NoError(h.t, h.api.List(h.t.Context(), list))
		items, err := meta.ExtractList(list)
		require.NoError(h.t, err)
		for _, item := range items {
			o, ok := item.(client.Object)
			require.True(h.t, ok)
			out = append(out, o)
		}
	}
	return out
}

// restore gives the hub the state of a backup. The mirrors tell it what they see.
func (h *hub) restore(backup []client.Object) {
	h.t.Helper()
	h.serve(backup...)
	h.start(h.origin)
	for name := range h.spokes {
		h.tell(name)
	}
}
