// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"slices"

	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/internal/store"
)

// Check asks each store of the configuration but those of the profiles in without whether it answers. The result has an entry
// for each profile that is asked; the error is that of the configuration.
func (a *Archive) Check(ctx context.Context, without []string) (Problems, error) {
	cfg, err := ramenconfig.Load(ctx, a.Reader, a.Namespace, ramenconfig.SpokeConfigMap)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(cfg.S3StoreProfiles))
	for _, p := range cfg.S3StoreProfiles {
		if !slices.Contains(without, p.S3ProfileName) {
			names = append(names, p.S3ProfileName)
		}
	}
	return a.each(ctx, names, anyhow, func(ctx context.Context, s store.Store) error { return s.Check(ctx) }), nil
}
