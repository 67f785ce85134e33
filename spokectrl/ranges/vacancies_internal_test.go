// SPDX-License-Identifier: Apache-2.0

package ranges

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

const patience = 20 * time.Second

// TestAVacancyIsNoticed of a namespace with many Pods, of which one at a time is watched, and only by name: the API server tells of no other.
func TestAVacancyIsNoticed(t *testing.T) {
	const many = 50
	s := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(s))
	var pods []client.Object
	for i := range many {
		pods = append(pods, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprintf("p-%02d", i)}})
	}
	var watches, open atomic.Int32
	c := interceptor.NewClient(fake.NewClientBuilder().WithScheme(s).WithObjects(pods...).Build(), interceptor.Funcs{
		List: func(ctx context.Context, w client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			var o client.ListOptions
			o.ApplyOptions(opts)
			assert.EqualValues(t, 1, o.Limit)
			whole := list.(*metav1.PartialObjectMetadataList)
			if err := w.List(ctx, whole, opts...); err != nil {
				return err
			}
			whole.Items = whole.Items[:min(1, len(whole.Items))] // the fake client knows no limit, and no version of a list
			whole.ResourceVersion = "1"
			return nil
		},
		Watch: func(ctx context.Context, w client.WithWatch, list client.ObjectList, opts ...client.ListOption) (watch.Interface, error) {
			var o client.ListOptions
			o.ApplyOptions(opts)
			require.NotNil(t, o.FieldSelector)
			assert.NotEmpty(t, o.Raw.ResourceVersion, "what happens in between is told")
			events, err := w.Watch(ctx, list, client.InNamespace(o.Namespace))
			if err != nil {
				return nil, err
			}
			name, _ := o.FieldSelector.RequiresExactMatch("metadata.name")
			named := watch.Filter(events, func(e watch.Event) (watch.Event, bool) {
				m, ok := e.Object.(metav1.Object)
				return e, ok && m.GetName() == name
			})
			watches.Add(1)
			assert.EqualValues(t, 1, open.Add(1), "one at a time")
			return closing{named, func() { open.Add(-1) }}, nil
		},
	})
	v := newVacancies(c)
	v.clock = testclock.NewFakeClock(time.Unix(0, 0)) // nothing here is a matter of time
	go func() { _ = v.Start(t.Context()) }()
	group := types.NamespacedName{Namespace: "shop", Name: "g"}
	v.Await(t.Context(), group, []string{"shop"})
	v.Await(t.Context(), group, []string{"shop"})
	require.Eventually(t, func() bool { return watches.Load() == 1 }, patience, time.Millisecond, "it is watched")
	for i := many - 1; i > 0; i-- { // not the one that is watched
		require.NoError(t, c.Delete(t.Context(), pods[i]))
	}
	assert.EqualValues(t, 1, watches.Load())
	select {
	case <-v.found:
		require.Fail(t, "there is a Pod still")
	default:
	}
	require.NoError(t, c.Delete(t.Context(), pods[0]))
	select {
	case e := <-v.found:
		assert.Equal(t, "shop/g", e.Object.GetNamespace()+"/"+e.Object.GetName())
	case <-time.After(patience):
		require.Fail(t, "nobody noticed that the Pods are gone")
	}

	require.NoError(t, c.Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "new"}}))
	v.Await(t.Context(), group, []string{"shop"}) // as the group does that found one again
	require.Eventually(t, func() bool { return open.Load() == 1 }, patience, time.Millisecond)
	v.Await(t.Context(), group, nil)
	require.Eventually(t, func() bool { return open.Load() == 0 }, patience, time.Millisecond, "nothing is watched for nobody")
}

// closing tells of its end.
type closing struct {
	watch.Interface
	ended func()
}

func (c closing) Stop() { c.Interface.Stop(); c.ended() }

// TestAnAPIServerThatEndsWatchesIsAskedAgainAfterAPause, not without end.
func TestAnAPIServerThatEndsWatchesIsAskedAgainAfterAPause(t *testing.T) {
	s := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(s))
	var watches atomic.Int32
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "p"}}
	c := interceptor.NewClient(fake.NewClientBuilder().WithScheme(s).WithObjects(pod).Build(), interceptor.Funcs{
		Watch: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) (watch.Interface, error) {
			watches.Add(1)
			ended := watch.NewFake()
			ended.Stop()
			return ended, nil
		},
	})
	v, stepped := newVacancies(c), testclock.NewFakeClock(time.Unix(0, 0))
	v.clock = stepped
	go func() { _ = v.Start(t.Context()) }()
	v.Await(t.Context(), types.NamespacedName{Namespace: "shop", Name: "g"}, []string{"shop"})
	for looks := range int32(3) {
		require.Eventually(t, stepped.HasWaiters, patience, time.Millisecond, "it rests")
		assert.Equal(t, looks+1, watches.Load())
		stepped.Step(pause)
	}
}
