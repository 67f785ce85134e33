// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"slices"

	"github.com/ramendr/ramen-direct/internal/bounded"
)

// several is many errors in a few words.
type several []error

// severalOf is the errors among errs; nil: there are none.
func severalOf(errs []error) error {
	if errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil }); len(errs) > 0 {
		return several(errs)
	}
	return nil
}

func (s several) Error() string {
	messages := make([]string, len(s))
	for i, err := range s {
		messages[i] = err.Error()
	}
	return bounded.Messages(messages)
}

// Unwrap returns all of them.
func (s several) Unwrap() []error { return s }
