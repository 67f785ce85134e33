// SPDX-License-Identifier: Apache-2.0

package condition

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/client-go/util/jsonpath"
)

// Condition is one that was read. It is safe for concurrent use.
type Condition struct {
	root level
	text string
}

// level is what stands in one pair of parentheses: terms, and what is between them.
type level struct {
	terms []term
	ors   []bool // between terms[i] and terms[i+1]: || rather than &&
}

// term is a comparison, or what stands in parentheses.
type term struct {
	inner       *level
	left, right operand
	op          string
}

// operand is a path, or a value.
type operand struct {
	text string
	path bool
	all  bool // of a path: it names several fields, and the comparison has to hold for each
}

// The longer of two that begin alike come first.
var operators = []string{"==", "!=", ">=", "<=", ">", "<"}

var (
	literal = regexp.MustCompile(`^(-?[0-9]+(\.[0-9]+)?|[A-Za-z0-9_]+)$`)
	ranges  = regexp.MustCompile(`\[(\*|[0-9]*:[0-9:]*)\]|\.\*`)
)

// MaxLength is how many bytes a condition may have.
const MaxLength = 4 << 10

// Parse reads a condition.
func Parse(text string) (*Condition, error) {
	if len(text) > MaxLength {
		return nil, fmt.Errorf("it has %d bytes, and may have %d", len(text), MaxLength)
	}
	p := &parser{rest: text}
	root, err := p.level()
	if err == nil && p.rest != "" {
		err = fmt.Errorf("%q is not expected", p.rest)
	}
	if err != nil {
		return nil, err
	}
	return &Condition{root: root, text: strings.TrimSpace(text)}, nil
}

type parser struct{ rest string }

func (p *parser) take(token string) bool {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	if !strings.HasPrefix(p.rest, token) {
		return false
	}
	p.rest = strings.TrimLeft(p.rest[len(token):], " \t\r\n")
	return true
}

func (p *parser) level() (level, error) {
	var out level
	for {
		t, err := p.term()
		if err != nil {
			return out, err
		}
		out.terms = append(out.terms, t)
		switch {
		case p.take("&&"):
			out.ors = append(out.ors, false)
		case p.take("||"):
			out.ors = append(out.ors, true)
		default:
			return out, nil
		}
	}
}

func (p *parser) term() (term, error) {
	if p.take("(") {
		inner, err := p.level()
		if err == nil && !p.take(")") {
			err = errors.New("a parenthesis is not closed")
		}
		return term{inner: &inner}, err
	}
	left, err := p.operand()
	if err != nil {
		return term{}, err
	}
	for _, op := range operators {
		if p.take(op) {
			right, err := p.operand()
			return term{left: left, op: op, right: right}, err
		}
	}
	return term{}, fmt.Errorf("after {%s} one of %s is expected", left.text, strings.Join(operators, " "))
}

func (p *parser) operand() (operand, error) {
	if !p.take("{") {
		return operand{}, errors.New("a path or a value in braces is expected, such as {$.status.phase} or {Running}")
	}
	end, quote := -1, byte(0)
	for i := range len(p.rest) {
		switch c := p.rest[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '}':
			end = i
		}
		if end >= 0 {
			break
		}
	}
	if end < 0 {
		return operand{}, errors.New("a brace or a quote is not closed")
	}
	text := strings.TrimSpace(p.rest[:end])
	p.rest = p.rest[end+1:]
	if strings.HasPrefix(text, "$") {
		return operand{text: text, path: true, all: ranges.MatchString(text)}, parsePath(text)
	}
	if n := len(text); n >= 2 && (text[0] == '\'' || text[0] == '"') && text[n-1] == text[0] {
		return operand{text: text[1 : n-1]}, nil
	}
	if !literal.MatchString(text) {
		return operand{}, fmt.Errorf("{%s} is neither a path, which begins with $, nor a word or a number: put it in quotes", text)
	}
	return operand{text: text}, nil
}

func parsePath(text string) error {
	_, err := pathOf(text)
	return err
}

var (
	quotedKey = regexp.MustCompile(`\['[^']*'\]|\["[^"]*"\]`)
	bareDot   = regexp.MustCompile(`(^|[^\\])\.`)
)

// pathOf reads a path. One whose results may multiply with its length is refused: nothing bounds what that takes. A dot in a key that is in quotes is part of it, whether there is a backslash before it or not.
func pathOf(text string) (*jsonpath.JSONPath, error) {
	switch {
	case strings.Count(text, "..") > 1:
		return nil, fmt.Errorf("{%s} has .. more than once: name the fields in between", text)
	case strings.Contains(text, ","):
		return nil, fmt.Errorf("{%s} has a comma: compare each field by itself", text)
	}
	path := jsonpath.New("").AllowMissingKeys(true)
	escaped := quotedKey.ReplaceAllStringFunc(text, func(key string) string { return bareDot.ReplaceAllString(key, `$1\.`) })
	if err := path.Parse("{" + escaped + "}"); err != nil {
		return nil, fmt.Errorf("{%s}: %w", text, err)
	}
	return path, nil
}
