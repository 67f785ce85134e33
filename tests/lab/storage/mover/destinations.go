// SPDX-License-Identifier: Apache-2.0

package mover

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// Destination is a volume that takes synchronizations.
type Destination struct {
	Address string
	Object  types.NamespacedName // it is described by
	Owner   string               // whom its content is received for
	Handle  string               // of the volume
	Job     string               // what its mover is started from, without the content of its key
	Key     string
	Open    bool // whether it takes anything at the moment
}

// Destinations are those of one store, by their addresses. They are as many as their owner tells; what they received is
// remembered by the volumes.
type Destinations struct {
	store    *engine.Store
	received func(Destination)

	mu    sync.Mutex
	known map[string]*listener
}

// listener is a destination and the synchronization that it is in.
type listener struct {
	Destination
	nonces map[string]bool
	token  string // of the staging folder, if there is one
	busy   bool   // it commits
}

// maxNonces bounds what senders that ask and never come can cost.
const maxNonces = 100

var _ Receiver = (*Destinations)(nil)

// NewDestinations are those of a store. received is called after content became that of a volume.
func NewDestinations(store *engine.Store, received func(Destination)) *Destinations {
	return &Destinations{store: store, received: received, known: map[string]*listener{}}
}

// Set makes a destination what it is to be. One that is not open any more, or that changed, drops what it is receiving. As long
// as it is open, its mover runs, and keeps the key that it was started with: only another Job has another mover.
func (d *Destinations) Set(to Destination) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.known[to.Address]
	if l == nil {
		d.known[to.Address] = &listener{Destination: to, nonces: map[string]bool{}}
		return nil
	}
	if l.Open && to.Open && l.Job == to.Job {
		to.Key = l.Key
	}
	if l.Destination == to {
		return nil
	}
	l.Destination, l.nonces = to, map[string]bool{}
	return d.drop(l)
}

// Remove forgets a destination and what it is receiving.
func (d *Destinations) Remove(address string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.known[address]
	if l == nil {
		return nil
	}
	delete(d.known, address)
	return d.drop(l)
}

func (d *Destinations) drop(l *listener) error {
	if l.token == "" || l.busy {
		return nil // a commit takes the folder away, or leaves it to the next begin
	}
	token := l.token
	l.token = ""
	return d.store.Discard(token)
}

func (d *Destinations) open(address string) (*listener, error) {
	l := d.known[address]
	switch {
	case l == nil:
		return nil, ErrNoDestination
	case !l.Open || l.busy:
		return nil, ErrNotListening
	}
	return l, nil
}

// Challenge implements Receiver.
func (d *Destinations) Challenge(_ context.Context, address string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l, err := d.open(address)
	if err != nil {
		return "", err
	}
	if len(l.nonces) >= maxNonces {
		clear(l.nonces)
	}
	nonce := rand.Text()
	l.nonces[nonce] = true
	return nonce, nil
}

// Begin implements Receiver. A nonce is good for one begin.
func (d *Destinations) Begin(_ context.Context, address, nonce, proof string) (engine.Staging, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l, err := d.open(address)
	if err != nil {
		return engine.Staging{}, err
	}
	asked := l.nonces[nonce]
	delete(l.nonces, nonce)
	if !asked || !hmac.Equal([]byte(proof), []byte(prove(l.Key, address, nonce))) {
		return engine.Staging{}, ErrWrongKey
	}
	if err := d.drop(l); err != nil {
		return engine.Staging{}, err
	}
	to, err := d.store.Stage()
	if err != nil {
		return engine.Staging{}, err
	}
	l.token = to.Token
	return to, nil
}

// Commit implements Receiver. After it the destination takes nothing until its owner opens it again.
func (d *Destinations) Commit(ctx context.Context, address, token string) error {
	l, to, err := d.claim(address, token)
	if err != nil {
		return err
	}
	err = d.store.Accept(ctx, to.Handle, token, to.Owner)
	d.mu.Lock()
	l.busy, l.token = false, ""
	if err == nil {
		l.Open = false
	}
	d.mu.Unlock()
	if err != nil {
		return errors.Join(fmt.Errorf("receive: %w", err), d.store.Discard(token))
	}
	d.received(to)
	return nil
}

func (d *Destinations) claim(address, token string) (*listener, Destination, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l, err := d.open(address)
	if err != nil {
		return nil, Destination{}, err
	}
	if token == "" || l.token != token {
		return nil, Destination{}, engine.ErrSuperseded
	}
	l.busy = true
	return l, l.Destination, nil
}
