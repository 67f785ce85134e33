// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"context"

	"github.com/ramendr/ramen-direct/internal/store"
)

// Op names a call of a Store.
type Op string

// Calls of a Store.
const (
	OpPut    Op = "Put"
	OpGet    Op = "Get"
	OpList   Op = "List"
	OpDelete Op = "Delete"
	OpCheck  Op = "Check"
)

// Call is one call of a Store.
type Call struct {
	Profile string
	Op      Op
	Key     string // the key or prefix; of a Delete the first key
}

// Fault decides what happens to a call: nil lets it through, an error is returned in its place. It may block, or cancel
// the context of its caller. It must be safe for concurrent use.
type Fault func(context.Context, Call) error

// Faulty is open with a fault in front of each call of each store.
func Faulty(open store.Opener, fault Fault) store.Opener {
	return func(cfg store.Config) (store.Store, error) {
		s, err := open(cfg)
		if err != nil {
			return nil, err
		}
		return &faulty{Store: s, fault: fault}, nil
	}
}

// Failure is an error of a profile, as a store returns it.
func Failure(profile string, reason store.Reason, err error) error {
	return &store.Error{Profile: profile, Reason: reason, Err: err}
}

type faulty struct {
	store.Store
	fault Fault
}

func (f *faulty) hit(ctx context.Context, op Op, key string) error {
	return f.fault(ctx, Call{Profile: f.Profile(), Op: op, Key: key})
}

func (f *faulty) Put(ctx context.Context, key string, body []byte) error {
	if err := f.hit(ctx, OpPut, key); err != nil {
		return err
	}
	return f.Store.Put(ctx, key, body)
}

func (f *faulty) Get(ctx context.Context, key string) ([]byte, error) {
	if err := f.hit(ctx, OpGet, key); err != nil {
		return nil, err
	}
	return f.Store.Get(ctx, key)
}

func (f *faulty) Read(ctx context.Context, key string) ([]byte, store.Version, error) {
	if err := f.hit(ctx, OpGet, key); err != nil {
		return nil, store.AbsentVersion, err
	}
	return f.Store.Read(ctx, key)
}

func (f *faulty) Replace(ctx context.Context, key string, body []byte, was store.Version) (store.Version, error) {
	if err := f.hit(ctx, OpPut, key); err != nil {
		return store.AbsentVersion, err
	}
	return f.Store.Replace(ctx, key, body, was)
}

func (f *faulty) List(ctx context.Context, prefix string) ([]string, error) {
	if err := f.hit(ctx, OpList, prefix); err != nil {
		return nil, err
	}
	return f.Store.List(ctx, prefix)
}

func (f *faulty) Delete(ctx context.Context, keys ...string) error {
	first := ""
	if len(keys) > 0 {
		first = keys[0]
	}
	if err := f.hit(ctx, OpDelete, first); err != nil {
		return err
	}
	return f.Store.Delete(ctx, keys...)
}

func (f *faulty) Check(ctx context.Context) error {
	if err := f.hit(ctx, OpCheck, ""); err != nil {
		return err
	}
	return f.Store.Check(ctx)
}
