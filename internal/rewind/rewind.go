// SPDX-License-Identifier: Apache-2.0

// Package rewind keeps caches right though an API server was restored from a backup. A watch would go on from a resource
// version of before: at first the server has not reached it again, later it has, by other changes, and what happened in
// between is never seen. Nothing that an API server says tells the two histories apart, but no history changes while it
// answers. So the package promises that a watch that would go on over an outage is answered as one from a version that is
// too old is, whereupon every informer lists again, within seconds of the end of an outage, but up to a minute after several within
// two minutes, since the pause of informers then doubles each time (reflector.go of client-go); and that who filters the events that
// follow from such a list can let those through that tell of another history.
package rewind

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// Notice makes all clients of cfg notice. It costs a list by each informer after each outage, and nothing otherwise.
func Notice(cfg *rest.Config) {
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper {
		t := &transport{listed: map[string]int{}}
		t.next = detector{next: next, outage: t.noteOutage}
		return t
	})
}

// Outages calls outage each time a request of a client of cfg finds the API server away, or a watch breaks off: a client
// that keeps what it listed before has to list again. It may be called many times for one outage.
func Outages(cfg *rest.Config, outage func()) {
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return detector{next: next, outage: outage} })
}

// detector tells of outages.
type detector struct {
	next   http.RoundTripper
	outage func()
}

func (d detector) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := d.next.RoundTrip(req)
	switch {
	case away(res, err):
		if req.Context().Err() == nil {
			d.outage()
		}
	case isWatch(req):
		res.Body = &stream{ReadCloser: res.Body, broke: func() {
			if req.Context().Err() == nil {
				d.outage()
			}
		}}
	}
	return res, err
}

type transport struct {
	next http.RoundTripper

	mu      sync.Mutex
	outages int
	listed  map[string]int // what is watched: the outages before it was listed last
}

// again is the pause before a watch is asked for again while the API server is away: from a tenth of a second to one.
func again() wait.DelayFunc {
	return wait.Backoff{Duration: 100 * time.Millisecond, Cap: time.Second, Steps: math.MaxInt32, Factor: 2, Jitter: 0.2}.DelayFunc()
}

// RoundTrip answers a watch that goes on over an outage with 410 Gone, waits with any other watch until the API server answers,
// and passes everything else on. Informers pause after each watch that fails, for up to a minute after a few, and can't be told
// otherwise: they would be blind that long after an outage of seconds.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !isWatch(req) {
		return t.next.RoundTrip(req)
	}
	var res *http.Response
	var err error
	told := false
	ended := again().Until(req.Context(), true, true, func(context.Context) (bool, error) {
		if !t.mayGoOn(req) {
			res, err = gone(req)
			return true, nil
		}
		if res, err = t.next.RoundTrip(t.fromNow(req)); !away(res, err) {
			return true, nil
		}
		if !told {
			log.Log.WithName("rewind").Info("Waiting with a watch until the API server answers", "path", req.URL.Path, "error", fmt.Sprint(err))
			told = true
		}
		if res != nil {
			_ = res.Body.Close()
		}
		return false, nil
	})
	if ended != nil {
		return nil, ended
	}
	return res, err
}

// fromNow is a watch that begins with all that there is, without the version that it asks for at least, if the API server was
// away before. That version may be of another history, and the server would keep the informer waiting until it gets there.
func (t *transport) fromNow(req *http.Request) *http.Request {
	query := req.URL.Query()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.outages == 0 || !lists(query) || query.Get("resourceVersion") == "" {
		return req
	}
	out := req.Clone(req.Context())
	query.Del("resourceVersion")
	out.URL.RawQuery = query.Encode()
	return out
}

// lists reports whether a watch begins with all that there is.
func lists(query url.Values) bool { return query.Get("sendInitialEvents") == "true" }

// away reports whether an answer, or none, says that the API server can't be reached.
func away(res *http.Response, err error) bool {
	if err != nil {
		return true
	}
	return res.StatusCode == http.StatusBadGateway || res.StatusCode == http.StatusServiceUnavailable || res.StatusCode == http.StatusGatewayTimeout
}

func isWatch(req *http.Request) bool {
	w := req.URL.Query().Get("watch")
	return req.Method == http.MethodGet && (w == "true" || w == "1")
}

// mayGoOn reports whether a watch begins by itself with all that there is, or goes on from a list that was made since the
// last outage: the first one of its kind, or one that was refused since.
func (t *transport) mayGoOn(req *http.Request) bool {
	query := req.URL.Query()
	from := query.Get("resourceVersion")
	of := req.URL.Path + "?" + query.Get("labelSelector") + "&" + query.Get("fieldSelector")
	t.mu.Lock()
	defer t.mu.Unlock()
	before, known := t.listed[of]
	t.listed[of] = t.outages
	return !known || before == t.outages || from == "" || from == "0" || lists(query)
}

func (t *transport) noteOutage() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outages++
}

// stream is the body of a watch. It ends with an error if the connection broke, and without one if the server ended it.
type stream struct {
	io.ReadCloser
	broke func()
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.broke()
	}
	return n, err
}

func gone(req *http.Request) (*http.Response, error) {
	body, err := json.Marshal(metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status:   metav1.StatusFailure, Code: http.StatusGone, Reason: metav1.StatusReasonExpired,
		Message: "the API server could not be reached for a while, and may have been restored from a backup",
	})
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: "410 Gone", StatusCode: http.StatusGone, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)), Request: req,
	}, nil
}
