// SPDX-License-Identifier: Apache-2.0

package link

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// maxAnswer bounds what is read from a peer, in bytes.
const maxAnswer = 1 << 20

// Client is the store at the other end of a link.
type Client struct {
	base *url.URL
	http *http.Client
}

var _ engine.Peer = (*Client)(nil)

// NewClient is the peer that answers at base, an http URL.
func NewClient(base string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("peer URL: %w", err)
	}
	if u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("peer URL %q: want http://host:port", base)
	}
	// Each request opens its own connection: a link that was healed works at once, and one that was cut does not.
	return &Client{base: u, http: &http.Client{Timeout: timeout, Transport: &http.Transport{DisableKeepAlives: true}}}, nil
}

// Describe implements engine.Peer.
func (c *Client) Describe(ctx context.Context, handle string) (engine.State, error) {
	var st engine.State
	err := c.do(ctx, http.MethodGet, nil, &st, handle)
	return st, err
}

// Begin implements engine.Peer.
func (c *Client) Begin(ctx context.Context, handle string, offer engine.Offer) (engine.Staging, error) {
	var staging engine.Staging
	err := c.do(ctx, http.MethodPost, offer, &staging, handle, "copies")
	return staging, err
}

// Forget implements engine.Peer.
func (c *Client) Forget(ctx context.Context, handle string) error {
	return c.do(ctx, http.MethodDelete, nil, nil, handle)
}

// Yield implements engine.Peer.
func (c *Client) Yield(ctx context.Context, handle string) error {
	return c.do(ctx, http.MethodDelete, nil, nil, handle, "role")
}

// Commit implements engine.Peer.
func (c *Client) Commit(ctx context.Context, handle, token string) error {
	return c.do(ctx, http.MethodPost, nil, nil, handle, "copies", token, "commit")
}

func (c *Client) do(ctx context.Context, method string, in, out any, path ...string) error {
	return c.ask(ctx, method, in, out, append([]string{"volumes"}, path...)...)
}

func (c *Client) ask(ctx context.Context, method string, in, out any, path ...string) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return fmt.Errorf("encode request to peer: %w", err)
		}
	}
	target := c.base.JoinPath(path...)
	req, err := http.NewRequestWithContext(ctx, method, target.String(), &body)
	if err != nil {
		return fmt.Errorf("request to peer: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return silence(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return silence(err)
	}
	if resp.StatusCode != http.StatusOK {
		return refused(resp.Status, content)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(content, out); err != nil {
		return fmt.Errorf("decode answer of peer: %w", err)
	}
	return nil
}

// silence keeps the details of the connection out of the error, such as its port: the error goes into statuses, which
// would change with each try.
func silence(err error) error {
	var timed net.Error
	if errors.As(err, &timed) && timed.Timeout() {
		return fmt.Errorf("%w in %s", engine.ErrUnreachable, timeout)
	}
	return fmt.Errorf("%w, connection failed", engine.ErrUnreachable)
}

func refused(status string, content []byte) error {
	var r refusal
	if err := json.Unmarshal(content, &r); err != nil {
		return fmt.Errorf("peer answered %s", status)
	}
	if known := codes()[r.Code]; known != nil {
		return fmt.Errorf("%w (peer: %s)", known, r.Message)
	}
	return fmt.Errorf("peer refused: %s", r.Message)
}
