// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"fmt"
	"os"
	"time"
)

// Note remembers, outside of the journal's folder, that a record was acknowledged: the witness who says later what a
// copy of the journal has lost. The newest note replaces the one before it.
func Note(path string, r Record) error {
	text := fmt.Sprintf("%d %d\n", r.Number, r.Time.UnixNano())
	next := path + ".next"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write note: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write note: %w", err)
	}
	return nil
}

// Noted is the last record that was noted; the zero record if there is no note.
func Noted(path string) (Record, error) {
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return Record{}, nil
	}
	if err != nil {
		return Record{}, fmt.Errorf("read note: %w", err)
	}
	var number uint64
	var nanos int64
	if _, err := fmt.Sscanf(string(text), "%d %d", &number, &nanos); err != nil {
		return Record{}, fmt.Errorf("read note %s: %w", path, err)
	}
	return Record{Number: number, Time: time.Unix(0, nanos)}, nil
}

// Until returns the last record that was written at or before a time; the zero record if there is none.
func (r Report) Until(at time.Time) Record {
	var last Record
	for _, rec := range r.After(0) {
		if rec.Time.After(at) {
			break
		}
		last = rec
	}
	return last
}
