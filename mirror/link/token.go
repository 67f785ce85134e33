// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/mirror/exchange"
)

const (
	// tokenLifetime is what is asked for. A token is renewed at half of what it got.
	tokenLifetime = time.Hour
	// tokenRetry is when a renewal that failed is tried again.
	tokenRetry = time.Minute
)

// KeepToken renews, until ctx ends, the token by which hub is reached, in the file that hub names: the mirror of cluster
// may ask for tokens of its own identity and no other. It returns at once if hub names no file, and when the file holds a
// token that does not expire. A file that can't be written is logged, and tried again: then somebody else must replace it.
func KeepToken(ctx context.Context, hub *rest.Config, cluster string, clock clock.Clock) error {
	if hub.BearerTokenFile == "" {
		return nil
	}
	client, err := kubernetes.NewForConfig(hub)
	if err != nil {
		return fmt.Errorf("hub: connect to %s: %w", hub.Host, err)
	}
	logger := log.FromContext(ctx).WithValues("file", hub.BearerTokenFile)
	for {
		pause := tokenRetry
		at, expires, err := renewAt(hub.BearerTokenFile)
		switch {
		case err != nil:
			logger.Error(err, "Cannot read token of the hub")
		case !expires:
			return nil
		case at.After(clock.Now()):
			pause = min(at.Sub(clock.Now()), tokenRetry) // the file may be replaced meanwhile
		default:
			logger.Info("Renew token of the hub")
			if err := renewToken(ctx, client, cluster, hub.BearerTokenFile); err != nil {
				logger.Error(err, "Cannot renew token of the hub")
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-clock.After(pause):
		}
	}
}

func renewToken(ctx context.Context, client kubernetes.Interface, cluster, file string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To(int64(tokenLifetime / time.Second))}}
	got, err := client.CoreV1().ServiceAccounts(exchange.Inbox(cluster)).CreateToken(ctx, exchange.ServiceAccount, request, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("request token: %w", err)
	}
	// By a rename, so that nobody reads half a token.
	fresh, err := os.CreateTemp(filepath.Dir(file), ".token-*")
	if err != nil {
		return fmt.Errorf("write token: %w", err)
	}
	defer func() { _ = os.Remove(fresh.Name()) }()
	_, err = fresh.WriteString(got.Status.Token)
	if err := errors.Join(err, fresh.Sync(), fresh.Close()); err != nil {
		return fmt.Errorf("write token: %w", err)
	}
	if err := os.Rename(fresh.Name(), file); err != nil {
		return fmt.Errorf("write token: %w", err)
	}
	return nil
}

// renewAt is the middle of the lifetime of the token in file, and whether it expires at all. The token is not verified:
// that is for the hub to do.
func renewAt(file string) (at time.Time, expires bool, err error) {
	text, err := os.ReadFile(file) //nolint:gosec // the file that the kubeconfig names
	if err != nil {
		return time.Time{}, false, fmt.Errorf("read token: %w", err)
	}
	parts := strings.Split(strings.TrimSpace(string(text)), ".")
	if len(parts) != 3 {
		return time.Time{}, false, fmt.Errorf("read token: file %s holds no JSON Web Token", file)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}, false, fmt.Errorf("decode token in file %s: %w", file, err)
	}
	var claims struct {
		IssuedAt int64 `json:"iat"`
		Expires  int64 `json:"exp"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return time.Time{}, false, fmt.Errorf("decode token in file %s: %w", file, err)
	}
	return time.Unix((claims.IssuedAt+claims.Expires)/2, 0), claims.Expires != 0, nil
}
