// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// lookAnyway is when files are looked at though nobody told of a change: some file systems never do.
const lookAnyway = time.Minute

// news tells when files may have changed. It watches their folders, since a file that is replaced is another one, and since
// a kubelet replaces a link beside it.
type news struct {
	clock   clock.Clock
	watcher *fsnotify.Watcher // nil: the operating system can't tell
	pause   time.Duration
}

// watchFiles returns news of no file yet. Without the help of the operating system, files are looked at after each pause.
func watchFiles(ctx context.Context, c clock.Clock, pause time.Duration) *news {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		log.FromContext(ctx).Info("Cannot watch files: looking at them from time to time", "every", pause, "reason", err.Error())
		return &news{clock: c, pause: pause}
	}
	return &news{clock: c, watcher: watcher, pause: lookAnyway}
}

// of adds files. A folder that can't be watched is looked at after each pause.
func (n *news) of(files []string) {
	if n.watcher == nil {
		return
	}
	for _, file := range files {
		_ = n.watcher.Add(filepath.Dir(file))
	}
}

// wait returns when a file may have changed, or false when ctx ends.
func (n *news) wait(ctx context.Context) bool {
	var events <-chan fsnotify.Event
	var failures <-chan error
	if n.watcher != nil {
		events, failures = n.watcher.Events, n.watcher.Errors
	}
	select {
	case <-ctx.Done():
		return false
	case <-events:
	case <-failures: // some events were lost
	case <-n.clock.After(n.pause):
	}
	return true
}

func (n *news) close() {
	if n.watcher != nil {
		_ = n.watcher.Close()
	}
}
