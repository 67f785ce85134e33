// SPDX-License-Identifier: Apache-2.0

// Package labtest gives labs to tests. It promises that a lab ends with its test, and that a test that fails shows the
// end of the log of each service that the lab's own programs wrote.
package labtest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/tests/lab"
)

const whyNotShort = "a lab takes real API servers, whose programs may have to be built first"

// tailBytes is how much of each log a failed test shows.
const tailBytes = 4000

// Start starts a lab with lab.Start for one test, in a temporary folder if o names none, which logs to the test. With
// -short the test is skipped.
func Start(t testing.TB, o lab.Options) *lab.Lab {
	t.Helper()
	return start(t, o, lab.Start)
}

// Up is like Start, with lab.Up: all parts of the lab run.
func Up(t testing.TB, o lab.Options) *lab.Lab {
	t.Helper()
	return start(t, o, lab.Up)
}

func start(t testing.TB, o lab.Options, run func(context.Context, lab.Options) (*lab.Lab, error)) *lab.Lab {
	t.Helper()
	if testing.Short() {
		t.Skip(whyNotShort)
	}
	if o.Dir == "" {
		dir, err := tempDir()
		require.NoError(t, err)
		o.Dir = dir
	}
	if o.Log == nil {
		o.Log = t.Output()
	}
	l, err := run(t.Context(), o)
	require.NoError(t, err, "the lab starts")
	t.Cleanup(func() {
		if t.Failed() {
			showLogs(l, t.Logf)
		}
		require.NoError(t, l.Down(), "the lab ends")
	})
	return l
}

// tempDir is not t.TempDir: that would outlive a test that is killed, while the registry of labs removes this one.
func tempDir() (string, error) { return os.MkdirTemp("", "ramenlab-") }

// showLogs prints the ends of the logs of the project's own programs; those of Kubernetes would drown them.
func showLogs(l *lab.Lab, show func(format string, args ...any)) {
	for _, service := range l.State().Services {
		if strings.HasPrefix(service.Name, "etcd-") || strings.HasPrefix(service.Name, "apiserver-") ||
			strings.HasPrefix(service.Name, "controller-manager-") {
			continue
		}
		text, err := os.ReadFile(service.Log)
		if err != nil {
			show("log of %s: %v", service.Name, err)
			continue
		}
		show("the end of %s:\n%s", filepath.Base(service.Log), text[max(0, len(text)-tailBytes):])
	}
}
