// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// warnings are those that an API server sent along with its answers.
type warnings struct {
	mu   sync.Mutex
	text []string
}

func (w *warnings) HandleWarningHeaderWithContext(_ context.Context, _ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, text)
}

// take returns the warnings and forgets them.
func (w *warnings) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.text
	w.text = nil
	return out
}

// warned makes a group as a user and returns what the API server warned of.
func (h *hub) warned(user, namespace, name string) []string {
	h.t.Helper()
	w := &warnings{}
	cfg := rest.CopyConfig(h.Admin)
	cfg.Impersonate.UserName = user
	cfg.WarningHandlerWithContext = w
	c, err := client.New(cfg, client.Options{Scheme: h.Scheme})
	require.NoError(h.t, err)
	group := wish(namespace, name)
	require.NoError(h.t, c.Create(h.t.Context(), group))
	require.NoError(h.t, c.Delete(h.t.Context(), group))
	return w.take()
}

func testMisplaced(t *testing.T, h *hub) {
	misplaced := func(text string) bool { return strings.Contains(text, "create a DRPlacementControl") }
	require.Eventually(t, func() bool { return slices.ContainsFunc(h.warned(editor, "default", "group"), misplaced) },
		30*time.Second, 100*time.Millisecond, "who makes a group that nobody answers is warned")
	assert.Empty(t, h.warned(hubctrl, "default", "copy"), "a mirror on a cluster that is both")
	assert.Empty(t, h.warned(hubctrl, "outbox-dr1", "a-wish"))
}
