// SPDX-License-Identifier: Apache-2.0

package link_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// TestX8_ASecretThatIsMadeBetweenLookAndWriteIsLeftAlone: the mirror sees none, and the application makes its own before the
// mirror's write arrives.
func TestX8_ASecretThatIsMadeBetweenLookAndWriteIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	theirs := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.app, Name: "key"}, Data: map[string][]byte{"key": []byte("theirs")}}
	var made atomic.Bool
	w.spokeWire.before(func(r *http.Request) {
		if isWrite(r) && strings.Contains(r.URL.Path, "/namespaces/"+w.app+"/secrets") && made.CompareAndSwap(false, true) {
			assert.NoError(t, w.spoke.Create(t.Context(), theirs.DeepCopy()))
		}
	})
	w.start()
	w.create(w.hub, w.secretWish(w.app, "key", "ours"))
	w.eventually(func() bool { return w.lease().Annotations[exchange.AnnotationUndelivered] != "" }, "it is not refused")
	assert.True(t, made.Load())
	var is corev1.Secret
	require.NoError(t, w.spoke.Get(t.Context(), client.ObjectKeyFromObject(theirs), &is))
	assert.Equal(t, "theirs", string(is.Data["key"]))
	assert.Empty(t, is.Annotations)
}
