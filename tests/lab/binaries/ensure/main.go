// SPDX-License-Identifier: Apache-2.0

// Command ensure builds the programs of the lab, unless they are there, and prints their folders.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/ramendr/ramen-direct/tests/lab/binaries"
)

func main() {
	for _, ensure := range []func(context.Context, io.Writer) (string, error){binaries.Ensure, binaries.CSIAddons, binaries.Sidecars} {
		dir, err := ensure(context.Background(), os.Stderr)
		if err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		fmt.Println(dir)
	}
}
