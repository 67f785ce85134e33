// SPDX-License-Identifier: Apache-2.0

// Package rules tests the rules and alerts of config/prometheus with Prometheus itself: that it can load them, that they
// use no series or label that a hub does not export, and when each alert fires.
package rules
