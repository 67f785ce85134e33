// SPDX-License-Identifier: Apache-2.0

package lab

import "context"

// StartStorage starts the storage driver and the node of each spoke.
func (l *Lab) StartStorage(ctx context.Context) error { return nil }
