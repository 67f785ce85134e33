// SPDX-License-Identifier: Apache-2.0

// Package builtin is the engine that needs nothing but the API server. A part of it is one object a line.
//
// It promises that a capture is of one instant: all types are listed as they were at one version of the API server, and those
// that can't be are named. A restore makes what others read first, makes nothing outside of the namespaces that it is asked
// for, and goes on past what it can't make. It holds the objects of one step in memory while it restores.
package builtin

import (
	"context"
	"fmt"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
)

const (
	name   = "builtin"
	format = "lines/1"
)

// Engine is the engine.
type Engine struct {
	Client    dynamic.Interface
	Discovery discovery.DiscoveryInterface

	runner objects.Runner
}

// New makes one that acts as the user of a configuration.
func New(config *rest.Config) (*Engine, error) {
	c, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client for all types: %w", err)
	}
	d, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client that asks what is served: %w", err)
	}
	return &Engine{Client: c, Discovery: d}, nil
}

var _ objects.Engine = (*Engine)(nil)

// Name implements objects.Engine.
func (e *Engine) Name() string { return name }

// Format implements objects.Engine.
func (e *Engine) Format() string { return format }

// Ready implements objects.Engine.
func (e *Engine) Ready(context.Context) error {
	if _, err := e.Discovery.ServerVersion(); err != nil {
		return fmt.Errorf("ask the API server for its version: %w", err)
	}
	return nil
}

// Capture implements objects.Engine.
func (e *Engine) Capture(ctx context.Context, r objects.CaptureRequest) (objects.Progress, error) {
	selected, err := newSelection(r.Select)
	if err != nil {
		return objects.Progress{}, err
	}
	return e.runner.Capture(ctx, r, func(ctx context.Context, update objects.Update) error {
		return (&capture{engine: e, selected: selected, into: r.Into, before: r.Before, update: update}).run(ctx)
	}), nil
}

// Restore implements objects.Engine.
func (e *Engine) Restore(ctx context.Context, r objects.RestoreRequest) (objects.Progress, error) {
	selected, err := newSelection(r.Select)
	if err != nil {
		return objects.Progress{}, err
	}
	out := &restore{engine: e, selected: selected, id: r.ID, overwrite: r.Overwrite, lacked: r.Lacked, link: r.Link}
	out.links.restore = out
	if r.Status != nil {
		if out.status, err = newSelection(*r.Status); err != nil {
			return objects.Progress{}, err
		}
	}
	return e.runner.Restore(ctx, r, func(ctx context.Context, update objects.Update) error {
		out.update = update
		return out.run(ctx, r.From)
	}), nil
}

// Forget implements objects.Engine.
func (e *Engine) Forget(g capsule.Group, id string) { e.runner.Forget(g, id) }
