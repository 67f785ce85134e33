// SPDX-License-Identifier: Apache-2.0

package peerclass

import (
	"strconv"
	"time"
)

// sameInterval reports whether two intervals, a number and m, h or d each, are equally long. One that is no interval
// equals none, not even itself.
func sameInterval(a, b string) bool {
	x, ok := Interval(a)
	if !ok {
		return false
	}
	y, ok := Interval(b)
	return ok && x == y
}

// Interval is the length of an interval as a DRPolicy writes it: a number and m, h or d. False: it is no interval.
func Interval(text string) (time.Duration, bool) {
	if text == "" {
		return 0, false
	}
	var unit time.Duration
	switch text[len(text)-1] {
	case 'm':
		unit = time.Minute
	case 'h':
		unit = time.Hour
	case 'd':
		unit = 24 * time.Hour
	default:
		return 0, false
	}
	// 16 bits are 45 years in the smallest unit and can't overflow in the largest.
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 16)
	return time.Duration(n) * unit, err == nil
}
