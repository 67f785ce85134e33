// SPDX-License-Identifier: Apache-2.0

package link

import (
	"encoding/json"
	"net/http"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
	"github.com/ramendr/ramen-direct/tests/lab/storage/mover"
)

// Handler answers for a store and for the destinations of its volumes.
func Handler(store engine.Peer, destinations mover.Receiver) http.Handler {
	mux := http.NewServeMux()
	serveMovers(mux, destinations)
	mux.HandleFunc("GET /volumes/{handle}", func(w http.ResponseWriter, r *http.Request) {
		st, err := store.Describe(r.Context(), r.PathValue("handle"))
		answer(w, r, st, err)
	})
	mux.HandleFunc("DELETE /volumes/{handle}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, struct{}{}, store.Forget(r.Context(), r.PathValue("handle")))
	})
	mux.HandleFunc("DELETE /volumes/{handle}/role", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, struct{}{}, store.Yield(r.Context(), r.PathValue("handle")))
	})
	mux.HandleFunc("POST /volumes/{handle}/copies", func(w http.ResponseWriter, r *http.Request) {
		var offer engine.Offer
		if err := json.NewDecoder(r.Body).Decode(&offer); err != nil {
			http.Error(w, "decode offer: "+err.Error(), http.StatusBadRequest)
			return
		}
		staging, err := store.Begin(r.Context(), r.PathValue("handle"), offer)
		answer(w, r, staging, err)
	})
	mux.HandleFunc("POST /volumes/{handle}/copies/{token}/commit", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, struct{}{}, store.Commit(r.Context(), r.PathValue("handle"), r.PathValue("token")))
	})
	return mux
}

func answer(w http.ResponseWriter, r *http.Request, body any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusConflict)
		body = refusal{Code: codeOf(err), Message: err.Error()}
	}
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.FromContext(r.Context()).Info("answer to peer was not sent", "error", err.Error())
	}
}
