// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/log"
)

// logged logs failures on the way to the line that tries again. That somebody else wrote first is no failure.
func logged(do func(context.Context, item) error) func(context.Context, item) error {
	return func(ctx context.Context, it item) error {
		err := do(ctx, it)
		switch {
		case err == nil || ctx.Err() != nil:
		case outdated(err):
			log.FromContext(ctx).V(1).Info("Looking again", "name", it.name, "reason", err.Error())
		default:
			log.FromContext(ctx).Error(err, "Cannot mirror object", "name", it.name)
		}
		return err
	}
}
