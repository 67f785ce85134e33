// SPDX-License-Identifier: Apache-2.0

// Package metrics tells monitoring the state of the protection of applications, under Ramen's names where Ramen has one.
// What is true now is computed from the objects at each scrape, so that no series outlives its object and nothing has to
// be kept in step; only what happened, operations and their steps, is counted as it happens. It never decides and never
// writes. What is not known has no series: an application that was never synchronized does not lag since 1970.
package metrics
