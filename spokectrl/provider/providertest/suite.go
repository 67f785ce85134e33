// SPDX-License-Identifier: Apache-2.0

// Package providertest is the conformance suite of techniques that replicate volumes: what the plan relies on, whichever
// technique it is.
package providertest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// Subject is a technique together with a cluster on which it can replicate a volume.
type Subject struct {
	Provider provider.Provider
	// Client of a cluster that has the technique's API and the classes for Volume.
	Client client.Client
	// Bare is a reader of a cluster that lacks the technique's API.
	Bare client.Reader
	// Volume is one that the technique claims.
	Volume provider.Volume
	// Reach lets the storage take the role that it is told, in sync.
	Reach func(context.Context, *testing.T)
}

// Run checks one technique. Each check gets a subject of its own.
func Run(t *testing.T, fresh func(*testing.T) Subject) {
	t.Helper()
	t.Run("a volume is claimed", func(t *testing.T) {
		s := fresh(t)
		assert.True(t, s.Provider.Claims(s.Volume))
	})
	t.Run("a missing API is a refusal, no error", func(t *testing.T) {
		s := fresh(t)
		state, err := s.Provider.Observe(t.Context(), s.Bare, s.Volume)
		require.NoError(t, err)
		assert.Equal(t, plan.ReplicaAbsent, state.Replica)
		require.NotNil(t, state.Refusal)
		assert.NotEmpty(t, state.Refusal.Reason)
		volumes, err := s.Provider.Volumes(t.Context(), s.Bare, s.Volume.Group)
		require.NoError(t, err)
		assert.Empty(t, volumes)
	})
	t.Run("an absent replica can be made", func(t *testing.T) {
		s := fresh(t)
		state := s.observe(t, plan.Primary)
		assert.Equal(t, plan.ReplicaAbsent, state.Replica)
		assert.Nil(t, state.Refusal)
		assert.Empty(t, s.Provider.Leftovers(state))
	})
	t.Run("intents are pure", func(t *testing.T) {
		s := fresh(t)
		state := s.observe(t, plan.Primary)
		first, err := s.Provider.Intents(s.Volume, state, plan.Primary)
		require.NoError(t, err)
		second, err := s.Provider.Intents(s.Volume, state, plan.Primary)
		require.NoError(t, err)
		assert.Equal(t, first, second)
	})
	t.Run("a role is told, then reached", func(t *testing.T) {
		s := fresh(t)
		for _, role := range []plan.Role{plan.Primary, plan.Secondary, plan.Primary} {
			s.tell(t, role)
			state := s.observe(t, role)
			assert.Equal(t, plan.ReplicaPresent, state.Replica)
			assert.Equal(t, role, state.Told)
			assert.True(t, state.Exact)
			assert.False(t, state.Settled, "the storage has not answered for this role")
			assert.NotEqual(t, provider.ReasonError, state.Ready.Reason, "waiting is no error")
			s.Reach(t.Context(), t)
			assert.True(t, s.observe(t, role).Settled)
		}
	})
	t.Run("another role than the told one is not exact", func(t *testing.T) {
		s := fresh(t)
		s.tell(t, plan.Primary)
		s.Reach(t.Context(), t)
		assert.False(t, s.observe(t, plan.Secondary).Exact)
	})
	t.Run("a failover is told to the storage", func(t *testing.T) {
		s := fresh(t)
		s.tell(t, plan.Secondary)
		assert.True(t, s.observe(t, plan.Secondary).Exact)
		s.Volume.Group.Failover = true
		assert.False(t, s.observe(t, plan.Secondary).Exact, "the peer's data wins now")
		s.tell(t, plan.Secondary)
		assert.True(t, s.observe(t, plan.Secondary).Exact)
	})
	t.Run("what exists is listed, and can be deleted", func(t *testing.T) {
		s := fresh(t)
		s.tell(t, plan.Primary)
		volumes, err := s.Provider.Volumes(t.Context(), s.Client, s.Volume.Group)
		require.NoError(t, err)
		require.Len(t, volumes, 1)
		assert.Equal(t, s.Volume.Name, volumes[0].Name)
		for _, obj := range s.Provider.Leftovers(s.observe(t, plan.Primary)) {
			require.NoError(t, s.Client.Delete(t.Context(), obj))
		}
		assert.Equal(t, plan.ReplicaAbsent, s.observe(t, plan.Primary).Replica)
	})
	t.Run("another group's replica is foreign, and not deleted", func(t *testing.T) {
		s := fresh(t)
		s.tell(t, plan.Primary)
		s.Volume.Group.Name = "another"
		state := s.observe(t, plan.Primary)
		assert.Equal(t, plan.ReplicaForeign, state.Replica)
		assert.Empty(t, s.Provider.Leftovers(state))
	})
	t.Run("a volume whose claim and class are gone can be let go", func(t *testing.T) {
		s := fresh(t)
		s.tell(t, plan.Primary)
		s.Volume.Claim, s.Volume.PV, s.Volume.Class = nil, nil, nil
		state := s.observe(t, plan.NoRole)
		assert.Equal(t, plan.ReplicaPresent, state.Replica)
		assert.NotEmpty(t, s.Provider.Leftovers(state))
	})
}

func (s *Subject) observe(t *testing.T, role plan.Role) provider.State {
	t.Helper()
	s.Volume.Group.Role = role
	state, err := s.Provider.Observe(t.Context(), s.Client, s.Volume)
	require.NoError(t, err)
	return state
}

func (s *Subject) tell(t *testing.T, role plan.Role) {
	t.Helper()
	intents, err := s.Provider.Intents(s.Volume, s.observe(t, role), role)
	require.NoError(t, err)
	for _, intent := range intents {
		require.NoError(t, apply.New(s.Client, "providertest").Owned(t.Context(), intent))
	}
}
