// SPDX-License-Identifier: Apache-2.0

package cli

// AsYAML is asYAML.
var AsYAML = asYAML
