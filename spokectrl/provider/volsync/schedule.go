// SPDX-License-Identifier: Apache-2.0

package volsync

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Schedule is a cron expression that is never longer apart than an interval as the API writes it: a number and m, h or
// d. Cron begins again with each hour, day and month, so that what does not divide those evenly is rounded down to what
// does, or is followed by a shorter step: data is at most an interval old, never older.
func Schedule(interval string) (string, error) {
	minutes, err := inMinutes(interval)
	if err != nil {
		return "", err
	}
	const hour, day = 60, 24 * 60
	switch {
	case minutes < hour:
		return fmt.Sprintf("*/%d * * * *", minutes), nil
	case minutes < day:
		return fmt.Sprintf("0 */%d * * *", minutes/hour), nil
	case minutes == 7*day:
		return "0 0 * * 0", nil
	default:
		// The shortest month has 28 days: a longer step would skip it.
		return fmt.Sprintf("0 0 */%d * *", min(minutes/day, 28)), nil
	}
}

func inMinutes(interval string) (int, error) {
	n, unit := strings.TrimRight(interval, "mhd"), time.Minute
	switch strings.TrimPrefix(interval, n) {
	case "m":
	case "h":
		unit = time.Hour
	case "d":
		unit = 24 * time.Hour
	default:
		return 0, fmt.Errorf("interval %q: want a number and m, h or d", interval)
	}
	count, err := strconv.Atoi(n)
	if err != nil || count < 1 {
		return 0, fmt.Errorf("interval %q: want a number and m, h or d", interval)
	}
	return count * int(unit/time.Minute), nil
}
