// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"flag"
	"path/filepath"

	"k8s.io/utils/clock"
)

// Writer is the program of the image lab/writer, for nodes with a real kubelet; args are its flags. The folder of the
// journal is a volume, and the folder that it is in another one, which is not replicated: the file acknowledged lies there.
func Writer(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("writer", flag.ContinueOnError)
	every := fs.Duration("every", defaultEvery, "time between two records")
	dir := fs.String("dir", "/journal/data", "folder of the journal")
	if err := fs.Parse(args); err != nil {
		return err
	}
	return write(ctx, clock.RealClock{}, *dir, filepath.Join(filepath.Dir(*dir), "acknowledged"), *every, &quiet{})
}
