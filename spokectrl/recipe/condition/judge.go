// SPDX-License-Identifier: Apache-2.0

package condition

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Truth of a condition.
type Truth uint8

// Truths.
const (
	False   Truth = iota
	Pending       // a field is not there
	True
)

// Judge judges an object, as encoding/json decodes one. An error means that the condition makes no sense for it, however long
// somebody waits. What is the first field that is not there; empty: none is missing.
func (c *Condition) Judge(object map[string]any) (is Truth, missing string, err error) {
	j := judge{object: object}
	is, err = j.level(&c.root)
	if is != Pending {
		return is, "", err
	}
	return is, j.missing, err
}

func (c *Condition) String() string { return c.text }

type judge struct {
	object  map[string]any
	missing string
}

// level judges what stands in one pair of parentheses. Of && and || some read the first one that they meet as the outermost, and
// others && as the closer one.
func (j *judge) level(l *level) (Truth, error) {
	values := make([]Truth, len(l.terms))
	for i := range l.terms {
		var err error
		if values[i], err = j.term(&l.terms[i]); err != nil {
			return False, err
		}
	}
	first, close := rightmost(values, l.ors), usual(values, l.ors)
	if first != close {
		return False, errors.New("&& and || stand side by side, which may be read in two ways: use parentheses")
	}
	return first, nil
}

func both(a, b Truth) Truth { return min(a, b) }

func either(a, b Truth) Truth { return max(a, b) }

func rightmost(values []Truth, ors []bool) Truth {
	out := values[len(values)-1]
	for i, or := range slices.Backward(ors) {
		if or {
			out = either(values[i], out)
		} else {
			out = both(values[i], out)
		}
	}
	return out
}

func usual(values []Truth, ors []bool) Truth {
	out, run := False, values[0]
	for i, or := range ors {
		if or {
			out, run = either(out, run), values[i+1]
		} else {
			run = both(run, values[i+1])
		}
	}
	return either(out, run)
}

func (j *judge) term(t *term) (Truth, error) {
	if t.inner != nil {
		return j.level(t.inner)
	}
	left, err := j.values(t.left)
	if err != nil {
		return False, err
	}
	right, err := j.values(t.right)
	if err != nil {
		return False, err
	}
	if len(left) == 0 || len(right) == 0 {
		return Pending, nil
	}
	for _, a := range left {
		for _, b := range right {
			ok, err := compare(a, t.op, b)
			if err != nil {
				return False, fmt.Errorf("{%s} %s {%s}: %w", t.left.text, t.op, t.right.text, err)
			}
			if !ok {
				return False, nil
			}
		}
	}
	return True, nil
}

// values are what an operand stands for: one, or all that a path with * names; none: it is not there.
func (j *judge) values(o operand) ([]any, error) {
	if !o.path {
		return []any{convert(o.text)}, nil
	}
	path, err := pathOf(o.text)
	if err != nil {
		return nil, err
	}
	found, err := path.FindResults(j.object)
	if err != nil {
		return nil, fmt.Errorf("{%s}: %w", o.text, err)
	}
	var out []any
	for _, group := range found {
		for _, v := range group {
			if !v.IsValid() || v.Kind() == reflect.Interface && v.IsNil() {
				continue
			}
			is := v.Interface()
			switch is.(type) {
			case map[string]any, []any:
				return nil, fmt.Errorf("{%s} is a list or an object, which can't be compared", o.text)
			}
			if out = append(out, convert(is)); !o.all {
				return out, nil
			}
		}
	}
	if out == nil && j.missing == "" {
		j.missing = o.text
	}
	return out, nil
}

// convert makes a number or a boolean of a text that is one.
func convert(v any) any {
	text := fmt.Sprint(v)
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return n
	}
	switch strings.ToLower(text) {
	case "true":
		return true
	case "false":
		return false
	}
	return text
}

func compare(a any, op string, b any) (bool, error) {
	x, isNumber := a.(float64)
	y, alsoNumber := b.(float64)
	_, isBool := a.(bool)
	_, alsoBool := b.(bool)
	if isNumber != alsoNumber || isBool != alsoBool {
		return false, fmt.Errorf("%v and %v can't be compared", a, b)
	}
	switch op {
	case "==":
		return a == b, nil
	case "!=":
		return a != b, nil
	}
	if !isNumber {
		return false, fmt.Errorf("%v and %v are no numbers", a, b)
	}
	switch op {
	case ">=":
		return x >= y, nil
	case "<=":
		return x <= y, nil
	case ">":
		return x > y, nil
	default:
		return x < y, nil
	}
}
