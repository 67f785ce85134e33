// SPDX-License-Identifier: Apache-2.0

// Package proc runs the processes of a lab, on Linux. It promises that a process that it started does not outlive the one
// that started it, even if that one is killed, and that whatever a crash left behind can be found: by a mark in the
// environment, which children of children inherit, and never by a pid alone, since pids are used again.
package proc

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Identity names one process for good: a pid is used again, but not with the same start time in the same boot.
type Identity struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks between the boot and the start of the process
	Boot  string `json:"boot"`  // id of the boot
}

// Self is the identity of this process.
func Self() (Identity, error) { return identify(os.Getpid()) }

func identify(pid int) (Identity, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Identity{}, fmt.Errorf("read the id of the boot: %w", err)
	}
	s, err := readStat(pid)
	if err != nil {
		return Identity{}, fmt.Errorf("read the start time of process %d: %w", pid, err)
	}
	return Identity{PID: pid, Start: s.start, Boot: strings.TrimSpace(string(boot))}, nil
}

// Alive says whether this very process still runs. A process that ended but was not waited for does not.
func (i Identity) Alive() bool {
	if i.PID <= 0 {
		return false
	}
	now, err := identify(i.PID)
	if err != nil || now != i {
		return false
	}
	s, err := readStat(i.PID)
	return err == nil && s.state != 'Z' && s.state != 'X'
}

type stat struct {
	state byte
	start uint64
}

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return stat{}, err
	}
	// The second field is the name in parentheses, which may hold blanks and parentheses: count from its end.
	rest := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const state, start = 0, 19 // fields 3 and 22 of proc(5)
	if len(rest) <= start {
		return stat{}, fmt.Errorf("%d fields after the name", len(rest))
	}
	ticks, err := strconv.ParseUint(rest[start], 10, 64)
	if err != nil {
		return stat{}, err
	}
	return stat{state: rest[state][0], start: ticks}, nil
}
