// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	testingclock "k8s.io/utils/clock/testing"
)

// moody is an API server whose lists work. What becomes of a watch is told by fail; nil: it lives until cut.
type moody struct {
	t              *testing.T
	clock          *testingclock.FakeClock
	lists, watches atomic.Int64
	living         atomic.Bool

	mu   sync.Mutex
	fail func(http.ResponseWriter)
	cut  chan struct{}
}

func (m *moody) set(fail func(http.ResponseWriter)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = fail
	if m.cut != nil {
		close(m.cut)
	}
	m.cut = make(chan struct{})
}

func (m *moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	query := r.URL.Query()
	switch {
	case query.Get("sendInitialEvents") == "true":
		refuse(422, "Invalid")(w) // it knows no watch that lists
	case query.Get("watch") == "":
		m.lists.Add(1)
		_, _ = fmt.Fprint(w, `{"kind":"VolumeReplicationGroupList","apiVersion":"ramendr.openshift.io/v1alpha1","metadata":{"resourceVersion":"7"},"items":[]}`)
	default:
		m.watches.Add(1)
		m.mu.Lock()
		fail, cut := m.fail, m.cut
		m.mu.Unlock()
		if fail != nil {
			fail(w)
			return
		}
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		m.living.Store(true)
		defer m.living.Store(false)
		select {
		case <-r.Context().Done():
		case <-cut:
			panic(http.ErrAbortHandler)
		}
	}
}

func refuse(code int, reason string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.WriteHeader(code)
		_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d}`, reason, code)
	}
}

func breakOff(w http.ResponseWriter) {
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// follow watches groups of a side of the link by the server until the test ends.
func (m *moody) follow(s side) *troubles {
	server := httptest.NewServer(m)
	shared := &sides{inventoryChanged: make(chan struct{}, 1), copies: newStore(metav1.Object.GetName, func(change) {})}
	p, err := newPeer(&rest.Config{Host: server.URL}, s, func(string, schema.GroupVersionResource) {}, func() { shared.distrust([]*store{shared.copies}) })
	require.NoError(m.t, err)
	ts := &troubles{clock: m.clock, patience: 5 * time.Second, open: map[task]trouble{}}
	ctx, cancel := context.WithCancel(m.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		watch{peer: p, resource: groupResource, into: shared.copies, troubles: ts}.run(ctx, m.clock)
	}()
	m.t.Cleanup(func() {
		cancel()
		<-done
		server.CloseClientConnections()
		server.Close()
	})
	return ts
}

// until waits until is holds, however long the machine takes.
func (m *moody) until(is func() bool, what string) {
	m.t.Helper()
	require.Eventually(m.t, is, time.Minute, time.Millisecond, what)
}

// pass lets so many seconds pass, each when the watch waits for time to pass.
func (m *moody) pass(seconds int) {
	m.t.Helper()
	for range seconds {
		m.until(m.clock.HasWaiters, "the watch does not wait for time to pass")
		m.clock.Step(time.Second)
	}
}

// TestAWatchThatFailsIsBegunAgainWithPauses, which grow while lists work, because each costs a whole list; once a watch has lived for some
// time, there is none. As long as watches end early, the link says so.
func TestAWatchThatFailsIsBegunAgainWithPauses(t *testing.T) {
	const since = " since 2026-01-01T12:00:0"
	for name, tc := range map[string]struct {
		fail func(http.ResponseWriter)
		says string
	}{
		"the API server is said to be away": {refuse(503, "ServiceUnavailable"), "it says ServiceUnavailable" + since},
		"the right is missing":              {refuse(403, "Forbidden"), "the permission to do so is missing" + since},
		"what it asks for is too old":       {refuse(410, "Expired"), "it says Expired" + since},
		"its connection is cut":             {breakOff, "it breaks each watch off" + since},
		"it ends at once":                   {func(http.ResponseWriter) {}, "it breaks each watch off" + since},
	} {
		for _, s := range []side{hubSide, spokeSide} {
			t.Run(fmt.Sprintf("%s, on the %s", name, s), func(t *testing.T) {
				m := &moody{t: t, clock: testingclock.NewFakeClock(noon)}
				m.set(tc.fail)
				ts := m.follow(s)
				worst := func() string { return ts.worst(m.clock.Now()) }
				m.pass(60)
				lists := m.lists.Load()
				assert.LessOrEqual(t, lists, int64(20), "in a minute")
				assert.GreaterOrEqual(t, lists, int64(6), "in a minute")
				m.until(m.clock.HasWaiters, "it does not pause")
				assert.Contains(t, worst(), s.String()+": cannot watch volumereplicationgroups: "+tc.says)
				assert.Contains(t, worst(), "the link continues automatically when a watch lasts")

				m.set(nil)
				m.until(func() bool {
					if m.clock.HasWaiters() {
						m.clock.Step(time.Second)
					}
					return m.living.Load()
				}, "no watch begins")
				assert.NotEmpty(t, worst(), "a watch that begins proves nothing")
				m.until(func() bool { m.clock.Step(time.Second); return worst() == "" }, "the link does not say that watches work again")
				require.True(t, m.living.Load())

				lists = m.lists.Load()
				m.set(nil)
				m.until(func() bool { return m.lists.Load() == lists+1 && m.living.Load() }, "after a watch that has lived for some time it is listed at once")
			})
		}
	}
}
