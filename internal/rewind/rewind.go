// SPDX-License-Identifier: Apache-2.0

// Package rewind notices that an API server was restored from a backup. Its clients' watches would go on from a resource
// version that it has not reached again yet, and never see what happens until then: caches would be wrong for good. It
// promises that such a watch is answered as one from a version that is too old is, upon which every informer lists anew.
package rewind

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// patience is how long the API server may take to tell its version. A watch that begins is in no hurry.
const patience = 10 * time.Second

// Notice makes all clients of cfg notice. It costs one list of one object for each watch that begins.
func Notice(cfg *rest.Config) {
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return &transport{next} })
}

type transport struct{ next http.RoundTripper }

// RoundTrip answers a watch from a version that lies in the future with 410 Gone, and passes everything else on.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	query := req.URL.Query()
	from := query.Get("resourceVersion")
	if req.Method != http.MethodGet || query.Get("watch") != "true" && query.Get("watch") != "1" || from == "" || from == "0" {
		return t.next.RoundTrip(req)
	}
	is, err := t.version(req)
	if err != nil || !newer(from, is) {
		return t.next.RoundTrip(req) // whatever is wrong the watch will tell
	}
	log.FromContext(req.Context()).Info("The API server was restored from a backup: list anew", "path", req.URL.Path, "had", from, "is", is)
	return gone(req, from, is)
}

// version asks for the version that the resource of a watch is at now.
func (t *transport) version(watch *http.Request) (string, error) {
	ctx, cancel := context.WithTimeout(watch.Context(), patience)
	defer cancel()
	req := watch.Clone(ctx)
	query := req.URL.Query()
	for _, of := range []string{"watch", "resourceVersion", "resourceVersionMatch", "allowWatchBookmarks", "sendInitialEvents", "timeoutSeconds", "timeout"} {
		query.Del(of)
	}
	query.Set("limit", "1")
	req.URL.RawQuery = query.Encode()
	req.Header.Set("Accept", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json")
	res, err := t.next.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("ask for the version of %s: %s: %w", req.URL.Path, res.Status, err)
	}
	list := &metav1.PartialObjectMetadataList{}
	if err := json.Unmarshal(body, list); err != nil {
		return "", fmt.Errorf("ask for the version of %s: %w", req.URL.Path, err)
	}
	return list.ResourceVersion, nil
}

// newer reports whether a is a later resource version than b.
func newer(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order > 0
}

func gone(req *http.Request, from, is string) (*http.Response, error) {
	status := metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status:   metav1.StatusFailure, Code: http.StatusGone, Reason: metav1.StatusReasonExpired,
		Message: fmt.Sprintf("resource version %s lies in the future: the API server is at %s, so it was restored from a backup", from, is),
	}
	body, err := json.Marshal(status)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: "410 Gone", StatusCode: http.StatusGone, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)), Request: req,
	}, nil
}
