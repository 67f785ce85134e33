// SPDX-License-Identifier: Apache-2.0

package labtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/tests/lab"
)

// Shared is one lab for the tests of a package, with all its parts: to start it costs more than most of them. The first
// test that asks for it starts it. The package's TestMain calls Main, which ends it.
type Shared struct {
	Options lab.Options

	once sync.Once
	lab  *lab.Lab
	err  error
}

// Lab is the lab. With -short the test is skipped.
func (s *Shared) Lab(t testing.TB) *lab.Lab {
	t.Helper()
	if testing.Short() {
		t.Skip(whyNotShort)
	}
	s.once.Do(func() {
		o := s.Options
		if o.Dir, s.err = tempDir(); s.err != nil {
			return
		}
		if o.Log == nil {
			o.Log = os.Stderr // it outlives the test that starts it
		}
		// Not the context of the test, for the same reason.
		s.lab, s.err = lab.Up(context.Background(), o)
	})
	require.NoError(t, s.err, "the shared lab starts")
	return s.lab
}

// Main runs the tests and ends the lab. If a test failed, it shows the ends of the logs. It returns the exit code.
func (s *Shared) Main(m *testing.M) int {
	code := m.Run()
	if s.lab == nil {
		return code
	}
	if code != 0 {
		showLogs(s.lab, func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) })
	}
	if err := s.lab.Down(); err != nil {
		fmt.Fprintf(os.Stderr, "the shared lab ends: %v\n", err)
		return max(code, 1)
	}
	return code
}
