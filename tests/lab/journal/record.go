// SPDX-License-Identifier: Apache-2.0

// Package journal is the lab's proof of bytes: an application that appends numbered, timed, checksummed records to a
// file, and a reader that says which of them are there. It promises that a record counts as acknowledged only when it
// is durable and still reachable under the folder's name, so that what a failover lost is a number, not a claim.
package journal

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"strconv"
	"time"
)

// FileName is the name of the journal in its folder.
const FileName = "journal.log"

// Path is the journal of a folder.
func Path(dir string) string { return filepath.Join(dir, FileName) }

// Record is one line of a journal: a number, counted from 1, and the time at which it was written.
type Record struct {
	Number uint64
	Time   time.Time
}

// A line is "<number> <nanoseconds since 1970> <checksum of what is before it>\n".
func (r Record) append(to []byte) []byte {
	start := len(to)
	to = strconv.AppendUint(to, r.Number, 10)
	to = append(to, ' ')
	to = strconv.AppendInt(to, r.Time.UnixNano(), 10)
	return fmt.Appendf(to, " %08x\n", crc32.ChecksumIEEE(to[start:]))
}

// parse reads a line without its line end. It accepts only what append writes.
func parse(line []byte) (Record, bool) {
	fields := bytes.Split(line, []byte{' '})
	if len(fields) != 3 {
		return Record{}, false
	}
	number, err := strconv.ParseUint(string(fields[0]), 10, 64)
	if err != nil {
		return Record{}, false
	}
	nanos, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return Record{}, false
	}
	r := Record{Number: number, Time: time.Unix(0, nanos)}
	return r, bytes.Equal(r.append(nil), append(bytes.Clone(line), '\n'))
}
