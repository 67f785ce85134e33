// SPDX-License-Identifier: Apache-2.0

package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// Clean is s with everything that a terminal obeys, or that nobody can see, written as an escape: control characters, ends
// of lines, marks that turn the direction of text, characters of no width, and bytes that are no UTF-8.
func Clean(s string) string {
	if !strings.ContainsFunc(s, hidden) && utf8.ValidString(s) {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, s[i])
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\t':
			out.WriteString(`\t`)
		case hidden(r) && r < 0x80:
			fmt.Fprintf(&out, `\x%02x`, r)
		case hidden(r) && r > 0xffff:
			fmt.Fprintf(&out, `\U%08x`, r)
		case hidden(r):
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
		i += size
	}
	return out.String()
}

// hidden reports whether a character does something instead of being seen.
func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp)
}

// Width is how many columns of a terminal s takes, which must be clean.
func Width(s string) int {
	n := 0
	for _, r := range s {
		n += columns(r)
	}
	return n
}

func columns(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case r < 0x80:
		return 1
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

const more = "..."

// Cut is s in at most limit columns; what is cut off is marked. Zero: there is no limit.
func Cut(s string, limit int) string {
	if limit <= 0 || Width(s) <= limit {
		return s
	}
	room, n := limit-len(more), 0
	if room <= 0 {
		return more[:limit]
	}
	for i, r := range s {
		if n += columns(r); n > room {
			return strings.TrimRight(s[:i], " ") + more
		}
	}
	return s
}

// Wrap breaks s between words into lines of at most limit columns. A longer word, such as a command's argument, keeps a line
// of its own: it can be copied. Zero: there is no limit.
func Wrap(s string, limit int) []string {
	if limit <= 0 {
		return []string{s}
	}
	var out []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		switch {
		case line == "":
			line = word
		case Width(line)+1+Width(word) > limit:
			out = append(out, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(out, line)
}
