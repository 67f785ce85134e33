// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/tests/lab/journal"
)

// Commands of lab/writer. quiesce has it write no record until unquiesce; fail ends with the exit code that follows; wait takes as
// long as the duration that follows.
const (
	commandQuiesce   = "quiesce"
	commandUnquiesce = "unquiesce"
	commandFail      = "fail"
	commandWait      = "wait"
)

// Commanded is the file in which the writer of a volume notes its commands, a line each: the time in nanoseconds since 1970, and the
// command. It lies beside Witness.
func Commanded(data, cluster, handle string) string {
	return Witness(data, cluster, handle) + ".commands"
}

// quiet is whether a writer is quiesced. While it is held nothing is written.
type quiet struct {
	mu sync.Mutex
	is bool
}

// command is what lab/writer does when somebody runs something in it; log is the file Commanded.
func (q *quiet) command(clk clock.WithTicker, log string) command {
	return func(ctx context.Context, args []string, _, stderr io.Writer) int {
		if len(args) == 0 {
			args = []string{""}
		}
		if err := q.begin(args[0], clk, log); err != nil {
			_, _ = fmt.Fprintln(stderr, err)
			return 1
		}
		switch {
		case args[0] == commandQuiesce, args[0] == commandUnquiesce:
			return 0
		case args[0] == commandFail && len(args) == 2:
			_, _ = fmt.Fprintln(stderr, "it was told to fail")
			exit, err := strconv.Atoi(args[1])
			if err != nil {
				return 1
			}
			return exit
		case args[0] == commandWait && len(args) == 2:
			d, err := time.ParseDuration(args[1])
			if err != nil {
				return 1
			}
			timer := clk.NewTimer(d)
			defer timer.Stop()
			select {
			case <-timer.C():
				return 0
			case <-ctx.Done():
				return 1
			}
		}
		_, _ = fmt.Fprintf(stderr, "no command: %v\n", args)
		return 127
	}
}

// begin notes a command. What quiesces has an effect from the very moment that is noted.
func (q *quiet) begin(what string, clk clock.WithTicker, log string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := note(log, clk.Now(), what); err != nil {
		return err
	}
	switch what {
	case commandQuiesce:
		q.is = true
	case commandUnquiesce:
		q.is = false
	}
	return nil
}

// append writes the records that are due since next, unless the writer is quiesced: those are never written. It returns when the next
// one is due.
func (q *quiet) append(w *journal.Writer, clk clock.WithTicker, next time.Time, every time.Duration, noted string) (time.Time, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var due []time.Time
	for now := clk.Now(); !next.After(now); next = next.Add(every) {
		if !q.is {
			due = append(due, now)
		}
	}
	if len(due) == 0 {
		return next, nil
	}
	last, err := w.Append(due...)
	if err != nil {
		return next, err
	}
	return next, journal.Note(noted, last)
}

func note(log string, at time.Time, what string) error {
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("note a command: %w", err)
	}
	defer func() { _ = f.Close() }()
	if _, err := fmt.Fprintf(f, "%d %s\n", at.UnixNano(), what); err != nil {
		return fmt.Errorf("note a command: %w", err)
	}
	return nil
}
