// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// retired are words, as parts of regular expressions, that no comment, message or page uses, with what to write instead.
var retired = map[string]string{
	`anew`:                      "again, or re-create",
	`whoever`:                   "who it is: the deployer, a user who, anyone who",
	`shall`:                     "must, is to, or should",
	`lest`:                      "so that ... not",
	`fares?`:                    "the state of",
	`ails?|ailing`:              "is wrong with",
	`mend(s|ed|ing)?`:           "fix, repair",
	`heed(s|ed)?`:               "apply, obey",
	`confess(es)?`:              "say, tell",
	`throngs?`:                  "crowd",
	`upon|thence|whence|hither`: "on, from there, from where",
	`he|him|his|she|her|hers`:   "they, them, their",
	`whilst|amongst`:            "while, among",
	// British spellings.
	`\w*(synchron|recogn|organ|initial|normal|serial|optim|minim|maxim|summar|author|priorit|categor|final)is(e|es|ed|ing|ation|ations)`: "-ize",
	`\w*analys(e|es|ed|ing)`:                                              "analyze",
	`\w*(behavi|col|fav|hon|neighb|harb|lab)our\w*`:                       "-or",
	`\w*(label|cancel|travel|model|signal|level)l(ed|ing|er)`:             "one l",
	`licence|defence|offence|centre|judgement|catalogue|programmes?|grey`: "license, defense, offense, center, judgment, catalog, program, gray",
}

// phrases are retired, too.
var phrases = map[string]string{"on by itself": "continues automatically", "on by themselves": "continue automatically"}

// TestNoRetiredWords reads sources, manifests and pages.
func TestNoRetiredWords(t *testing.T) {
	root := filepath.Join("..", "..")
	known := map[string]string{} // by word: what to write instead; empty: it is fine
	walk(t, root, func(rel string) {
		switch {
		case strings.HasPrefix(rel, "config/crd/"), rel == "docs/reference/fields.md": // also hold the texts of Kubernetes
			return
		case rel == "tests/arch/words_test.go", rel == "docs/contributing/style.md": // name the words
			return
		case !slices.Contains([]string{".go", ".md", ".yaml", ".sh", ".txt"}, filepath.Ext(rel)) && filepath.Base(rel) != "Makefile" && filepath.Base(rel) != "run":
			return
		}
		text := read(t, root, rel)
		for phrase, better := range phrases {
			if strings.Contains(text, "goes "+phrase) || strings.Contains(text, "go "+phrase) {
				t.Errorf("%s says %q: write %s", rel, phrase, better)
			}
		}
		notLetter := func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '_' && (r < '0' || r > '9')
		}
		for word := range strings.FieldsFuncSeq(text, notLetter) {
			if word == "SHALL" {
				continue // as RFC 2119 defines it
			}
			better, seen := known[word]
			if !seen {
				better = instead(word)
				known[word] = better
			}
			if better != "" {
				t.Errorf("%s says %q: write %s", rel, word, better)
			}
		}
	})
}

var retiredWords = func() map[*regexp.Regexp]string {
	out := map[*regexp.Regexp]string{}
	for words, better := range retired {
		out[regexp.MustCompile(`^(?i:`+words+`)$`)] = better
	}
	return out
}()

// instead is what to write for a retired word; empty: it is not retired.
func instead(word string) string {
	for words, better := range retiredWords {
		if words.MatchString(word) {
			return better
		}
	}
	return ""
}
