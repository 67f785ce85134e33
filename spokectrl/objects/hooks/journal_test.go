// SPDX-License-Identifier: Apache-2.0

package hooks_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects/hooks"
	"github.com/ramendr/ramen-direct/spokectrl/objects/steps"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

func record(name string) steps.Record {
	return steps.Record{Group: capsule.Group{Namespace: "shop", Name: name}, Attempt: "1", Title: "hook db/quiesce", Undo: []steps.Undo{{
		Of: "db/quiesce", With: &recipe.Hook{Name: "db", Op: "unquiesce", Type: "exec", Namespace: "shop", Command: []string{"a", "b"}, Timeout: 7},
	}}}
}

func TestWhatIsWrittenDownIsFoundByTheNextProcess(t *testing.T) {
	c := fake.NewClientBuilder().Build()
	journal := func() *hooks.Journal { return &hooks.Journal{Client: c, Live: c, Namespace: "op"} }
	j := journal()
	all, err := j.Load(t.Context())
	require.NoError(t, err)
	assert.Empty(t, all)
	require.NoError(t, j.Drop(t.Context(), record("none").Group))
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() { assert.NoError(t, j.Write(t.Context(), record(fmt.Sprint("g", i)))) })
	}
	group.Wait()
	for i := range 19 {
		require.NoError(t, j.Drop(t.Context(), record(fmt.Sprint("g", i)).Group))
	}
	all, err = journal().Load(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []steps.Record{record("g19")}, all)
}

func TestAJournalThatSomebodyChangesIsWrittenAllTheSame(t *testing.T) {
	c := fake.NewClientBuilder().Build()
	j := &hooks.Journal{Client: c, Live: c, Namespace: "op"}
	require.NoError(t, j.Write(t.Context(), record("g1")))
	s := &corev1.Secret{}
	key := client.ObjectKey{Namespace: "op", Name: hooks.SecretName}
	require.NoError(t, c.Get(t.Context(), key, s))
	s.Data["x"] = []byte("no record")
	require.NoError(t, c.Update(t.Context(), s))
	require.NoError(t, j.Write(t.Context(), record("g2")))
	all, err := j.Load(t.Context())
	require.NoError(t, err, "what is no record holds nobody back")
	assert.Len(t, all, 2)
	require.NoError(t, c.Delete(t.Context(), s))
	require.NoError(t, j.Write(t.Context(), record("g3")))
	all, err = j.Load(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []steps.Record{record("g3")}, all)
}

// All groups share one object, and one of them could fill it.
func TestARecordIsBounded(t *testing.T) {
	c := fake.NewClientBuilder().Build()
	j := &hooks.Journal{Client: c, Live: c, Namespace: "op"}
	long := record("g1")
	long.Title = "hook " + strings.Repeat("x", 30<<10)
	require.ErrorContains(t, j.Write(t.Context(), long), "may have 20480: shorten the names")
	require.NoError(t, j.Write(t.Context(), record("g2")))
}

// It is one of an earlier version that refuses the Secret.
func TestAMissingRightToWriteDownIsToldWithItsRemedy(t *testing.T) {
	refused := apierrors.NewForbidden(corev1.Resource("secrets"), hooks.SecretName, errors.New("spokectrl makes no Secret but ramen-signing-key"))
	c := fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { return refused },
	}).Build()
	j := &hooks.Journal{Client: c, Live: c, Namespace: "op"}
	assert.ErrorContains(t, j.Write(t.Context(), record("g1")), "apply config/spoke of this version to this cluster")
}

// TestARecordThatSaysNothingHoldsNobodyBack, as one that somebody edited by hand.
func TestARecordThatSaysNothingHoldsNobodyBack(t *testing.T) {
	c := fake.NewClientBuilder().Build()
	j := &hooks.Journal{Client: c, Live: c, Namespace: "op"}
	require.NoError(t, j.Write(t.Context(), record("good")))
	s := &corev1.Secret{}
	require.NoError(t, c.Get(t.Context(), client.ObjectKey{Namespace: "op", Name: hooks.SecretName}, s))
	s.Data["edited"] = []byte(`{"group":{"Namespace":"shop","Name":"edited"},"attempt":"2","undo":[{"of":"db/quiesce"}]}`)
	require.NoError(t, c.Update(t.Context(), s))
	all, err := (&hooks.Journal{Client: c, Live: c, Namespace: "op"}).Load(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []steps.Record{record("good")}, all)
}
