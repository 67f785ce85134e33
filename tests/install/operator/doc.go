// SPDX-License-Identifier: Apache-2.0

// Package operator keeps the module of the Prometheus operator required: the test of what is installed reads the
// definitions in its folder.
package operator

import _ "github.com/prometheus-operator/prometheus-operator/pkg/versionutil" // a small one
