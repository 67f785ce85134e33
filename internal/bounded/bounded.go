// SPDX-License-Identifier: Apache-2.0

// Package bounded keeps texts for people within what an API server stores and a person reads. Whatever comes from another
// cluster, or lists what may be many, passes through it where the message is made. The result is valid UTF-8, always: a text
// is never cut inside a character.
package bounded

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// Message is the most bytes of the message of a condition. An API server takes 32768; a status holds several.
	Message = 8192
	// Quote is the most bytes of what a message repeats of another one's words.
	Quote = 1024
	// Note is the most bytes of the note of an event. An API server takes 1024.
	Note = 1000
	// Names is how many names a message lists.
	Names = 10
)

const (
	more = " ..." // what stands for the rest of a text
	// name is the most bytes of one name in a list: two names of Kubernetes, and some words.
	name = 600
)

// Text is text in at most limit bytes of valid UTF-8. What is cut off is marked by an ellipsis.
func Text(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= limit {
		return text
	}
	end := max(limit-len(more), 0)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + more[:min(len(more), limit)]
}

// List joins names with separator, and says how many more there are than a message lists.
func List(names []string, separator string) string {
	shown := slices.Clone(names[:min(len(names), Names)])
	for i := range shown {
		shown[i] = Text(shown[i], name)
	}
	out := strings.Join(shown, separator)
	if rest := len(names) - len(shown); rest > 0 {
		out += andMore(separator, rest)
	}
	return out
}

// Entries joins as many whole entries, in at most limit bytes, as have room, and says how many more there are. One entry takes at
// most a quote.
func Entries(entries []string, separator string, limit int) string {
	var out strings.Builder
	for i, entry := range entries {
		entry = Text(entry, Quote)
		if i > 0 {
			entry = separator + entry
		}
		rest := ""
		if left := len(entries) - i - 1; left > 0 {
			rest = andMore(separator, left)
		}
		if out.Len()+len(entry)+len(rest) > limit {
			return Text(strings.TrimPrefix(out.String()+andMore(separator, len(entries)-i), separator), limit)
		}
		out.WriteString(entry)
	}
	return out.String()
}

func andMore(separator string, n int) string { return fmt.Sprintf("%sand %d more", separator, n) }

// Messages joins what is said of many things, such as volumes: of the first few whole sentences, and how many more there are.
func Messages(messages []string) string {
	const most, size = 5, 600
	shown := slices.Clone(messages[:min(len(messages), most)])
	for i := range shown {
		shown[i] = Text(shown[i], size)
	}
	if rest := len(messages) - len(shown); rest > 0 {
		shown = append(shown, fmt.Sprintf("and %d more", rest))
	}
	return strings.Join(shown, "; ")
}

// Some joins the first names with commas, and says how many more there are, so that a sentence about them stays readable.
func Some(names []string) string {
	const most = 5
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
