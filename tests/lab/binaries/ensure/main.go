// SPDX-License-Identifier: Apache-2.0

// Command ensure builds the programs of the lab, unless they are there, and prints their folder.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/ramendr/ramen-direct/tests/lab/binaries"
)

func main() {
	dir, err := binaries.Ensure(context.Background(), os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	fmt.Println(dir)
}
