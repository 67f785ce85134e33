// SPDX-License-Identifier: Apache-2.0

package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ramendr/ramen-direct/tests/lab/node"
)

// Command is one that somebody ran in the writer.
type Command struct {
	At   time.Time
	What string
}

// Commands are those that ran in the writer on a cluster, in order.
func (a *App) Commands(cluster string) ([]Command, error) {
	text, err := os.ReadFile(node.Commanded(a.lab.DataDir(), cluster, a.Ran(cluster)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the commands of %s: %w", a.Key(), err)
	}
	var out []Command
	for line := range strings.Lines(string(text)) {
		at, what, _ := strings.Cut(strings.TrimSpace(line), " ")
		nanos, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("commands of %s: %w", a.Key(), err)
		}
		out = append(out, Command{time.Unix(0, nanos), what})
	}
	return out, nil
}

// Quiet is what the records of a writer say of the times when it was quiesced.
type Quiet struct {
	Periods int // that have ended
	Records int // written within one
	Between int // written after the first one began, and within none
}

// Quiet counts the records that the writer on a cluster wrote while it was quiesced.
func (a *App) Quiet(cluster string) (Quiet, error) {
	var out Quiet
	commands, err := a.Commands(cluster)
	if err != nil {
		return out, err
	}
	journal, err := a.Journal(cluster, a.Ran(cluster))
	if err != nil {
		return out, err
	}
	if !journal.Intact() {
		return out, fmt.Errorf("the journal of %s is damaged: %s", a.Key(), journal)
	}
	type period struct{ from, to time.Time }
	var periods []period
	var since time.Time
	for _, c := range commands {
		switch {
		case c.What == "quiesce" && since.IsZero():
			since = c.At
		case c.What == "unquiesce" && !since.IsZero():
			periods, since = append(periods, period{since, c.At}), time.Time{}
		}
	}
	out.Periods = len(periods)
	for _, r := range journal.After(0) {
		within := false
		for _, p := range periods {
			within = within || r.Time.After(p.from) && r.Time.Before(p.to)
		}
		switch {
		case within:
			out.Records++
		case len(periods) > 0 && r.Time.After(periods[0].from):
			out.Between++
		}
	}
	return out, nil
}
