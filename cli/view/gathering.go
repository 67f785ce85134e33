// SPDX-License-Identifier: Apache-2.0

package view

// Gathering says what the command gather wrote.
type Gathering struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// File is the archive.
	File string `json:"file"`
	// Files is how many files it holds.
	Files int `json:"files"`
	// Missing is what could not be read.
	Missing []Missing `json:"missing,omitempty"`
}

// Missing is something that could not be read, with the reason.
type Missing struct {
	What   string `json:"what"`
	Reason string `json:"reason"`
}
