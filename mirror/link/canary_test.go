// SPDX-License-Identifier: Apache-2.0

package link_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/zapr"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	runtimeschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// journal is all that is logged, at every level.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (w *world) listen() *journal {
	j := &journal{}
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(j), zapcore.Level(-3))
	w.logger = zapr.NewLogger(zap.New(core))
	klog.SetLogger(w.logger)
	w.t.Cleanup(klog.ClearLogger)
	return j
}

// everything lists all objects of an API server, as <resource> <namespace>/<name> and their content.
func (w *world) everything(at *rest.Config) map[string]string {
	w.t.Helper()
	lists, err := discovery.NewDiscoveryClientForConfigOrDie(at).ServerPreferredResources()
	require.NoError(w.t, err)
	out := map[string]string{}
	for _, list := range lists {
		group, err := runtimeschema.ParseGroupVersion(list.GroupVersion)
		require.NoError(w.t, err)
		for _, r := range list.APIResources {
			if !strings.Contains(strings.Join(r.Verbs, " "), "list") {
				continue
			}
			items, err := dynamic.NewForConfigOrDie(at).Resource(group.WithResource(r.Name)).List(w.t.Context(), metav1.ListOptions{})
			require.NoError(w.t, err, r.Name)
			for _, o := range items.Items {
				text, err := o.MarshalJSON()
				require.NoError(w.t, err)
				out[r.Name+" "+o.GetNamespace()+"/"+o.GetName()] = string(text)
			}
		}
	}
	return out
}

func TestX1_ASecretIsNowhereButInItsOutboxAndItsCopy(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	value := "canary-of-" + w.cluster + "-0b5f3a"
	forms := []string{value, base64.StdEncoding.EncodeToString([]byte(value))}
	holds := func(text string) bool { return strings.Contains(text, forms[0]) || strings.Contains(text, forms[1]) }
	journal := w.listen()
	other.start()
	w.start()

	wish := w.secretWish(w.app, "keys", value)
	w.create(w.hub, wish)
	group := w.wish("db")
	w.carriedOut(group, "db")
	w.eventually(func() bool {
		return w.spoke.Get(t.Context(), client.ObjectKey{Namespace: w.app, Name: "keys"}, &corev1.Secret{}) == nil
	}, "the Secret is not copied")

	// All that may go wrong with a Secret, and would be told somewhere.
	taken := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.app, Name: "foreign"}}
	w.create(w.spoke, taken)
	w.create(w.hub, w.secretWish(w.app, "foreign", value))
	broken := w.secretWish(w.app, "nowhere", value)
	delete(broken.Annotations, exchange.AnnotationName)
	w.create(w.hub, broken)
	refuse := func(with string) func(*http.Request) error {
		return func(req *http.Request) error {
			if isWrite(req) && strings.Contains(req.URL.Path, "/secrets") {
				return errors.New(with)
			}
			return nil
		}
	}
	// The mirror finds a copy of another type: it cannot make its own before.
	w.spokeWire.setFail(refuse("not yet"))
	typed := w.secretWish(w.app, "typed", value)
	typed.Type = corev1.SecretTypeOpaque
	w.create(w.hub, typed)
	w.create(w.spoke, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.app, Name: "typed", Annotations: map[string]string{exchange.AnnotationOrigin: hubID}},
		Type: "example.com/other"})
	w.spokeWire.setFail(refuse("refused by the test"))
	edit(w, w.hub, wish, func(s *corev1.Secret) { s.Data["more"] = []byte(value) })
	w.eventually(func() bool { return strings.Contains(journal.String(), "refused by the test") }, "the failure is not logged")
	w.spokeWire.setFail(nil)
	w.eventually(func() bool {
		return w.metric("ramen_mirror_refusals_total", "resource", "secrets", "reason", "OwnedElsewhere") >= 1 &&
			w.metric("ramen_mirror_refusals_total", "resource", "secrets", "reason", "InvalidWish") >= 1
	}, "the refusals are not counted")
	w.eventually(func() bool {
		told := w.lease().Annotations[exchange.AnnotationUndelivered]
		return strings.Contains(told, w.app+"/foreign: ") && strings.Contains(told, w.app+"/typed: ") && strings.Contains(told, exchange.AnnotationName)
	}, "the lease does not tell")
	w.quiet()

	outbox := "secrets " + exchange.Outbox(w.cluster) + "/"
	for name, text := range w.everything(hubAdmin) {
		assert.False(t, holds(text) && !strings.HasPrefix(name, outbox), "the hub shows it in %s", name)
	}
	for name, text := range w.everything(spokeAdmin) {
		assert.False(t, holds(text) && name != "secrets "+w.app+"/keys", "the spoke shows it in %s", name)
	}
	assert.NotEmpty(t, journal.String())
	assert.False(t, holds(journal.String()), "it is logged")
	families, err := w.registry.Gather()
	require.NoError(t, err)
	assert.NotEmpty(t, families)
	for _, f := range families {
		assert.False(t, holds((*dto.MetricFamily)(f).String()), "it is in metric %s", f.GetName())
	}
	require.NoError(t, w.hub.Delete(t.Context(), wish))
	w.eventually(func() bool {
		err := w.spoke.Get(t.Context(), client.ObjectKey{Namespace: w.app, Name: "keys"}, &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret"}})
		return client.IgnoreNotFound(err) == nil && err != nil
	}, "the copy stays")
}
