// SPDX-License-Identifier: Apache-2.0

// Package crd holds the definitions of all kinds, as they are applied to the hub and to the clusters, so that a program can
// compare what it finds with what it was built with.
package crd

import "embed"

// Files are the definitions, one file each, and the kustomization.
//
//go:embed *.yaml
var Files embed.FS
