// SPDX-License-Identifier: Apache-2.0

package view

// CheckResult says how a check ended.
type CheckResult string

// Results of checks.
const (
	// CheckSuccess : it is as it should be.
	CheckSuccess CheckResult = "success"
	// CheckWarning : it works, but not for long, or not as well as it could.
	CheckWarning CheckResult = "warning"
	// CheckError : it does not work.
	CheckError CheckResult = "error"
	// CheckUnknown : the user may not read what it takes.
	CheckUnknown CheckResult = "unknown"
)

// Check is one thing that was looked at.
type Check struct {
	Description string      `json:"description"`
	Result      CheckResult `json:"result"`
	// Error says what is wrong, or what could not be read.
	Error string `json:"error,omitempty"`
	// Hint is the page that says what to do.
	Hint string `json:"hint,omitempty"`
}

// CheckCategory is a set of checks about one thing.
type CheckCategory struct {
	CategoryName string  `json:"categoryName"`
	Checks       []Check `json:"checks"`
}

// Validation is what the command validate prints.
type Validation struct {
	Head
	// Success : no check found an error.
	Success    bool                `json:"success"`
	Categories []CheckCategory     `json:"categories"`
	Summary    map[CheckResult]int `json:"summary"`
}

// Severity is that of the worst check. What could not be read is a warning.
func (v *Validation) Severity() Severity {
	switch {
	case v.Summary[CheckError] > 0:
		return Problem
	case v.Summary[CheckWarning] > 0, v.Summary[CheckUnknown] > 0:
		return Warning
	}
	return Good
}
