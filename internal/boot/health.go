// SPDX-License-Identifier: Apache-2.0

package boot

import "net/http"

// healthy answers probes: the process serves.
func healthy(*http.Request) error { return nil }
