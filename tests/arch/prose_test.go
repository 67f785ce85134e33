// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// written are pages that a program writes.
var written = []string{"cli.md", "fields.md"}

// TestPagesHaveWholeSentencesOnALine so that a change of a sentence shows as a change of its line, and no paragraph is ragged.
func TestPagesHaveWholeSentencesOnALine(t *testing.T) {
	sentence := regexp.MustCompile("[.!?:][)\"*`_]*$")
	item := regexp.MustCompile(`^\s*([-*]|\d+\.)\s`)
	prose := func(line string) bool {
		text := strings.TrimSpace(line)
		return text != "" && !slices.ContainsFunc([]string{"|", "#", "```", "<!--"}, func(p string) bool { return strings.HasPrefix(text, p) })
	}
	for page, text := range pages(t, filepath.Join("..", "..")) {
		if slices.Contains(written, filepath.Base(page)) {
			continue
		}
		lines := strings.Split(text, "\n")
		fenced := false
		for i, line := range lines[:len(lines)-1] {
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				fenced = !fenced
			}
			if next := lines[i+1]; !fenced && prose(line) && prose(next) && !item.MatchString(next) && !sentence.MatchString(line) {
				t.Errorf("%s:%d ends in the middle of a sentence: put each sentence on a line of its own", page, i+1)
			}
		}
	}
}
