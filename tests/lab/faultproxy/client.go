// SPDX-License-Identifier: Apache-2.0

package faultproxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2/client"
)

// Kind is a way in which a link fails.
type Kind string

// The kinds of faults.
const (
	// Cut closes open connections and refuses new ones.
	Cut Kind = "cut"
	// BlackHole keeps connections open and accepts new ones, and swallows all bytes in both directions.
	BlackHole Kind = "blackhole"
	// Half lets requests through and swallows what comes back: writes happen, but the writer never hears of it.
	Half Kind = "half"
	// Delay slows down each direction.
	Delay Kind = "delay"
)

// Kinds lists the kinds of faults.
func Kinds() []Kind { return []Kind{Cut, BlackHole, Half, Delay} }

// ParseKind reads a kind from its text.
func ParseKind(text string) (Kind, error) {
	if k := Kind(text); slices.Contains(Kinds(), k) {
		return k, nil
	}
	return "", fmt.Errorf("%q is no kind of fault: want one of %v", text, Kinds())
}

// Client controls the faults of a running server.
type Client struct {
	address string
	api     *toxiproxy.Client
}

// NewClient returns a client of the server whose control API has the address host:port.
func NewClient(address string) *Client {
	return &Client{address: address, api: toxiproxy.NewClient(address)}
}

// Ready fails while the server does not serve.
func (c *Client) Ready(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.address+"/version", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Fault makes the link fail in this way, and no more in the way it failed before. latency counts for Delay only; it is
// added in each direction. While one fault takes the place of another, the link is cut: it never works in between.
func (c *Client) Fault(link string, kind Kind, latency time.Duration) error {
	if err := c.fault(link, kind, latency); err != nil {
		return fmt.Errorf("put fault %s on link %s: %w", kind, link, err)
	}
	return nil
}

func (c *Client) fault(link string, kind Kind, latency time.Duration) error {
	proxy, err := c.api.Proxy(link)
	if err != nil {
		return err
	}
	if kind == Cut || len(proxy.ActiveToxics) > 0 || !proxy.Enabled {
		if proxy, err = c.closeLink(proxy); err != nil {
			return err
		}
	}
	switch kind {
	case Cut:
		return nil // closeLink left it disabled
	case BlackHole:
		err = errors.Join(add(proxy, swallow, toServer, nil), add(proxy, swallow, toClient, nil))
	case Half:
		err = add(proxy, swallow, toClient, nil)
	case Delay:
		by := toxiproxy.Attributes{"latency": latency.Milliseconds()}
		err = errors.Join(add(proxy, slow, toServer, by), add(proxy, slow, toClient, by))
	}
	if err != nil {
		return err
	}
	return proxy.Enable()
}

// Heal makes the link work. Connections whose bytes were swallowed are closed, since they can never be whole again. Those that
// were only slow continue, unless one of them has bytes under way that its receiver does not take: then all are closed.
func (c *Client) Heal(link string) error {
	proxy, err := c.api.Proxy(link)
	if err != nil {
		return fmt.Errorf("heal link %s: %w", link, err)
	}
	isSwallow := func(t toxiproxy.Toxic) bool { return t.Type == swallow }
	if slices.ContainsFunc(proxy.ActiveToxics, isSwallow) || !removeToxics(proxy) {
		proxy, err = c.closeLink(proxy)
	}
	if err == nil {
		err = proxy.Enable()
	}
	if err != nil {
		return fmt.Errorf("heal link %s: %w", link, err)
	}
	return nil
}

// States tells for each link how it fails; empty: it works.
func (c *Client) States() (map[string]Kind, error) {
	proxies, err := c.api.Proxies()
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	out := make(map[string]Kind, len(proxies))
	for name, p := range proxies {
		out[name] = kindOf(p)
	}
	return out, nil
}

func kindOf(p *toxiproxy.Proxy) Kind {
	if !p.Enabled {
		return Cut
	}
	streams := map[string]int{}
	for _, t := range p.ActiveToxics {
		streams[t.Type]++
	}
	switch {
	case streams[swallow] == 2:
		return BlackHole
	case streams[swallow] == 1:
		return Half
	case streams[slow] > 0:
		return Delay
	}
	return ""
}

// Names that toxiproxy uses.
const (
	swallow  = "timeout" // with a timeout of zero it swallows bytes and never closes
	slow     = "latency"
	toServer = "upstream"
	toClient = "downstream"
)

func add(proxy *toxiproxy.Proxy, kind, stream string, attributes toxiproxy.Attributes) error {
	_, err := proxy.AddToxic("", kind, stream, 1, attributes)
	return err
}

// closeLink closes the link and takes all faults from it; it stays closed. A link with faults is re-created: to take a fault
// away toxiproxy has each piece that is under way try to leave, for seconds each, though the connection is closed.
func (c *Client) closeLink(proxy *toxiproxy.Proxy) (*toxiproxy.Proxy, error) {
	if len(proxy.ActiveToxics) == 0 {
		return proxy, proxy.Disable()
	}
	closed := c.api.NewProxy()
	closed.Name, closed.Listen, closed.Upstream = proxy.Name, proxy.Listen, proxy.Upstream
	return closed, errors.Join(proxy.Delete(), closed.Save())
}

// takeBytes is how long the receivers on a link have to take what is under way when its faults are taken away. Toxiproxy waits
// for 5 seconds for each piece of each connection, and keeps a lock meanwhile.
const takeBytes = 2 * time.Second

// removeToxics takes the faults from a link whose connections continue. It reports whether that worked.
func removeToxics(proxy *toxiproxy.Proxy) bool {
	removed := make(chan error, 1)
	go func() {
		var errs []error
		for _, t := range proxy.ActiveToxics {
			errs = append(errs, proxy.RemoveToxic(t.Name))
		}
		removed <- errors.Join(errs...)
	}()
	select {
	case err := <-removed:
		return err == nil
	case <-time.After(takeBytes):
		return false
	}
}
