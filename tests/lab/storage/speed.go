// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Speed tells how long a scheduling interval really lasts: {"1m": 2 * time.Second}. Others last what they say. It is a
// flag.Value that may be given several times, as 1m=2s.
type Speed map[string]time.Duration

func (s Speed) String() string { return "" }

// Set implements flag.Value.
func (s Speed) Set(text string) error {
	schedule, length, found := strings.Cut(text, "=")
	if !found {
		return fmt.Errorf("%q: want <interval>=<real duration>, such as 1m=2s", text)
	}
	if _, err := parseSchedule(schedule); err != nil {
		return err
	}
	d, err := time.ParseDuration(length)
	if err != nil || d <= 0 {
		return fmt.Errorf("%q: want a positive duration after =", text)
	}
	s[schedule] = d
	return nil
}

// Of is the real length of a scheduling interval.
func (s Speed) Of(schedule string) (time.Duration, error) {
	if d, ok := s[schedule]; ok {
		return d, nil
	}
	return parseSchedule(schedule)
}

// parseSchedule knows the days that schedules have and durations do not.
func parseSchedule(text string) (time.Duration, error) {
	if days, found := strings.CutSuffix(text, "d"); found {
		if n, err := strconv.Atoi(days); err == nil && n > 0 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	} else if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return d, nil
	}
	return 0, fmt.Errorf("scheduling interval %q: want a number and m, h or d", text)
}

// Real is the length of an interval that was given one.
func (s Speed) Real(interval time.Duration) (time.Duration, bool) {
	for schedule, length := range s {
		if said, err := parseSchedule(schedule); err == nil && said == interval {
			return length, true
		}
	}
	return 0, false
}
