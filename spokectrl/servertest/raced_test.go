// SPDX-License-Identifier: Apache-2.0

//go:build race

package servertest

// raced : the race detector makes what these tests run several times as slow, and not the API server that they measure it against.
const raced = true
