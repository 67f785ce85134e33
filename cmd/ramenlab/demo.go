// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"

	"github.com/ramendr/ramen-direct/tests/lab/demo"
)

// runDemo starts a lab, tells the whole story in it and ends it.
func runDemo(ctx context.Context, args []string, out, progress io.Writer) error {
	fs, dir, err := flags("demo", "", progress)
	if err != nil {
		return err
	}
	if err := parse(fs, args, 0); err != nil {
		return err
	}
	return demo.Run(ctx, demo.Options{Dir: *dir, Out: out})
}
