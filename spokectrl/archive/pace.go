// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"time"

	"github.com/ramendr/ramen-direct/internal/store"
)

// pace is a store whose calls, as they succeed, give an operation more time.
type pace struct {
	store.Store
	more func()
}

// paced runs do until it is done, until no call has succeeded for Budget, or until Longest: a large group on a slow store
// takes its time, and a store that does not answer is given up soon.
func paced(ctx context.Context, s store.Store, do func(context.Context, store.Store) error) error {
	ctx, cancel := context.WithTimeout(ctx, Longest)
	defer cancel()
	timer := time.AfterFunc(Budget, cancel)
	defer timer.Stop()
	return do(ctx, pace{s, func() { timer.Reset(Budget) }})
}

func (p pace) beat(err error) error {
	if err == nil {
		p.more()
	}
	return err
}

func (p pace) Put(ctx context.Context, key string, body []byte) error {
	return p.beat(p.Store.Put(ctx, key, body)) //nolint:wrapcheck // it is the store's own
}

func (p pace) Get(ctx context.Context, key string) ([]byte, error) {
	body, err := p.Store.Get(ctx, key)
	return body, p.beat(err)
}

func (p pace) Read(ctx context.Context, key string) ([]byte, store.Version, error) {
	body, version, err := p.Store.Read(ctx, key)
	return body, version, p.beat(err)
}

func (p pace) Replace(ctx context.Context, key string, body []byte, was store.Version) (store.Version, error) {
	is, err := p.Store.Replace(ctx, key, body, was)
	return is, p.beat(err)
}

func (p pace) List(ctx context.Context, prefix string) ([]string, error) {
	keys, err := p.Store.List(ctx, prefix)
	return keys, p.beat(err)
}

func (p pace) Delete(ctx context.Context, keys ...string) error {
	return p.beat(p.Store.Delete(ctx, keys...)) //nolint:wrapcheck // it is the store's own
}
