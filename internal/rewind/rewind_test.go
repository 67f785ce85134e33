// SPDX-License-Identifier: Apache-2.0

package rewind_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/ramendr/ramen-direct/internal/rewind"
)

// TestAWatchFromTheFutureIsAnsweredAsOneFromThePast, so that the informer lists anew; no other request is changed.
func TestAWatchFromTheFutureIsAnsweredAsOneFromThePast(t *testing.T) {
	is, refused, watches := "100", false, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Query().Get("watch") == "true":
			watches++
		case refused:
			http.Error(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","code":403}`, http.StatusForbidden)
		default:
			assert.Equal(t, "app=db", r.URL.Query().Get("labelSelector"), "no more than what the watch may see is asked for")
			_, _ = fmt.Fprintf(w, `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":%q},"items":[]}`, is)
		}
	}))
	t.Cleanup(server.Close)
	cfg := &rest.Config{Host: server.URL}
	rewind.Notice(cfg)
	pods := kubernetes.NewForConfigOrDie(cfg).CoreV1().Pods("shop")
	for name, tt := range map[string]struct {
		from            string
		initial, denied bool
		expired         bool
	}{
		"from now":               {from: "100"},
		"from the past":          {from: "42"},
		"from the future":        {from: "101", expired: true},
		"longer is later":        {from: "1000", expired: true},
		"with all that there is": {from: "101", initial: true, expired: true},
		"from anywhere":          {from: "0"},
		"from the newest":        {},
		"nobody tells":           {from: "101", denied: true},
	} {
		t.Run(name, func(t *testing.T) {
			refused, watches = tt.denied, 0
			options := metav1.ListOptions{LabelSelector: "app=db", ResourceVersion: tt.from}
			if tt.initial {
				options.SendInitialEvents, options.ResourceVersionMatch = new(true), metav1.ResourceVersionMatchNotOlderThan
			}
			w, err := pods.Watch(t.Context(), options)
			if tt.expired {
				require.True(t, apierrors.IsResourceExpired(err), "%v", err)
				assert.ErrorContains(t, err, "the API server is at 100")
				assert.Zero(t, watches)
				return
			}
			require.NoError(t, err)
			w.Stop()
			assert.Equal(t, 1, watches)
		})
	}
}
