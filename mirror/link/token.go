// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/mirror/credential"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// KeepToken renews, until ctx ends, the token by which hub is reached, in the file that hub names: the mirror of cluster
// may ask for tokens of its own identity and no other. It returns at once if hub names no file, and when the file holds a
// token that does not expire. A file that can't be written is logged, and tried again: then somebody else must replace it.
func KeepToken(ctx context.Context, hub *rest.Config, cluster string, clock clock.Clock) error {
	if hub.BearerTokenFile == "" {
		return nil
	}
	logger := log.FromContext(ctx).WithValues("file", hub.BearerTokenFile)
	for {
		pause := credential.Retry
		at, expires, err := renewAt(hub.BearerTokenFile)
		switch {
		case err != nil:
			logger.Error(err, "Cannot read token of the hub")
		case !expires:
			return nil
		case at.After(clock.Now()):
			pause = min(at.Sub(clock.Now()), credential.Retry) // the file may be replaced meanwhile
		default:
			logger.Info("Renew token of the hub")
			if err := renewToken(ctx, hub, cluster); err != nil {
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

func renewToken(ctx context.Context, hub *rest.Config, cluster string) error {
	file := hub.BearerTokenFile
	account := types.NamespacedName{Namespace: exchange.Inbox(cluster), Name: exchange.ServiceAccount}
	token, err := credential.Request(ctx, hub, account, credential.Lifetime)
	if err != nil {
		return err
	}
	// By a rename, so that nobody reads half a token.
	fresh, err := os.CreateTemp(filepath.Dir(file), ".token-*")
	if err != nil {
		return fmt.Errorf("write token: %w", err)
	}
	defer func() { _ = os.Remove(fresh.Name()) }()
	_, err = fresh.WriteString(token)
	if err := errors.Join(err, fresh.Sync(), fresh.Close()); err != nil {
		return fmt.Errorf("write token: %w", err)
	}
	if err := os.Rename(fresh.Name(), file); err != nil {
		return fmt.Errorf("write token: %w", err)
	}
	return nil
}

// renewAt is the middle of the lifetime of the token in file, and whether it expires at all.
func renewAt(file string) (at time.Time, expires bool, err error) {
	text, err := os.ReadFile(file) //nolint:gosec // the file that the kubeconfig names
	if err != nil {
		return time.Time{}, false, fmt.Errorf("read token: %w", err)
	}
	token, err := credential.Read(string(text))
	if err != nil {
		return time.Time{}, false, fmt.Errorf("read token in file %s: %w", file, err)
	}
	return token.RenewAt, !token.RenewAt.IsZero(), nil
}
