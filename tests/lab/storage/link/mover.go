// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
	"github.com/ramendr/ramen-direct/tests/lab/storage/mover"
)

// Movers is the destinations at the other end of a link.
type Movers struct{ client *Client }

var _ mover.Receiver = Movers{}

// Movers are the destinations of the peer.
func (c *Client) Movers() Movers { return Movers{c} }

type challenge struct {
	Nonce string `json:"nonce"`
	Proof string `json:"proof,omitempty"`
}

// Challenge implements mover.Receiver.
func (m Movers) Challenge(ctx context.Context, address string) (string, error) {
	var got challenge
	err := m.client.ask(ctx, http.MethodPost, nil, &got, "destinations", address, "challenges")
	return got.Nonce, err
}

// Begin implements mover.Receiver.
func (m Movers) Begin(ctx context.Context, address, nonce, proof string) (engine.Staging, error) {
	var staging engine.Staging
	err := m.client.ask(ctx, http.MethodPost, challenge{Nonce: nonce, Proof: proof}, &staging, "destinations", address, "copies")
	return staging, err
}

// Commit implements mover.Receiver.
func (m Movers) Commit(ctx context.Context, address, token string) error {
	return m.client.ask(ctx, http.MethodPost, nil, nil, "destinations", address, "copies", token, "commit")
}

// serveMovers answers for destinations.
func serveMovers(mux *http.ServeMux, to mover.Receiver) {
	mux.HandleFunc("POST /destinations/{address}/challenges", func(w http.ResponseWriter, r *http.Request) {
		nonce, err := to.Challenge(r.Context(), r.PathValue("address"))
		answer(w, r, challenge{Nonce: nonce}, err)
	})
	mux.HandleFunc("POST /destinations/{address}/copies", func(w http.ResponseWriter, r *http.Request) {
		var c challenge
		if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
			http.Error(w, "decode proof: "+err.Error(), http.StatusBadRequest)
			return
		}
		staging, err := to.Begin(r.Context(), r.PathValue("address"), c.Nonce, c.Proof)
		answer(w, r, staging, err)
	})
	mux.HandleFunc("POST /destinations/{address}/copies/{token}/commit", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, struct{}{}, to.Commit(r.Context(), r.PathValue("address"), r.PathValue("token")))
	})
}
