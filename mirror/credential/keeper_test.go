// SPDX-License-Identifier: Apache-2.0

package credential_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/ramendr/ramen-direct/mirror/credential"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// tokenOf is a token of the mirror of dr1 that was issued at a moment.
func tokenOf(issued time.Time, life time.Duration) string {
	payload := fmt.Sprintf(`{"sub":"system:serviceaccount:inbox-dr1:mirror","iat":%d,"exp":%d,"kubernetes.io":{"secret":{"uid":"bound"}}}`, issued.Unix(), issued.Add(life).Unix())
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".sig"
}

// issuing is an API server that grants an hour, whatever is asked for, or answers with a code.
type issuing struct {
	clock *clocktesting.FakeClock
	asked chan authenticationv1.TokenRequest
	code  atomic.Int64 // zero: it grants
}

func (s *issuing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request authenticationv1.TokenRequest
	_ = json.NewDecoder(r.Body).Decode(&request)
	w.Header().Set("Content-Type", "application/json")
	if code := int(s.code.Load()); code != 0 {
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Code: int32(code), Reason: metav1.StatusReasonUnauthorized})
	} else {
		request.Status.Token = tokenOf(s.clock.Now(), time.Hour)
		_ = json.NewEncoder(w).Encode(request)
	}
	s.asked <- request
}

// TestATokenIsRenewedByWhatWasGranted: it is asked for weeks, and renewed by the hour that it got. A failure is told until the
// next token, and tried again.
func TestATokenIsRenewedByWhatWasGranted(t *testing.T) {
	clock := clocktesting.NewFakeClock(noon)
	issuer := &issuing{clock: clock, asked: make(chan authenticationv1.TokenRequest, 10)}
	server := httptest.NewServer(issuer)
	t.Cleanup(server.Close)
	cfg := &rest.Config{Host: server.URL, BearerToken: tokenOf(noon, time.Hour), ContentConfig: rest.ContentConfig{ContentType: "application/json"}}
	bearer := credential.Exchangeable(cfg)
	keeper := credential.NewKeeper(exchange.CredentialForHub, cfg, bearer, clock, func(_ context.Context, token string) error {
		bearer.Set(token) // as who reads it from where it is kept
		return nil
	})
	go keeper.Run(t.Context())
	told := func(want string) {
		t.Helper()
		require.Eventually(t, func() bool { return keeper.Tell().Trouble == want }, 10*time.Second, time.Millisecond, "it tells %q", want)
	}
	waits := func() {
		t.Helper()
		require.Eventually(t, clock.HasWaiters, 10*time.Second, time.Millisecond)
	}
	waits()
	clock.Step(5*time.Minute - time.Second)
	assert.Empty(t, issuer.asked, "renewed too early")
	clock.Step(time.Second)
	request := <-issuer.asked
	assert.Equal(t, int64(30*24*60*60), *request.Spec.ExpirationSeconds)
	assert.Equal(t, &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Secret", Name: "mirror-credential"}, request.Spec.BoundObjectRef)
	require.Eventually(t, func() bool { return keeper.Tell().Expires.Equal(noon.Add(65 * time.Minute)) }, 10*time.Second, time.Millisecond, "the new token is told")
	assert.Equal(t, "hub true bound", fmt.Sprint(keeper.Tell().For, " ", keeper.Tell().Renewed, " ", keeper.Tell().BoundTo))

	issuer.code.Store(http.StatusUnauthorized)
	waits()
	clock.Step(5 * time.Minute)
	<-issuer.asked
	told("cannot renew it: the present one is refused")
	issuer.code.Store(0)
	waits()
	clock.Step(time.Minute)
	<-issuer.asked
	told("")
}

// TestAClockThatIsAheadRenewsNotWithoutEnd: each token that it gets is due at once.
func TestAClockThatIsAheadRenewsNotWithoutEnd(t *testing.T) {
	behind := clocktesting.NewFakeClock(noon.Add(-2 * time.Hour)) // of the API server
	issuer := &issuing{clock: behind, asked: make(chan authenticationv1.TokenRequest, 100)}
	server := httptest.NewServer(issuer)
	t.Cleanup(server.Close)
	cfg := &rest.Config{Host: server.URL, BearerToken: tokenOf(noon.Add(-3*time.Hour), time.Hour), QPS: -1, ContentConfig: rest.ContentConfig{ContentType: "application/json"}}
	bearer, clock := credential.Exchangeable(cfg), clocktesting.NewFakeClock(noon)
	n := 0
	keeper := credential.NewKeeper(exchange.CredentialForHub, cfg, bearer, clock, func(_ context.Context, token string) error {
		n++
		bearer.Set(token + fmt.Sprint(n)) // each differs
		return nil
	})
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { defer close(done); keeper.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	require.Eventually(t, clock.HasWaiters, 30*time.Second, time.Millisecond)
	clock.Step(time.Nanosecond) // a fake clock fires no timer that is due at once
	<-issuer.asked
	assert.Eventually(t, func() bool { return strings.Contains(keeper.Tell().Trouble, "2h0m0s ahead") }, 30*time.Second, time.Millisecond)
	clock.Step(credential.Retry / 2)
	assert.Never(t, func() bool { return len(issuer.asked) > 0 }, 200*time.Millisecond, 10*time.Millisecond)
	clock.Step(credential.Retry)
	<-issuer.asked
}

func TestATokenThatCantBeStoredIsTold(t *testing.T) {
	clock := clocktesting.NewFakeClock(noon.Add(59 * time.Minute))
	issuer := &issuing{clock: clock, asked: make(chan authenticationv1.TokenRequest, 10)}
	server := httptest.NewServer(issuer)
	t.Cleanup(server.Close)
	cfg := &rest.Config{Host: server.URL, BearerToken: tokenOf(noon, time.Hour), ContentConfig: rest.ContentConfig{ContentType: "application/json"}}
	keeper := credential.NewKeeper(exchange.CredentialForHub, cfg, credential.Exchangeable(cfg), clock, func(context.Context, string) error {
		return credential.Unstored("file /etc/hub/token", "read-only file system")
	})
	go keeper.Run(t.Context())
	require.Eventually(t, clock.HasWaiters, 10*time.Second, time.Millisecond)
	clock.Step(time.Second)
	require.Eventually(t, func() bool {
		return keeper.Tell().Trouble == "cannot renew it: write file /etc/hub/token: read-only file system"
	}, 10*time.Second, time.Millisecond)
}

// TestACertificateTellsHowLongItLasts, and nobody renews it.
func TestACertificateTellsHowLongItLasts(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mirror"}, NotBefore: noon, NotAfter: noon.Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	cfg := &rest.Config{TLSClientConfig: rest.TLSClientConfig{CertData: text, CAData: append(text, text...)}}
	told := credential.NewKeeper(exchange.CredentialForCluster, cfg, credential.Exchangeable(cfg), clocktesting.NewFakeClock(noon), nil).Tell()
	assert.Equal(t, "cluster", told.For)
	assert.Equal(t, noon, told.Issued)
	assert.Equal(t, noon.Add(24*time.Hour), told.Expires)
	assert.False(t, told.Renewed)
	require.Len(t, told.Authorities, 2)
	assert.Regexp(t, "^[0-9A-F]{2}(:[0-9A-F]{2}){31}$", told.Authorities[0], "as openssl prints it")
}
