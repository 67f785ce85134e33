// SPDX-License-Identifier: Apache-2.0

package mover_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
	"github.com/ramendr/ramen-direct/tests/lab/storage/mover"
)

const (
	address = "volsync-rsync-tls-dst-data.ns.dr2.lab"
	key     = "volsyncramen:0123"
)

// fixture is a destination and a sender.
type fixture struct {
	t            *testing.T
	root         string
	store        *engine.Store
	destinations *mover.Destinations
	to           mover.Destination
	received     int
}

func open(t *testing.T) *fixture {
	f := &fixture{t: t, root: t.TempDir(), to: mover.Destination{Address: address, Owner: "rd", Handle: "v", Key: key, Open: true}}
	f.store = engine.New(f.root, clock.RealClock{})
	f.destinations = mover.NewDestinations(f.store, func(mover.Destination) { f.received++ })
	require.NoError(t, f.store.Create("v"))
	require.NoError(t, f.destinations.Set(f.to))
	return f
}

// send sends one file.
func (f *fixture) send(key, content string, ready func(context.Context) error) error {
	fill := func(_ context.Context, to engine.Staging) (engine.Pass, error) {
		return engine.Pass{}, os.WriteFile(filepath.Join(to.Dir, "f"), []byte(content), 0o600)
	}
	_, err := mover.Send(f.t.Context(), f.destinations, address, key, fill, ready)
	return err
}

func (f *fixture) content() string {
	text, err := os.ReadFile(filepath.Join(f.root, "v", "data", "f"))
	if errors.Is(err, os.ErrNotExist) {
		return ""
	}
	require.NoError(f.t, err)
	return string(text)
}

func ready(context.Context) error { return nil }

func TestASynchronizationReplacesTheContentAndIsToldOnce(t *testing.T) {
	f := open(t)
	require.NoError(t, f.send(key+"\n", "1", ready), "space around a key is none of it")
	assert.Equal(t, "1", f.content())
	assert.Equal(t, 1, f.received)
	st, err := f.store.Describe(t.Context(), "v")
	require.NoError(t, err)
	assert.Equal(t, "rd", st.Received.For)
	require.ErrorIs(t, f.send(key, "2", ready), mover.ErrNotListening, "until it is opened again")
	require.NoError(t, f.destinations.Set(f.to))
	require.NoError(t, f.send(key, "2", ready))
	assert.Equal(t, "2", f.content())
}

func TestWhatIsNotCommittedDoesNotCount(t *testing.T) {
	f := open(t)
	gone := errors.New("gone")
	require.ErrorIs(t, f.send(key, "1", func(context.Context) error { return gone }), gone)
	assert.Empty(t, f.content())
	require.NoError(t, f.destinations.Remove(address))
	left, err := os.ReadDir(filepath.Join(f.root, ".incoming"))
	require.NoError(t, err)
	assert.Empty(t, left)
	require.ErrorIs(t, f.send(key, "1", ready), mover.ErrNoDestination)
}

func TestALaterSenderTakesOver(t *testing.T) {
	f := open(t)
	err := f.send(key, "1", func(context.Context) error { return f.send(key, "2", ready) })
	require.Error(t, err)
	assert.Equal(t, "2", f.content())
	assert.Equal(t, 1, f.received)
}

func TestNobodyComesInWithoutTheKey(t *testing.T) {
	f := open(t)
	require.ErrorIs(t, f.send("volsyncramen:4567", "1", ready), mover.ErrWrongKey)
	_, err := f.destinations.Begin(t.Context(), address, "made-up", "proof")
	require.ErrorIs(t, err, mover.ErrWrongKey)
	nonce, err := f.destinations.Challenge(t.Context(), address)
	require.NoError(t, err)
	_, err = f.destinations.Begin(t.Context(), address, nonce, "proof")
	require.ErrorIs(t, err, mover.ErrWrongKey)
	require.ErrorIs(t, f.destinations.Commit(t.Context(), address, ""), engine.ErrSuperseded)
	assert.Empty(t, f.content())
}

// TestAMoverKeepsTheKeyThatItWasStartedWith until its Job is another one, or what it is to receive has come.
func TestAMoverKeepsTheKeyThatItWasStartedWith(t *testing.T) {
	f := open(t)
	f.to.Key = "volsyncramen:4567"
	require.NoError(t, f.destinations.Set(f.to))
	require.ErrorIs(t, f.send(f.to.Key, "1", ready), mover.ErrWrongKey)
	require.NoError(t, f.send(key, "1", ready))
	require.NoError(t, f.destinations.Set(f.to))
	require.NoError(t, f.send(f.to.Key, "2", ready), "it is started again for each synchronization")

	require.NoError(t, f.destinations.Set(f.to))
	f.to.Key, f.to.Job = "volsyncramen:89ab", "another"
	require.NoError(t, f.destinations.Set(f.to))
	require.NoError(t, f.send(f.to.Key, "3", ready))
	assert.Equal(t, "3", f.content())
}
