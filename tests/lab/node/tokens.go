// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// finished is the end of a program that has done what it was for; its message is the container's.
type finished struct{ message string }

func (f finished) Error() string { return f.message }

// tokens appends lines to a file of a volume and ends with all that is in it.
func tokens(dir string, add []string) error {
	path := filepath.Join(dir, TokensFile)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open tokens: %w", err)
	}
	if len(add) > 0 {
		_, err = f.WriteString(strings.Join(add, "\n") + "\n")
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write tokens: %w", err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read tokens: %w", err)
	}
	return finished{string(content)}
}
