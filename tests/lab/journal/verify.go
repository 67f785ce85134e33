// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Gap is a run of numbers that is missing between two records.
type Gap struct{ First, Last uint64 }

// Report says what a journal holds.
type Report struct {
	Count       int    // valid records
	First, Last Record // zero if there is none
	Gaps        []Gap  // in the order of the file; the records before First are a gap too
	Corrupt     int    // complete lines that are no record, or that repeat or go back in number
	Torn        bool   // the file ends within a line: that record was never acknowledged
	records     []Record
}

// Intact is true if all records from 1 to the last are there and nothing else is.
func (r Report) Intact() bool { return len(r.Gaps) == 0 && r.Corrupt == 0 }

// After returns the records with a number over n, in order. Their times tell how old data was that a copy which ends
// at n does not have.
func (r Report) After(n uint64) []Record {
	for i, record := range r.records {
		if record.Number > n {
			return r.records[i:]
		}
	}
	return nil
}

func (r Report) String() string {
	return fmt.Sprintf("%d records, %d to %d, %d gaps, %d corrupt", r.Count, r.First.Number, r.Last.Number, len(r.Gaps), r.Corrupt)
}

// Verify reads the journal of a folder. A folder without a journal holds no records; a folder that is not there is an
// error.
func Verify(dir string) (Report, error) {
	content, err := os.ReadFile(Path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		_, dirErr := os.Stat(dir)
		if dirErr == nil {
			return Report{}, nil
		}
		err = dirErr
	}
	if err != nil {
		return Report{}, fmt.Errorf("read journal: %w", err)
	}
	return scan(content), nil
}

// scan never stops at a corrupt line: what comes after it is evidence too.
func scan(content []byte) Report {
	var r Report
	for len(content) > 0 {
		line, rest, whole := bytes.Cut(content, []byte{'\n'})
		if !whole {
			r.Torn = true
			break
		}
		content = rest
		record, ok := parse(line)
		if !ok || record.Number <= r.Last.Number {
			r.Corrupt++
			continue
		}
		if record.Number != r.Last.Number+1 {
			r.Gaps = append(r.Gaps, Gap{First: r.Last.Number + 1, Last: record.Number - 1})
		}
		if r.Count == 0 {
			r.First = record
		}
		r.Count++
		r.Last = record
		r.records = append(r.records, record)
	}
	return r
}
