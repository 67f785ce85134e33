// SPDX-License-Identifier: Apache-2.0

package link_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/link"
)

// tokenFile writes a token of the mirror's identity on the hub into a file.
func (w *world) tokenFile() string {
	w.t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: exchange.Inbox(w.cluster), Name: exchange.ServiceAccount}}
	w.create(w.hub, account)
	request := &authenticationv1.TokenRequest{}
	require.NoError(w.t, w.hub.SubResource("token").Create(w.t.Context(), account, request))
	file := filepath.Join(w.t.TempDir(), "token")
	require.NoError(w.t, os.WriteFile(file, []byte(request.Status.Token), 0o600))
	return file
}

func TestTheTokenIsRenewedAtHalfOfItsLife(t *testing.T) {
	w := newWorld(t)
	file := w.tokenFile()
	first, err := os.ReadFile(file)
	require.NoError(t, err)
	hub := rest.AnonymousClientConfig(hubAdmin)
	hub.BearerTokenFile = file

	clock := testingclock.NewFakeClock(time.Now().Add(25 * time.Minute))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- link.KeepToken(ctx, hub, w.cluster, clock) }()
	w.eventually(clock.HasWaiters, "the token is not looked at")
	same, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, first, same, "renewed too early")

	clock.SetTime(time.Now().Add(31 * time.Minute))
	w.eventually(func() bool {
		now, err := os.ReadFile(file)
		return err == nil && string(now) != string(first)
	}, "the token is not renewed")
	renewed := rest.AnonymousClientConfig(hubAdmin)
	renewed.BearerTokenFile = file
	who, err := kubernetes.NewForConfigOrDie(renewed).AuthenticationV1().SelfSubjectReviews().Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	require.NoError(t, err)
	assert.Equal(t, "system:serviceaccount:"+exchange.Inbox(w.cluster)+":mirror", who.Status.UserInfo.Username)

	cancel()
	require.NoError(t, <-done)
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "a temporary file is left behind")
}

func TestWithoutATokenFileThereIsNothingToRenew(t *testing.T) {
	needServers(t)
	require.NoError(t, link.KeepToken(t.Context(), hubAdmin, "dr1", testingclock.NewFakeClock(time.Now())))
}
