// SPDX-License-Identifier: Apache-2.0

package hooks_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	ktesting "k8s.io/client-go/testing"

	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// lists is how often Deployments were listed.
func (w *world) lists() int {
	n := 0
	for _, a := range w.dynamic.Actions() {
		if a.Matches("list", "deployments") {
			n++
		}
	}
	return n
}

var checkWeb = recipe.Hook{
	Type: "check", Namespace: "shop", Kind: recipe.KindDeployment, NamePattern: "web", Timeout: time.Minute, Condition: "{$.status.readyReplicas} == {$.spec.replicas}",
}

// Events of other objects, and of the one that is waited for, come with the object: nothing is listed for that.
func TestACheckListsOnceHoweverMuchHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(deployment("web", 2), deployment("busy", 100))
		w.set(t, "web", 0, "status", "readyReplicas")
		go func() {
			for i := range int64(100) {
				<-time.After(100 * time.Millisecond)
				w.set(t, "busy", i, "status", "readyReplicas")
				w.set(t, "web", i%2, "status", "readyReplicas")
			}
			w.set(t, "web", 2, "status", "readyReplicas")
		}()
		begun := time.Now()
		require.NoError(t, w.runner.Run(t.Context(), &checkWeb, "1"))
		assert.Equal(t, 10*time.Second, time.Since(begun))
		assert.Equal(t, 1, w.lists())
	})
}

// An object that is removed is waited for as one that was never there, and one that comes counts.
func TestACheckSeesObjectsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(deployment("web", 2))
		w.set(t, "web", 0, "status", "readyReplicas")
		of := w.dynamic.Resource(deployments).Namespace("shop")
		time.AfterFunc(time.Second, func() { assert.NoError(t, of.Delete(t.Context(), "web", metav1.DeleteOptions{})) })
		err := w.runner.Run(t.Context(), &checkWeb, "1")
		require.ErrorContains(t, err, "there is no object of type deployments")
		time.AfterFunc(time.Second, func() {
			_, err := of.Create(t.Context(), unstructuredOf(t, deployment("web", 2)), metav1.CreateOptions{})
			assert.NoError(t, err)
		})
		begun := time.Now()
		require.NoError(t, w.runner.Run(t.Context(), &checkWeb, "2"))
		assert.Equal(t, time.Second, time.Since(begun))
	})
}

// An API server that ends each watch at once, with or without an error, is not asked more often for that than every few seconds.
func TestAWatchThatEndsAtOnceIsNotAskedForAtOnce(t *testing.T) {
	for name, ended := range map[string]func() watch.Interface{
		"closed": func() watch.Interface {
			f := watch.NewFake()
			f.Stop()
			return f
		},
		"expired": func() watch.Interface {
			f := watch.NewFakeWithOptions(watch.FakeOptions{ChannelSize: 1})
			f.Error(&metav1.Status{Status: metav1.StatusFailure, Code: 410, Reason: metav1.StatusReasonExpired})
			return f
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(deployment("web", 2))
				w.set(t, "web", 0, "status", "readyReplicas")
				w.dynamic.PrependWatchReactor("deployments", func(ktesting.Action) (bool, watch.Interface, error) { return true, ended(), nil })
				require.ErrorContains(t, w.runner.Run(t.Context(), &checkWeb, "1"), "does not meet")
				assert.LessOrEqual(t, w.lists(), 15, "in a minute")
				assert.GreaterOrEqual(t, w.lists(), 4)
			})
		})
	}
}

// A watch that fell silent is not trusted for longer than half a minute.
func TestASilentWatchIsNotTrustedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(deployment("web", 2))
		w.set(t, "web", 0, "status", "readyReplicas")
		w.dynamic.PrependWatchReactor("deployments", func(ktesting.Action) (bool, watch.Interface, error) { return true, watch.NewFake(), nil })
		time.AfterFunc(time.Second, func() { w.set(t, "web", 2, "status", "readyReplicas") })
		begun := time.Now()
		require.NoError(t, w.runner.Run(t.Context(), &checkWeb, "1"))
		assert.InDelta(t, 30, time.Since(begun).Seconds(), 5)
	})
}

// The API server selects, where it can.
func TestOnlyWhatIsSelectedIsListed(t *testing.T) {
	w := newWorld(deployment("web", 2), deployment("busy", 1))
	require.NoError(t, w.runner.Run(t.Context(), &checkWeb, "1"))
	byLabel := checkWeb
	byLabel.NamePattern, byLabel.Selector = "", app("web")
	require.NoError(t, w.runner.Run(t.Context(), &byLabel, "2"))
	either := byLabel
	either.NamePattern = "busy"
	require.NoError(t, w.runner.Run(t.Context(), &either, "3"))
	var fields, labels []string
	for _, a := range w.dynamic.Actions() {
		if l, ok := a.(ktesting.ListAction); ok {
			fields = append(fields, l.GetListRestrictions().Fields.String())
			labels = append(labels, l.GetListRestrictions().Labels.String())
		}
	}
	assert.Equal(t, []string{"metadata.name=web", "", ""}, fields)
	assert.Equal(t, []string{"", "app=web", ""}, labels)
}

func unstructuredOf(t *testing.T, o runtime.Object) *unstructured.Unstructured {
	t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	require.NoError(t, err)
	return &unstructured.Unstructured{Object: fields}
}
