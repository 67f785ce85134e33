// SPDX-License-Identifier: Apache-2.0

// Command ramenlab runs the embedded lab: a hub and two clusters on this machine.
package main

import (
	"os"

	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "proxy" {
		os.Exit(faultproxy.Main(os.Args[2:], os.Stderr))
	}
	os.Exit(2)
}
